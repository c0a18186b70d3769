"""The machine's clock is put back or forward: order, durations and the conversation stay right."""

import threading
import time
from itertools import pairwise
from pathlib import Path

import orjson

from kimitap.analysis import Analysis
from kimitap.exchange import Outcome
from kimitap.store import Recording
from tests.faults.conftest import Begin
from tests.support.altered_clock import YEAR_S, AlteredClock
from tests.support.proxy import Client, Peer, Proxy, Upstream, dechunked, fetch, request_bytes
from tests.support.recorders import stop
from tests.support.wholeness import assert_whole, ended, recorded

TURNS = 6
SHIFTS_S = (0.0, YEAR_S, -YEAR_S, -YEAR_S, 0.0, YEAR_S)
"""By how much the clock is wrong in each turn."""
PATH = "/v1/chat/completions"


def event(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def delta(fields: dict[str, str], reason: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]})


def talk(
    proxy: Proxy,
    server: Upstream,
    clock: AlteredClock,
    shifts: tuple[float, ...],
    said: list[dict[str, str]] | None = None,
) -> None:
    """A conversation of which every turn finds another date, each also within its reply; or it goes
    on after what was `said`, each turn with one date."""
    within = threading.Event()
    go_on = threading.Event()

    def play(peer: Peer) -> None:
        turn = len(orjson.loads(peer.body)["messages"]) // 2
        peer.stream_head()
        peer.chunk(delta({"role": "assistant", "content": f"reply {turn} "}))
        within.set()
        assert go_on.wait(60)
        peer.chunk(delta({"content": "ends"}))
        peer.chunk(delta({}, "stop") + b"data: [DONE]\n\n")
        peer.chunk(b"")

    server.on(PATH, play)
    messages = [] if said is None else said
    for turn, shift_s in enumerate(shifts, len(messages) // 2):
        messages.append({"role": "user", "content": f"question {turn}"})
        body = orjson.dumps({"model": "m", "messages": messages, "stream": True})
        request = request_bytes(PATH, body)
        client = Client(proxy.port).send(request[:-20])
        clock.put(shift_s)
        time.sleep(0.05)  # the proxy has the head by now, and looks at the clock
        client.send(request[-20:])
        assert within.wait(60)
        clock.put(-shift_s if said is None else shift_s)
        time.sleep(0.05)
        go_on.set()
        assert b"[DONE]" in dechunked(client.rest().partition(b"\r\n\r\n")[2])
        within.clear()
        go_on.clear()
        messages.append({"role": "assistant", "content": f"reply {turn} ends"})


def threads(where: Path) -> list[list[int]]:
    """The exchanges of each thread that is woven of the recording."""
    with Recording.open(str(where)) as recording:
        found = Analysis(recording)
        found.refresh()
        return [[turn.exchange for turn in thread.turns] for thread in found.threads]


def test_a_clock_that_jumps_by_a_year_changes_no_order_no_duration_and_no_conversation(
    begin: Begin, server: Upstream, where: Path, tmp_path: Path
) -> None:
    clock = AlteredClock(tmp_path)
    proxy = begin(server.url, where, **clock.variables)
    talk(proxy, server, clock, SHIFTS_S)
    assert f"{TURNS} exchanges recorded" in stop(proxy)
    found = ended(where, TURNS)
    assert [exchange.outcome for exchange in found] == [Outcome.COMPLETE] * TURNS
    for before, after in pairwise(found):
        assert before.ended_at
        assert before.ended_at <= after.started_at
    for exchange in found:
        assert exchange.headers_at
        assert exchange.ended_at
        assert exchange.started_at <= exchange.headers_at <= exchange.ended_at
        took_s = (exchange.ended_at - exchange.started_at).total_seconds()
        times = [segment.at_s for segment in exchange.segments]
        assert 0.05 < took_s < 120
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] <= took_s + 0.01
    assert_whole(where)
    assert threads(where) == [[1, 2, 3, 4, 5, 6]]


def test_a_clock_that_was_put_back_while_no_recorder_ran_changes_no_order_and_no_conversation(
    begin: Begin, server: Upstream, where: Path, tmp_path: Path
) -> None:
    server.on("/first", lambda peer: peer.answer(b"{}"))
    clock = AlteredClock(tmp_path)
    messages: list[dict[str, str]] = []
    for run, shift_s in enumerate((0.0, -3600.0, -7200.0)):
        clock.put(shift_s)
        proxy = begin(server.url, where, **clock.variables)
        fetch(proxy.port, request_bytes(f"/first?{run}", b"{}"))
        recorded(where, f"/first?{run}")  # the recorder knows by now what is there
        talk(proxy, server, clock, (shift_s, shift_s), messages)
        stop(proxy)
    found = [exchange for exchange in ended(where, 9) if exchange.path == PATH]
    for before, after in pairwise(found):
        assert before.ended_at
        assert before.ended_at <= after.started_at
    assert (found[-1].started_at - found[0].started_at).total_seconds() < 600
    assert_whole(where)
    assert threads(where) == [[2, 3, 5, 6, 8, 9]]


def test_the_altered_clock_is_what_the_recorder_reads(
    begin: Begin, server: Upstream, where: Path, tmp_path: Path
) -> None:
    clock = AlteredClock(tmp_path)
    clock.put(YEAR_S)
    proxy = begin(server.url, where, **clock.variables)
    talk(proxy, server, clock, (YEAR_S,))
    stop(proxy)
    (exchange,) = ended(where, 1)
    assert exchange.started_at.timestamp() > time.time() + YEAR_S / 2
