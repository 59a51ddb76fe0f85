"""Rules of a ticket outside the counters: take, cancel, hold, resume, transfer, print again."""

from __future__ import annotations

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.appointments import stands_booked
from somc.domain.counters import release
from somc.domain.estimates import booked_newcomer, newcomer
from somc.domain.guards import counter_of, plain_text, ticket_for
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState
from somc.domain.values import ANY_COUNTER, Service, TicketState

__all__ = ["cancel", "hold", "print_again", "resume", "take", "transfer"]


def take(
    state: HallState, command: c.TakeTicket, now: int, appointment: str | None = None
) -> list[e.Event] | Refusal:
    """Hours and limits, then the next number with place and expected wait as of now.

    A customer with a booked time has a place already: the limits are for walk-ins. `appointment` is the one
    that is checked in with it.
    """
    hall = state.hall
    service = hall.services.get(command.service)
    if service is None:
        return refuse("unknown_service", service=command.service, known=", ".join(hall.services))
    if command.customer_class not in hall.classes:
        known = ", ".join(hall.classes)
        return refuse("unknown_class", customer_class=command.customer_class, known=known)
    if command.ticket_id in state.tickets:
        return refuse("ticket_id_taken", ticket=command.ticket_id)
    if not state.is_open(now):
        return refuse("hall_closed")
    if not state.is_open(now, command.service):
        return refuse("service_closed", service=service.name)
    if command.booked_at is None and (refused := _beyond_limits(state, service, command.service)):
        return refused
    serial = state.counts.serials.get(service.prefix, 0) + 1
    booked = stands_booked(hall.appointments, command.booked_at, now)
    if booked and command.booked_at is not None:
        day_end = state.day_end_of(state.day_at(now))
        if command.booked_at >= day_end:
            return refuse(
                "booked_other_day", booked=state.clock_time(command.booked_at), day=state.day_at(now)
            )
        ahead, wait_s = booked_newcomer(
            state, command.service, command.customer_class, command.booked_at, now
        )
    else:
        ahead, wait_s = newcomer(state, command.service, command.customer_class, now)
    return [
        e.TicketTaken(
            by=command.by,
            ticket=command.ticket_id,
            number=f"{service.prefix}{serial:03d}",
            day=state.day_at(now),
            serial=serial,
            service=command.service,
            customer_class=command.customer_class,
            class_source=command.class_source,
            channel=command.channel,
            position=ahead + 1,
            estimated_wait_s=wait_s,
            target_wait_s=hall.target_wait_s(command.service, command.customer_class),
            person=command.person,
            slip=command.slip,
            booked_at=command.booked_at,
            booked=booked,
            appointment=appointment,
        )
    ]


def _beyond_limits(state: HallState, service: Service, name: str) -> Refusal | None:
    """Why no more tickets are given out for the service, if so."""
    taken = state.counts.by_service.get(name, 0) if state.day is not None else 0
    if service.daily_limit is not None and taken >= service.daily_limit:
        return refuse("service_sold_out", service=service.name, limit=service.daily_limit)
    if service.max_waiting is not None and state.service_lines()[name] >= service.max_waiting:
        return refuse("service_full", service=service.name, limit=service.max_waiting)
    return None


def cancel(state: HallState, command: c.CancelTicket, now: int) -> list[e.Event] | Refusal:
    ticket = ticket_for(state, command.ticket, e.TicketCancelled)
    if isinstance(ticket, Refusal):
        return ticket
    if refused := plain_text("reason", command.reason):
        return refused
    at = ticket.counter if ticket.state.at_counter else None
    return [
        e.TicketCancelled(
            by=command.by, ticket=ticket.id, number=ticket.number, reason=command.reason, counter=at
        )
    ]


def hold(state: HallState, command: c.HoldTicket, now: int) -> list[e.Event] | Refusal:
    ticket = ticket_for(state, command.ticket, e.TicketHeld)
    if isinstance(ticket, Refusal):
        return ticket
    if refused := plain_text("reason", command.reason):
        return refused
    at = ticket.counter if ticket.state.at_counter else None
    return [
        e.TicketHeld(by=command.by, ticket=ticket.id, number=ticket.number, reason=command.reason, counter=at)
    ]


def resume(state: HallState, command: c.ResumeTicket, now: int) -> list[e.Event] | Refusal:
    """Back to where it waited; to everybody, if its only counter no longer serves it."""
    ticket = ticket_for(state, command.ticket, e.TicketResumed)
    if isinstance(ticket, Refusal):
        return ticket
    resumed = e.TicketResumed(by=command.by, ticket=ticket.id, number=ticket.number)
    if ticket.only_counter == ANY_COUNTER:
        return [resumed]
    only = state.counters[ticket.only_counter]
    if only.agent is None:
        return [resumed, release(command, ticket, "counter_closed")]
    if ticket.service not in only.skills:
        return [resumed, release(command, ticket, "counter_configured")]
    return [resumed]


def transfer(state: HallState, command: c.TransferTicket, now: int) -> list[e.Event] | Refusal:
    """To a service (any counter that serves it), to one counter, or to a service at one counter."""
    ticket = ticket_for(state, command.ticket, e.TicketTransferred)
    if isinstance(ticket, Refusal):
        return ticket
    if command.service is None and command.counter is None:
        return refuse("nothing_to_transfer")
    hall = state.hall
    service = command.service if command.service is not None else ticket.service
    if service not in hall.services:
        return refuse("unknown_service", service=service, known=", ".join(hall.services))
    only = ANY_COUNTER
    if command.counter is not None:
        counter = counter_of(state, command.counter)
        if isinstance(counter, Refusal):
            return counter
        if counter.agent is None:
            return refuse("counter_closed", counter=counter.number)
        if service not in counter.skills:
            return refuse("no_skill", counter=counter.number, service=hall.services[service].name)
        only = counter.number
    if ticket.state is TicketState.WAITING and (service, only) == (ticket.service, ticket.only_counter):
        return refuse("transfer_to_same", number=ticket.number)
    return [
        e.TicketTransferred(
            by=command.by,
            ticket=ticket.id,
            number=ticket.number,
            to_service=service,
            to_counter=only,
            target_wait_s=hall.target_wait_s(service, ticket.customer_class),
            counter=ticket.counter if ticket.state.at_counter else None,
        )
    ]


def print_again(state: HallState, command: c.PrintTicket, now: int) -> list[e.Event] | Refusal:
    ticket = state.tickets.get(command.ticket)
    if ticket is None:
        return refuse("unknown_ticket", ticket=command.ticket)
    copy = state.copies.get(ticket.id, 0) + 1
    return [e.TicketPrinted(by=command.by, ticket=ticket.id, number=ticket.number, copy=copy)]
