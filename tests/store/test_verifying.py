"""What is damaged is found, and what is not is saved; a real file is broken in many ways."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from kimitap.errors import DamagedRecording, NotARecording, UsageError
from kimitap.exchange import NO_REQUEST, NO_RESPONSE, Exchange, Outcome
from kimitap.store import Recording, RecordingWriter, opening
from kimitap.store.rescuing import rescue
from kimitap.store.verifying import Verdict, verify
from tests.support.requests_made import START, asked, conversation, reply

TURNS = 12


def fill(where: Path) -> None:
    with RecordingWriter(str(where)) as writer:
        for turn, body in enumerate(conversation(TURNS), 1):
            number = writer.begin(asked(body, turn))
            writer.respond(number, 200, "OK", (("Server", "s"),), "HTTP/1.1", START)
            writer.append(number, reply(turn))
            writer.finish(number, Outcome.COMPLETE, ended_at=START + timedelta(seconds=turn + 1))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("whole") / "k.db"
    fill(where)
    return where


@pytest.fixture
def where(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "k.db"))


def read(where: Path) -> dict[int, Exchange]:
    with Recording.open(str(where)) as recording:
        return {exchange.number: exchange for exchange in recording.exchanges()}


def damage(where: Path, *statements: str) -> Verdict:
    with closing(sqlite3.connect(where, isolation_level=None)) as db:
        for statement in statements:
            assert db.execute(statement).rowcount, statement
    return verify(str(where))


def test_a_whole_recording_is_whole(whole: Path) -> None:
    found = verify(str(whole))
    assert (found.exchanges, found.damages, found.harmed) == (TURNS, (), ())
    assert found.bodies == TURNS
    assert found.pieces > 2 * TURNS


def test_it_may_be_written_meanwhile(where: Path) -> None:
    with RecordingWriter(str(where)) as writer:
        number = writer.begin(asked(b'{"messages": []}', 40))
        writer.append(number, reply(40)[:2])
        found = verify(str(where))
    assert (found.exchanges, found.damages) == (TURNS + 1, ())


RESPONSE = "(SELECT response_id FROM exchange WHERE id = 5)"
PACK = f"(SELECT pack_id FROM piece WHERE id = {RESPONSE})"
LAST = f"(SELECT request_id FROM exchange WHERE id = {TURNS})"
BROKEN = {
    "a pack is no zstd": (
        f"UPDATE pack SET data = X'00' WHERE id = {PACK}",
        [5],
        "its response: a pack cannot be decompressed",
    ),
    "a pack is gone": (
        f"DELETE FROM pack WHERE id = {PACK}",
        [5],
        "response: pack",
    ),
    "a piece is another": (
        f"UPDATE piece SET digest = X'00000000000000000000000000000000' WHERE id = {RESPONSE}",
        [5],
        "does not match its digest",
    ),
    "a piece is shorter": (
        f"UPDATE piece SET length = length - 1 WHERE id = {RESPONSE}",
        [5],
        "does not match its digest",
    ),
    "a piece is gone": (f"DELETE FROM piece WHERE id = {RESPONSE}", [5], "is missing"),
    "a body is gone": (f"DELETE FROM body WHERE id = {LAST}", [TURNS], "is missing"),
    "a body's list is nonsense": (
        f"UPDATE body SET manifest = X'00FF' WHERE id = {LAST}",
        [TURNS],
        "no readable list",
    ),
    "a body is another's": (
        f"UPDATE body SET digest = X'01' WHERE id = {LAST}",
        [TURNS],
        "does not match its digest",
    ),
    "times are nonsense": (
        "UPDATE arrivals SET data = X'00' WHERE exchange_id = 5",
        [5],
        "when its parts came cannot be read",
    ),
    "times are gone": (
        "DELETE FROM arrivals WHERE exchange_id = 5",
        [5],
        "when its parts came is missing",
    ),
    "headers are something else": (
        f"UPDATE exchange SET request_headers_id = {RESPONSE} WHERE id = 5",
        [5],
        "holds no headers",
    ),
    "an outcome is none": ("UPDATE exchange SET outcome = 'fine' WHERE id = 5", [5], "is none"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_each_damage_is_found_where_it_is(where: Path, how: str) -> None:
    statement, harmed, said = BROKEN[how]
    found = damage(where, statement)
    assert list(found.harmed) == harmed
    assert any(said in one.what for one in found.damages), found.damages


def test_a_piece_that_all_share_harms_all(where: Path) -> None:
    first = "(SELECT min(id) FROM piece)"
    found = damage(where, f"UPDATE piece SET digest = X'AB' WHERE id = {first}")
    assert len(found.harmed) == TURNS


@pytest.mark.parametrize("how", [how for how in BROKEN if how != "an outcome is none"])
def test_what_is_not_damaged_is_saved_with_its_number(where: Path, how: str, whole: Path) -> None:
    statement, harmed, _ = BROKEN[how]
    damage(where, statement)
    into = where.with_name("saved.db")
    done = rescue(str(where), str(into))
    before, after = read(whole), read(into)
    assert (done.exchanges, done.lost) == (TURNS, ())
    assert set(done.incomplete) <= set(harmed)
    assert verify(str(into)).damages == ()
    for number, exchange in before.items():
        if number not in harmed:
            assert after[number] == exchange
        elif number in done.incomplete:
            assert "a part of the recording was lost" in after[number].detail


def test_a_lost_part_is_told_and_the_other_one_kept(where: Path, whole: Path) -> None:
    damage(where, BROKEN["a pack is gone"][0], BROKEN["a body is gone"][0])
    into = where.with_name("saved.db")
    rescue(str(where), str(into))
    before, after = read(whole), read(into)
    assert after[5].unkept == NO_RESPONSE
    assert after[5].request == before[5].request
    assert after[TURNS].detail.endswith(NO_REQUEST)
    assert after[TURNS].response == before[TURNS].response


def test_nothing_is_overwritten(where: Path, whole: Path) -> None:
    with pytest.raises(UsageError, match="name a new one"):
        rescue(str(where), str(whole))


def test_where_nothing_can_be_saved_nothing_is_left(where: Path) -> None:
    data = where.read_bytes()
    where.write_bytes(data[:100] + bytes(len(data) - 100))
    with pytest.raises(DamagedRecording):
        rescue(str(where), str(where.with_name("saved.db")))
    assert [path.name for path in where.parent.iterdir()] == [where.name]


def broken_pages(where: Path, seed: int) -> Iterator[None]:
    """Overwrite a few pages of the file, but not the first, with noise."""
    chosen = random.Random(seed)
    data = bytearray(where.read_bytes())
    for _ in range(chosen.randint(1, 4)):
        at = chosen.randrange(8, len(data) // 1024) * 1024
        data[at : at + 1024] = chosen.randbytes(1024)
    where.write_bytes(data)
    yield


@pytest.mark.parametrize("seed", range(40))
def test_pages_of_noise_are_found_and_the_rest_is_saved(
    where: Path, seed: int, whole: Path
) -> None:
    next(broken_pages(where, seed))
    try:
        opening.reader(str(where)).close()
    except (DamagedRecording, NotARecording):
        return  # what names the tables is gone
    found = verify(str(where))
    assert found.damages
    into = where.with_name("saved.db")
    if not found.exchanges:  # the root of their table is gone
        return
    done = rescue(str(where), str(into))
    before, after = read(whole), read(into)
    assert verify(str(into)).damages == ()
    assert set(after) <= set(before)
    for number in set(after) - set(done.incomplete) - set(found.harmed):
        assert after[number].request.content == before[number].request.content
        assert after[number].response == before[number].response
