"""Findings as one JSON document, for programs."""

import orjson

import kimitap
from kimitap.export.formats.checked import Checked
from kimitap.lineage import CallEcho, Link, Session, Thread
from kimitap.redact import mask_text
from kimitap.rules.finding import as_json
from kimitap.transcript import echo_words
from kimitap.visible import visible


def json(checked: Checked) -> str:
    """Counts, findings, and how every reply came back; keys are only ever added."""
    document = {
        "kimitap": kimitap.__version__,
        "database": visible(checked.database),
        **checked.counts,
        "findings": [as_json(finding) for finding in checked.findings],
        "echoes": [
            _echo(session, thread, link)
            for session, thread, link in checked.links
            if link.parent.reply.message.parts
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def _echo(session: Session, thread: Thread, link: Link) -> dict[str, object]:
    """How request `next` gives the reply of `exchange` back.

    `judged` is false where nothing was due (a failed turn, a fork, a compaction). `place` is where
    the reply stands in that request or should stand; `altered` names the fields that differ.
    """
    echo = link.echo
    return {
        "session": session.name,
        "thread": thread.name,
        "exchange": link.parent.exchange,
        "next": link.child.exchange,
        "kind": echo.kind.value,
        "judged": link.judged,
        "words": mask_text(echo_words(link)),
        "place": echo.place,
        "messages": list(echo.slot),
        "altered": list(echo.altered),
        "text": echo.text.value,
        "reasoning": echo.reasoning.value,
        "calls": [_call(call) for call in echo.calls],
    }


def _call(call: CallEcho) -> dict[str, object]:
    return {
        "name": mask_text(visible(call.call.name)),
        "part": call.part,
        "fate": call.fate.value,
        "changes": list(call.changes),
        "message_index": call.message,
        "answered": call.answered,
    }
