import pytest

from bench.client import BrokenStream, Client
from bench.sessions import DONE, Session
from bench.stream import Stream
from bench.upstream import Upstream


async def test_a_stamped_stream_arrives_whole_and_its_delays_are_measured() -> None:
    async with Upstream() as upstream:
        client = Client(upstream.streams, upstream.port)
        stream = Stream(count=20)
        await client.ask(b"{}", stream)
        client.close()

    assert stream.received == stream.sent == 20
    assert len(stream.delays_s) == 19  # [DONE] has no stamp
    assert 0 < stream.first_s < 10
    assert all(0 < delay < 10 for delay in stream.delays_s)


async def test_a_kept_connection_serves_one_request_after_another_in_any_pace() -> None:
    events = next(Session(seed=1).turns(1)).events
    streams = [
        Stream(events=events),
        Stream(events=events, window=1_000),
        Stream(count=5, interval_s=0.001),
        Stream(count=10**9, until=0),
    ]
    async with Upstream() as upstream:
        client = Client(upstream.streams, upstream.port)
        for stream in streams:
            await client.ask(b"x" * 100_000, stream)
        client.close()

    assert [s.received for s in streams] == [len(events), len(events), 5, 3]


async def test_a_stream_that_ends_early_is_no_measurement() -> None:
    async with Upstream() as upstream:
        client = Client(upstream.streams, upstream.port)
        with pytest.raises(BrokenStream):
            events = (b"data: 1\n\n", b"data: 2", DONE)
            await client.ask(b"{}", Stream(events=events, window=3))
