"""What reading must cost at least: every unique piece and every streamed event, once.

The floor's database is the bench's own, so that a change of Kimitap's store cannot move it: one row
a piece, one row a reply, each compressed with zstd.
"""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson
import zstandard

_FIELD = b"data: "
_DONE = b"[DONE]"


def write(where: Path, pieces: Iterable[bytes], replies: Iterable[bytes]) -> None:
    """Make the floor's database: JSON values, and bodies of server-sent events."""
    compress = zstandard.ZstdCompressor(level=3).compress
    with sqlite3.connect(where) as database:
        for table, values in (("piece", pieces), ("reply", replies)):
            database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, data BLOB)")
            database.executemany(
                f"INSERT INTO {table} (data) VALUES (?)", ((compress(v),) for v in values)
            )
    database.close()


def read_s(where: Path, times: int = 3) -> float:
    """Processor seconds to read, decompress and parse all of it once; the least of a few times."""
    return min(_read_once(where) for _ in range(times))


def _read_once(where: Path) -> float:
    start = time.process_time()
    decompress = zstandard.ZstdDecompressor().decompress
    database = sqlite3.connect(where)
    for (data,) in database.execute("SELECT data FROM piece ORDER BY id"):
        orjson.loads(decompress(data))
    for (data,) in database.execute("SELECT data FROM reply ORDER BY id"):
        _parse(decompress(data).split(b"\n\n"))
    database.close()
    return time.process_time() - start


def _parse(events: Sequence[bytes]) -> None:
    for event in events:
        if event.startswith(_FIELD) and not event.endswith(_DONE):
            orjson.loads(event[len(_FIELD) :])
