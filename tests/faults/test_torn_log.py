"""A write-ahead log that is cut off or altered: what stood before is there, and damage is said."""

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from kimitap.errors import DamagedRecording
from kimitap.exchange import Exchange, Outcome
from kimitap.store import RecordingWriter
from kimitap.store.verifying import verify
from tests.faults.conftest import Begin
from tests.support.proxy import Upstream, fetch, request_bytes
from tests.support.recorders import stop
from tests.support.requests_made import START, asked, conversation, reply
from tests.support.wholeness import assert_whole, exchanges

TURNS = 30
HEAD, FRAME_HEAD = 32, 24
SEEDS = range(12)


def log_of(where: Path) -> Path:
    return where.with_name(f"{where.name}-wal")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording as a kill leaves it, with a long log beside it, some of which is in the file."""
    folder = tmp_path_factory.mktemp("left")
    writer = RecordingWriter(str(folder / "open.db"))
    with closing(sqlite3.connect(folder / "open.db", isolation_level=None)) as database:
        database.execute("UPDATE recorder SET process_started = 'another'")  # it will be dead
    for turn, body in enumerate(conversation(TURNS), 1):
        if turn == TURNS // 3:
            fold(folder / "open.db")
        number = writer.begin(asked(body, turn))
        writer.respond(number, 200, "OK", (("Server", "s"),), "HTTP/1.1", START)
        writer.append(number, reply(turn))
        writer.finish(number, Outcome.COMPLETE, ended_at=START + timedelta(seconds=turn + 1))
    for name in ("open.db", "open.db-wal"):
        shutil.copy(folder / name, folder / name.replace("open", "k"))
    writer.close()
    assert len(frames(folder / "k.db")) > 200
    return folder / "k.db"


def fold(where: Path) -> None:
    """Take the log into the file, and begin it anew."""
    with closing(sqlite3.connect(where)) as database:
        assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


@pytest.fixture
def torn(left: Path, tmp_path: Path) -> Path:
    """A copy to tear."""
    shutil.copy(log_of(left), tmp_path / "k.db-wal")
    return Path(shutil.copy(left, tmp_path / "k.db"))


@pytest.fixture(scope="module")
def whole(left: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Exchange]:
    """What was recorded."""
    copy = tmp_path_factory.mktemp("whole") / "k.db"
    shutil.copy(log_of(left), log_of(copy))
    shutil.copy(left, copy)
    return exchanges(copy)


def frames(where: Path) -> range:
    """Where the frames of the log begin."""
    log = log_of(where).read_bytes()
    size = FRAME_HEAD + int.from_bytes(log[8:12], "big")
    places = range(HEAD, len(log) - size + 1, size)
    assert all(log[at + 8 : at + 16] == log[16:24] for at in places), "frames of an older log"
    return places


def lost_by(where: Path, first: int) -> int:
    """How many transactions of the log end in frames that do not lie wholly before that byte."""
    log, places = log_of(where).read_bytes(), frames(where)
    ends = [at + places.step for at in places if int.from_bytes(log[at + 4 : at + 8], "big")]
    return sum(end > first for end in ends)


def assert_beginning(where: Path, whole: list[Exchange], lost: int) -> None:
    """The first exchanges are there as they were, but for what the last transactions had written,
    of which each exchange takes four."""
    found = exchanges(where)
    kept = [exchange for exchange in found if exchange.ended_at]
    assert kept == whole[: len(kept)]
    assert len(kept) == TURNS - -(-lost // 4)
    assert found[: len(kept)] == kept
    for exchange in found[len(kept) :]:
        assert exchange.number == len(kept) + 1
        assert exchange.request == whole[len(kept)].request
        assert whole[len(kept)].response.startswith(exchange.response)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_log_that_is_cut_off_anywhere_costs_only_what_came_after(
    torn: Path, whole: list[Exchange], seed: int
) -> None:
    log = log_of(torn).read_bytes()
    at = random.Random(seed).randrange(frames(torn)[100], len(log))
    lost = lost_by(torn, at)
    log_of(torn).write_bytes(log[:at])
    assert_beginning(torn, whole, lost)
    assert verify(str(torn)).damages == ()
    assert_goes_on(torn)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_log_with_altered_bytes_is_taken_up_to_them(
    torn: Path, whole: list[Exchange], seed: int
) -> None:
    chosen = random.Random(seed)
    log = bytearray(log_of(torn).read_bytes())
    at = chosen.randrange(frames(torn)[100], len(log))
    lost = lost_by(torn, at)
    for place in (at, *(chosen.randrange(at, len(log)) for _ in range(chosen.randint(0, 8)))):
        log[place] ^= chosen.randint(1, 255)
    log_of(torn).write_bytes(log)
    assert_beginning(torn, whole, lost)
    assert verify(str(torn)).damages == ()
    assert_goes_on(torn)


def assert_goes_on(where: Path) -> None:
    """A recorder opens it, ends what was open, and writes on."""
    with RecordingWriter(str(where)) as writer:
        number = writer.begin(asked(b'{"messages":["later"]}', 99))
        writer.finish(number, Outcome.COMPLETE)
    assert exchanges(where)[-1].request.content == b'{"messages":["later"]}'
    assert_whole(where)


@pytest.mark.parametrize("seed", range(8))
def test_pages_that_were_copied_into_the_file_half_are_found(torn: Path, seed: int) -> None:
    """The log was half folded into the file when the power was cut, and was then removed."""
    chosen = random.Random(seed)
    log, places = log_of(torn).read_bytes(), frames(torn)
    page = places.step - FRAME_HEAD
    data = bytearray(torn.read_bytes())
    newest = {int.from_bytes(log[at : at + 4], "big"): at for at in places}
    some = chosen.sample(sorted(newest), len(newest) // 2)
    for number in some:
        start = (number - 1) * page
        data.extend(bytes(max(0, start + page - len(data))))
        at = newest[number] + FRAME_HEAD
        data[start : start + page] = log[at : at + page]
    torn.write_bytes(data)
    log_of(torn).unlink()
    try:
        assert verify(str(torn)).damages
    except DamagedRecording as error:  # so little is left that it cannot be looked through
        assert "is damaged" in str(error)


def test_a_recorder_that_finds_a_torn_log_records_on(
    begin: Begin, server: Upstream, torn: Path, whole: list[Exchange]
) -> None:
    log = log_of(torn).read_bytes()
    log_of(torn).write_bytes(log[: len(log) * 2 // 3 + 7])
    server.on("/later", lambda peer: peer.answer(b"answer"))
    proxy = begin(server.url, torn)
    assert fetch(proxy.port, request_bytes("/later", b"{}"))[1] == b"answer"
    stop(proxy)
    found = exchanges(torn)
    assert (found[-1].path, found[-1].response) == ("/later", b"answer")
    assert found[:5] == whole[:5]
    assert_whole(torn)
