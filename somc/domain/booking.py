"""Rules of appointments as people ask for them: book, confirm, move, cancel, check in.

What must stay true
- A place is given by the one task that decides, so two channels never get the same last one.
- The capacity of a slot is never exceeded by a booking, a move or an offer. (A smaller capacity set later
  takes nothing from anybody.)
- Check-in and its ticket are one decision: neither is there without the other.
"""

from __future__ import annotations

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain import taking
from somc.domain.appointments import stands_booked
from somc.domain.bookings import Appointment, AppointmentState, about
from somc.domain.business_calendar import seen_to
from somc.domain.calendar import Slot, date_of, slot_at, slot_rules, slots_on
from somc.domain.guards import plain_text
from somc.domain.lifecycle import APPOINTMENT_ACTS, APPOINTMENT_MOVES, APPOINTMENT_WORDS
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState

__all__ = [
    "book",
    "cancel",
    "change",
    "check_in",
    "confirm",
    "free_places",
    "last_bookable_date",
    "open_for_check_in",
    "slot_refused",
]

DAY_MS = 86_400_000


def free_places(state: HallState, service: str, slot: Slot) -> int:
    """Places left in a slot; not below 0, should the capacity have been lowered since."""
    capacity = slot_rules(state.hall, service).capacity
    return max(0, capacity - state.bookings.places_taken(service, slot.at, slot.ends_at))


def last_bookable_date(state: HallState, service: str, now: int) -> str:
    """The last date for which slots of a service are offered at `now`."""
    ahead = (slot_rules(state.hall, service).horizon_days - 1) * DAY_MS
    return date_of(now + ahead, state.zone).isoformat()


def slot_refused(state: HallState, service: str, at: int, now: int) -> Slot | Refusal:
    """The slot of a service at `at`, if it may be booked at `now` as far as time goes."""
    hall = state.hall
    if service not in hall.services:
        return refuse("unknown_service", service=service, known=", ".join(hall.services))
    rules = slot_rules(hall, service)
    name = hall.services[service].name
    if rules.capacity == 0:
        return refuse("no_appointments", service=name)
    when = state.clock_time(at)
    if date_of(at, state.zone).isoformat() > last_bookable_date(state, service, now):
        return refuse("slot_too_far", when=when, last=last_bookable_date(state, service, now))
    slot = slot_at(hall, state.zone, at, service)
    if slot is None:
        return refuse("no_slot", service=name, when=when)
    if now > at - rules.lead_s * 1000:
        return refuse("slot_too_soon", when=when, minutes=rules.lead_s // 60)
    return slot


def book(state: HallState, command: c.BookAppointment, now: int) -> list[e.Event] | Refusal:
    """One place, or a block of them; or one on the waiting list, if that was asked for and none is free."""
    slot = slot_refused(state, command.service, command.at, now)
    if isinstance(slot, Refusal):
        return slot
    if refused := _holder_refused(state, command):
        return refused
    candidates = [slot]
    if command.until is not None:
        day = date_of(slot.at, state.zone)
        if date_of(command.until, state.zone) != day or command.until < slot.at:
            return refuse("wait_other_day", when=state.clock_time(slot.at))
        slots = slots_on(state.hall, state.zone, day, command.service)
        candidates = [each for each in slots if slot.at <= each.at <= command.until]
    for candidate in candidates:
        if free_places(state, command.service, candidate) >= len(command.places):
            return _booked(state, command, candidate, now)
    if command.wait and len(command.places) == 1:
        return _waitlisted(state, command, slot)
    free = free_places(state, command.service, slot)
    name = state.hall.services[command.service].name
    return refuse("slot_full", service=name, when=state.clock_time(slot.at), free=free)


def confirm(state: HallState, command: c.ConfirmAppointment, now: int) -> list[e.Event] | Refusal:
    """Yes to a booking, or to the place that was offered. A second yes changes nothing."""
    found = appointment_for(state, command.appointment, e.AppointmentConfirmed)
    if isinstance(found, Refusal):
        known = state.bookings.all.get(command.appointment)
        return [] if known is not None and known.state is AppointmentState.CONFIRMED else found
    return [e.AppointmentConfirmed(by=command.by, **about(found))]


def change(state: HallState, command: c.ChangeAppointment, now: int) -> list[e.Event] | Refusal:
    """To another slot, another service, or both, if there is a place."""
    found = appointment_for(state, command.appointment, e.AppointmentChanged)
    if isinstance(found, Refusal):
        return found
    if command.service is None and command.at is None:
        return refuse("nothing_to_change")
    service = found.service if command.service is None else command.service
    at = found.at if command.at is None else command.at
    if (service, at) == (found.service, found.at):
        return refuse("appointment_same_slot", when=state.clock_time(at))
    slot = slot_refused(state, service, at, now)
    if isinstance(slot, Refusal):
        return slot
    # Its own place counts if it stays within the same slot (of another length than before).
    own = service == found.service and slot.at <= found.at < slot.ends_at
    if free_places(state, service, slot) + own < 1:
        name = state.hall.services[service].name
        return refuse("slot_full", service=name, when=state.clock_time(at), free=0)
    return [
        e.AppointmentChanged(
            by=command.by,
            appointment=found.id,
            service=service,
            slot=slot.at,
            person=found.person,
            ends_at=slot.ends_at,
            from_service=found.service,
            from_slot=found.at,
        ),
        *seen_to(state, command, found),
    ]


def cancel(state: HallState, command: c.CancelAppointment, now: int) -> list[e.Event] | Refusal:
    found = appointment_for(state, command.appointment, e.AppointmentCancelled)
    if isinstance(found, Refusal):
        return found
    if refused := plain_text("reason", command.reason):
        return refused
    fallen = e.AppointmentCancelled(by=command.by, reason=command.reason, **about(found))
    return [fallen, *seen_to(state, command, found)]


def check_in(state: HallState, command: c.CheckIn, now: int) -> list[e.Event] | Refusal:
    """Within the window: its ticket, which stands with the appointments unless its holder is too late."""
    found = _whose(state, command, now)
    if isinstance(found, Refusal):
        return found
    terms = state.hall.appointments
    if command.service is not None and command.service != found.service:
        booked = state.hall.services[found.service].name
        return refuse("appointment_other_service", booked=booked, when=state.clock_time(found.at))
    opens_at = found.at - terms.check_in_early_s * 1000
    if now < opens_at:
        when, opens = state.clock_time(found.at), state.clock_time(opens_at)
        return refuse("check_in_too_early", when=when, opens=opens)
    take = c.TakeTicket(
        by=command.by,
        ticket_id=command.ticket_id,
        service=found.service,
        customer_class=command.customer_class,
        class_source=command.class_source,
        channel=command.channel,
        person=found.person,
        slip=command.slip,
        booked_at=found.at,
    )
    taken = taking.take(state, take, now, found.id)
    if isinstance(taken, Refusal):
        return taken
    [ticket] = taken
    assert isinstance(ticket, e.TicketTaken)
    late = not stands_booked(terms, found.at, now)
    came = e.AppointmentCheckedIn(
        by=command.by, ticket=ticket.ticket, number=ticket.number, late=late, **about(found)
    )
    return [came, ticket]


# -- what several rules ask -------------------------------------------------------------------------


def appointment_for(state: HallState, name: str, act: type[e.AppointmentEvent]) -> Appointment | Refusal:
    """The appointment, if its state allows `act`."""
    found = state.bookings.all.get(name)
    if found is None:
        return refuse("unknown_appointment")
    if (found.state, act) in APPOINTMENT_MOVES:
        return found
    when = state.clock_time(found.at)
    if found.state is AppointmentState.CHECKED_IN:
        assert found.number is not None
        return refuse("appointment_used", when=when, number=found.number)
    return refuse(
        "appointment_state", when=when, state=APPOINTMENT_WORDS[found.state], act=APPOINTMENT_ACTS[act]
    )


def open_for_check_in(state: HallState, person: str, now: int) -> list[Appointment]:
    """A customer's appointments that may be checked in at `now`, the earliest first."""
    early_ms = state.hall.appointments.check_in_early_s * 1000
    return [
        each
        for each in state.bookings.of_person(person)
        if (each.state, e.AppointmentCheckedIn) in APPOINTMENT_MOVES and now >= each.at - early_ms
    ]


def _whose(state: HallState, command: c.CheckIn, now: int) -> Appointment | Refusal:
    """The appointment that is to be checked in: the one that is named, or the only one whose time it is."""
    if command.appointment is not None:
        return appointment_for(state, command.appointment, e.AppointmentCheckedIn)
    theirs = [] if command.person is None else open_for_check_in(state, command.person, now)
    if command.service is not None:
        theirs = [each for each in theirs if each.service == command.service]
    if len(theirs) > 1:
        return refuse("several_appointments", count=len(theirs))
    if theirs:
        return theirs[0]
    # None that is open now: what is told is about the one that is nearest in time.
    others = [] if command.person is None else state.bookings.of_person(command.person)
    nearest = min(others, key=lambda each: (not each.state.ahead, abs(each.at - now)), default=None)
    if nearest is None:
        return refuse("unknown_appointment")
    return appointment_for(state, nearest.id, e.AppointmentCheckedIn)


def _holder_refused(state: HallState, command: c.BookAppointment) -> Refusal | None:
    """Why so many places cannot be booked, or not by this customer."""
    terms = state.hall.appointments
    if not 1 <= len(command.places) <= terms.block_limit:
        return refuse("too_many_places", count=len(command.places), limit=terms.block_limit)
    names = {place.id for place in command.places} | {place.code for place in command.places}
    known = state.bookings.all.keys() | state.bookings.by_code.keys()
    if len(names) < 2 * len(command.places) or names & known:
        return refuse("appointment_id_taken")
    if command.person is None or not terms.open_limit:
        return None
    if state.bookings.ahead_of.get(command.person, 0) < terms.open_limit:
        return None
    # Places that were booked at once are one: a family or a firm is not refused for its size.
    theirs = state.bookings.of_person(command.person)
    if len({each.block or each.id for each in theirs if each.state.ahead}) >= terms.open_limit:
        return refuse("too_many_appointments", limit=terms.open_limit)
    return None


def _booked(state: HallState, command: c.BookAppointment, slot: Slot, now: int) -> list[e.Event]:
    confirm_s = state.hall.appointments.confirm_s
    confirm_by = None
    if confirm_s is not None and not command.confirmed:
        confirm_by = min(now + confirm_s * 1000, slot.at)
    return [
        e.AppointmentBooked(
            by=command.by,
            appointment=place.id,
            service=command.service,
            slot=slot.at,
            person=command.person,
            ends_at=slot.ends_at,
            channel=command.channel,
            code=place.code,
            block=command.places[0].id if len(command.places) > 1 else None,
            confirm_by=confirm_by,
        )
        for place in command.places
    ]


def _waitlisted(state: HallState, command: c.BookAppointment, slot: Slot) -> list[e.Event] | Refusal:
    limit = state.hall.appointments.waiting_list
    waiting = sum(1 for each in state.bookings.waiting.values() if each.service == command.service)
    if waiting >= limit:
        name = state.hall.services[command.service].name
        return refuse("waiting_list_full", service=name, limit=limit)
    place = command.places[0]
    return [
        e.AppointmentWaitlisted(
            by=command.by,
            appointment=place.id,
            service=command.service,
            slot=slot.at,
            person=command.person,
            ends_at=slot.ends_at,
            channel=command.channel,
            code=place.code,
            until=command.until,
        )
    ]
