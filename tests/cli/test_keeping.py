"""status, verify, backup and prune, as a user types them, beside a recorder that lives."""

import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from kimitap.cli import run
from kimitap.errors import KimitapError
from kimitap.exchange import Outcome
from kimitap.store import Recording, RecordingWriter
from tests.support.proxy import Peer, fetch, request_bytes, start_proxy, upstream, wait_for
from tests.support.recordings import lost_tool_turn, recording
from tests.support.requests_made import asked, reply

type Said = pytest.CaptureFixture[str]


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return recording(tmp_path / "k.db", lost_tool_turn())


def numbers(where: Path) -> list[int]:
    with Recording.open(str(where)) as opened:
        return opened.numbers()


def test_status_of_a_recording_that_nobody_writes(where: Path, capsys: Said) -> None:
    assert run(["status", str(where)]) == 0
    said = capsys.readouterr().out
    assert f"{where}: 2 exchanges\n" in said
    assert "nobody, now" in said
    assert "in flight" not in said


def test_status_says_who_records_what_is_open_and_what_was_lost(where: Path, capsys: Said) -> None:
    with RecordingWriter(str(where)) as writer:
        open_ = writer.begin(asked(b"{}"))
        writer.lose(3, "the disk was \x1b[31mfull", asked(b"").started_at)
        assert run(["status", "--db", str(where)]) == 0
    said = capsys.readouterr().out
    assert "recording  process" in said
    assert f"in flight  #{open_}, for " in said
    assert "lost       3 at" in said
    assert "\x1b" not in said


def test_verify_says_that_all_is_whole(where: Path, capsys: Said) -> None:
    assert run(["verify", str(where)]) == 0
    assert "whole: every piece matches its hash" in capsys.readouterr().out


def spoil(where: Path) -> None:
    with closing(sqlite3.connect(where, isolation_level=None)) as db:
        db.execute(
            "UPDATE piece SET digest = X'00' WHERE id = "
            "(SELECT response_id FROM exchange WHERE id = 2)"
        )


def test_verify_says_what_is_damaged_and_how_to_save_the_rest(where: Path, capsys: Said) -> None:
    spoil(where)
    assert run(["verify", str(where)]) == 1
    said = capsys.readouterr().out
    assert "damaged: #2 its response: piece" in said
    assert "1 of 2 exchanges lost something; --save NEW.db saves the rest" in said


def test_verify_saves_what_is_not_damaged(where: Path, capsys: Said) -> None:
    spoil(where)
    saved = where.with_name("saved.db")
    assert run(["verify", str(where), "--save", str(saved)]) == 1
    assert f"2 exchanges saved to {saved}; incomplete: #2" in capsys.readouterr().out
    assert saved.stat().st_mode & 0o777 == 0o600
    assert run(["verify", str(saved)]) == 0
    assert run(["show", str(saved)]) == 0


def test_backup_copies_what_is_there_beside_a_recorder(where: Path, capsys: Said) -> None:
    copy = where.with_name("copy.db")
    with RecordingWriter(str(where)) as writer:
        open_ = writer.begin(asked(b"{}"))
        writer.append(open_, reply(1)[:5])
        assert run(["backup", str(where), str(copy)]) == 0
        assert numbers(copy) == [1, 2, open_]
    assert f"{where} copied to {copy}, " in capsys.readouterr().out
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in where.parent.glob("*copy*")] == ["copy.db"]
    assert run(["verify", str(copy)]) == 0


def test_the_copy_can_be_read_where_nothing_may_be_written(where: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    with RecordingWriter(str(where)):
        assert run(["backup", "--db", str(where), str(folder / "copy.db")]) == 0
    folder.chmod(0o500)
    try:
        assert numbers(folder / "copy.db") == [1, 2]
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["backup", "{db}", "{db}"], "is there already: name a new file"),
        (["backup", "no.db", "{new}"], "there is no recording at no.db"),
        (["backup", "{db}", "{new}", "--db", "{db}"], "say the recording and the new file"),
        (["backup", "{db}", "{folder}/none/copy.db"], "there is no folder"),
        (["verify", "{db}", "--save", "{db}"], "is there already: name a new file"),
        (["verify", "no.db"], "there is no recording at no.db"),
        (["status", "no.db"], "there is no recording at no.db"),
        (["prune", "{db}"], "say how much to keep"),
        (["prune", "{db}", "--older-than", "soon"], "'soon' is no age: say 30d, 12h or 2w"),
        (["prune", "{db}", "--older-than", "9999y"], "'9999y' is no age"),
        (["prune", "{db}", "--max-size", "much"], "'much' is no size: say 500MB or 2GB"),
        (["prune", "{db}", "--older-than", "1d"], "nobody can be asked here"),
    ],
)
def test_a_mistake_is_one_line(
    where: Path, words: list[str], said: str, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(where.parent)
    named = {"db": str(where), "new": "new.db", "folder": str(where.parent)}
    status = run([word.format(**named) for word in words])
    told = capsys.readouterr()
    assert status == 2
    assert said in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert numbers(where) == [1, 2]
    assert [path.name for path in where.parent.iterdir()] == [where.name]


def test_prune_deletes_what_is_old(where: Path, capsys: Said) -> None:
    assert run(["prune", str(where), "--older-than", "1h", "--yes"]) == 0
    assert capsys.readouterr().out == f"2 exchanges deleted from {where}\n"
    assert numbers(where) == []


def test_prune_keeps_what_is_young(where: Path, capsys: Said) -> None:
    assert run(["prune", str(where), "--older-than", "90y", "--yes"]) == 0
    assert capsys.readouterr().out == f"nothing in {where} is that old\n"
    assert numbers(where) == [1, 2]


def test_a_dry_run_deletes_nothing(where: Path, capsys: Said) -> None:
    assert run(["prune", str(where), "--older-than", "1h", "--max-size", "1", "--dry-run"]) == 0
    said = capsys.readouterr().out
    span = r"\(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d to \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)"
    assert re.search(rf"^2 exchanges {span} would be deleted from {where}$", said, re.M)
    assert re.search(r"^about \d.* of the \d.* in use, of 1 byte allowed$", said, re.M)
    assert numbers(where) == [1, 2]


def test_a_dry_run_with_a_size_alone_says_what_would_go(where: Path, capsys: Said) -> None:
    before = where.read_bytes()
    assert run(["prune", str(where), "--max-size", "1kB", "--dry-run"]) == 0
    assert "2 exchanges (" in capsys.readouterr().out
    assert run(["prune", str(where), "--max-size", "1GB", "--dry-run"]) == 0
    assert f"nothing would be deleted from {where}" in capsys.readouterr().out
    assert where.read_bytes() == before


def test_prune_goes_down_to_a_size(where: Path, capsys: Said) -> None:
    assert run(["prune", str(where), "--max-size", "1kB", "--yes"]) == 0
    assert "2 exchanges deleted" in capsys.readouterr().out
    assert numbers(where) == []


def test_what_age_has_freed_is_not_deleted_for_size_again(where: Path, capsys: Said) -> None:
    with RecordingWriter(str(where)) as writer:  # takes more room than all that is kept may
        number = writer.begin(asked(b"{}"))
        writer.append(number, [(0.1, random.Random(5).randbytes(100_000))])
        writer.finish(number, Outcome.COMPLETE, ended_at=asked(b"").started_at)
    words = ["prune", str(where), "--older-than", "1h", "--max-size", "90kB", "--yes"]
    assert run(words) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"3 exchanges deleted from {where}"
    assert told[1].endswith("are in use of 90.0 kB")


def test_a_copy_made_while_writing_is_of_one_moment(where: Path) -> None:
    """Each copy holds all of what was written before it, and nothing of it half."""
    with RecordingWriter(str(where)) as writer:
        for turn in range(20):
            number = writer.begin(asked(b'{"messages": [%d]}' % turn, turn))
            writer.append(number, reply(turn))
            copy = where.with_name(f"copy{turn}.db")
            assert run(["backup", str(where), str(copy)]) == 0
            assert numbers(copy)[-1] == number
            assert run(["verify", str(copy)]) == 0
    shutil.rmtree(where.parent)


def test_a_copy_that_would_not_fit_is_refused_before_it_is_begun(
    where: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(total=10**9, used=10**9, free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert run(["backup", str(where), str(where.with_name("copy.db"))]) == 2
    told = capsys.readouterr().err
    assert "copy.db would need " in told and "and 100 bytes are free there" in told
    assert [path.name for path in where.parent.iterdir()] == [where.name]


def is_there(where: Path) -> bool:
    try:
        return bool(numbers(where))
    except KimitapError:  # it is being made
        return False


def test_a_copy_made_while_a_real_recorder_records_is_whole(tmp_path: Path) -> None:
    """Answers stream through it all the while; the copies are made by processes of their own."""
    where, asking = tmp_path / "k.db", threading.Event()

    def stream(peer: Peer) -> None:
        peer.stream_head()
        for _, part in reply(7, 60):
            peer.chunk(part)
            time.sleep(0.002)
        peer.chunk(b"")

    with upstream() as server:
        server.on("/v1/chat/completions", stream)
        proxy = start_proxy(server.url, where, tmp_path)
        request = request_bytes("/v1/chat/completions", b'{"messages": [], "stream": true}')

        def ask() -> None:
            while not asking.is_set():
                fetch(proxy.port, request)

        agents = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
        for agent in agents:
            agent.start()
        try:
            wait_for(lambda: is_there(where), "the recording", 60)
            for number in range(3):
                wait_for(lambda wanted=3 * number: len(numbers(where)) > wanted, "exchanges", 60)
                copy = tmp_path / f"copy{number}.db"
                for words in (["backup", str(where), str(copy)], ["verify", str(copy)]):
                    done = subprocess.run(
                        [sys.executable, "-m", "kimitap.cli", *words],
                        capture_output=True,
                        text=True,
                        check=False,
                        timeout=60,
                    )
                    assert done.returncode == 0, done.stdout + done.stderr
                assert len(numbers(copy)) > 3 * number
                with Recording.open(str(copy)) as recording:
                    for exchange in recording.exchanges():
                        whole = exchange.outcome is not Outcome.COMPLETE or (
                            exchange.response == b"".join(part for _, part in reply(7, 60))
                        )
                        assert whole, exchange.number
        finally:
            asking.set()
            for agent in agents:
                agent.join(30)
            output = proxy.stop()
    assert "NOT" not in output


def test_status_of_a_real_recorder_says_who_records_and_what_is_in_flight(
    tmp_path: Path, capsys: Said
) -> None:
    where, answered = tmp_path / "k.db", threading.Event()

    def wait(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(b"data: {}\n\n")
        answered.wait(60)
        peer.chunk(b"")

    with upstream() as server:
        server.on("/v1/chat/completions", wait)
        proxy = start_proxy(server.url, where, tmp_path)
        request = request_bytes("/v1/chat/completions", b'{"messages": []}')
        agent = threading.Thread(target=fetch, args=(proxy.port, request), daemon=True)
        agent.start()
        try:
            wait_for(lambda: is_there(where), "the request", 60)
            assert run(["status", str(where)]) == 0
            live = capsys.readouterr().out
        finally:
            answered.set()
            agent.join(30)
            proxy.stop()
    assert f"{where}: 1 exchange\n" in live
    assert re.search(r"^recording  process \d+ on .+, since \d{4}-", live, re.M)
    assert re.search(r"^in flight  #1, for \d+ ", live, re.M)
    assert run(["status", str(where)]) == 0
    ended = capsys.readouterr().out
    assert "recording  nobody, now" in ended and "in flight" not in ended
