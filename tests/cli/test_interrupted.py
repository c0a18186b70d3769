"""Ctrl-C in `kimitap shrink`: no traceback, and no half of a recording, whenever it comes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kimitap.store import Recording
from tests.support.recorded import lost, next_turn, record

TIMES = int(os.environ.get("KIMITAP_INTERRUPTS", "4"))
"""How often it is interrupted at random; 40 take some minutes."""
INTERRUPTED = 130
AT_EACH_END = """
import os, sys
from sqlalchemy.engine.default import DefaultDialect
from kimitap.cli import run

calls, at = 0, 0

def interrupting(name):
    real = getattr(DefaultDialect, name)
    def method(self, *args):
        global calls
        calls += 1
        if calls == at:
            raise KeyboardInterrupt
        return real(self, *args)
    setattr(DefaultDialect, name, method)

for name in ("do_rollback", "do_commit", "do_close"):
    interrupting(name)
while True:
    calls, at = 0, at + 1
    status = run(["shrink", "a.db", "-o", "small.db"])
    print(status, *sorted(os.listdir(".")))
    if status == 0:
        break
"""
"""Interrupts it at the first, second, … end of a transaction or connection, up to the last."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record(tmp_path / "a.db", [*lost(), *(next_turn(n, f"On day {n}.") for n in range(4, 9))])
    return tmp_path


def test_no_end_of_a_transaction_or_connection_tells_of_it(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_EACH_END],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    *broken, last = [line.split() for line in done.stdout.splitlines() if " a.db" in line]
    assert len(broken) > 8
    assert {status for status, *_ in broken} == {str(INTERRUPTED)}
    assert last[0] == "0" and "small.db" in last
    left = {name for _, *names in [*broken, last] for name in names}
    assert left - {"a.db-shm", "a.db-wal"} == {"a.db", "small.db"}, "no draft stays"
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def heeding_sigint() -> None:
    """A shell that starts tests in the background has SIGINT ignored, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("seed", range(TIMES))
def test_no_moment_of_the_search_tells_of_it(folder: Path, seed: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "kimitap.cli", "shrink", "a.db", "-o", "small.db"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heeding_sigint,
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        time.sleep(random.Random(seed).uniform(0, 1.5))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=300)
    assert first.startswith("error: tool-turn-lost at exchange")
    assert process.returncode in {0, INTERRUPTED, -signal.SIGINT}, "the last: as Python ended"
    assert "Traceback" not in told and "Exception" not in told
    there = {path.name for path in folder.iterdir() if not path.name.startswith("a.db-")}
    assert there - {"small.db"} == {"a.db"}
    if process.returncode == 0 or "small.db" in there:
        with Recording.open(str(folder / "small.db")) as recording:
            assert recording.count() == 2
