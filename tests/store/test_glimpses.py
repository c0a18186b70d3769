from datetime import timedelta
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from kimitap.store import Recording, RecordingWriter
from tests.support.requests_made import START, asked, conversation, reply


@pytest.fixture
def where(tmp_path: Path) -> str:
    """Three exchanges: one answered, one refused, one in flight."""
    where = str(tmp_path / "k.db")
    bodies = conversation(3)
    with RecordingWriter(where) as writer:
        first = writer.begin(asked(bodies[0], client="127.0.0.1:1"))
        writer.respond(first, 200, "OK", (), "HTTP/1.1", START)
        writer.append(first, reply(1))
        writer.finish(first, Outcome.COMPLETE, ended_at=START + timedelta(seconds=2.5))
        second = writer.begin(asked(bodies[1], 10, method="GET", path="/props", host="other"))
        writer.finish(second, Outcome.REFUSED, ended_at=START + timedelta(seconds=10))
        third = writer.begin(asked(bodies[2], 20))
        writer.append(third, [(0.1, b"data: 1\n\n")])
        with Recording.open(where) as recording:
            assert recording.glimpses()[2].outcome == Outcome.IN_FLIGHT
            assert recording.glimpses()[2].duration_s is None
            assert recording.glimpses()[2].response_size is None
    return where


def test_a_glimpse_tells_what_the_exchange_tells(where: str) -> None:
    with Recording.open(where) as recording:
        seen, read = recording.glimpses(), list(recording.exchanges())
    assert [one.number for one in seen] == [one.number for one in read] == [1, 2, 3]
    for glimpse, exchange in zip(seen, read, strict=True):
        assert exchange.ended_at is not None and glimpse.duration_s is not None
        assert glimpse.started_at == exchange.started_at
        lasted = exchange.ended_at - exchange.started_at
        assert timedelta(seconds=glimpse.duration_s) == lasted
        for name in ("method", "host", "path", "client", "outcome", "status"):
            assert getattr(glimpse, name) == getattr(exchange, name), name
        assert (glimpse.response_size or 0) == len(exchange.response)


def test_only_later_exchanges_are_listed_and_counted_where_that_is_asked(where: str) -> None:
    with Recording.open(where) as recording:
        assert [one.number for one in recording.glimpses(after=1)] == [2, 3]
        assert [recording.count(), recording.count(after=2), recording.count(after=3)] == [3, 1, 0]


def test_no_body_is_read_for_a_glimpse(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Recording.open(where) as recording:
        monkeypatch.setattr(recording, "_content", None)
        assert len(recording.glimpses()) == 3
