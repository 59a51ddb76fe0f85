"""The warnings of the hall: mean wait and arrivals, raised when crossing, cleared when falling back."""

from __future__ import annotations

from typing import Any

import pytest

from somc.domain import events as e
from somc.domain import watch
from somc.testing.given import Situation, given, like, small_hall
from tests.domain.acts import call, cancel, change, finish, open_, start, take


def watched(**limits: int) -> dict[str, Any]:
    """A hall with these limits, a window of half an hour and promises that nobody misses."""
    hall = small_hall(classes={"plain": {"target_wait_s": 86_400}})
    return {**hall, "alerts.window_s": 1800, **{f"alerts.{name}": limit for name, limit in limits.items()}}


def alerts(hall: Situation) -> list[str]:
    kinds = (e.AlertRaised, e.AlertCleared)
    return [
        f"{type(event).__name__[5:]} {event.alert}" for event in hall.happened if isinstance(event, kinds)
    ]


def test_a_peak_is_raised_when_crossing_and_cleared_when_it_falls_back() -> None:
    """SL-05."""
    hall = given(watched(peak_per_hour=4))
    hall.when(take("t1")).followed_by()
    hall.when(take("t2")).followed_by()
    hall.when(take("t3")).followed_by(
        e.AlertRaised(by="deadline", alert="peak:1", kind="peak", value=6, limit=4)
    )
    hall.when(take("t4")).followed_by()
    hall.running("29min").running("59s")
    assert alerts(hall) == ["Raised peak:1"]
    hall.running("1s")
    assert alerts(hall) == ["Raised peak:1", "Cleared peak:1"]
    assert hall.state.past_alerts["peak:1"].cause == "fell_back"
    hall.and_(take("t5"), take("t6"), take("t7"))
    assert alerts(hall)[2:] == ["Raised peak:2"]


def test_a_long_wait_is_raised_by_time_alone_at_the_very_millisecond() -> None:
    hall = given(watched(long_wait_s=300)).and_(take("t1")).after("100s").and_(take("t2"))
    # After s seconds from here the mean is (s + s + 100) / 2: beyond 300 after 250.
    due = hall.state.next_due(hall.now)
    assert due == hall.now + 250_001
    hall.running("250s")
    assert alerts(hall) == []
    hall.running("1ms")
    assert alerts(hall) == ["Raised long_wait:1"]
    raised = hall.state.alerts["long_wait:1"]
    assert (raised.value, raised.limit, raised.ticket) == (300, 300, None)


def test_a_long_wait_falls_back_when_those_who_waited_are_gone() -> None:
    """SL-05."""
    hall = given(watched(long_wait_s=300)).and_(open_(1), take("t1")).running("301s")
    assert alerts(hall) == ["Raised long_wait:1"]
    # Called after 301 s; four who just came make the mean 60 s.
    hall.and_(*[take(f"n{n}") for n in range(4)])
    assert alerts(hall) == ["Raised long_wait:1", "Cleared long_wait:1"]


def test_a_long_wait_falls_back_when_the_called_leave_the_window() -> None:
    hall = given(watched(long_wait_s=300)).and_(open_(1), take("t1")).running("301s").and_(call(1))
    assert watch.mean_wait_s(hall.state, hall.now) == 301
    hall.running("29min")
    assert alerts(hall) == ["Raised long_wait:1"]
    hall.running("1min")
    assert alerts(hall) == ["Raised long_wait:1", "Cleared long_wait:1"]
    assert watch.mean_wait_s(hall.state, hall.now) == 0


def test_a_mean_can_rise_because_short_waits_leave_the_window() -> None:
    hall = given(watched(long_wait_s=1500)).and_(
        open_(1), take("t1"), call(1), start(1), finish(1), take("t2")
    )
    hall.running("29min")
    assert alerts(hall) == []  # (29 min + 0) / 2
    hall.running("1min")
    assert alerts(hall) == ["Raised long_wait:1"]


def test_without_limits_nothing_is_watched() -> None:
    hall = given(watched()).and_(*[take(f"t{n}") for n in range(30)]).running("5h")
    assert alerts(hall) == []
    assert hall.state.next_due(hall.now) == hall.state.day_end_at()


def test_a_limit_that_is_taken_away_clears_its_warning() -> None:
    hall = given(watched(peak_per_hour=1)).and_(take("t1"))
    hall.when(change(alerts__peak_per_hour=None)).followed_by(like(e.AlertCleared, alert="peak:1"))


def test_the_end_of_the_day_clears_the_halls_warnings() -> None:
    hall = given(watched(long_wait_s=300)).and_(take("t1")).running("301s").at("2026-03-03 04:00")
    hall.due()
    assert [event.cause for event in hall.happened if isinstance(event, e.AlertCleared)] == ["day_ended"]
    assert hall.state.watch.minutes == {}


def test_the_minutes_are_bounded_by_the_window() -> None:
    hall = given(watched())
    for n in range(100):
        hall.after("1min").and_(take(f"t{n}"), cancel(f"t{n}"))
    assert len(hall.state.watch.minutes) == 30
    assert watch.arrivals_per_hour(hall.state, hall.now) == 60


@pytest.mark.parametrize("limit", [60, 61, 119, 120, 600])
def test_what_next_due_says_is_the_first_moment_at_which_a_look_finds_something(limit: int) -> None:
    hall = given(watched(long_wait_s=limit, peak_per_hour=3)).and_(open_(1), open_(2))
    for n, pause in enumerate(("7s", "3min", "40s", "11min", "90s", "25min", "1min")):
        hall.and_(take(f"t{n}"))
        if n % 3 == 2:
            hall.and_(call(n % 2 + 1))
        due = hall.state.next_due(hall.now)
        assert due is not None
        if due != hall.state.day_end_at():
            assert watch.crossed(hall.state, due - 1) is None
            assert watch.crossed(hall.state, due) is not None
        hall.running(pause)
