"""Counters: open, pause, resume, close, skills."""

from __future__ import annotations

from somc.domain import events as e
from somc.testing.given import given, like, small_hall
from tests.domain.acts import (
    call,
    change,
    close,
    configure,
    finish,
    open_,
    pause,
    resume_counter,
    start,
    take,
)


def test_an_open_counter_has_its_own_skills_unless_others_are_given() -> None:
    hall = given()
    hall.when(open_(1, "Li")).then(
        e.CounterOpened(by="agent:li", counter=1, agent="Li", skills={"payment": 1, "repair": 1})
    )
    hall.when(open_(2, "Wu", {"repair": 3})).then(like(e.CounterOpened, skills={"repair": 3}))
    assert hall.counter(2).skills == {"repair": 3}


def test_an_agent_s_choice_of_skills_ends_when_the_counter_closes() -> None:
    hall = given().and_(open_(2, "Wu", {"repair": 1}), take("t1", "repair"))
    hall.and_(call(2), start(2), finish(2), close(2))
    assert hall.counter(2).skills == {"payment": 1}
    hall.and_(open_(2), take("t2", "repair")).when(call(2)).then()


def test_one_agent_is_at_one_counter() -> None:
    hall = given().and_(open_(1, "Li"))
    hall.when(open_(2, "Li")).refused("agent_elsewhere", "Li", "1")
    hall.and_(close(1)).when(open_(2, "Li")).then(e.CounterOpened)


def test_a_counter_is_opened_by_one_agent() -> None:
    hall = given().and_(open_(1, "Li"), pause(1))
    for agent in ("Wu", "Li"):
        hall.when(open_(1, agent)).refused("counter_already_open", "1", "Li")


def test_skills_and_agents_that_cannot_be_are_refused() -> None:
    hall = given()
    hall.when(open_(1, skills={})).refused("no_skills_given")
    hall.when(open_(1, skills={"haircut": 1})).refused("unknown_service", "haircut")
    for level in (0, 10, -1):
        hall.when(open_(1, skills={"payment": level})).refused("bad_level", str(level), "payment")
        hall.when(configure(1, {"payment": level})).refused("bad_level", str(level))
    hall.when(configure(1, {})).refused("no_skills_given")
    hall.when(open_(1, "x" * 121)).refused("bad_text", "agent")
    for command in (open_(9), pause(9), resume_counter(9), close(9), configure(9, None)):
        hall.when(command).refused("unknown_counter", "9")


def test_a_pause_while_somebody_is_served_begins_to_matter_when_they_leave() -> None:
    hall = given().and_(open_(1), take("t1"), take("t2"), call(1), start(1))
    hall.when(pause(1, "lunch")).then(like(e.CounterPaused, counter=1, reason="lunch"))
    assert hall.counter(1).ticket == "t1"
    hall.when(finish(1)).then(e.TicketFinished)
    hall.when(call(1)).refused("counter_paused", "1")
    hall.when(resume_counter(1)).then(e.CounterResumed)
    hall.when(call(1)).then(like(e.TicketCalled, number="A002"))


def test_a_pause_shows_reason_and_since_when() -> None:
    """UC-04."""
    hall = given().and_(open_(1)).at("10:15").and_(pause(1, "午餐")).at("10:40")
    counter = hall.counter(1)
    assert (counter.state, counter.reason, hall.now - counter.since) == ("paused", "午餐", 25 * 60_000)
    hall.and_(resume_counter(1))
    assert (hall.counter(1).state, hall.counter(1).reason, hall.counter(1).since) == ("open", None, hall.now)


def test_pauses_do_not_nest() -> None:
    hall = given()
    hall.when(pause(1)).refused("counter_closed", "1")
    hall.and_(open_(1)).when(resume_counter(1)).refused("counter_not_paused", "1")
    hall.and_(pause(1)).when(pause(1)).refused("counter_already_paused", "1")
    hall.and_(resume_counter(1)).when(pause(1, "a\nb")).refused("bad_text", "reason")


def test_a_counter_with_a_customer_does_not_close() -> None:
    hall = given().and_(open_(1), take("t1"), call(1))
    hall.when(close(1)).refused("counter_busy", "1", "A001")
    hall.and_(start(1), pause(1)).when(close(1)).refused("counter_busy", "1", "A001")
    hall.and_(finish(1)).when(close(1)).then(e.CounterClosed)
    assert (hall.counter(1).agent, hall.counter(1).reason) == (None, None)
    hall.when(close(1)).refused("counter_already_closed", "1")


def test_the_next_call_follows_skills_that_were_changed() -> None:
    """SK-01: the manager reorders a counter's business."""
    hall = given().and_(open_(1), take("t1"), take("t2", "repair"), take("t3"), take("t4", "repair"))
    hall.and_(configure(1, {"repair": 1, "payment": 2}))
    hall.when(call(1)).then(like(e.TicketCalled, number="B001"))
    hall.and_(start(1), finish(1), configure(1, {"repair": 2, "payment": 1}))
    hall.when(call(1)).then(like(e.TicketCalled, number="A001"))


def test_configured_skills_last_over_close_and_open_until_they_are_removed() -> None:
    hall = given().and_(configure(1, {"repair": 2}), open_(1), close(1), open_(1))
    assert hall.counter(1).skills == {"repair": 2}
    hall.when(configure(1, None)).then(like(e.CounterConfigured, skills=None))
    assert hall.counter(1).skills == {"payment": 1, "repair": 1}


def test_skills_that_hall_toml_does_not_know_cannot_be_brought_back() -> None:
    new = {"counter.3.name": {"zh": "三", "en": "three"}, "counter.3.skills": {"payment": 1}}
    hall = given().and_(change("manager:wu", **new))
    hall.when(configure(3, None)).refused("no_skills_given")


def test_more_open_counters_serve_more_at_once() -> None:
    """SK-01: the manager opens a counter; the next call follows."""
    hall = given(small_hall(counters={1: {"payment": 1}, 2: {"payment": 1}})).and_(open_(1))
    hall.and_(take("t1"), take("t2"), call(1)).when(call(2)).refused("counter_closed")
    hall.and_(open_(2)).when(call(2)).then(like(e.TicketCalled, number="A002"))
