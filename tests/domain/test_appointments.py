"""Booked tickets beside walk-ins: from their window on, and before their class at the booked time."""

from __future__ import annotations

from typing import Any

import pytest

from somc.domain import events as e
from somc.domain.estimates import everybody, round_s
from somc.testing.given import Situation, given, instant, like, small_hall
from tests.domain.acts import call, change, close, finish, hold, open_, resume, start, take, transfer

KINDS = ("fifo", "strict", "accumulating", "deadline", "gcmu", "ratio")


def hall_of(kind: str = "accumulating", **more: Any) -> dict[str, Any]:
    services = {"payment": {"mean_service_s": 300}, "repair": {"mean_service_s": 600}}
    policy = {"kind": kind, "max_wait_s": 2700}
    return small_hall(services=services, policy=policy, counters={1: {"payment": 1, "repair": 1}}, **more)


def booked(ticket: str, clock: str, service: str = "payment", kind: str = "plain") -> Any:
    return take(ticket, service, kind, booked_at=instant(f"2026-03-02 {clock}"))


def called(hall: Situation) -> str:
    ticket: str = hall.when(call(1)).event.ticket
    return ticket


@pytest.mark.parametrize("kind", KINDS)
def test_at_the_booked_time_it_goes_before_the_walk_ins_of_its_class(kind: str) -> None:
    """R-07."""
    hall = given(hall_of(kind)).and_(open_(1), take("w1"), take("w2"))
    hall.and_(booked("b1", "09:20"))
    hall.at("09:20")
    assert called(hall) == "b1"


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_not_called_before_its_window_even_if_nobody_else_waits(kind: str) -> None:
    hall = given(hall_of(kind)).and_(open_(1), booked("b1", "09:20"))
    hall.when(call(1), at="09:14:59.999").then()
    hall.at("09:15")
    assert called(hall) == "b1"


def test_of_two_booked_the_earlier_time_goes_first_whoever_came_first() -> None:
    hall = given(hall_of()).and_(open_(1), booked("b2", "09:25"), booked("b1", "09:20")).at("09:25")
    assert called(hall) == "b1"


def test_who_checks_in_a_little_late_still_stands_with_the_appointments() -> None:
    hall = given(hall_of(), at="2026-03-02 09:00").and_(open_(1), take("w1")).at("09:30")
    hall.when(booked("b1", "09:20")).then(like(e.TicketTaken, booked=True))
    ticket = hall.ticket("b1")
    assert (ticket.v, ticket.taken_at) == (instant("2026-03-02 09:20"), instant("2026-03-02 09:30"))
    assert called(hall) == "b1"


def test_who_checks_in_too_late_joins_the_walk_ins() -> None:
    """R-07."""
    hall = given(hall_of()).and_(open_(1), take("w1")).at("09:30:00.001")
    hall.when(booked("b1", "09:20")).then(like(e.TicketTaken, booked=False))
    assert (hall.ticket("b1").v, hall.ticket("b1").booked_at) == (hall.now, instant("2026-03-02 09:20"))
    assert called(hall) == "w1"


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_waited_beyond_the_guard_goes_before_an_appointment(kind: str) -> None:
    hall = given(hall_of(kind)).and_(open_(1), take("w1")).at("09:46").and_(booked("b1", "09:46"))
    hall.when(call(1)).then(like(e.TicketCalled, ticket="w1"))


def test_the_credit_is_how_far_an_appointment_is_ahead() -> None:
    hall = given({**hall_of(), "appointments.credit_s": 600}).and_(open_(1), take("w1")).at("09:11")
    hall.and_(booked("b1", "09:11"))
    assert called(hall) == "w1"


def test_other_windows_hold_from_the_next_call_on() -> None:
    hall = given(hall_of()).and_(open_(1), booked("b1", "09:20"))
    hall.when(call(1), at="09:05").then()
    hall.and_(change(appointments__early_s=900))
    assert called(hall) == "b1"


def test_an_appointment_of_another_day_is_refused() -> None:
    hall = given(hall_of()).and_(open_(1))
    tomorrow = take("b1", booked_at=instant("2026-03-03 09:00"))
    hall.when(tomorrow).refused("booked_other_day", "2026-03-03 09:00", "2026-03-02")
    hall.when(take("b2", booked_at=instant("2026-03-01 09:00"))).then(like(e.TicketTaken, booked=False))


def test_hold_resume_and_transfer_keep_the_booked_time() -> None:
    hall = given(hall_of()).and_(open_(1), take("w1", "repair"), booked("b1", "09:20"))
    hall.and_(hold("b1"), resume("b1"), transfer("b1", "repair")).at("09:20")
    assert hall.ticket("b1").booked
    assert called(hall) == "b1"


def test_handed_to_one_counter_it_waits_there_and_goes_back_to_everybody_when_that_closes() -> None:
    hall = given(small_hall()).and_(open_(1), open_(2), booked("b1", "09:20"), transfer("b1", counter=2))
    hall.at("09:20").when(call(1)).then()
    hall.and_(close(2))
    hall.when(call(1)).then(like(e.TicketCalled, ticket="b1"))


def test_a_promise_counts_from_the_booked_time() -> None:
    hall = given(hall_of()).and_(booked("b1", "09:20"))
    hall.at("09:29:59.999").due()
    assert [event.kind for event in hall.happened if isinstance(event, e.AlertRaised)] == ["warning"]
    hall.at("09:30").due()
    assert [event.kind for event in hall.happened if isinstance(event, e.AlertRaised)] == [
        "warning",
        "breach",
    ]


# -- estimates --------------------------------------------------------------------------------------


def test_the_slip_tells_the_wait_until_the_window_when_nobody_is_ahead() -> None:
    hall = given(hall_of()).and_(open_(1))
    taken = hall.when(booked("b1", "09:20")).event
    assert (taken.position, taken.estimated_wait_s) == (1, 15 * 60)
    assert round_s(everybody(hall.state, hall.now)["b1"]) == 15 * 60


def test_the_slip_counts_only_those_who_will_be_called_before() -> None:
    """Ten walk-ins of five minutes: three are called before 09:15, and then the booked one."""
    hall = given(hall_of()).and_(open_(1), *[take(f"w{n}") for n in range(10)])
    taken = hall.when(booked("b1", "09:20")).event
    assert (taken.position, taken.estimated_wait_s) == (4, 15 * 60)
    assert round_s(everybody(hall.state, hall.now)["b1"]) == 15 * 60


def test_without_a_counter_for_it_nobody_can_say_how_long() -> None:
    hall = given(hall_of()).and_(take("w1"))
    taken = hall.when(booked("b1", "09:20")).event
    assert (taken.position, taken.estimated_wait_s) == (2, None)


def test_a_walk_in_is_told_of_the_appointment_that_will_go_before() -> None:
    hall = given(hall_of()).and_(open_(1), booked("b1", "09:05"))
    taken = hall.when(take("w1"), at="09:05").event
    assert (taken.position, taken.estimated_wait_s) == (2, 300)
    hall.and_(call(1), start(1), finish(1))
    assert called(hall) == "w1"


def test_the_call_says_that_it_was_the_appointment() -> None:
    hall = given(hall_of()).and_(open_(1), take("w1"), booked("b1", "09:20")).at("09:20")
    reason = hall.when(call(1)).event.reason
    assert reason.rule == "appointment"
    assert "09:20" in reason.words.en
    assert "09:20" in reason.words.zh
