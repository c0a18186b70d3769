from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import floor
from bench.settings import TINY

EXPECTED = {
    ("streaming", "beside"): ("first event, kept", "events per second", "CPU", "p50", "p99"),
    ("delays",): ("delay of an event, 2 streams, p50: addon", "2 streams, p99: plain again"),
    ("keeping",): ("while old ones are deleted, p50: addon", "p99: addon"),
    ("size",): ("3 turns: record", "4 turns: store alone"),
    ("screens",): (
        "first rows, 8 turns ÷ few",
        "until 8 turns are read",
        "peak memory",
        "next finding: n",
        "slowest key",
        "a thread of 6 turns ÷ one of 3",
    ),
    ("check",): ("kimitap check, 6 turns", "again", "peak memory", "refresh"),
}


@pytest.mark.parametrize("parts", EXPECTED)
async def test_every_part_measures_with_real_processes(
    parts: tuple[str, ...], tmp_path: Path
) -> None:
    recorder = "record" if "size" in parts else "addon"
    recorders = {recorder: bench.RECORDERS[recorder]}

    rows = await bench.measure(set(parts), recorders, TINY, tmp_path)

    names = " | ".join(row.name for row in rows)
    assert all(expected in names for expected in EXPECTED[parts]), names
    assert all(row.value > 0 for row in rows)


def test_the_floor_reads_what_was_written(tmp_path: Path) -> None:
    where = tmp_path / "floor.db"
    floor.write(where, [b'{"a": 1}', b"[]"], [b"data: {}\n\ndata: [DONE]\n\n"])

    assert floor.read_s(where, times=1) > 0
