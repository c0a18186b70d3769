"""Changing a recorded request's body: only what is named changes, all else keeps its bytes."""

import json
from collections.abc import Iterable, Sequence

from kimitap.errors import UsageError
from kimitap.replay.splicing import (
    Spelled,
    Spot,
    added,
    dumped,
    member,
    merged,
    put,
    spelled,
    spots,
    without,
)

_HOW = "--set a.b=VALUE, a list's element by its number: --set messages.0.content=…"


def assigned(body: bytes, words: str) -> bytes:
    """The body with the value that `a.b=VALUE` names: JSON, else a text.

    Objects on the way are made where they are missing. Raises `UsageError` for a bad path.
    """
    path, equals, text = words.partition("=")
    if not equals:
        raise UsageError(f"{words!r} sets nothing: say {_HOW}")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    steps = _steps(path)
    known = _object(body)
    at = known.root
    for i, step in enumerate(steps):
        spot = _spot(known.text, at, step, path, last=i + 1 == len(steps))
        if spot is None:
            for name in reversed(steps[i + 1 :]):
                value = {name: value}
            return known.with_text(added(known.text, at, step, value))
        if i + 1 == len(steps):
            return known.with_text(put(known.text, spot, value))
        at = spot.start
    raise AssertionError("a path has a step")


def removed(body: bytes, path: str) -> bytes:
    """The body without the field or element at `path`. Raises `UsageError` where there is none."""
    steps = _steps(path)
    known = _object(body)
    at = known.root
    for step in steps[:-1]:
        at = _found(known.text, at, step, path).start
    spot = _found(known.text, at, steps[-1], path)
    return known.with_text(_without_all(known.text, at, spot))


def _without_all(text: str, at: int, gone: Spot) -> str:
    """The text without a member, however often its key stands there, or without an element."""
    spot: Spot | None = gone
    while spot is not None:
        text = without(text, at, spot)
        spot = member(text, at, gone.name) if text[at] == "{" else None
    return text


def streamed(body: bytes, stream: bool) -> bytes:
    """The body asking for a stream, or for none; what only a stream may be asked goes with it."""
    known = _object(body)
    said = member(known.text, known.root, "stream")
    if said is not None and known.text[said.start : said.stop] == dumped(stream):
        return body
    if not stream:
        if said is None:
            return body
        if member(known.text, known.root, "stream_options") is not None:
            body = removed(body, "stream_options")
    return assigned(body, f"stream={dumped(stream)}")


def asks_for_stream(body: bytes) -> bool:
    """True where the body asks for a stream; False for one that cannot be read."""
    try:
        known = _object(body)
    except UsageError:
        return False
    said = member(known.text, known.root, "stream")
    return said is not None and known.text[said.start : said.stop] == "true"


def changed(body: bytes, sets: Iterable[str], unsets: Iterable[str]) -> bytes:
    """The body after all of these, in their order; the same bytes where nothing differs."""
    for path in unsets:
        body = removed(body, path)
    for words in sets:
        made = assigned(body, words)
        body = body if _same(body, made) else made
    return body


def pretty(body: bytes) -> str:
    """The body laid out for an editor. Raises `UsageError` where it is no JSON."""
    return json.dumps(_read(body), ensure_ascii=False, indent=2) + "\n"


def written(text: str, body: bytes) -> bytes | None:
    """What an editor made of `pretty(body)`; None where that says the same.

    What was not edited keeps its bytes. Raises `UsageError` where it is no JSON object, with the
    line.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"what you wrote is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError("what you wrote is no JSON object")
    return None if dumped(value) == dumped(_read(body)) else saying(body, value)


def saying(body: bytes, value: object) -> bytes:
    """The body as it must read to say `value`; what says the same already keeps its bytes."""
    known = spelled(body)
    text, root = known.text, known.root
    end = len(text.rstrip(" \t\r\n"))
    return known.with_text(text[:root] + merged(text, root, end, value) + text[end:])


def _same(one: bytes, other: bytes) -> bool:
    """True where both say the same; `1` and `true` do not."""
    return dumped(_read(one)) == dumped(_read(other))


def _read(body: bytes) -> object:
    value: object = json.loads(spelled(body).text)
    return value


def _object(body: bytes) -> Spelled:
    known = spelled(body)
    if known.text[known.root] != "{":
        raise UsageError("the request's body is no JSON object and cannot be changed")
    return known


def _steps(path: str) -> list[str]:
    steps = path.strip().split(".")
    if not all(steps):
        raise UsageError(f"{path!r} is no path: say {_HOW}")
    return steps


def _found(text: str, at: int, step: str, path: str) -> Spot:
    """What a step of a path names; raises `UsageError` where there is nothing."""
    spot = _spot(text, at, step, path)
    if spot is None:
        where = "the request has" if path.startswith(step) else "there is"
        raise UsageError(f"{path}: {where} no {step}")
    return spot


def _spot(text: str, at: int, step: str, path: str, *, last: bool = False) -> Spot | None:
    """What a step of a path names in the value at `at`; None for a member that is missing."""
    if text[at] == "{":
        return member(text, at, step)
    if text[at] == "[":
        elements = list(spots(text, at))
        return elements[_index(elements, step, path)]
    if last:
        raise UsageError(f"{path}: {step} cannot be set in a value that is no object")
    raise UsageError(f"{path}: {step} is looked for in a value that is no object")


def _index(holder: Sequence[object], step: str, path: str) -> int:
    number = step.removeprefix("-")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise UsageError(f"{path}: {step} is no number, and stands for an element of a list")
    if not -len(holder) <= int(step) < len(holder):
        raise UsageError(f"{path}: there is no element {step} in a list of {len(holder)}")
    return int(step)
