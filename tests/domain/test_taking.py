"""Taking a ticket: opening hours, limits, numbers."""

from __future__ import annotations

import msgspec
import pytest

from somc.domain import events as e
from somc.domain.evolve import evolve
from somc.testing.given import given, like, small_hall, week
from tests.domain.acts import call, cancel, finish, hold, open_, print_again, start, take

NINE_TO_FIVE = week("09:00-17:00")


def test_a_ticket_is_numbered_and_waits() -> None:
    hall = given().and_(open_(1))
    taken = hall.when(take("t1", "payment", "gold", person="p1"), at="09:30").event
    assert taken == e.TicketTaken(
        by="kiosk:1",
        ticket="t1",
        number="A001",
        day="2026-03-02",
        serial=1,
        service="payment",
        customer_class="gold",
        class_source="given",
        channel="kiosk",
        position=1,
        estimated_wait_s=0,
        target_wait_s=600,
        person="p1",
    )
    assert hall.ticket("A001").state == "waiting"


@pytest.mark.parametrize(
    ("at", "open_then"),
    [
        ("08:59:59.999", False),
        ("09:00", True),
        ("16:59:59.999", True),
        ("17:00", False),
    ],
)
def test_hours_begin_and_end_to_the_millisecond(at: str, open_then: bool) -> None:
    outcome = given(small_hall(hours=NINE_TO_FIVE), at="2026-03-02 08:00").when(take("t1"), at=at)
    if open_then:
        outcome.then(e.TicketTaken)
    else:
        outcome.refused("hall_closed")


def test_between_two_spans_of_a_day_the_hall_is_closed() -> None:
    hall = given(small_hall(hours=week("09:00-12:00", "14:00-18:00")))
    hall.when(take("t1"), at="11:59").then(e.TicketTaken)
    hall.when(take("t2"), at="13:00").refused("hall_closed")
    hall.when(take("t3"), at="14:00").then(e.TicketTaken)


def test_a_span_past_midnight_belongs_to_the_date_it_began_on() -> None:
    hours = week("22:00-02:00", sat=(), closed=("2026-03-04",))
    hall = given(small_hall(hours=hours), at="2026-03-02 12:00")  # a Monday
    hall.when(take("t1"), at="2026-03-02 23:00").then(e.TicketTaken)
    hall.when(take("t2"), at="2026-03-03 01:59").then(e.TicketTaken)
    hall.when(take("t3"), at="2026-03-03 02:00").refused("hall_closed")
    # Tuesday's span runs into the closed Wednesday; Wednesday's own does not begin.
    hall.when(take("t4"), at="2026-03-04 01:00").then(e.TicketTaken)
    hall.when(take("t5"), at="2026-03-04 23:00").refused("hall_closed")
    hall.when(take("t6"), at="2026-03-05 01:00").refused("hall_closed")
    # Friday's span runs into Saturday, which has none of its own.
    hall.when(take("t7"), at="2026-03-07 01:00").then(e.TicketTaken)
    hall.when(take("t8"), at="2026-03-07 23:00").refused("hall_closed")


def test_a_closed_date_is_closed() -> None:
    hall = given(small_hall(hours=week("09:00-17:00", closed=("2026-03-03",))))
    hall.when(take("t1"), at="2026-03-03 12:00").refused("hall_closed")
    hall.when(take("t2"), at="2026-03-04 12:00").then(e.TicketTaken)


def test_without_hours_tickets_are_taken_at_any_time() -> None:
    given().when(take("t1"), at="2026-03-08 03:00").then(e.TicketTaken)


def test_hours_of_a_service_narrow_those_of_the_hall() -> None:
    services = {"payment": {}, "repair": {"hours": week("08:00-12:00")}}
    hall = given(small_hall(services=services, hours=NINE_TO_FIVE), at="2026-03-02 08:30")
    hall.when(take("t1", "repair")).refused("hall_closed")
    hall.when(take("t2", "repair"), at="11:00").then(e.TicketTaken)
    hall.when(take("t3", "repair"), at="12:00").refused("service_closed", "repair")
    hall.when(take("t4", "payment")).then(e.TicketTaken)


def test_hours_follow_the_clock_of_the_hall_across_a_change_of_time() -> None:
    """Berlin goes from 02:00 to 03:00 on 29 March: the hall still opens when its clock shows 09:00."""
    hall = given(small_hall(timezone="Europe/Berlin", hours=NINE_TO_FIVE), at="2026-03-28 08:00")
    opened = hall.at("2026-03-28 09:00").now
    hall.when(take("t1"), at="2026-03-28 09:00").then(e.TicketTaken)
    hall.when(take("t2"), at="2026-03-29 08:59").refused("hall_closed")
    hall.when(take("t3"), at="2026-03-29 09:00").then(e.TicketTaken)
    assert hall.now - opened == 23 * 3_600_000


# -- limits ---------------------------------------------------------------------------------------


def test_a_day_s_limit_counts_tickets_taken_whatever_became_of_them() -> None:
    hall = given(small_hall(services={"payment": {"daily_limit": 2}, "repair": {}}))
    hall.and_(take("t1"), take("t2"), cancel("t1"))
    hall.when(take("t3")).refused("service_sold_out", "payment", "2")
    hall.when(take("t4", "repair")).then(e.TicketTaken)
    hall.when(take("t5"), at="2026-03-03 09:00").then(like(e.TicketTaken, number="A001"))


def test_a_limit_of_those_waiting_counts_only_those() -> None:
    hall = given(small_hall(services={"payment": {"max_waiting": 2}, "repair": {}}))
    hall.and_(open_(1), take("r1", "repair"), take("t1"), take("t2"))
    hall.when(take("t3")).refused("service_full", "payment", "2")
    hall.and_(hold("t1")).when(take("t4")).then(e.TicketTaken)
    hall.when(take("t5")).refused("service_full")
    hall.and_(cancel("t2")).when(take("t6")).then(e.TicketTaken)


def test_a_called_ticket_makes_room_under_the_limit() -> None:
    hall = given(small_hall(services={"payment": {"max_waiting": 1}}, counters={1: {"payment": 1}}))
    hall.and_(open_(1), take("t1"))
    hall.when(take("t2")).refused("service_full")
    hall.and_(call(1)).when(take("t3")).then(e.TicketTaken)


# -- numbers --------------------------------------------------------------------------------------


def test_numbers_run_per_prefix_and_services_may_share_one() -> None:
    services = {"payment": {"prefix": "A"}, "repair": {"prefix": "B"}, "advice": {"prefix": "A"}}
    hall = given(small_hall(services=services))
    numbers = [
        hall.when(take(f"t{place}", service)).event.number
        for place, service in enumerate(("payment", "repair", "advice", "payment", "repair"))
    ]
    assert numbers == ["A001", "B001", "A002", "A003", "B002"]


def test_numbers_go_on_beyond_three_digits() -> None:
    hall = given(small_hall(services={"payment": {}}, counters={1: {"payment": 1}}))
    record = hall.when(take("t1")).event
    later = msgspec.structs.replace(record, ticket="t2", number="A999", serial=999)
    for state in (hall.state, hall.replayed):
        evolve(state, later, hall.now)
    hall.when(take("t3")).then(like(e.TicketTaken, number="A1000", serial=1000))


def test_numbers_start_again_on_the_next_business_day_and_not_at_midnight() -> None:
    hall = given(at="2026-03-02 23:50").and_(take("t1"))
    hall.when(take("t2"), at="2026-03-03 03:59:59.999").then(
        like(e.TicketTaken, number="A002", day="2026-03-02")
    )
    hall.when(take("t3"), at="2026-03-03 04:00").then(like(e.TicketTaken, number="A001", day="2026-03-03"))


def test_a_number_is_not_given_again_on_its_day_whatever_became_of_it() -> None:
    hall = given().and_(open_(1), take("t1"), call(1), start(1), finish(1), take("t2"), cancel("t2"))
    hall.when(take("t3")).then(like(e.TicketTaken, number="A003"))


def test_an_id_that_is_known_is_refused_also_after_the_ticket_ended() -> None:
    hall = given().and_(take("t1"))
    hall.when(take("t1")).refused("ticket_id_taken", "t1")
    hall.and_(cancel("t1")).when(take("t1", "repair")).refused("ticket_id_taken", "t1")


def test_what_does_not_exist_is_refused_with_what_does() -> None:
    hall = given()
    hall.when(take("t1", "haircut")).refused("unknown_service", "haircut", "payment, repair")
    hall.when(take("t1", "payment", "platinum")).refused("unknown_class", "platinum", "gold, plain")


def test_the_promise_is_the_service_s_own_for_the_class_if_it_has_one() -> None:
    services = {"payment": {"target_wait_s": {"gold": 60}}, "repair": {}}
    hall = given(small_hall(services=services, classes={"gold": {"target_wait_s": 300}, "plain": {}}))
    hall.when(take("t1", "payment", "gold")).then(like(e.TicketTaken, target_wait_s=60))
    hall.when(take("t2", "repair", "gold")).then(like(e.TicketTaken, target_wait_s=300))
    hall.when(take("t3", "payment", "plain")).then(like(e.TicketTaken, target_wait_s=600))


def test_copies_of_a_slip_are_counted_per_ticket() -> None:
    hall = given().and_(take("t1"), take("t2"))
    hall.when(print_again("t1")).then(like(e.TicketPrinted, number="A001", copy=1))
    hall.when(print_again("t1")).then(like(e.TicketPrinted, number="A001", copy=2))
    hall.when(print_again("t2")).then(like(e.TicketPrinted, number="A002", copy=1))
    hall.when(print_again("t9")).refused("unknown_ticket", "t9")
