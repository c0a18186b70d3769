"""Bytes of a real recording are flipped anywhere: it is said, nothing breaks, the rest is saved."""

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kimitap.cli import run
from kimitap.errors import KimitapError
from kimitap.exchange import Exchange, Outcome
from kimitap.store import Loss, Recording, RecordingWriter
from kimitap.store.rescuing import Rescued, rescue
from kimitap.store.verifying import Verdict, verify
from tests.support.requests_made import START, asked, conversation, reply

TURNS = 10
LOSSES = (Loss(START, 2, "the disk was full"), Loss(START + timedelta(hours=1), 1, "too much"))
SEEDS = range(100)
AT_ONCE = 10


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("whole") / "k.db"
    with RecordingWriter(str(where)) as writer:
        for turn, body in enumerate(conversation(TURNS, words=60), 1):
            number = writer.begin(asked(body, turn))
            writer.respond(number, 200, "OK", (("Server", "s"),), "HTTP/1.1", START)
            writer.append(number, reply(turn))
            ended = START + timedelta(seconds=turn + 1)
            writer.finish(number, Outcome.COMPLETE, ended_at=ended)
        for loss in LOSSES:
            writer.lose(loss.count, loss.reason, loss.at)
    return where


def read(where: Path) -> dict[int, Exchange]:
    with Recording.open(str(where)) as recording:
        return {exchange.number: exchange for exchange in recording.exchanges()}


def losses(where: Path) -> tuple[Loss, ...]:
    with Recording.open(str(where)) as recording:
        return recording.losses()


def content(exchange: Exchange) -> tuple[object, ...]:
    """What is hashed; times, paths and numbers are not."""
    names = [name for name, _ in exchange.request_headers]
    return exchange.request.content, exchange.response, names


def flipped(whole: Path, where: Path, seed: int) -> None:
    """Change a few bytes of a copy, anywhere."""
    chosen = random.Random(f"flip {seed}")
    data = bytearray(whole.read_bytes())
    for _ in range(chosen.choice((1, 1, 1, 3, 20))):
        data[chosen.randrange(len(data))] ^= chosen.randrange(1, 256)
    where.write_bytes(data)


def verdict(where: Path) -> Verdict | str:
    try:
        return verify(str(where))
    except KimitapError as error:
        return str(error)


@pytest.mark.parametrize("first", range(0, len(SEEDS), AT_ONCE))
def test_flipped_bytes_are_told_and_the_rest_is_saved(
    whole: Path, tmp_path: Path, first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read(whole)
    for seed in SEEDS[first : first + AT_ONCE]:
        where, into = tmp_path / f"{seed}.db", tmp_path / f"saved{seed}.db"
        flipped(whole, where, seed)
        found = verdict(where)
        status = run(["verify", str(where), "--save", str(into)])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        if isinstance(found, str):
            assert (status, said.err.count("\n")) == (2, 1), (seed, said.err)
            assert found and not into.exists()
            continue
        if status == 2:  # enough to say what is damaged, not enough to save anything
            assert found.damages and not into.exists(), seed
            continue
        assert status == (1 if found.damages else 0), seed
        assert ("damaged: " in said.out) is bool(found.damages), seed
        assert verify(str(into)).damages == (), seed
        hold_together(before, read(into), found, said.out, seed)
        if not found.damages:
            assert losses(into) == LOSSES or losses(where) != LOSSES, seed


def hold_together(
    before: dict[int, Exchange], after: dict[int, Exchange], found: Verdict, said: str, seed: int
) -> None:
    """What is not said to be harmed is saved as it was."""
    for number, exchange in before.items():
        if number in found.harmed or f"#{number}" in said:
            continue
        if number not in after:  # its number itself was changed, or its table's root
            assert found.damages or set(after) - set(before), (seed, number)
            continue
        kept = content(after[number])
        assert kept == content(exchange) or after[number].detail != exchange.detail, (seed, number)


def test_what_was_lost_while_recording_is_said_in_the_saved_one_too(
    whole: Path, tmp_path: Path
) -> None:
    into = tmp_path / "saved.db"
    assert rescue(str(whole), str(into)) == Rescued(TURNS, (), ())
    assert losses(into) == LOSSES
    assert read(into) == read(whole)


def test_losses_that_cannot_be_read_do_not_keep_the_exchanges_out(
    whole: Path, tmp_path: Path
) -> None:
    where, into = Path(shutil.copy(whole, tmp_path / "k.db")), tmp_path / "saved.db"
    with closing(sqlite3.connect(where)) as database:
        (page,) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'loss'"
        ).fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    data = bytearray(where.read_bytes())
    data[(page - 1) * size : page * size] = random.Random(1).randbytes(size)
    where.write_bytes(data)
    assert verify(str(where)).damages
    assert rescue(str(where), str(into)).exchanges == TURNS
    assert losses(into) == ()
    assert verify(str(into)).damages == ()


def test_an_exchange_in_flight_is_saved_as_far_as_it_had_come(tmp_path: Path) -> None:
    where, into = tmp_path / "k.db", tmp_path / "saved.db"
    with RecordingWriter(str(where)) as writer:
        number = writer.begin(asked(b'{"messages": []}'))
        writer.append(number, reply(1)[:7])
        assert rescue(str(where), str(into)).exchanges == 1
        here = read(where)[number]
    kept = read(into)[number]
    assert kept.response == here.response
    assert kept.outcome is Outcome.INTERRUPTED
    assert replace(kept, outcome=here.outcome, ended_at=here.ended_at, detail=here.detail) == here
