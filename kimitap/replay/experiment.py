"""What is sent, how often and where: the variants of one request, one run after another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from kimitap.dialects.encoding import decoded
from kimitap.errors import UsageError
from kimitap.exchange import Exchange, Headers, Outcome
from kimitap.replay.comparing import UNCHANGED, Group
from kimitap.replay.editing import asks_for_stream, streamed
from kimitap.replay.outgoing import Outgoing, outgoing
from kimitap.replay.sending import Hangup, Heard, transmit
from kimitap.replay.shape import Shape, shape_of
from kimitap.store import RecordingWriter

Done = Callable[[str, Exchange, Shape], None]


@dataclass(frozen=True)
class Wish:
    """How a request is to be sent again.

    `bodies` are the changed ones by what was done to them, as `edited` or `repaired`; empty: as it
    was recorded. `plain` sends that, too. `streams` are the ways of answering to be asked for,
    empty: that of the body. `servers` are URLs, None the recorded host.
    """

    bodies: Mapping[str, bytes] = field(default_factory=dict)
    plain: bool = False
    streams: tuple[bool, ...] = ()
    servers: tuple[str | None, ...] = (None,)
    given: Headers = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    elsewhere: bool = False


@dataclass(frozen=True)
class Variant:
    """One way to send it: its name among the others, and the request."""

    name: str
    request: Outgoing


def body_of(exchange: Exchange) -> bytes:
    """The request's body as its agent wrote it. Raises `UsageError` where it cannot be unpacked."""
    data, trouble = decoded(exchange.request.content, exchange.request_headers)
    if trouble:
        raise UsageError(f"the body of exchange {exchange.number} cannot be read: {trouble}")
    return data


def variants(exchange: Exchange, wish: Wish) -> tuple[Variant, ...]:
    """All ways in which the request is to be sent, each named by what tells it from the others."""
    made: list[tuple[tuple[str, str, str], Outgoing]] = []
    bodies: list[tuple[str, bytes | None]] = [*wish.bodies.items()]
    if wish.plain or not bodies:
        bodies.insert(0, ("", None))
    streams: Sequence[bool | None] = wish.streams or (None,)
    for server, (done, body), stream in product(wish.servers, bodies, streams):
        sent = _streaming(exchange, body, stream)
        note = "" if not done and sent is None else done or "edited"
        request = outgoing(
            exchange,
            server,
            body=sent,
            given=wish.given,
            environment=wish.environment,
            elsewhere=wish.elsewhere,
            note=note,
        )
        asked = _asks(exchange, sent)
        made.append(((done or UNCHANGED, "stream" if asked else "whole", request.origin), request))
    if len({words for words, _ in made}) < len(made):
        raise UsageError("both servers are the same: nothing is to be compared")
    told = [len({words[i] for words, _ in made}) > 1 for i in range(3)]
    return tuple(Variant(_name(words, told), request) for words, request in made)


def _streaming(exchange: Exchange, body: bytes | None, stream: bool | None) -> bytes | None:
    """The body with the stream that is wanted; None where that is the recorded one."""
    if stream is None:
        return body
    before = body_of(exchange) if body is None else body
    after = streamed(before, stream)
    return body if after == before else after


def _asks(exchange: Exchange, body: bytes | None) -> bool:
    return asks_for_stream(
        decoded(exchange.request.content, exchange.request_headers)[0] if body is None else body
    )


def _name(words: Sequence[str], told: Sequence[bool]) -> str:
    return " ".join(w for w, differs in zip(words, told, strict=True) if differs) or "replayed"


def run(
    tried: Sequence[Variant],
    runs: int,
    into: RecordingWriter | None,
    *,
    done: Done | None = None,
    hangup: Hangup | None = None,
    heard: Heard | None = None,
) -> tuple[Group, ...]:
    """Send each variant so many times, in turns, and wait for each answer.

    In turns: what changes on the server meanwhile (its cache, its load) strikes all alike. Ends
    early where whoever asked hangs up. `done` hears of each run, `heard` of how far one is.
    """
    shapes: dict[str, list[Shape]] = {variant.name: [] for variant in tried}
    for variant in _in_turns(tried, runs):
        exchange = transmit(variant.request, into, hangup, heard)
        shape = shape_of(exchange)
        shapes[variant.name].append(shape)
        if done is not None:
            done(variant.name, exchange, shape)
        if exchange.outcome is Outcome.CLIENT_HUNG_UP:
            break
    return tuple(
        Group(variant.name, variant.request.origin, tuple(shapes[variant.name]))
        for variant in tried
    )


def _in_turns(tried: Sequence[Variant], runs: int) -> Iterator[Variant]:
    for _ in range(runs):
        yield from tried
