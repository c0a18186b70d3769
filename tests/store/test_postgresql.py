"""The same recording on PostgreSQL: needs `psycopg`, and an empty database to write into.

KIMITAP_TEST_POSTGRESQL=postgresql+psycopg://me@127.0.0.1/empty pytest tests/store
"""

import os
import threading

import pytest

from kimitap.errors import NotARecording
from kimitap.exchange import Outcome
from kimitap.store import Loss, Recording, RecordingWriter, delete, migrate
from tests.support.requests_made import START, asked, conversation, reply

URL = os.environ.get("KIMITAP_TEST_POSTGRESQL", "")

pytestmark = pytest.mark.skipif(not URL, reason="KIMITAP_TEST_POSTGRESQL names no database")


def write(seed: int) -> None:
    with RecordingWriter(URL) as writer:
        for turn, body in enumerate(conversation(20, seed)):
            number = writer.begin(asked(body, turn))
            writer.respond(number, 200, "OK", (("Server", "s"),), "HTTP/1.1", START)
            writer.append(number, reply(turn))
            writer.finish(number, Outcome.COMPLETE)


def test_writers_of_many_machines_share_one_recording() -> None:
    with pytest.raises(NotARecording):
        Recording.open(URL)
    writers = [threading.Thread(target=write, args=(seed,)) for seed in (1, 1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert migrate(URL) is False
    with Recording.open(URL) as recording, RecordingWriter(URL) as writer:
        read = list(recording.exchanges())
        bodies = sorted(exchange.request.content for exchange in read)
        assert bodies == sorted(conversation(20, 1) * 2 + conversation(20, 2))
        replies = {b"".join(data for _, data in reply(turn)) for turn in range(20)}
        assert {exchange.response for exchange in read} == replies
        before = recording.version()
        number = writer.begin(asked(b"{}"))
        writer.append(number, [(0.5, b"half")])
        writer.lose(2, "test", START)
        assert recording.version() != before
        assert recording.in_flight() == [number]
        assert recording.exchange(number).response == b"half"
        assert recording.losses() == (Loss(START, 2, "test"),)


def test_what_is_deleted_is_gone_and_a_recorder_that_goes_on_stores_it_again() -> None:
    with RecordingWriter(URL) as writer, Recording.open(URL) as recording:
        last = max(recording.numbers(), default=0)
        kept = {exchange.number: exchange for exchange in recording.exchanges()}
        numbers: dict[bool, list[int]] = {False: [], True: []}
        for again in numbers:
            for turn, body in enumerate(conversation(20, 5)):
                number = writer.begin(asked(body, turn))
                writer.append(number, reply(turn))
                writer.finish(number, Outcome.COMPLETE)
                numbers[again].append(number)
            if not again:
                assert delete(URL, numbers[False]).exchanges == 20
        seen = {exchange.number: exchange for exchange in recording.exchanges()}
    assert seen.keys() == {*kept, *numbers[True]}
    assert min(numbers[True]) > max(numbers[False]) > last
    assert all(seen[number] == exchange for number, exchange in kept.items())
    bodies = [seen[number].request.content for number in numbers[True]]
    assert bodies == conversation(20, 5)
