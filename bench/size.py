"""A recording's size ÷ what zstd makes of what is unique in it.

Unique is each message, each tool and each system prompt once, as JSON, in the order of their first
sending, and after them every reply: compressed as one, at level 3. (One after the other as they
came, it would be a tenth more.) A system prompt that says the time counts in each request, since no
other is equal to it; so near to the one before, it costs zstd a few bytes, and may cost us as few.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import zstandard

from bench import recordings
from bench.client import Client
from bench.proxies import Start, running
from bench.result import Row
from bench.sessions import Clock, Session, Turn
from bench.settings import Settings
from bench.stream import Stream
from bench.upstream import Upstream

_LEVEL = 3
_MOST = 1.5


class Unique:
    """Compresses what is unique in a session while its turns are made."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
        self._replies: list[bytes] = []
        self._told = 0
        self._size = 0
        self.turns = 0
        self.sent = 0
        """Bytes of all requests."""

    def of(self, turns: Iterator[Turn]) -> Iterator[Turn]:
        """The same turns, each taken into account."""
        for turn in turns:
            self._add(self._session.pieces[self._told :])
            self._replies.append(turn.response)
            self._told = len(self._session.pieces)
            self.turns += 1
            self.sent += len(turn.request)
            yield turn

    def end(self) -> int:
        """The compressed size of it all."""
        self._add(self._replies)
        return self._size + len(self._compressor.flush())

    def _add(self, texts: Iterable[bytes]) -> None:
        self._size += sum(len(self._compressor.compress(text)) for text in texts)


async def measure(
    upstream: Upstream, starts: dict[str, Start], settings: Settings, folder: Path
) -> list[Row]:
    """A session through each real recorder, and longer ones through the store alone."""
    rows = []
    for name, start in starts.items():
        session = Session(seed=5)
        unique = Unique(session)
        own = folder / f"size-{name}"
        own.mkdir()
        with running({name: start}, upstream.port, own) as proxies:
            client = Client(upstream.streams, proxies[name].port)
            for turn in unique.of(session.turns(settings.live_turns)):
                await client.ask(turn.request, Stream(events=turn.events))
            client.close()
        rows.append(_row(name, unique, recordings.file_bytes(proxies[name].database)))
    for turns in settings.alone_turns:
        rows += [_alone(turns, clock, folder) for clock in Clock]
    return rows


def _alone(turns: int, clock: Clock, folder: Path) -> Row:
    session = Session(seed=6, clock=clock)
    unique = Unique(session)
    where = folder / f"{turns} {clock.name}.db"
    recordings.write(where, [unique.of(session.turns(turns))])
    size = recordings.file_bytes(where)
    where.unlink()
    return _row(f"store alone{clock and f', {clock}'}", unique, size)


def _row(name: str, unique: Unique, size: int) -> Row:
    least = unique.end()
    note = f"{size / 1e3:.0f} kB ÷ {least / 1e3:.0f} kB; {unique.sent / 1e6:.1f} MB were sent"
    title = f"recording's size, {unique.turns} turns: {name}"
    return Row(title, size / least, most=_MOST, note=note)
