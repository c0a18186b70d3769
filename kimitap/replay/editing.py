"""Changing a recorded request's body: only what is named changes, all else keeps its bytes."""

import json
from collections.abc import Iterable, Mapping

import msgspec

from kimitap.errors import UsageError

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
    fields = _fields(body)
    if len(steps) == 1:
        return _joined(fields, {steps[0]: _dumped(value)})
    known = fields.get(steps[0])
    top: object = {} if known is None else json.loads(bytes(known))
    holder = _walked(top, steps[1:-1], path, make=True)
    _put(holder, steps[-1], value, path)
    return _joined(fields, {steps[0]: _dumped(top)})


def removed(body: bytes, path: str) -> bytes:
    """The body without the field or element at `path`. Raises `UsageError` where there is none."""
    steps = _steps(path)
    fields = _fields(body)
    known = fields.pop(steps[0], None)
    if known is None:
        raise UsageError(f"{path}: the request has no {steps[0]}")
    if len(steps) == 1:
        return _joined(fields, {})
    top: object = json.loads(bytes(known))
    holder = _walked(top, steps[1:-1], path, make=False)
    if isinstance(holder, dict) and steps[-1] in holder:
        del holder[steps[-1]]
    elif isinstance(holder, list):
        del holder[_index(holder, steps[-1], path)]
    else:
        raise UsageError(f"{path}: there is no {steps[-1]}")
    return _joined(_fields(body), {steps[0]: _dumped(top)})


def streamed(body: bytes, stream: bool) -> bytes:
    """The body asking for a stream, or for none; what only a stream may be asked goes with it."""
    fields = _fields(body)
    if fields.get("stream") is not None and json.loads(bytes(fields["stream"])) is stream:
        return body
    if not stream:
        fields.pop("stream_options", None)
        if "stream" not in fields:
            return body
    return _joined(fields, {"stream": _dumped(stream)})


def asks_for_stream(body: bytes) -> bool:
    """True where the body asks for a stream; False for one that cannot be read."""
    try:
        stream = _fields(body).get("stream")
    except UsageError:
        return False
    return stream is not None and bytes(stream) == b"true"


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

    Raises `UsageError` where it is no JSON object, with the line.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"what you wrote is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError("what you wrote is no JSON object")
    made = _dumped(value)
    return None if made == _dumped(_read(body)) else made


def _same(one: bytes, other: bytes) -> bool:
    """True where both say the same; `1` and `true` do not."""
    return _dumped(_read(one)) == _dumped(_read(other))


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the request's body is no JSON and cannot be changed: {error}") from error


def _fields(body: bytes) -> dict[str, msgspec.Raw]:
    """The body's fields by name, each as its bytes."""
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _read(body)
    if not isinstance(value, dict):
        raise UsageError("the request's body is no JSON object and cannot be changed")
    return {name: msgspec.Raw(_dumped(field)) for name, field in value.items()}


def _joined(fields: Mapping[str, msgspec.Raw], fresh: Mapping[str, bytes]) -> bytes:
    """The fields as one object; `fresh` ones in their old places, else at the end."""
    whole = {name: fresh.get(name, bytes(value)) for name, value in fields.items()}
    whole |= {name: value for name, value in fresh.items() if name not in whole}
    return b"{" + b", ".join(_dumped(n) + b": " + value for n, value in whole.items()) + b"}"


def _dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _steps(path: str) -> list[str]:
    steps = path.strip().split(".")
    if not all(steps):
        raise UsageError(f"{path!r} is no path: say {_HOW}")
    return steps


def _walked(value: object, steps: Iterable[str], path: str, *, make: bool) -> object:
    """What holds the last step of a path."""
    for step in steps:
        if isinstance(value, list):
            value = value[_index(value, step, path)]
        elif not isinstance(value, dict):
            raise UsageError(f"{path}: {step} is looked for in a value that is no object")
        elif step not in value and not make:
            raise UsageError(f"{path}: there is no {step}")
        else:
            value = value.setdefault(step, {})
    return value


def _put(holder: object, step: str, value: object, path: str) -> None:
    if isinstance(holder, list):
        holder[_index(holder, step, path)] = value
    elif isinstance(holder, dict):
        holder[step] = value
    else:
        raise UsageError(f"{path}: {step} cannot be set in a value that is no object")


def _index(holder: list[object], step: str, path: str) -> int:
    number = step.removeprefix("-")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise UsageError(f"{path}: {step} is no number, and stands for an element of a list")
    if not -len(holder) <= int(step) < len(holder):
        raise UsageError(f"{path}: there is no element {step} in a list of {len(holder)}")
    return int(step)
