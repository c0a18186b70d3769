"""The recorder's clock: it follows the wall clock, but never back."""

import random

from kimitap.recorder.timeline import Timeline

YEAR_S = 365 * 86_400.0


def test_it_is_the_wall_clock_as_long_as_that_runs() -> None:
    timeline = Timeline()
    assert [timeline.now(1000.0 + i, 5.0 + i) for i in range(5)] == [1000.0 + i for i in range(5)]


def test_it_follows_a_clock_that_is_put_forward_or_a_machine_that_slept() -> None:
    timeline = Timeline()
    timeline.now(1000.0, 5.0)
    assert timeline.now(1000.0 + YEAR_S, 6.0) == 1000.0 + YEAR_S


def test_it_goes_on_at_its_own_pace_where_the_clock_is_put_back_until_that_has_caught_up() -> None:
    timeline = Timeline()
    timeline.now(1000.0, 5.0)
    assert timeline.now(900.0, 15.0) == 1010.0
    assert timeline.now(930.0, 45.0) == 1040.0
    assert timeline.now(1100.0, 50.0) == 1100.0


def test_a_clock_that_is_slowed_down_a_little_is_followed() -> None:
    timeline = Timeline()
    timeline.now(1000.0, 5.0)
    assert timeline.now(1009.7, 15.0) == 1009.7
    assert timeline.now(1009.2, 15.1) == 1009.7  # but not back
    hour = timeline.now(1009.7 + 3599.0, 15.1 + 3600.0)
    assert hour == 1009.7 + 3599.0


def test_it_goes_on_after_what_was_recorded_before_a_clock_was_put_back_by_up_to_a_day() -> None:
    timeline = Timeline()
    timeline.go_on_after(4600.0, 1000.0, 5.0)
    assert timeline.now(1002.0, 7.0) == 4602.0
    timeline.go_on_after(3000.0, 1003.0, 8.0)
    assert timeline.now(1003.0, 8.0) == 4603.0
    assert timeline.now(5000.0, 9.0) == 5000.0


def test_it_takes_over_no_date_that_is_far_off() -> None:
    timeline = Timeline()
    timeline.go_on_after(1000.0 + YEAR_S, 1000.0, 5.0)
    assert timeline.now(1001.0, 6.0) == 1001.0


def test_it_never_runs_back_whatever_the_clock_does() -> None:
    chosen = random.Random(1)
    timeline, steady, last = Timeline(), 0.0, 0.0
    for _ in range(10_000):
        steady += chosen.expovariate(1)
        now = timeline.now(steady + chosen.choice((0.0, 0.3, -0.3, 50.0, -50.0, YEAR_S)), steady)
        assert now >= last
        last = now
