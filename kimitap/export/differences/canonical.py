"""A side of a comparison as text in one form, so that only what was said makes a difference.

Numbers of exchanges, ids of calls and times are left out; JSON is laid out with sorted keys. The
settings of a turn stand where they changed.
"""

from collections.abc import Iterator, Sequence

import orjson

from kimitap.conversation import Image, Message, Other, Reasoning, Text, ToolCall, Turn
from kimitap.diff import Comparison, ThreadPair, TurnPair, laid_out
from kimitap.redact import mask_text
from kimitap.visible import visible

_SORTED = orjson.OPT_SORT_KEYS


def canonical(comparison: Comparison, side: str) -> str:
    """The text of the `old` or the `new` side."""
    lines: list[str] = []
    for number, pair in enumerate(comparison.threads, 1):
        lines += _thread(number, pair, side)
    return "\n".join(lines) + "\n" if lines else ""


def _thread(number: int, pair: ThreadPair, side: str) -> Iterator[str]:
    if not any(_side(turn, side) for turn in pair.turns):
        return
    yield f"==== thread {number} ===="
    before: list[str] = []
    counted = 0
    for turn in pair.turns:
        own = _side(turn, side)
        if own is None:
            continue
        counted += 1
        settings = list(_settings(own))
        yield f"== turn {counted} =="
        if settings != before:
            yield from settings
        before = settings
        for message in _messages(turn, own, side):
            yield from _message(message)


def _side(turn: TurnPair, side: str) -> Turn | None:
    return turn.old if side == "old" else turn.new


def _messages(turn: TurnPair, own: Turn, side: str) -> Sequence[Message]:
    """What the turn adds, and its reply; of turns that follow one another, the history that the
    first left and that the second gives back."""
    if turn.link is not None:
        return turn.link.history if side == "old" else turn.link.child.messages
    begin = turn.old_from if side == "old" else turn.new_from
    return (*own.messages[begin:], own.reply.message)


def _settings(turn: Turn) -> Iterator[str]:
    yield f"model: {_clean(turn.model)}"
    yield f"stream: {str(turn.stream).lower()}"
    for name, value in sorted(turn.parameters.items()):
        yield from _value(
            f"{_clean(name)}:", orjson.dumps(value, default=repr, option=_SORTED).decode()
        )
    for tool in turn.tools:
        yield from _value("tool:", tool.json)


def _message(message: Message) -> Iterator[str]:
    yield f"[{_clean(message.role)}]"
    for part in message.parts:
        match part:
            case Text(text=text):
                yield from _clean(text).split("\n")
            case Reasoning(text=text):
                yield from _indented("reasoning:", _clean(text))
            case ToolCall(name=name, arguments=arguments):
                yield from _value(f"call {_clean(name)}:", arguments)
            case Image(digest=digest, media_type=kind):
                yield f"image {_clean(kind)} {digest}".replace("  ", " ")
            case Other(kind=kind, json=json):
                yield from _value(f"{_clean(kind)}:", json)
            case result:
                yield from _indented("result:", _clean(result.text))


def _value(name: str, json: str) -> Iterator[str]:
    masked = _clean(json)
    yield from _indented(name, laid_out(masked) or masked)


def _indented(name: str, text: str) -> Iterator[str]:
    lines = text.split("\n")
    if len(lines) == 1:
        yield f"{name} {text}".rstrip()
        return
    yield name
    yield from (f"  {line}" for line in lines)


def _clean(text: str) -> str:
    return visible(mask_text(text))
