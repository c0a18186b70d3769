"""A recorder that deletes what is too old or too much, while it records. Real processes."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from kimitap.cli import run
from kimitap.exchange import Outcome
from kimitap.recorder.keeper import Limits
from kimitap.recorder.keeping import Keeping
from kimitap.store import Recording, RecordingWriter
from kimitap.store.retention import used_bytes
from kimitap.store.verifying import verify
from tests.support.proxy import (
    Peer,
    Proxy,
    alive,
    environment,
    fetch,
    free_port,
    mitmdump,
    request_bytes,
    start_proxy,
    upstream,
    wait_for,
)
from tests.support.requests_made import asked, conversation, reply

PATIENCE_S = 60.0


def numbers(where: Path) -> list[int]:
    with Recording.open(str(where)) as recording:
        return recording.numbers()


def fill(where: Path, count: int) -> None:
    """So many exchanges of long ago."""
    with RecordingWriter(str(where)) as writer:
        for turn, body in enumerate(conversation(count)):
            number = writer.begin(asked(body, turn))
            writer.append(number, reply(turn))
            writer.finish(number, Outcome.COMPLETE, ended_at=asked(body, turn + 1).started_at)


def record(url: str, where: Path, home: Path, *words: str) -> Proxy:
    """`kimitap record` with these words, once it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "kimitap.cli", "record", "--upstream", url]
    command += ["--listen", f"127.0.0.1:{port}", "--db", str(where), *words]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home,
        env=environment(home),
    )
    proxy = Proxy(process, port, where)
    proxy.read()
    proxy.said("^ready: ", PATIENCE_S)
    return proxy


def started(kind: str, url: str, where: Path, home: Path, keep: str, size: str) -> Proxy:
    if kind == "record":
        options = [("--keep", keep), ("--max-size", size)]
        return record(url, where, home, *(word for pair in options if pair[1] for word in pair))
    words = ("--set", f"kimitap_keep={keep}", "--set", f"kimitap_max_size={size}")
    return start_proxy(url, where, home, *words)


def processes(parent: int, module: str) -> list[int]:
    """The children that run this module of the recorder."""
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for word in task.read_text().split():
            command = Path(f"/proc/{word}/cmdline").read_bytes()
            if f"kimitap.recorder.{module} ".encode() in command:
                found.append(int(word))
    return found


@pytest.mark.parametrize("kind", ["record", "mitmdump"])
def test_what_is_old_is_deleted_while_it_records(tmp_path: Path, kind: str) -> None:
    where = tmp_path / "k.db"
    fill(where, 6)
    with upstream() as server:
        server.on("/v1/x", lambda peer: peer.answer(b"answer"))
        proxy = started(kind, server.url, where, tmp_path, "30d", "")
        try:
            proxy.said("what is older than 30 d is deleted for good", PATIENCE_S)
            assert fetch(proxy.port, request_bytes("/v1/x"))[1] == b"answer"
            proxy.said("6 exchanges deleted, older than 30 d", PATIENCE_S)
            assert fetch(proxy.port, request_bytes("/v1/x"))[1] == b"answer"
            keepers = processes(proxy.process.pid, "keeping")
            assert len(keepers) == 1
        finally:
            output = proxy.stop()
    assert numbers(where) == [7, 8]
    assert verify(str(where)).damages == ()
    assert "2 exchanges recorded" in output
    assert not any(map(alive, keepers))
    assert sorted(path.name for path in tmp_path.glob("k.db*")) == ["k.db"]


def test_the_oldest_is_deleted_where_more_is_in_use_than_allowed(tmp_path: Path) -> None:
    where, limit, size = tmp_path / "k.db", 400_000, 40_000
    answers = [random.Random(n).randbytes(size) for n in range(30)]
    rest = iter(answers)

    def play(peer: Peer) -> None:
        peer.answer(next(rest))

    with upstream() as server:
        server.on("/v1/x", play)
        proxy = started("record", server.url, where, tmp_path, "", f"{limit // 1000}kB")
        try:
            for answer in answers:
                assert fetch(proxy.port, request_bytes("/v1/x"))[1] == answer
            proxy.said(r"exchanges? deleted, the oldest: .* of 400.0 kB are in use", PATIENCE_S)
            wait_for(lambda: used_bytes(str(where)) <= limit, "the limit", PATIENCE_S)
        finally:
            proxy.stop()
    left = numbers(where)
    assert left == list(range(left[0], 31))
    assert 5 <= len(left) <= 10
    with Recording.open(str(where)) as recording:
        for exchange in recording.exchanges():
            assert exchange.response == answers[exchange.number - 1]
    assert verify(str(where)).damages == ()


def test_a_keeper_that_dies_is_told_and_the_recorder_goes_on(tmp_path: Path) -> None:
    where = tmp_path / "k.db"
    with upstream() as server:
        server.on("/v1/x", lambda peer: peer.answer(b"answer"))
        proxy = started("record", server.url, where, tmp_path, "30d", "")
        try:
            (keeper,) = wait_for(
                lambda: processes(proxy.process.pid, "keeping"), "a keeper", PATIENCE_S
            )
            os.kill(keeper, signal.SIGKILL)
            proxy.said("process that deletes what is old has ended", PATIENCE_S)
            assert fetch(proxy.port, request_bytes("/v1/x"))[1] == b"answer"
        finally:
            proxy.stop()
    assert numbers(where) == [1]


def test_the_keeper_ends_with_a_recorder_that_is_killed(tmp_path: Path) -> None:
    with upstream() as server:
        proxy = started("record", server.url, tmp_path / "k.db", tmp_path, "30d", "")
        (keeper,) = wait_for(
            lambda: processes(proxy.process.pid, "keeping"), "a keeper", PATIENCE_S
        )
        proxy.kill()
        wait_for(lambda: not alive(keeper), "the keeper's end", PATIENCE_S)


def test_without_a_limit_nothing_is_deleted_and_no_process_started(tmp_path: Path) -> None:
    where = tmp_path / "k.db"
    fill(where, 3)
    with upstream() as server:
        proxy = started("record", server.url, where, tmp_path, "", "")
        assert processes(proxy.process.pid, "keeping") == []
        assert "deleted" not in proxy.stop()
    assert numbers(where) == [1, 2, 3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--keep", "soon"], "'soon' is no age: say 30d, 12h or 2w"),
        (["--max-size", "much"], "'much' is no size: say 500MB or 2GB"),
        (
            ["--max-size", "1GB", "--db", "postgresql+psycopg://me@h/x"],
            "is on a server, which has its own limits of size: say --keep",
        ),
    ],
)
def test_a_limit_that_is_none_is_one_line_and_makes_no_recording(
    words: Sequence[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["record", "--upstream", "http://127.0.0.1:1", *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_mitmdump_does_not_start_with_a_limit_that_is_none(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "addons" / "kimitap.py"
    words = ("-s", str(script), "--set", "kimitap_keep=soon", "--listen-host", "127.0.0.1")
    done = subprocess.run(
        mitmdump(*words, "-p", str(free_port()), "--set", f"confdir={tmp_path}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    assert done.returncode != 0
    assert "'soon' is no age: say 30d, 12h or 2w" in done.stdout + done.stderr


def test_what_hinders_is_told_once(tmp_path: Path) -> None:
    where, told = tmp_path / "k.db", list[tuple[str, bool]]()
    keeping = Keeping(str(where), timedelta(days=30), 10, lambda *said: told.append(said))
    keeping.look()
    assert told == [], "no recording yet is no complaint"
    fill(where, 2)
    with closing(sqlite3.connect(where, isolation_level=None)) as database:
        database.execute("UPDATE kimitap_version SET version_num = '9999'")
    for _ in range(3):
        keeping.look()
    ((said, complaint),) = told
    assert complaint and said.startswith("nothing is deleted: ") and "newer Kimitap" in said
    with closing(sqlite3.connect(where, isolation_level=None)) as database:
        database.execute("UPDATE kimitap_version SET version_num = '0001'")
    keeping.look()
    assert told[1:] == [("2 exchanges deleted, older than 30 d", False)]
    assert numbers(where) == []


def test_a_date_put_forward_deletes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=365)

    where, told = tmp_path / "k.db", list[tuple[str, bool]]()
    fill(where, 2)
    age = datetime.now(UTC) - asked(b"").started_at + timedelta(hours=1)
    keeping = Keeping(str(where), age, None, lambda *said: told.append(said))
    monkeypatch.setattr("kimitap.recorder.keeping.datetime", Ahead)
    keeping.look()
    assert numbers(where) == [1, 2]
    assert told == []


def test_what_is_younger_stays(tmp_path: Path) -> None:
    where, told = tmp_path / "k.db", list[tuple[str, bool]]()
    fill(where, 2)
    age = datetime.now(UTC) - asked(b"").started_at + timedelta(hours=1)
    Keeping(str(where), age, 10**9, lambda *said: told.append(said)).look()
    assert numbers(where) == [1, 2]
    assert told == []


def test_limits_are_said_as_one_says_them() -> None:
    assert not Limits.parse("", "")
    assert str(Limits.parse("30d", "5GB")) == (
        "what is older than 30 d is deleted for good, and of more than 5.0 GB the oldest is deleted"
    )
