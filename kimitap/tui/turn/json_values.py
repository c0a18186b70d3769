"""JSON as it stands on the wire: keys that stand twice are both there, numbers are as written."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from kimitap.visible import visible


class Number(str):
    """A number (or `NaN`, `Infinity`) in the spelling of the wire."""

    __slots__ = ()


class Members(tuple[tuple[str, "Json"], ...]):
    """An object's members, in their order."""

    __slots__ = ()


type Json = str | Number | bool | list[Json] | Members | None


class Parsed(NamedTuple):
    """What a text holds. `fault` says why it is no JSON, `unusual` what about it is not strict."""

    value: Json = None
    fault: str = ""
    unusual: str = ""


_DECODER = json.JSONDecoder(
    object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=Number
)
_BOM = "\ufeff"
_AROUND = 40
_NAME, _LEAST = 40, 16
"""A preview has so many characters of a name, and at least so many of a value."""
_DEEPEST = 4
"""Levels of a value that a preview shows: a message's content, and its parts."""


def parse(data: bytes) -> Parsed:
    """The value of a body. Bytes that are no UTF-8 come back as lone surrogates."""
    try:
        text, unusual = data.decode(), ""
    except UnicodeDecodeError as wrong:
        text = data.decode("utf-8", "surrogateescape")
        unusual = f"not UTF-8 at byte {wrong.start:,}"
    if text.startswith(_BOM):
        text, unusual = text[1:], unusual or "a byte order mark at the beginning"
    return parse_text(text)._replace(unusual=unusual)


def parse_text(text: str) -> Parsed:
    """The value of a text; never raises."""
    try:
        return Parsed(_DECODER.decode(text))
    except RecursionError:
        return Parsed(fault="nested too deep to be read")
    except json.JSONDecodeError as wrong:
        return Parsed(fault=_where(wrong))


def _where(wrong: json.JSONDecodeError) -> str:
    if not wrong.doc.strip():
        return "empty"
    before = wrong.doc[max(0, wrong.pos - _AROUND) : wrong.pos]
    near = f", behind {before!r}" if before else ""
    what = wrong.msg[:1].lower() + wrong.msg[1:]
    if wrong.pos >= len(wrong.doc.rstrip()):
        what = f"the text ends too early ({what})"
    return visible(f"{what} at line {wrong.lineno:,}, column {wrong.colno:,}{near}")


class _Task(NamedTuple):
    value: Json
    depth: int


def pretty(value: Json) -> str:
    """The value as indented JSON, nothing left out, clean for the screen."""
    out: list[str] = []
    todo: list[str | _Task] = [_Task(value, 0)]
    while todo:
        task = todo.pop()
        if isinstance(task, str):
            out.append(task)
        elif isinstance(task.value, list | Members) and task.value:
            todo.extend(reversed(list(_members(task.value, task.depth))))
        else:
            out.append(literal(task.value))
    return visible("".join(out))


def _members(value: "list[Json] | Members", depth: int) -> Iterator[str | _Task]:
    """What is written of a container: its brackets, and what is in it."""
    inside, ends = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    yield "{" if isinstance(value, Members) else "["
    for i, (name, item) in enumerate(children(value)):
        yield f"{',' if i else ''}{inside}"
        if isinstance(value, Members):
            yield f"{literal(name)}: "
        yield _Task(item, depth + 1)
    yield ends + ("}" if isinstance(value, Members) else "]")


def children(value: "list[Json] | Members") -> Iterator[tuple[str, Json]]:
    """The names and values in a container; an element's name is its index."""
    if isinstance(value, Members):
        yield from value
    else:
        yield from ((str(i), item) for i, item in enumerate(value))


def literal(value: Json) -> str:
    """A value without members, as JSON writes it."""
    match value:
        case Number():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Members():
            return "{}"
        case list():
            return "[]"


def preview(value: Json, limit: int) -> str:
    """About `limit` characters of a value on one line, clean; names without their quotes."""
    return visible("".join(_preview(value, limit, _DEEPEST)))


def _preview(value: Json, limit: int, depth: int) -> Iterator[str]:
    if isinstance(value, str) and not isinstance(value, Number):
        cut = value[: max(1, limit)]
        yield literal(cut) if len(cut) == len(value) else f"{literal(cut)[:-1]}…"
        return
    if not isinstance(value, list | Members) or not value:
        yield literal(value)
        return
    named = isinstance(value, Members)
    opens, closes = ("{", "}") if named else ("[", "]")
    if not depth:
        yield f"{opens}…{closes}"
        return
    yield opens
    for i, (name, item) in enumerate(children(value)):
        if limit <= 0:
            yield ", …"
            break
        before = f"{', ' if i else ''}{f'{name[:_NAME]}: ' if named else ''}"
        room = max(_LEAST, (limit - len(before)) * 2 // 3)
        said = before + "".join(_preview(item, room, depth - 1))
        limit -= len(said)
        yield said
    yield closes
