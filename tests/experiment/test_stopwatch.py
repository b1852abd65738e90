"""The time in which a runner was suspended is none that was spent."""

from __future__ import annotations

import time

import pytest

from hpo.experiment.stopwatch import Stopwatch


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_it_goes_on_from_what_earlier_runners_spent(clock: Clock) -> None:
    watch = Stopwatch(30.0)
    clock.now += 5
    assert watch.leave_out(was_continued=False) == 0
    assert watch.elapsed == 35.0


def test_since_the_last_look_it_was_suspended_if_it_was_continued(clock: Clock) -> None:
    watch = Stopwatch(0.0)
    clock.now += 5
    watch.leave_out(was_continued=False)
    clock.now += 60
    assert watch.leave_out(was_continued=True, since=clock.now - 1) == 60
    clock.now += 2
    assert watch.elapsed == 7.0


def test_what_passed_since_a_moment_is_left_out_where_only_the_time_tells_of_it(clock: Clock) -> None:
    watch = Stopwatch(0.0)
    clock.now += 70
    assert watch.leave_out(was_continued=False, since=clock.now - 60) == 60
    assert watch.elapsed == 10.0
