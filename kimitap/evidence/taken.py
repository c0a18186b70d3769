"""Exchanges read from a recording each time they are asked for: a session is not held in memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kimitap.exchange import Exchange, Outcome
from kimitap.store import Recording


@dataclass(frozen=True)
class Taken:
    """The exchanges `numbers` of the recording at `where`, numbered from 1.

    Each iteration opens the recording anew, so that any thread may read. `ended` are those that
    were under way when they were taken, as they stood then: all iterations yield the same.
    """

    where: str
    numbers: Sequence[int]
    ended: Mapping[int, Exchange]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Exchange]:
        with Recording.open(self.where) as recording:
            for new, number in enumerate(self.numbers, 1):
                exchange = self.ended.get(number) or _ended(recording.exchange(number))
                yield replace(exchange, number=new)


@dataclass(frozen=True)
class Kept:
    """All exchanges of an open recording, which nobody writes any more, one at a time: each holds
    its whole body once that was asked for."""

    recording: Recording
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Exchange]:
        return map(self.recording.exchange, self.recording.numbers())


def take(recording: Recording, numbers: Sequence[int]) -> Taken:
    """Exchanges of the recording, those under way ended as of now: a report waits for nothing."""
    open_now = set(recording.in_flight()).intersection(numbers)
    ended = {number: _ended(recording.exchange(number)) for number in sorted(open_now)}
    return Taken(recording.where, tuple(numbers), ended)


def _ended(exchange: Exchange) -> Exchange:
    """The exchange as it would stand if its recorder stopped now."""
    if exchange.outcome is not Outcome.IN_FLIGHT:
        return exchange
    return replace(
        exchange, outcome=Outcome.INTERRUPTED, detail="still under way when the report was made"
    )


def written_bytes(exchanges: Iterable[Exchange]) -> int:
    """About how many bytes the files of a report on these exchanges have.

    A request's body stands in a file of its own and again in a line of JSON, where its quotes and
    line ends take two characters each; what a recording holds once, every request repeats.
    """
    size = 0
    known: dict[bytes, int] = {}
    for one in exchanges:
        for piece in one.request.pieces:
            if piece.key not in known:
                known[piece.key] = len(piece.data) + _in_json(piece.data)
            size += known[piece.key]
        size += _in_json(one.response) + _BESIDE
    return size


_BESIDE = 2_000
"""Bytes for the heads of an exchange and its curl command."""


def _in_json(data: bytes) -> int:
    """The length of a text of JSON as a string within JSON."""
    return len(data) + sum(data.count(mark) for mark in (b'"', b"\\", b"\n"))
