"""Rules of calling: next, a given ticket, recall, start, finish, no-show."""

from __future__ import annotations

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.choosing import choose
from somc.domain.explain import given, why
from somc.domain.guards import counter_with_ticket, free_counter, plain_text, ticket_for
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState
from somc.domain.values import ANY_COUNTER, Counter, Ticket

__all__ = ["call_next", "call_ticket", "called", "finish", "no_show", "recall", "return_", "start"]


def call_next(state: HallState, command: c.CallNext, now: int) -> list[e.Event] | Refusal:
    """Whom the policy puts first for this counter; no event if there is nobody."""
    counter = free_counter(state, command.counter)
    if isinstance(counter, Refusal):
        return counter
    chosen = choose(state, counter, now)
    if chosen is None:
        return []
    ticket = state.tickets[state.by_key[chosen.choice.key]]
    reason = why(state, counter, ticket, chosen.choice, now, chosen.failed)
    return [called(command, counter, ticket, reason)]


def call_ticket(state: HallState, command: c.CallTicket, now: int) -> list[e.Event] | Refusal:
    """This very ticket, if the counter may serve it."""
    counter = free_counter(state, command.counter)
    if isinstance(counter, Refusal):
        return counter
    ticket = ticket_for(state, command.ticket, e.TicketCalled)
    if isinstance(ticket, Refusal):
        return ticket
    if ticket.only_counter not in (ANY_COUNTER, counter.number):
        return refuse("ticket_at_other_counter", number=ticket.number, only=ticket.only_counter)
    if ticket.service not in counter.skills:
        name = state.hall.services[ticket.service].name
        return refuse("no_skill", counter=counter.number, service=name)
    return [called(command, counter, ticket, given(state, ticket, now))]


def recall(state: HallState, command: c.Recall, now: int) -> list[e.Event] | Refusal:
    """Again; or, when it was called again as often as the hall allows, a no-show."""
    found = counter_with_ticket(state, command.counter, e.TicketRecalled)
    if isinstance(found, Refusal):
        return found
    counter, ticket = found
    if ticket.recalls >= state.hall.max_recalls:
        return [_no_show(command, counter, ticket, "recalls")]
    return [
        e.TicketRecalled(
            by=command.by,
            ticket=ticket.id,
            number=ticket.number,
            counter=counter.number,
            recalls=ticket.recalls + 1,
        )
    ]


def start(state: HallState, command: c.StartService, now: int) -> list[e.Event] | Refusal:
    found = counter_with_ticket(state, command.counter, e.TicketServiceStarted)
    if isinstance(found, Refusal):
        return found
    counter, ticket = found
    return [
        e.TicketServiceStarted(by=command.by, ticket=ticket.id, number=ticket.number, counter=counter.number)
    ]


def finish(state: HallState, command: c.FinishService, now: int) -> list[e.Event] | Refusal:
    found = counter_with_ticket(state, command.counter, e.TicketFinished)
    if isinstance(found, Refusal):
        return found
    if refused := plain_text("outcome", command.outcome):
        return refused
    counter, ticket = found
    assert ticket.started_at is not None, "a ticket is served without having been started"
    return [
        e.TicketFinished(
            by=command.by,
            ticket=ticket.id,
            number=ticket.number,
            counter=counter.number,
            waited_s=ticket.waited_ms // 1000,
            served_s=(ticket.served_ms + now - ticket.started_at) // 1000,
            outcome=command.outcome,
        )
    ]


def no_show(state: HallState, command: c.MarkNoShow, now: int) -> list[e.Event] | Refusal:
    found = counter_with_ticket(state, command.counter, e.TicketNoShow)
    if isinstance(found, Refusal):
        return found
    counter, ticket = found
    return [_no_show(command, counter, ticket, "agent")]


def return_(state: HallState, command: c.ReturnTicket, now: int) -> list[e.Event] | Refusal:
    """Who was called and did not come waits again, behind the n-th of the line; nobody gains a place by it.

    A booked ticket gives its precedence up: it joins the walk-ins of its class. The recalls go on counting,
    so that a ticket to which nobody ever comes ends as a no-show.
    """
    found = counter_with_ticket(state, command.counter, e.TicketReturned)
    if isinstance(found, Refusal):
        return found
    counter, ticket = found
    behind = state.hall.policy.behind
    if not behind:
        return refuse("return_not_offered")
    queue = state.queues.number_of(ticket.service, ticket.customer_class, ticket.only_counter)
    last = state.scheduler.nth(queue, min(behind, max(1, state.scheduler.waiting(queue))))
    place = (ticket.v, ticket.place)
    if last is not None:
        key, v, order = last
        # Behind it directly: the key settles equal places, and it is smaller for whoever came earlier.
        place = max(place, (v, order if ticket.key > key else order + 1))
    return [
        e.TicketReturned(
            by=command.by,
            ticket=ticket.id,
            number=ticket.number,
            counter=counter.number,
            behind=behind,
            v=place[0],
            order=place[1],
        )
    ]


def called(command: c.Command, counter: Counter, ticket: Ticket, reason: e.CalledReason) -> e.TicketCalled:
    return e.TicketCalled(
        by=command.by,
        ticket=ticket.id,
        number=ticket.number,
        counter=counter.number,
        agent=counter.agent,
        service=ticket.service,
        customer_class=ticket.customer_class,
        reason=reason,
    )


def _no_show(command: c.Command, counter: Counter, ticket: Ticket, cause: str) -> e.TicketNoShow:
    return e.TicketNoShow(
        by=command.by, ticket=ticket.id, number=ticket.number, counter=counter.number, cause=cause
    )
