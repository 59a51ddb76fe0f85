"""Appointments: booked, moved, given up, checked in; who is too early, too late, or has nothing to show."""

from __future__ import annotations

from typing import Any

import pytest

from somc.domain import events as e
from somc.domain.bookings import AppointmentState
from somc.domain.codes import code_of, normal_code, shown_code
from somc.testing.given import Situation, given, instant, like, small_hall, week
from tests.domain.acts import (
    book,
    call,
    cancel,
    change,
    check_in,
    confirm,
    end_day,
    finish,
    give_up,
    move,
    open_,
    start,
    take,
)

TEN = instant("2026-03-02 10:00")
QUARTER_MS = 900_000


def hall_of(capacity: int = 2, hours: Any = None, **more: Any) -> Situation:
    """A hall with slots of a quarter of an hour, open from 9 to 17; it is Monday, 8 o'clock."""
    terms = {f"appointments.{key}": value for key, value in {"capacity": capacity, **more}.items()}
    values = small_hall(hours=hours or week("09:00-17:00"))
    return given({**values, **terms}, at="2026-03-02 08:00")


def state_of(hall: Situation, name: str) -> AppointmentState:
    return hall.state.bookings.all[name].state


# -- booking ------------------------------------------------------------------------------------------


def test_a_place_is_booked_and_the_record_tells_when_and_whose() -> None:
    booked = hall_of().when(book("a1", TEN, person="p1")).event
    assert booked == e.AppointmentBooked(
        by="channel:web",
        appointment="a1",
        service="payment",
        slot=TEN,
        person="p1",
        ends_at=TEN + QUARTER_MS,
        channel="web",
        code="code-a1",
    )


def test_the_last_place_is_given_once() -> None:
    """AP-01."""
    hall = hall_of(capacity=2).and_(book("a1", TEN), book("a2", TEN))
    hall.when(book("a3", TEN)).refused("slot_full", "10:00", "0")
    hall.when(book("a3", TEN + QUARTER_MS)).then(e.AppointmentBooked)
    hall.when(book("a4", TEN, "repair")).then(e.AppointmentBooked)


def test_a_block_is_booked_whole_or_not_at_all() -> None:
    hall = hall_of(capacity=3).and_(book("a1", TEN))
    hall.when(book("b", TEN, places=3)).refused("slot_full", "2")
    hall.when(book("b", TEN, places=2)).then(
        like(e.AppointmentBooked, appointment="b", block="b"),
        like(e.AppointmentBooked, appointment="b2", block="b"),
    )
    hall.when(book("c", TEN, places=11)).refused("too_many_places", "11", "10")


def test_a_time_that_is_no_slot_is_refused() -> None:
    hall = hall_of()
    hall.when(book("a1", TEN + 60_000)).refused("no_slot", "10:01")
    hall.when(book("a1", instant("2026-03-02 17:00"))).refused("no_slot", "17:00")
    hall.when(book("a1", TEN, "unheard-of")).refused("unknown_service", "unheard-of")


def test_too_soon_and_too_far_ahead_are_refused() -> None:
    hall = hall_of(lead_s=1800, horizon_days=3)
    hall.when(book("a1", TEN), at="09:30:00.001").refused("slot_too_soon", "10:00", "30")
    hall.when(book("a1", instant("2026-03-05 10:00"))).refused("slot_too_far", "2026-03-04")
    hall.when(book("a1", instant("2026-03-04 10:00"))).then(e.AppointmentBooked)


def test_a_service_that_takes_none_says_so_and_may_differ_from_the_hall() -> None:
    hall = hall_of(capacity=0)
    hall.when(book("a1", TEN)).refused("no_appointments", "payment")
    hall.and_(change(service__payment__slots={"capacity": 1, "slot_s": 1800, "lead_s": 0, "horizon_days": 1}))
    hall.when(book("a1", TEN + QUARTER_MS)).refused("no_slot")
    hall.when(book("a1", TEN), at="10:00").then(like(e.AppointmentBooked, ends_at=TEN + 2 * QUARTER_MS))
    hall.when(book("a2", TEN)).refused("slot_full")
    hall.when(book("a3", TEN, "repair")).refused("no_appointments")


def test_one_customer_has_so_many_appointments_ahead() -> None:
    hall = hall_of(open_limit=2).and_(book("a1", TEN, person="p1"), book("a2", TEN, "repair", person="p1"))
    later = TEN + QUARTER_MS
    hall.when(book("a3", later, person="p1")).refused("too_many_appointments", "2")
    hall.when(book("a3", later, person="p2")).then(e.AppointmentBooked)
    hall.and_(give_up("a1")).when(book("a4", later, person="p1")).then(e.AppointmentBooked)


def test_places_booked_at_once_are_one_appointment_of_the_limit() -> None:
    """A block is not refused for its size, nor is it a way round the limit."""
    hall = hall_of(open_limit=2, capacity=9).and_(book("a", TEN, places=3, person="p1"))
    later = TEN + QUARTER_MS
    hall.and_(book("b", later, person="p1"))
    hall.when(book("c", later, places=2, person="p1")).refused("too_many_appointments", "2")
    hall.and_(give_up("a"), give_up("a2"))
    hall.when(book("c", later, places=2, person="p1")).refused("too_many_appointments", "2")
    hall.and_(give_up("a3")).when(book("c", later, places=2, person="p1")).then(
        e.AppointmentBooked, e.AppointmentBooked
    )


def test_an_id_or_a_code_is_used_once() -> None:
    hall = hall_of().and_(book("a1", TEN))
    hall.when(book("a1", TEN)).refused("appointment_id_taken")


# -- confirming ---------------------------------------------------------------------------------------


def test_a_booking_that_is_to_be_confirmed_falls_if_nobody_says_yes() -> None:
    """CH-06: no reply, no booking."""
    hall = hall_of(capacity=1, confirm_s=600).and_(book("a1", TEN))
    hall.running("599s")
    assert state_of(hall, "a1") == "booked"
    hall.running("1s")
    assert like(e.AppointmentExpired, appointment="a1", cause="unconfirmed").matches(hall.happened[-1])
    hall.when(confirm("a1")).refused("appointment_state", "10:00")
    hall.when(book("a2", TEN)).then(e.AppointmentBooked)


def test_a_yes_keeps_it_and_a_second_yes_changes_nothing() -> None:
    hall = hall_of(confirm_s=600).and_(book("a1", TEN))
    hall.when(confirm("a1")).then(e.AppointmentConfirmed)
    hall.when(confirm("a1")).then()
    hall.running("1h")
    assert state_of(hall, "a1") == "confirmed"
    hall.when(confirm("unheard-of")).refused("unknown_appointment")


def test_who_has_said_yes_already_is_not_asked() -> None:
    hall = hall_of(confirm_s=600).and_(book("a1", TEN, confirmed=True)).running("1h")
    assert state_of(hall, "a1") == "booked"


# -- moving, giving up --------------------------------------------------------------------------------


def test_it_is_moved_to_another_slot_and_its_place_is_free() -> None:
    hall = hall_of(capacity=1).and_(book("a1", TEN), book("a2", TEN + QUARTER_MS))
    hall.when(move("a1", TEN + QUARTER_MS)).refused("slot_full", "10:15")
    hall.when(move("a1", TEN)).refused("appointment_same_slot", "10:00")
    hall.when(move("a1")).refused("nothing_to_change")
    hall.when(move("a1", service="repair")).then(
        like(e.AppointmentChanged, service="repair", slot=TEN, from_service="payment", from_slot=TEN)
    )
    hall.when(book("a3", TEN)).then(e.AppointmentBooked)


def test_it_is_given_up_once_and_its_place_is_free() -> None:
    hall = hall_of(capacity=1).and_(book("a1", TEN))
    hall.when(give_up("a1", "call 13800138000")).refused("phone_in_text")
    hall.when(give_up("a1", "ill")).then(like(e.AppointmentCancelled, cause="asked", reason="ill"))
    hall.when(give_up("a1")).refused("appointment_state", "10:00")
    hall.when(book("a2", TEN)).then(e.AppointmentBooked)


# -- checking in --------------------------------------------------------------------------------------


def test_check_in_takes_the_ticket_in_the_same_decision() -> None:
    """AP-06."""
    hall = hall_of().and_(book("a1", TEN, person="p1")).at("09:40")
    hall.when(check_in("a1", "t1")).then(
        like(e.AppointmentCheckedIn, ticket="t1", number="A001", late=False, person="p1"),
        like(e.TicketTaken, ticket="t1", booked_at=TEN, booked=True, appointment="a1", person="p1"),
    )
    ticket = hall.ticket("t1")
    assert (ticket.v, ticket.appointment) == (TEN, "a1")


def test_whoever_checked_in_is_called_first_at_the_booked_time() -> None:
    hall = hall_of().and_(book("a1", TEN)).at("09:40").and_(open_(1), take("w1"), take("w2"))
    hall.and_(check_in("a1", "t1")).at("10:00")
    assert hall.when(call(1)).event.ticket == "t1"


def test_a_code_is_good_once() -> None:
    """AP-06."""
    hall = hall_of().and_(book("a1", TEN)).at("09:40").and_(check_in("a1", "t1"))
    hall.when(check_in("a1", "t2")).refused("appointment_used", "10:00", "A001")
    hall.when(check_in("unheard-of", "t2")).refused("unknown_appointment")
    hall.when(give_up("a1")).refused("appointment_used")


def test_who_comes_too_early_is_told_when_to_come() -> None:
    hall = hall_of(check_in_early_s=1800).and_(book("a1", TEN)).at("09:29:59.999")
    hall.when(check_in("a1", "t1")).refused("check_in_too_early", "10:00", "09:30")
    hall.when(check_in("a1", "t1"), at="09:30").then(e.AppointmentCheckedIn, e.TicketTaken)


def test_who_comes_late_joins_the_walk_ins() -> None:
    """R-07."""
    hall = hall_of().and_(book("a1", TEN)).at("10:10:00.001")
    hall.when(check_in("a1", "t1")).then(
        like(e.AppointmentCheckedIn, late=True), like(e.TicketTaken, booked=False, booked_at=TEN)
    )
    assert hall.ticket("t1").v == hall.now


def test_who_does_not_come_has_missed_it() -> None:
    hall = hall_of(missed_s=1800).and_(book("a1", TEN)).at("10:29:59.999")
    hall.due()
    assert state_of(hall, "a1") == "booked"
    hall.running("1ms")
    assert like(e.AppointmentMissed, appointment="a1", slot=TEN).matches(hall.happened[-1])
    hall.when(check_in("a1", "t1")).refused("appointment_state", "10:00")


def test_nobody_has_missed_what_he_could_still_stand_for() -> None:
    hall = hall_of(missed_s=60, late_s=1200).and_(book("a1", TEN)).at("10:19")
    hall.when(check_in("a1", "t1")).then(like(e.AppointmentCheckedIn, late=False), e.TicketTaken)


def test_another_service_than_booked_is_refused_with_the_booked_one() -> None:
    hall = hall_of().and_(book("a1", TEN)).at("09:40")
    hall.when(check_in("a1", "t1", "repair")).refused("appointment_other_service", "10:00")
    hall.when(check_in("a1", "t1", "payment")).then(e.AppointmentCheckedIn, e.TicketTaken)


def test_a_phone_number_is_enough_where_only_one_appointment_is_near() -> None:
    """AP-06."""
    hall = hall_of().and_(book("a1", TEN, person="p1"), book("a2", TEN + 24 * QUARTER_MS, person="p1"))
    hall.when(check_in(None, "t1", person="p1")).refused("check_in_too_early", "10:00")
    hall.when(check_in(None, "t1", person="p2")).refused("unknown_appointment")
    hall.at("09:40").when(check_in(None, "t1", person="p1")).then(
        like(e.AppointmentCheckedIn, appointment="a1"), e.TicketTaken
    )
    hall.when(check_in(None, "t2", person="p1")).refused("check_in_too_early", "16:00")


def test_of_several_that_are_near_one_must_be_named() -> None:
    hall = hall_of().and_(book("a1", TEN, person="p1"), book("a2", TEN, "repair", person="p1")).at("09:40")
    hall.when(check_in(None, "t1", person="p1")).refused("several_appointments", "2")
    hall.when(check_in(None, "t1", "repair", person="p1")).then(
        like(e.AppointmentCheckedIn, appointment="a2"), e.TicketTaken
    )
    hall.when(check_in("a1", "t2")).then(e.AppointmentCheckedIn, e.TicketTaken)


def test_limits_are_for_walk_ins_and_hours_for_all() -> None:
    hall = hall_of().and_(change(service__payment__max_waiting=1), book("a1", TEN), book("a2", TEN))
    hall.when(check_in("a1", "t0"), at="09:00").then(e.AppointmentCheckedIn, e.TicketTaken)
    hall.when(take("w1")).refused("service_full")
    hall.when(check_in("a2", "t1")).then(e.AppointmentCheckedIn, e.TicketTaken)
    late = hall_of(hours=week("09:00-10:15"), late_s=3600).and_(book("a1", TEN)).at("10:15")
    late.when(check_in("a1", "t1")).refused("hall_closed")


# -- the waiting list ---------------------------------------------------------------------------------


def test_a_freed_place_is_offered_to_whoever_waits_longest() -> None:
    hall = hall_of(capacity=1).and_(book("a1", TEN))
    hall.when(book("w1", TEN, wait=True)).then(like(e.AppointmentWaitlisted, slot=TEN))
    hall.and_(book("w2", TEN, wait=True))
    hall.when(give_up("a1")).then(e.AppointmentCancelled).after("0s")
    offered = hall.happened[-1]
    assert like(e.AppointmentOffered, appointment="w1", slot=TEN).matches(offered)
    hall.when(book("b1", TEN)).refused("slot_full")
    hall.when(confirm("w1")).then(e.AppointmentConfirmed)
    assert (state_of(hall, "w1"), state_of(hall, "w2")) == ("confirmed", "waiting")


def test_an_offer_that_nobody_accepts_goes_to_the_next() -> None:
    hall = hall_of(capacity=1, offer_s=600).and_(book("a1", TEN), book("w1", TEN, wait=True))
    hall.and_(book("w2", TEN, wait=True), give_up("a1"))
    hall.running("600s")
    assert [type(event) for event in hall.happened[-2:]] == [e.AppointmentExpired, e.AppointmentOffered]
    assert (state_of(hall, "w1"), state_of(hall, "w2")) == ("expired", "offered")
    hall.when(confirm("w1")).refused("appointment_state")


def test_who_waits_for_any_slot_of_an_hour_gets_the_first_that_is_free() -> None:
    hall = hall_of(capacity=1).and_(*(book(f"a{n}", TEN + n * QUARTER_MS) for n in range(3)))
    until = TEN + 2 * QUARTER_MS
    hall.when(book("b1", TEN, until=until)).refused("slot_full", "10:00")
    hall.when(book("w1", TEN, until=until, wait=True)).then(like(e.AppointmentWaitlisted, until=until))
    hall.and_(give_up("a2"))
    assert like(e.AppointmentOffered, appointment="w1", slot=until).matches(hall.happened[-1])
    hall.when(book("b2", TEN, until=instant("2026-03-03 10:00"))).refused("wait_other_day", "10:00")
    free = hall.and_(give_up("a0")).when(book("b3", TEN, until=until))
    free.then(like(e.AppointmentBooked, slot=TEN))


def test_more_places_are_offered_at_once_and_a_moved_one_frees_its_old() -> None:
    hall = hall_of(capacity=1).and_(book("a1", TEN), book("w1", TEN, wait=True), book("w2", TEN, wait=True))
    hall.when(move("a1", TEN + QUARTER_MS)).followed_by(like(e.AppointmentOffered, appointment="w1"))
    hall.when(change(appointments__capacity=2)).followed_by(like(e.AppointmentOffered, appointment="w2"))


def test_the_waiting_list_has_an_end_and_its_hope_too() -> None:
    hall = hall_of(capacity=1, waiting_list=1, lead_s=1800).and_(book("a1", TEN), book("w1", TEN, wait=True))
    hall.when(book("w2", TEN, wait=True)).refused("waiting_list_full", "1")
    hall.at("09:30").due()
    assert like(e.AppointmentExpired, appointment="w1", cause="no_place").matches(hall.happened[-1])


# -- reminders ----------------------------------------------------------------------------------------


def test_reminders_come_at_their_minute_and_once() -> None:
    hall = hall_of(remind_s=[7200, 1800]).and_(book("a1", instant("2026-03-02 14:00")))
    hall.running("9h")
    told = [event for event in hall.happened if isinstance(event, e.AppointmentReminderDue)]
    assert [(event.lead_s, event.too_late) for event in told] == [(7200, False), (1800, False)]


def test_what_was_booked_later_than_a_reminder_is_not_owed_it() -> None:
    hall = hall_of(remind_s=[7200]).at("08:30").and_(book("a1", TEN)).running("9h")
    assert not any(isinstance(event, e.AppointmentReminderDue) for event in hall.happened)


def test_a_hall_that_stood_still_reminds_once_and_says_if_it_is_too_late() -> None:
    hall = hall_of(remind_s=[7200, 1800]).and_(book("a1", instant("2026-03-02 14:00"))).at("13:45")
    assert [type(event) for event in hall.due()] == [e.AppointmentReminderDue]
    hall = hall_of(remind_s=[7200]).and_(book("a1", instant("2026-03-02 14:00"))).at("14:01")
    [event] = hall.due()
    assert like(e.AppointmentReminderDue, too_late=True).matches(event)


# -- what is kept -------------------------------------------------------------------------------------


def test_what_has_ended_is_kept_until_its_day_is_over() -> None:
    hall = hall_of().and_(book("a1", TEN), book("a2", instant("2026-03-03 10:00"))).at("09:40")
    hall.and_(check_in("a1", "t1"), give_up("a2"), open_(1)).at("10:00")
    hall.and_(call(1), start(1), finish(1)).at("2026-03-03 04:00").and_(end_day())
    assert list(hall.state.bookings.all) == ["a2"]
    reloaded = hall.reloaded()
    assert reloaded.dump() == hall.state.dump()


def test_a_cancelled_ticket_does_not_give_its_appointment_back() -> None:
    hall = hall_of().and_(book("a1", TEN)).at("09:40").and_(check_in("a1", "t1"), cancel("t1"))
    hall.when(check_in("a1", "t2")).refused("appointment_used", "A001")


# -- codes --------------------------------------------------------------------------------------------


def test_a_code_is_read_however_it_is_grouped_and_typed() -> None:
    code = code_of(1234567890123)
    assert (len(code), shown_code(code)) == (14, f"{code[:4]} {code[4:9]} {code[9:]}")
    for typed in (
        code,
        shown_code(code),
        f" {code[:7]}-{code[7:]} ",
        code.translate({48 + n: 0xFF10 + n for n in range(10)}),
    ):
        assert normal_code(typed) == code
    for typed in ("", code[:-1], code + "1", code + "x", "१" * 13):
        assert normal_code(typed) is None


@pytest.mark.parametrize("drawn", [0, 7, 1234567890123, 10**13 - 1, 918273645546])
def test_one_wrong_digit_is_found_wherever_it_is(drawn: int) -> None:
    code = code_of(drawn)
    for place in range(len(code)):
        for other in "0123456789":
            if other != code[place]:
                assert normal_code(code[:place] + other + code[place + 1 :]) is None


def test_a_booked_time_that_staff_vouches_for_goes_before_the_limits_too() -> None:
    hall = hall_of().at("09:50").and_(change(service__payment__max_waiting=1), take("w1"))
    hall.when(take("w2")).refused("service_full")
    hall.when(take("b1", booked_at=TEN)).then(like(e.TicketTaken, booked=True))
