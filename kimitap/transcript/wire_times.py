"""When an exchange sent, waited, spoke and was silent, from the times at which its bytes came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from kimitap.conversation import Turn
from kimitap.exchange import Exchange
from kimitap.transcript.wording import reply_tokens

STALL_S = 2.0
"""A silence within a response that is longer than this is a stall."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A silence of `length_s` seconds that began `at_s` seconds after the request."""

    at_s: float
    length_s: float


@dataclass(frozen=True)
class WireTimes:
    """The moments of one exchange, in seconds since its request was sent; None: it never came.

    `first_s` and `last_s` are the first and last bytes of the response's body, `spoke_s` the first
    bytes that hold a word of the reply. `pieces` counts the parts in which the body arrived.
    """

    headers_s: float | None = None
    first_s: float | None = None
    spoke_s: float | None = None
    last_s: float | None = None
    ended_s: float | None = None
    pieces: int = 0
    stalls: tuple[Stall, ...] = ()

    @property
    def length_s(self) -> float:
        """The time from the request to the last of its moments."""
        told = (self.headers_s, self.first_s, self.last_s, self.ended_s)
        return max((at for at in told if at is not None), default=0.0)

    @property
    def speaking_s(self) -> float | None:
        """How long the reply took to stream; None where it did not come in several parts."""
        if self.spoke_s is None or self.last_s is None or self.last_s <= self.spoke_s:
            return None
        return self.last_s - self.spoke_s


def wire_times(exchange: Exchange, spoken: Sequence[float]) -> WireTimes:
    """The moments of an exchange. `spoken` are the times of the parts that hold the reply's words.

    Where the whole body came in one part (an import that had no times), nothing within it is known.
    """
    arrived = [segment.at_s for segment in exchange.segments if segment.length]
    ended_s = _since(exchange, exchange.ended_at)
    return WireTimes(
        headers_s=_since(exchange, exchange.headers_at),
        first_s=arrived[0] if arrived else None,
        spoke_s=spoken[0] if spoken else None,
        last_s=arrived[-1] if arrived else None,
        ended_s=ended_s,
        pieces=len(arrived),
        stalls=tuple(stalls(arrived, ended_s)),
    )


def stalls(arrived: Sequence[float], ended_s: float | None) -> list[Stall]:
    """The silences between the parts that arrived, and before the end; not that before the first.

    A model reads its prompt before it speaks: that wait is no stall.
    """
    moments = [*arrived, *([ended_s] if arrived and ended_s is not None else [])]
    return [Stall(a, b - a) for a, b in pairwise(moments) if b - a > STALL_S]


def stream_speed(turn: Turn, times: WireTimes) -> float | None:
    """Tokens a second as they came over the wire; None where nobody counted or nothing streamed."""
    made = reply_tokens(turn)
    if not made or not turn.reply.streamed or times.speaking_s is None:
        return None
    return made / times.speaking_s


def _since(exchange: Exchange, moment: datetime | None) -> float | None:
    return None if moment is None else (moment - exchange.started_at).total_seconds()
