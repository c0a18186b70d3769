"""The fields of a message, or of the settings, that differ: by name, then line by line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import orjson

from kimitap.conversation import Message, ToolCall
from kimitap.diff import Change, Effort, laid_out, only_spelling
from kimitap.rules.finding import Severity
from kimitap.transcript.wording import plural
from kimitap.tui.diff.entries import Body, Entry, Field, Fold, lines
from kimitap.visible import one_line

_CALL = re.compile(r"tool_calls\[(\+?)(\d+)\]")
_MOST_KEYS = 50
"""Arguments of one call that are compared one by one."""
_SPELLING = "only the spelling differs: white space, order of keys, form of numbers"


def fields(
    changes: Sequence[Change],
    old: Message | None,
    new: Message | None,
    effort: Effort,
    *,
    follows: bool,
) -> Iterator[Entry]:
    """Each change as a field and its lines; what differs in one call stands together.

    `follows` is True where the new message is what came back of the old: what is gone is lost.
    """
    ids = () if follows else tuple(change for change in changes if _is_rewritten_id(change))
    if len(ids) == len(changes):
        ids = ()
    changes = [change for change in changes if change not in ids]
    for name, group in groupby(changes, key=lambda change: _call_name(change.field)):
        found = list(group)
        if name:
            yield from _call(name, found, _call_at(name, old, new), effort, follows)
            continue
        for change in found:
            yield from _field(change, effort, follows)
    if ids:
        made = Body(lambda: (e for c in ids for e in _field(c, Effort(), follows)))
        yield Fold(plural(len(ids), "other id"), made)


def _is_rewritten_id(change: Change) -> bool:
    """Ids of two runs always differ: they are told last, folded."""
    return change.field.endswith(".id") and None not in (change.old, change.new)


def _call_name(field: str) -> str:
    found = _CALL.match(field)
    return found[0] if found else ""


def _call_at(name: str, old: Message | None, new: Message | None) -> ToolCall | None:
    found = _CALL.match(name)
    side = new if found and found[1] else old
    calls = side.tool_calls if side else ()
    at = int(found[2]) if found else 0
    return calls[at] if at < len(calls) else None


def _call(
    name: str, changes: Sequence[Change], call: ToolCall | None, effort: Effort, follows: bool
) -> Iterator[Entry]:
    """One call: gone or new as a whole, or the fields of it that differ."""
    whole = {change.field.rsplit(".", 1)[-1]: change for change in changes}
    if "name" in whole and None in (whole["name"].old, whole["name"].new):
        gone = whole["name"].new is None
        said = whole["name"].old if gone else whole["name"].new
        identifier = whole["id"].old if gone else whole["id"].new
        note = one_line(f"{name}  id {identifier}", 200)
        what = ("CALL GONE" if follows else "CALL ONLY HERE") if gone else "CALL ADDED"
        severity = (Severity.ERROR if follows else Severity.WARNING) if gone else None
        yield Field(one_line(said or "", 100), note, what, severity)
        arguments = whole["arguments"]
        yield from lines(_readable(arguments.old), _readable(arguments.new), effort)
        return
    named = one_line(call.name, 100) if call else ""
    for change in changes:
        if change.field.endswith(".arguments"):
            yield from _arguments(change, named, effort)
        else:
            yield from _field(change, effort, follows, named)


def _readable(text: str | None) -> str | None:
    return None if text is None else laid_out(text) or text


def _arguments(change: Change, named: str, effort: Effort) -> Iterator[Entry]:
    """The arguments of a call that stands on both sides, key by key where they are objects."""
    old, new = change.old or "", change.new or ""
    if only_spelling(old, new):
        yield Field(change.field, f"{named}  {_SPELLING}")
        yield Fold("as it is written", Body(lambda: lines(old, new, Effort())))
        return
    one, other = _object(old), _object(new)
    if one is None or other is None or len({*one, *other}) > _MOST_KEYS:
        yield Field(change.field, named)
        yield from lines(_readable(old), _readable(new), effort)
        return
    for key in dict.fromkeys([*one, *other]):
        if key in one and key in other and one[key] == other[key]:
            continue
        yield Field(one_line(f"{change.field}.{key}", 200), named)
        yield from lines(_value(one, key), _value(other, key), effort)


def _object(text: str) -> Mapping[str, object] | None:
    try:
        value = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _value(values: Mapping[str, object], key: str) -> str | None:
    """One argument as text: a text as it is, anything else as JSON."""
    if key not in values:
        return None
    value = values[key]
    if isinstance(value, str):
        return value
    try:
        return _readable(orjson.dumps(value).decode())
    except orjson.JSONEncodeError:
        return repr(value)


def _field(change: Change, effort: Effort, follows: bool, note: str = "") -> Iterator[Entry]:
    old, new = change.old, change.new
    badge = "GONE" if new is None else "ADDED" if old is None else ""
    severity = Severity.WARNING if new is None and follows else None
    name = one_line(change.field, 200)
    if change.field == "tool_calls":
        yield Field(name, "the same calls stand in another order", "REORDERED", Severity.WARNING)
    else:
        yield Field(name, note, badge, severity)
    if old is not None and new is not None and only_spelling(old, new):
        yield Fold(_SPELLING, Body(lambda: lines(old, new, Effort())))
        return
    if (old is None or laid_out(old)) and (new is None or laid_out(new)):
        old, new = _readable(old), _readable(new)
    yield from lines(old, new, effort)
