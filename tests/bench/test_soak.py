"""The soak itself: it loses and alters nothing in a short run, and would tell if something did."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import soak
from bench.asks import Ask, Record, Way, asks, fault_of, record_of
from bench.comparing import Compared, compared
from bench.flatness import Sample, growths, slope
from kimitap.exchange import Body, Exchange, Outcome
from tests.support.requests_made import asked

BODY = b'{"messages": []}'
PARTS = (b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n")


def over(way: Way, stop_after: int | None = None) -> Ask:
    """An ask that went well, as both ends saw it."""
    ask = Ask(way, BODY, PARTS, stop_after=stop_after)
    ask.heard, ask.got_status = record_of(ask).request, 200
    ask.written_ns = [0] * len(PARTS)
    ask.arrived(b"".join(PARTS[:stop_after]), 1_000_000)
    return ask


def seen(ask: Ask, **more: object) -> Exchange:
    """How the recorder should have seen it."""
    values: dict[str, object] = {
        "request_headers": (("X-Request-Id", ask.name),),
        "status": 200,
        "response": b"".join(PARTS),
        "outcome": Outcome.COMPLETE,
    }
    return asked(BODY, **(values | more))


@pytest.mark.parametrize("recorder", ["addon", "record"])
async def test_a_short_soak_loses_and_alters_nothing(recorder: str, tmp_path: Path) -> None:
    done = await soak.soak(recorder, agents=2, seconds=3, folder=tmp_path)

    assert len(done.recorded.records) == done.compared.found >= 2
    assert (done.compared.lost, done.compared.altered, done.recorded.faults) == ([], [], [])
    assert done.sound
    assert done.samples[-1].proxy_mb > 10 < done.samples[-1].writer_mb
    named = {row.name: row for row in soak.rows(recorder, done)}
    assert named["exchanges"].value == done.compared.found
    assert named["delay of an event, p99"].value > 0


def records(*some: Ask) -> dict[str, Record]:
    return {ask.name: record_of(ask) for ask in some}


def test_what_is_as_it_was_is_neither_lost_nor_altered() -> None:
    ask, cut = over(Way.STREAM), over(Way.CUT, 1)
    part = seen(cut, response=b"".join(PARTS[:2]), outcome=Outcome.SERVER_CUT)
    found = compared([seen(ask), part], records(ask, cut))
    assert found == Compared(found=2, ways=found.ways)


def test_an_exchange_that_is_not_there_is_lost() -> None:
    ask, other = over(Way.STREAM), over(Way.STREAM)
    found = compared([seen(ask)], records(ask, other))
    assert found.lost == [f"{other.name} (stream)"]


def wrong() -> Iterator[tuple[Ask, Exchange]]:
    whole, cut = over(Way.STREAM), over(Way.CUT, 2)
    yield whole, seen(whole, response=b"".join(PARTS[:2]))
    yield whole, replace(seen(whole), request=Body.whole(BODY + b" "))
    yield whole, seen(whole, status=500)
    yield cut, seen(cut, response=PARTS[0], outcome=Outcome.SERVER_CUT)
    yield cut, seen(cut, response=b"data: 9\n\n" * 2, outcome=Outcome.SERVER_CUT)


@pytest.mark.parametrize("case", range(5))
def test_what_is_not_the_same_is_altered(case: int) -> None:
    ask, exchange = list(wrong())[case]
    assert len(compared([exchange], records(ask)).altered) == 1


def test_another_outcome_and_what_nobody_asked_for_are_told() -> None:
    ask = over(Way.STREAM)
    found = compared([seen(ask, outcome=Outcome.SERVER_CUT), seen(ask)], records(ask))
    assert len(found.misjudged) == 1
    assert found.extra == 1


def test_the_ends_tell_what_was_lost_between_them() -> None:
    assert fault_of(over(Way.STREAM)) == ""
    short, other = over(Way.STREAM), over(Way.STREAM)
    del short.got[-1:]
    other.got[:4] = b"DATA"
    deaf = over(Way.STREAM)
    deaf.heard = b"another"
    assert "of 27 bytes" in fault_of(short)
    assert fault_of(other) == "the client got other bytes"
    assert fault_of(deaf) == "the server got another request"


def test_a_delay_is_from_the_writing_of_a_part_to_its_last_byte() -> None:
    ask = Ask(Way.STREAM, BODY, PARTS)
    ask.written_ns = [1_000_000, 2_000_000]
    ask.arrived(PARTS[0] + PARTS[1][:-1], 5_000_000)
    assert ask.delays_s == [0.004]
    ask.arrived(PARTS[1][-1:], 7_000_000)
    assert ask.delays_s == [0.004, 0.005]


def test_agents_do_all_that_real_ones_do() -> None:
    ways = {ask.way for ask, _ in zip(asks(1), range(150), strict=False)}
    assert ways == set(Way)


def test_a_slope_is_what_is_gained_in_a_second() -> None:
    assert slope([0, 1, 2, 3], [10, 12, 14, 16]) == pytest.approx(2)
    assert slope([0], [10]) == 0


def samples(writer_mb: float = 0.0, kb: float = 40.0, seconds: float = 600.0) -> list[Sample]:
    """A soak whose writer gains so much in its second half, and whose exchanges take `kb` then."""
    made, file_mb = [], 1.0
    for at in range(101):
        late = max(0.0, at / 50 - 1)
        file_mb += (kb if late else 40.0) * 10 / 1000 + 0.5
        big = Sample(
            at / 100 * seconds, 11 * at, 100, 200 + writer_mb * late, 90, file_mb, 0, at, at * 1.0
        )
        made.append(big)
    return made


def done(made: list[Sample], **wrong: object) -> soak.Soak:
    fleet = soak.Fleet.__new__(soak.Fleet)
    fleet.faults = []
    return soak.Soak(fleet, fleet, made, replace(Compared(), **wrong), 0, {})  # type: ignore[arg-type]


def test_what_stays_as_it_was_is_flat() -> None:
    assert done(samples()).growing == []
    assert done(samples(writer_mb=5)).growing == []  # 5 of 200 MB


@pytest.mark.parametrize(
    ("made", "what"),
    [(samples(writer_mb=30), "memory of the writer"), (samples(kb=60), "an exchange in the file")],
)
def test_memory_and_a_file_that_grow_are_told(made: list[Sample], what: str) -> None:
    (growth,) = done(made).growing
    assert growth.what.startswith(what)
    assert growth.share > growth.most


def test_what_the_plain_proxy_gains_too_is_no_growth_of_the_recorders() -> None:
    more = [replace(s, proxy_mb=100 + s.at_s / 30, plain_mb=90 + s.at_s / 30) for s in samples()]
    assert done(more).growing == []
    alone = [replace(s, proxy_mb=100 + s.at_s / 30) for s in samples()]
    assert [one.what for one in done(alone).growing] == ["memory of the proxy"]


def test_a_short_soak_cannot_tell() -> None:
    assert done(samples(writer_mb=90, seconds=60)).growing == []


def test_big_bodies_are_no_growth_of_the_file() -> None:
    even = samples()
    more = [replace(s, digits_mb=s.digits_mb + 20, file_mb=s.file_mb + 10) for s in even[51:]]
    (file,) = (one for one in growths([*even[:51], *more]) if "file" in one.what)
    assert file.flat


@pytest.mark.parametrize("wrong", ["lost", "altered", "misjudged"])
def test_what_is_wrong_with_one_exchange_makes_a_soak_unsound(wrong: str) -> None:
    assert done(samples()).sound
    assert not done(samples(), **{wrong: ["7 (stream)"]}).sound
    assert not done(samples(), extra=1).sound
