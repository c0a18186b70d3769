"""A comparison as one JSON document, for programs. Its shape stands in docs/diff.md."""

from collections.abc import Sequence

import orjson

import kimitap
from kimitap.export.differences.document import (
    Document,
    Field,
    Row,
    Run,
    ThreadPart,
    TurnLine,
    TurnPart,
)
from kimitap.export.measures import Measure
from kimitap.lineage import Mark

Json = dict[str, object]
WORDS = {Mark.SAME: "same", Mark.CHANGED: "changed", Mark.GONE: "gone", Mark.NEW: "new"}


def json(document: Document) -> str:
    """The document; keys are only ever added."""
    return dumped(
        {
            "kimitap": kimitap.__version__,
            "kind": "comparison",
            "old": document.old,
            "new": document.new,
            "same": document.same,
            "threads": [_thread(thread) for thread in document.threads],
        }
    )


def dumped(value: Json) -> str:
    """Indented, with a line feed at the end."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"


def _thread(thread: ThreadPart) -> Json:
    return {
        "old": thread.old,
        "new": thread.new,
        "change": WORDS[thread.mark],
        "sentence": thread.sentence,
        "parts_at": thread.parts_at,
        "same_turns": thread.same,
        "turns": thread.count,
        "facts": {name: {"old": old, "new": new} for name, old, new in thread.facts},
        "measures": measures(thread.measures),
        "overview": [_line(line) for line in thread.turns],
        "details": [_turn(part) for part in thread.details],
        "left_out": thread.left_out,
    }


def measures(told: Sequence[Measure]) -> list[Json]:
    """Numbers of both sides, and the new over the old."""
    return [
        {"name": m.name, "unit": m.unit, "old": m.old, "new": m.new, "ratio": m.ratio} for m in told
    ]


def _line(line: TurnLine) -> Json:
    return {
        "change": WORDS[line.mark],
        "turns": [line.number, line.last],
        "old_exchanges": line.old,
        "new_exchanges": line.new,
        "what": line.what,
        "differs": list(line.differs),
    }


def _turn(part: TurnPart) -> Json:
    return {
        "turn": part.number,
        "change": WORDS[part.mark],
        "old_exchange": part.old,
        "new_exchange": part.new,
        "differs": list(part.differs),
        "settings": [_field(field) for field in part.settings],
        "messages": [_row(row) for row in part.rows],
        "measures": measures(part.measures),
    }


def _row(row: Row) -> Json:
    return {
        "change": WORDS[row.mark],
        "old_index": row.old,
        "new_index": row.new,
        "role": row.role,
        "reply": row.is_reply,
        "count": row.count,
        "gist": row.gist,
        "fields": [_field(field) for field in row.fields],
    }


def _field(field: Field) -> Json:
    return {
        "field": field.name,
        "in_old": field.has_old,
        "in_new": field.has_new,
        "note": field.note,
        "lines": [
            {"change": WORDS[line.mark], "old": _runs(line.old), "new": _runs(line.new)}
            for line in field.lines
        ],
    }


def _runs(runs: Sequence[Run] | None) -> list[Json] | None:
    if runs is None:
        return None
    return [{"text": run.text, "differs": run.differs} for run in runs]
