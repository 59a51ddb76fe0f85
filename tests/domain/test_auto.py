"""Auto counters are given their customers: at once, by the distribution, by what comes into sight."""

from __future__ import annotations

from typing import Any

import pytest

from somc.domain import events as e
from somc.testing.given import Situation, given, instant, like, small_hall
from tests.domain.acts import (
    call,
    call_ticket,
    change,
    close,
    configure,
    finish,
    hold,
    no_show,
    open_,
    pause,
    resume,
    resume_counter,
    return_,
    start,
    take,
    transfer,
)

BOTH = {"payment": 1, "repair": 1}


def hall_of(
    counters: dict[int, dict[str, int]] | None = None, modes: str = "auto", **settings: Any
) -> dict[str, Any]:
    counters = counters or {1: BOTH, 2: BOTH, 3: BOTH}
    hall = small_hall(counters=counters, policy={"kind": "fifo", "max_wait_s": 3600})
    hall.update({f"counter.{number}.mode": modes for number in counters})
    hall.update({key.replace("__", "."): value for key, value in settings.items()})
    return hall


def calls(hall: Situation) -> list[tuple[str, int]]:
    return [(event.ticket, event.counter) for event in hall.happened if isinstance(event, e.TicketCalled)]


def test_whoever_comes_is_called_to_a_free_auto_counter_at_once() -> None:
    hall = given(hall_of()).and_(open_(2))
    outcome = hall.when(take("t1"))
    outcome.then(e.TicketTaken)  # the answer is of the command alone
    outcome.followed_by(like(e.TicketCalled, ticket="t1", counter=2, by="distribution", agent="agent2"))
    reason = outcome.followed[0].reason  # type: ignore[attr-defined]
    assert reason.rule == "assigned"
    assert "idle longest (counter 2)" in reason.words.en
    assert "空闲最久的台席（2 号）" in reason.words.zh


def test_when_a_service_ends_the_next_is_given() -> None:
    hall = given(hall_of()).and_(open_(1), take("t1"), take("t2"), start(1))
    hall.when(finish(1)).followed_by(like(e.TicketCalled, ticket="t2", counter=1))
    hall.when(no_show(1)).followed_by()
    assert calls(hall) == [("t1", 1), ("t2", 1)]


@pytest.mark.parametrize(
    ("distribution", "first"), [("longest_idle", 3), ("fixed_order", 1), ("lowest_level", 2)]
)
def test_of_several_idle_counters_the_distribution_names_the_one(distribution: str, first: int) -> None:
    """R-08."""
    counters = {
        1: {"payment": 2, "repair": 1},
        2: {"payment": 1, "repair": 2},
        3: {"payment": 2, "repair": 1},
    }
    hall = given(hall_of(counters, policy__distribution=distribution))
    for number in (3, 1, 2):
        hall.and_(open_(number)).after("1min")
    hall.and_(take("t1"))
    assert calls(hall) == [("t1", first)]


def test_idle_since_counts_from_the_last_customer_not_from_opening() -> None:
    hall = given(hall_of()).and_(open_(1)).after("1min").and_(open_(2)).after("1min")
    hall.and_(take("t1"), start(1)).after("1min").and_(finish(1)).after("1min").and_(take("t2"))
    assert calls(hall) == [("t1", 1), ("t2", 2)]


def test_a_manual_counter_is_given_nobody_and_an_auto_counter_may_still_press_next() -> None:
    hall = given(hall_of(modes="manual")).and_(open_(1))
    hall.when(take("t1")).followed_by()
    hall.when(configure(1, mode="auto")).followed_by(like(e.TicketCalled, ticket="t1", counter=1))
    hall.and_(no_show(1))
    hall.when(call(1)).then()
    hall.when(configure(1, mode="manual")).then(like(e.ConfigChanged, changes={"counter.1.mode": "manual"}))
    hall.when(take("t2")).followed_by()


def test_a_paused_or_closed_counter_is_given_nobody() -> None:
    hall = given(hall_of()).and_(open_(1), pause(1))
    hall.when(take("t1")).followed_by()
    hall.when(resume_counter(1)).followed_by(like(e.TicketCalled, ticket="t1"))
    hall.and_(no_show(1), take("t2"), no_show(1), close(1))
    hall.when(take("t3")).followed_by()
    hall.when(open_(1)).followed_by(like(e.TicketCalled, ticket="t3"))


def test_resume_and_transfer_bring_somebody_too() -> None:
    hall = given(hall_of({1: {"payment": 1}, 2: {"repair": 1}})).and_(open_(2), take("t1"), hold("t1"))
    hall.and_(open_(1))
    hall.when(resume("t1")).followed_by(like(e.TicketCalled, ticket="t1", counter=1))
    hall.when(transfer("t1", "repair")).followed_by(like(e.TicketCalled, ticket="t1", counter=2))


def test_nobody_is_given_to_a_counter_without_the_skill() -> None:
    hall = given(hall_of({1: {"payment": 1}, 2: {"repair": 1}})).and_(open_(1))
    hall.when(take("t1", "repair")).followed_by()
    hall.when(open_(2)).followed_by(like(e.TicketCalled, ticket="t1", counter=2))


def test_who_went_back_into_line_is_not_given_again_before_the_others() -> None:
    hall = given(hall_of(policy__behind=1)).and_(open_(1), take("t1"), take("t2"), take("t3"))
    hall.when(return_(1)).followed_by(like(e.TicketCalled, ticket="t2", counter=1))


def test_an_overflow_brings_somebody_by_time_alone() -> None:
    hall = given(hall_of({1: {"payment": 1}, 2: BOTH}, counter__2__overflow_s={"payment": 300}))
    hall.and_(open_(2))
    hall.when(take("t1")).followed_by()
    assert hall.state.next_due(hall.now) == hall.now + 300_000
    hall.running("299s")
    assert calls(hall) == []
    hall.running("1s")
    assert calls(hall) == [("t1", 2)]


def test_an_appointments_window_brings_somebody_by_time_alone() -> None:
    hall = given(hall_of()).and_(open_(1), take("b1", booked_at=instant("2026-03-02 09:20")))
    assert hall.state.next_due(hall.now) == instant("2026-03-02 09:15")
    hall.running("14min")
    assert calls(hall) == []
    hall.running("1min")
    assert calls(hall) == [("b1", 1)]


def test_counters_kept_free_for_a_class_stay_free_of_the_others() -> None:
    hall = given(hall_of({1: BOTH, 2: BOTH}, class__gold__reserved_idle=1)).and_(open_(1), open_(2))
    hall.and_(take("p1"), take("p2"))
    assert calls(hall) == [("p1", 1)]
    hall.and_(take("g1", customer_class="gold"))
    assert calls(hall) == [("p1", 1), ("g1", 2)]


@pytest.mark.parametrize("distribution", ["longest_idle", "fixed_order", "lowest_level"])
def test_nobody_waits_beyond_the_guard_before_a_counter_kept_free(distribution: str) -> None:
    """One counter is open and one is kept free for gold: it stands idle for the plain until the guard ends
    that, at that very instant."""
    settings = {"class__gold__reserved_idle": 1, "policy__distribution": distribution}
    hall = given(hall_of({1: BOTH, 2: BOTH}, **settings)).and_(open_(1), take("p1")).running("59min")
    assert calls(hall) == []
    assert hall.state.next_due(hall.now) == instant("2026-03-02 10:00")
    hall.running("1min")
    assert calls(hall) == [("p1", 1)]
    reason = hall.ticket("p1").reason
    assert reason is not None
    assert reason["rule"] == "assigned"
    hall.and_(take("p2"), take("g1", customer_class="gold")).after("61min").when(no_show(1))
    assert calls(hall)[1:] == [("p2", 1)], "beyond the guard nobody of a class is before whoever came first"


def test_beyond_the_guard_the_distribution_still_names_the_counter() -> None:
    counters = {1: {"payment": 2, "repair": 1}, 2: {"payment": 1, "repair": 2}, 3: BOTH}
    for distribution, first in (("fixed_order", 1), ("lowest_level", 2), ("longest_idle", 2)):
        kept = {"class__gold__reserved_idle": 2, "policy__distribution": distribution}
        hall = given(hall_of(counters, **kept)).and_(open_(2)).after("1s").and_(open_(1), take("p1"))
        hall.running("60min")
        assert calls(hall) == [("p1", first)], distribution


def test_a_look_that_finds_nobody_because_of_a_reserve_does_not_look_for_ever() -> None:
    """The overflow comes into sight, the reserve hides it: nothing is due again at that instant."""
    overflow = {"counter__1__overflow_s": {"payment": 300}, "class__gold__reserved_idle": 1}
    hall = given(hall_of({1: BOTH, 2: BOTH}, **overflow)).and_(open_(1), take("p1")).running("10min")
    assert calls(hall) == []
    due = hall.state.next_due(hall.now)
    assert due is not None
    assert due > hall.now


def test_two_idle_counters_and_two_customers_at_once_make_two_pairs() -> None:
    hall = given(hall_of(modes="manual")).and_(open_(1), open_(2), take("t1"), take("t2"), take("t3"))
    hall.and_(change(counter__1__mode="auto", counter__2__mode="auto"))
    assert sorted(calls(hall)) == [("t1", 1), ("t2", 2)]


def test_a_ticket_called_by_number_elsewhere_is_not_given_too() -> None:
    hall = given({**hall_of(modes="manual"), "counter.2.mode": "auto"}).and_(take("t1"), open_(1))
    hall.and_(call_ticket(1, "t1"), open_(2))
    assert calls(hall) == [("t1", 1)]


# -- configuring ------------------------------------------------------------------------------------


def test_a_mode_back_to_that_of_the_file() -> None:
    hall = given(hall_of()).and_(configure(1, mode="manual"))
    hall.when(configure(1, mode=None)).then(like(e.ConfigChanged, changes={"counter.1.mode": "auto"}))
    hall.when(configure(1, mode="auto")).then()


def test_skills_and_mode_in_one_act_and_an_agents_own_skills_stay_with_the_mode() -> None:
    hall = given(hall_of()).and_(open_(1, skills={"repair": 3}), configure(1, mode="manual"))
    assert hall.counter(1).skills == {"repair": 3}
    hall.when(configure(1, {"payment": 1}, "auto")).then(e.CounterConfigured, e.ConfigChanged)
    assert hall.counter(1).skills == {"payment": 1}
    assert hall.state.hall.counters[1].mode == "auto"


def test_what_cannot_be_configured() -> None:
    hall = given(hall_of())
    hall.when(configure(1)).refused("nothing_to_configure")
    hall.when(configure(1, mode="sometimes")).refused("bad_mode", "sometimes", "manual, auto")
