"""The moments of an exchange: what the recorder saw, and what it did not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kimitap.exchange import Exchange, Segment
from kimitap.transcript.wire_times import Stall, WireTimes, stream_speed, wire_times
from tests.support import threads
from tests.support.still import exchange


def at(*seconds: float, ended_s: float | None = None) -> Exchange:
    made = exchange(1, b"{}", b"x" * len(seconds))
    ended = None if ended_s is None else made.started_at + timedelta(seconds=ended_s)
    segments = tuple(Segment(second, 1) for second in seconds)
    return replace(made, segments=segments, ended_at=ended)


def test_the_moments_come_in_their_order() -> None:
    times = wire_times(at(0.5, 1.0, 1.5, ended_s=1.6), [1.0, 1.5])
    assert (times.first_s, times.spoke_s, times.last_s, times.ended_s) == (0.5, 1.0, 1.5, 1.6)
    assert times.headers_s == 0.0
    assert times.length_s == 1.6
    assert times.speaking_s == pytest.approx(0.5)
    assert times.pieces == 3


def test_a_silence_of_more_than_two_seconds_is_a_stall() -> None:
    times = wire_times(at(1.0, 2.9, 7.1, ended_s=10.0), [])
    assert times.stalls == (Stall(2.9, pytest.approx(4.2)), Stall(7.1, pytest.approx(2.9)))


def test_the_wait_for_the_first_byte_is_no_stall() -> None:
    assert wire_times(at(30.0, 30.5, ended_s=30.6), []).stalls == ()
    assert wire_times(at(ended_s=30.0), []).stalls == ()


def test_what_never_came_is_none() -> None:
    times = wire_times(replace(at(), headers_at=None), [])
    assert times == WireTimes()
    assert times.length_s == 0.0
    assert times.speaking_s is None


def test_the_speed_is_of_the_tokens_over_the_time_in_which_they_came() -> None:
    turn = threads.turn(1, [threads.user("go")], threads.assistant("x" * 400))
    times = wire_times(at(1.0, 1.5, 3.0, ended_s=3.0), [1.0, 1.5, 3.0])
    assert turn.reply.usage.completion_tokens == 140
    assert stream_speed(turn, times) == pytest.approx(70.0)


def test_what_came_in_one_part_has_no_speed() -> None:
    turn = threads.turn(1, [threads.user("go")], threads.assistant("x" * 400))
    assert stream_speed(turn, wire_times(at(3.0, ended_s=3.1), [3.0])) is None
