"""The business day: when it begins and ends, and what its end does."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st

from somc.domain import events as e
from somc.domain.business_day import business_day, day_end
from somc.testing.given import given, instant, like, small_hall
from tests.domain.acts import (
    call,
    call_ticket,
    cancel,
    change,
    end_day,
    finish,
    hold,
    no_show,
    open_,
    print_again,
    recall,
    start,
    take,
    transfer,
)

FOUR = 4 * 3600
SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"


# -- the calendar -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        (SHANGHAI, "2026-03-03 03:59:59.999", "2026-03-02"),
        (SHANGHAI, "2026-03-03 04:00", "2026-03-03"),
        (SHANGHAI, "2026-03-03 00:00", "2026-03-02"),
        (BERLIN, "2026-03-29 01:59:59", "2026-03-28"),
        (BERLIN, "2026-03-29 03:00", "2026-03-28"),
        (BERLIN, "2026-03-29 04:00", "2026-03-29"),
        (BERLIN, "2026-10-25 03:59:59", "2026-10-24"),
        (BERLIN, "2026-10-25 04:00", "2026-10-25"),
    ],
)
def test_the_day_turns_when_the_hall_s_clock_shows_day_ends(zone: str, at: str, day: str) -> None:
    assert business_day(instant(at, zone), ZoneInfo(zone), FOUR) == day


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (SHANGHAI, "2026-03-28", 24),
        (BERLIN, "2026-03-27", 24),
        (BERLIN, "2026-03-28", 23),
        (BERLIN, "2026-10-24", 25),
    ],
)
def test_a_day_is_as_long_as_its_clock_makes_it(zone: str, day: str, hours: int) -> None:
    ends = day_end(day, ZoneInfo(zone), FOUR)
    assert ends - instant(f"{day} 04:00", zone) == hours * 3_600_000


def test_shanghai_s_day_ends_at_an_instant_known_beforehand() -> None:
    """04:00 on 3 March 2026 in Shanghai is 20:00 UTC the day before: 1,772,481,600 s after 1970."""
    assert day_end("2026-03-02", ZoneInfo(SHANGHAI), FOUR) == 1_772_481_600_000


def test_a_day_that_ended_in_an_hour_that_comes_twice_does_not_come_back() -> None:
    zone, half_past_two = ZoneInfo(BERLIN), 9000
    ends = day_end("2026-10-24", zone, half_past_two)
    assert ends == instant("2026-10-25 02:30", BERLIN, fold=0)
    assert business_day(instant("2026-10-25 02:10", BERLIN, fold=0), zone, half_past_two) == "2026-10-24"
    assert business_day(instant("2026-10-25 02:10", BERLIN, fold=1), zone, half_past_two) == "2026-10-25"


def test_a_day_that_ends_in_an_hour_that_does_not_come_ends_once() -> None:
    zone, half_past_two = ZoneInfo(BERLIN), 9000
    ends = day_end("2026-03-28", zone, half_past_two)
    assert business_day(ends - 1, zone, half_past_two) == "2026-03-28"
    assert business_day(ends, zone, half_past_two) == "2026-03-29"


def test_a_day_that_ended_does_not_come_back_where_clocks_go_back_across_midnight() -> None:
    """Until 2011 St John's went from 00:01 back to 23:01 of the evening before."""
    zone = ZoneInfo("America/St_Johns")
    ends = day_end("2010-11-06", zone, 0)
    second_evening = instant("2010-11-06 23:30", "America/St_Johns", fold=1)
    assert ends < second_evening
    assert business_day(second_evening, zone, 0) == "2010-11-07"


@holds_for(
    at=st.integers(instant("2005-01-01", "UTC"), instant("2035-01-01", "UTC")),
    zone=st.sampled_from(
        (SHANGHAI, BERLIN, "America/New_York", "America/St_Johns", "Africa/Cairo", "Australia/Lord_Howe")
    ),
    day_ends_s=st.integers(0, 86_399),
)
def test_every_instant_lies_in_exactly_its_day(at: int, zone: str, day_ends_s: int) -> None:
    rules = ZoneInfo(zone)
    day = business_day(at, rules, day_ends_s)
    assert at < day_end(day, rules, day_ends_s)
    assert business_day(day_end(day, rules, day_ends_s), rules, day_ends_s) > day


@pytest.mark.parametrize("night", ["2026-03-28", "2026-10-24"])
@pytest.mark.parametrize("day_ends_s", [0, 7200, 9000, 10_800])
def test_through_a_night_of_changing_clocks_the_days_do_not_overlap(night: str, day_ends_s: int) -> None:
    zone, days = ZoneInfo(BERLIN), []
    for minute in range(0, 8 * 60, 5):
        at = instant(f"{night} 22:00", BERLIN) + minute * 60_000
        days.append(business_day(at, zone, day_ends_s))
    assert days == sorted(days)


# -- the end of a day ---------------------------------------------------------------------------------


def test_who_waits_or_is_held_expires_and_who_is_at_a_counter_does_not() -> None:
    hall = given().and_(open_(1), open_(2), *[take(f"t{n}") for n in range(1, 7)])
    hall.and_(call(1), start(1), call(2), hold("t3"), cancel("t4"))
    hall.when(end_day(), at="2026-03-03 04:00").then(
        e.TicketExpired(by="deadline", ticket="t3", number="A003", day="2026-03-02"),
        like(e.TicketExpired, number="A005"),
        like(e.TicketExpired, number="A006"),
        e.DayEnded(by="deadline", day="2026-03-02", taken=6, finished=0, no_show=0, cancelled=1, expired=3),
    )
    assert {ticket.number: str(ticket.state) for ticket in hall.state.tickets.values()} == {
        "A001": "serving",
        "A002": "called",
    }


def test_who_was_at_a_counter_finishes_under_the_old_day_and_counts_for_no_new_one() -> None:
    hall = given().and_(open_(1), open_(2), take("t1"), take("t2"), call(1), start(1), call(2))
    hall.at("2026-03-03 04:00").and_(end_day(), take("t3"))
    assert hall.ticket("t3").number == "A001"
    hall.when(finish(1)).then(like(e.TicketFinished, ticket="t1", number="A001"))
    hall.when(no_show(2)).then(like(e.TicketNoShow, ticket="t2"))
    assert hall.ticket("t1").day == "2026-03-02"
    counts = hall.state.counts
    assert (counts.taken, counts.finished, counts.no_show) == (1, 0, 0)
    hall.when(end_day(), at="2026-03-04 04:00").then(
        e.TicketExpired, like(e.DayEnded, day="2026-03-03", taken=1, finished=0, no_show=0, expired=1)
    )


def test_a_ticket_of_the_old_day_that_is_sent_on_expires_with_the_next_uncounted() -> None:
    hall = given().and_(open_(1), take("t1"), call(1), start(1)).at("2026-03-03 04:00").and_(end_day())
    hall.and_(transfer("t1", "repair"), take("t2"))
    hall.when(end_day(), at="2026-03-04 04:00").then(
        like(e.TicketExpired, ticket="t1", day="2026-03-02"),
        like(e.TicketExpired, ticket="t2", day="2026-03-03"),
        like(e.AlertCleared, ticket="t1", cause="expired"),
        like(e.DayEnded, day="2026-03-03", taken=1, expired=1),
    )


def test_a_day_begins_with_its_first_ticket_and_ends_once() -> None:
    hall = given()
    assert hall.state.next_due() is None
    hall.when(end_day()).refused("no_day")
    hall.and_(take("t1"))
    assert hall.state.day_end_at() == instant("2026-03-03 04:00")
    hall.and_(cancel("t1"))
    assert hall.state.next_due() == instant("2026-03-03 04:00")
    hall.at("2026-03-03 04:00").and_(end_day()).when(end_day()).refused("no_day")
    assert hall.state.next_due() is None


def test_a_day_does_not_end_before_its_time() -> None:
    hall = given().and_(take("t1"))
    hall.when(end_day(), at="2026-03-03 03:59:59.999").refused("day_not_over", "2026-03-02")
    hall.when(end_day(), at="2026-03-03 04:00").then(e.TicketExpired, e.DayEnded)


def test_with_day_ends_in_the_hour_that_comes_twice_no_number_is_given_twice() -> None:
    hall = given(small_hall(timezone=BERLIN, day_ends_s=9000), at="2026-10-24 22:00").and_(take("t1"))
    taken = [
        hall.when(take(f"n{minute}"), at=instant("2026-10-25 02:00", BERLIN) + minute * 60_000).event
        for minute in range(0, 120, 10)
    ]
    places = [(event.day, event.number) for event in taken]
    assert len(set(places)) == len(places)
    assert [event.day for event in taken] == ["2026-10-24"] * 3 + ["2026-10-25"] * 9


def test_a_later_day_ends_does_not_bring_a_day_back() -> None:
    """At 05:00 the day of the 2nd is over; with day_ends moved to 06:00 it would not be."""
    hall = given().and_(take("t1")).at("2026-03-03 04:00").and_(end_day()).at("05:00")
    hall.and_(change(hall__day_ends_s=6 * 3600))
    hall.when(take("t2")).then(like(e.TicketTaken, day="2026-03-03", number="A001"))
    assert hall.state.day_end_at() == instant("2026-03-04 06:00")


def test_after_days_without_power_the_old_day_ends_before_anything_else() -> None:
    hall = given().and_(take("t1")).at("2026-03-09 11:00").and_(take("t2"))
    kinds = [type(event) for event in hall.happened]
    assert kinds == [e.TicketTaken, e.TicketExpired, e.DayEnded, e.TicketTaken]
    assert (hall.ticket("t2").day, hall.ticket("t2").number) == ("2026-03-09", "A001")


def test_counts_copies_and_counters_begin_anew() -> None:
    hall = given().and_(open_(1), take("t1"), print_again("t1"), call(1), recall(1), start(1), finish(1))
    assert hall.counter(1).served == 1
    hall.at("2026-03-03 04:00").and_(end_day())
    assert hall.counter(1).served == 0
    assert hall.state.tickets == {}
    assert hall.state.copies == {}
    assert hall.counter(1).agent == "agent1"


def test_a_ticket_put_on_hold_after_its_day_ended_can_still_be_served() -> None:
    hall = given().and_(open_(1), take("t1"), call(1)).at("2026-03-03 04:00").and_(end_day(), hold("t1"))
    hall.and_(call_ticket(1, "t1"), start(1)).when(finish(1)).then(like(e.TicketFinished, ticket="t1"))
