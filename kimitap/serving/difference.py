"""Why no recorded request answers the one that came: the first thing in which they differ.

What is quoted is masked: it stands in the server's log, and in the agent's, which people post.
"""

import json
from collections.abc import Iterator

from kimitap.beginnings import shared_prefix
from kimitap.conversation import Message
from kimitap.dialects.encoding import decoded
from kimitap.diff import Change, TurnDiff, diff_turns
from kimitap.diff.link import DiffRow
from kimitap.lineage import Mark
from kimitap.redact import mask_text
from kimitap.serving.script import Asked, Take
from kimitap.visible import one_line

_QUOTED = 80
_MASKED = 1 << 16
"""Characters that are looked at for secrets before so many are quoted."""
_BEFORE = 20
"""Characters before a difference that are quoted with it."""


def first_difference(asked: Asked, take: Take) -> str:
    """In which message or field a request first differs from a recorded one, and how."""
    if (why := _no_json(asked)) and not _unreadable(take.content()):
        return why
    if asked.turn is None or take.turn is None:
        return _bytes(asked.body, take.content())
    diff = diff_turns(take.turn, asked.turn)
    found = next(_differences(diff), "")
    return found or _bytes(asked.body, take.content())


def _differences(diff: TurnDiff) -> Iterator[str]:
    """In the history first, then in how it was asked."""
    rows = [row for row in diff.rows if not row.is_reply]
    yield from (_row(row) for row in rows if row.mark is not Mark.SAME)
    yield from (f"{_named(row)}: {_change(row.changes[0])}" for row in rows if row.changes)
    yield from (_change(change) for change in diff.settings)


def _row(row: DiffRow) -> str:
    if row.new is None:
        return f"{_named(row)} is missing, which was recorded there: {_words(row.old)}"
    if row.old is None:
        return f"{_named(row)} is new: {_words(row.new)}"
    if not row.changes:
        return f"{_named(row)} differs"
    return f"{_named(row)}: {_change(row.changes[0])}"


def _named(row: DiffRow) -> str:
    index = row.new_index if row.new_index is not None else row.old_index
    message = row.new or row.old
    return f"message {index} ({one_line(message.role if message else '', 20)})"


def _words(message: Message | None) -> str:
    if message is None:
        return ""
    calls = ", ".join(call.name for call in message.tool_calls)
    return _quoted(message.text) if message.text.strip() else f"calls {one_line(calls, _QUOTED)}"


def _change(change: Change) -> str:
    if change.old is None:
        return f"{one_line(change.field, 60)} is new: {_quoted(change.new or '')}"
    if change.new is None:
        return f"{one_line(change.field, 60)} is missing; recorded: {_quoted(change.old)}"
    old, new = mask_text(change.old), mask_text(change.new)
    if old == new:
        return f"{one_line(change.field, 60)} differs in what is masked here"
    begin = max(0, shared_prefix(old, new) - _BEFORE)
    was, now = (_quoted(text[begin:], cut=begin > 0) for text in (old, new))
    return f"{one_line(change.field, 60)} is {now}; recorded: {was}"


def _no_json(asked: Asked) -> str:
    """What is wrong with a body that is no JSON, in words; `""` for one that is."""
    data, trouble = decoded(asked.body, asked.headers)
    if trouble:
        return f"its body cannot be unpacked: {one_line(trouble, _QUOTED)}"
    if not data:
        return "its body is empty"
    why = _unreadable(data)
    return f"its body is no JSON: {why}" if why else ""


def _unreadable(data: bytes) -> str:
    """Why these bytes are no JSON, and where; `""` where they are."""
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        near = error.doc[error.pos : error.pos + _MASKED]
        where = f"before {_quoted(near)}" if near.strip() else "where it ends"
        return f"{error.msg.removesuffix(' at').lower()} at character {error.pos}, {where}"
    except UnicodeDecodeError as error:
        return f"byte {error.start} is no {error.encoding.upper()}"
    except (ValueError, RecursionError):
        return "it is nested too deep, or holds a number that is too long"
    return ""


def _bytes(sent: bytes, recorded: bytes) -> str:
    at = shared_prefix(sent.decode("latin-1"), recorded.decode("latin-1"))
    if at == len(sent) == len(recorded):
        return "nothing in its body"
    return f"byte {at} of {len(sent)} (recorded: {len(recorded)} bytes)"


def _quoted(text: str, *, cut: bool = False) -> str:
    """The beginning of `text`, masked before a key is cut in two."""
    return f'"{"…" if cut else ""}{one_line(mask_text(text[:_MASKED]), _QUOTED)}"'
