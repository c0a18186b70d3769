"""What must hold of a turn, whatever the bytes it was made of."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import orjson

from kimitap.conversation import Message, Turn
from kimitap.dialects import Dialect, Memo, answer
from kimitap.exchange import Exchange
from kimitap.sse import Decoder
from kimitap.store.cut import cut

FAULTS = 51
"""The most faults that a turn tells."""
GROWTH = 12
"""Characters that a byte of a body may become: a lone byte of an escape is a whole word of it."""


_ARRAYS = {"openai-chat": "messages", "anthropic-messages": "messages", "openai-responses": "input"}
"""Where the messages stand whose pieces are decoded once."""


OFTEN = 0.4
"""Of so many streams the portions are tried."""


class Broken(AssertionError):
    """A turn is not what it must be."""


def check(dialect: Dialect, one: Exchange, chance: Random, memo: Memo) -> Turn:
    """Decode an exchange in several ways, and compare. Raises what the decoder raises, or Broken.

    `memo` has seen other exchanges; it may change nothing.
    """
    turn = dialect.decode(one, Memo())
    use(turn)
    bound(turn, one)
    body = cut(one.request.content)
    if body.elements and not _is_coded(one):
        again = dialect.decode(dataclasses.replace(one, request=body), memo)
        same(turn, again, "a cut body means something else", but=("faults",))
        if bool(turn.faults) != bool(again.faults):
            raise Broken(f"faults of a cut body: {turn.faults} and {again.faults}")
        once_more = dialect.decode(dataclasses.replace(one, request=body), memo)
        same(again, once_more, "a memo changes the meaning")
        if _ARRAYS.get(dialect.name) in {run.name for run in body.elements}:
            places = again.wire_indexes or range(len(again.messages))
            both = zip(places, again.messages, once_more.messages, strict=True)
            if any(a is not b for place, a, b in both if place >= 0):
                raise Broken("equal pieces give two objects")
    if turn.reply.streamed and chance.random() < OFTEN:
        splits(dialect, one, turn, chance)
    return turn


def use(turn: Turn) -> None:
    """Do with a turn what the other rooms do with one: hash it, write it, compare it."""
    for message in (*turn.messages, turn.reply.message, *turn.reply.others):
        _use(message)
    said = (turn.reply.error, turn.reply.model, turn.reply.id, turn.reply.prompt, turn.model)
    for told in (*said, str(turn.scope), *map(str, turn.tools)):
        told.encode()
    if not isinstance(turn.reply.finish_reason, str | None):
        raise Broken(f"a finish reason {turn.reply.finish_reason!r}")
    str(turn.faults).encode()
    orjson.dumps(dict(turn.parameters))
    hash((turn.faults, turn.tools, turn.reply.usage, turn.reply.timings))
    turn.reply.empty, turn.succeeded, turn.tokens_per_second  # noqa: B018 # they may not raise
    if turn.wire_indexes and len(turn.wire_indexes) != len(turn.messages):
        raise Broken(f"{len(turn.messages)} messages at {turn.wire_indexes}")


def _use(message: Message) -> None:
    hash(message)
    for text in (message.role, message.wire_role, message.name, message.text, message.reasoning):
        text.encode()
    for call in message.tool_calls:
        (call.canonical_arguments + call.name + call.arguments + (call.id or "")).encode()
    str(message.parts).encode()
    message.blank  # noqa: B018


def bound(turn: Turn, one: Exchange) -> None:
    """What comes out is no more than what went in allows, encodings aside."""
    if len(turn.faults) > FAULTS:
        raise Broken(f"{len(turn.faults)} faults")
    if _is_coded(one):
        return
    if turn.reply.events > one.response.count(b"\n") + one.response.count(b"\r") + 2:
        raise Broken(f"{turn.reply.events} events of {len(one.response)} bytes")
    for messages, size in (
        (turn.messages, one.request.size),
        ((turn.reply.message, *turn.reply.others), len(one.response)),
    ):
        parts = [part for message in messages for part in message.parts]
        if len(messages) + len(parts) > size + 3:
            raise Broken(f"{len(parts)} parts of {size} bytes")
        if sum(len(str(part)) for part in parts) > GROWTH * size + 100 * (len(parts) + 1):
            raise Broken(f"{len(parts)} long parts of {size} bytes")


def _is_coded(one: Exchange) -> bool:
    names = [name.lower() for name, _ in (*one.request_headers, *one.response_headers)]
    return "content-encoding" in names


def same(first: Turn, second: Turn, what: str, but: tuple[str, ...] = ()) -> None:
    for field in dataclasses.fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if field.name not in but and repr(a) != repr(b):  # NaN is not equal to itself
            raise Broken(f"{what}: {field.name}\n{a!r:.2000}\n{b!r:.2000}")


def splits(dialect: Dialect, one: Exchange, turn: Turn, chance: Random) -> None:
    """However the stream is portioned, the events are the same, and so is the turn."""
    size = max(chance.choice((1, 2, 3, 7, 50, 1000)), len(one.response) // 20_000)
    with portions_of(size):
        same(turn, dialect.decode(one, Memo()), "a stream in other portions means something else")
    at = chance.randint(0, len(one.response))
    parser, uncut = Decoder(), Decoder()
    events = [e for part in (one.response[:at], one.response[at:]) for e in parser.feed(part)]
    if events + parser.close() != uncut.feed(one.response) + uncut.close():
        raise Broken(f"a stream split at {at} has other events")


@contextmanager
def portions_of(size: int) -> Iterator[None]:
    """Every stream is read `size` bytes at once, and event by event."""
    before = answer.PORTION, answer.AT_ONCE
    answer.PORTION, answer.AT_ONCE = size, -1
    try:
        yield
    finally:
        answer.PORTION, answer.AT_ONCE = before
