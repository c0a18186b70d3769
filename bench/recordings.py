"""Recordings of synthetic sessions, written through the store alone, as the recorder would."""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.sessions import PATH, Turn
from kimitap.exchange import Body, Exchange, Outcome
from kimitap.store import RecordingWriter

_BEGAN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
_TOKEN_S = 0.02
_FLUSH_EVENTS = 25
"""Events of half a second: what the recorder writes at once."""
_RESPONSE_HEADERS = (
    ("Transfer-Encoding", "chunked"),
    ("Access-Control-Allow-Origin", ""),
    ("X-Accel-Buffering", "no"),
    ("Server", "llama.cpp"),
    ("Content-Type", "text/event-stream"),
)


def write(where: Path, sessions: Sequence[Iterable[Turn]]) -> None:
    """Record the sessions in `where`, a turn of each in turn, as agents side by side would."""
    rng = random.Random(len(sessions))
    with RecordingWriter(str(where)) as writer:
        for at, (agent, turn) in enumerate(_interleaved(sessions)):
            _write(writer, turn, agent, _BEGAN + timedelta(seconds=10 * at), rng)


def append(where: Path, turn: Turn, agent: int, at: int) -> None:
    """Record one turn more, as the exchange that starts `10 * at` seconds after the first."""
    with RecordingWriter(str(where)) as writer:
        _write(writer, turn, agent, _BEGAN + timedelta(seconds=10 * at), random.Random(at))


def _interleaved(sessions: Sequence[Iterable[Turn]]) -> Iterator[tuple[int, Turn]]:
    for turns in zip(*sessions, strict=True):
        yield from enumerate(turns)


def _write(
    writer: RecordingWriter, turn: Turn, agent: int, started_at: datetime, rng: random.Random
) -> None:
    exchange = Exchange(
        number=0,
        started_at=started_at,
        method="POST",
        scheme="http",
        host="127.0.0.1",
        port=8080,
        path=PATH,
        request_headers=(
            ("Host", "127.0.0.1:8080"),
            ("User-Agent", "bench"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(turn.request))),
        ),
        request=Body.whole(turn.request),
        client=f"127.0.0.1:{40_000 + agent}",
    )
    number = writer.begin(exchange)
    head_at = started_at + timedelta(seconds=0.8)
    writer.respond(number, 200, "OK", _RESPONSE_HEADERS, "HTTP/1.1", head_at)
    at_s, parts = 0.8, []
    for event in turn.events:
        at_s += _TOKEN_S * rng.uniform(0.8, 1.3)
        parts.append((at_s, event))
        if len(parts) == _FLUSH_EVENTS:
            writer.append(number, parts)
            parts = []
    writer.append(number, parts)
    ended_at = started_at + timedelta(seconds=at_s)
    writer.finish(number, Outcome.COMPLETE, ended_at=ended_at)
    writer.tidy()  # as the recorder does between the turns


def log_bytes(database: Path) -> int:
    """The size of the log beside a recording that is being written."""
    log = Path(f"{database}-wal")
    return log.stat().st_size if log.exists() else 0


def file_bytes(database: Path) -> int:
    """The size of a recording's files: the database and what may lie beside it."""
    beside = (Path(f"{database}{suffix}") for suffix in ("", "-wal", "-shm", "-journal"))
    return sum(path.stat().st_size for path in beside if path.exists())
