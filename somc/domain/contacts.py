"""Rules of what is done for a customer beside the queue: offers, care, and the way elsewhere.

None of it moves a ticket, but one: whoever waits and goes elsewhere instead gives the place up.
"""

from __future__ import annotations

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.guards import counter_of, plain_text, ticket_for
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState
from somc.domain.values import Ticket, TicketState

__all__ = ["DIVERSIONS", "OUTCOMES", "divert", "log_care", "record_offer"]

OUTCOMES = ("shown", "accepted", "refused", "later")
ANSWERS = OUTCOMES[1:]
"""What a customer said; that the offer was shown says nothing beside it."""

DIVERSIONS = ("self_service", "other_hall", "online", "quiet_hours")

DIVERTED = "diverted"
"""The reason with which a ticket is given up that went elsewhere."""


def record_offer(state: HallState, command: c.RecordOffer, now: int) -> list[e.Event] | Refusal:
    """The last word counts; the same word again, or `shown` after an answer, changes nothing."""
    ticket = _known(state, command.ticket)
    if isinstance(ticket, Refusal):
        return ticket
    if command.outcome not in OUTCOMES:
        return refuse("bad_offer_outcome", known=", ".join(OUTCOMES))
    if refused := (plain_text("offer", command.offer) or plain_text("agent", command.agent)):
        return refused
    if command.counter is not None and isinstance(counter := counter_of(state, command.counter), Refusal):
        return counter
    before = state.offers.get(ticket.id, {}).get(command.offer)
    if before == command.outcome or (before in ANSWERS and command.outcome == "shown"):
        return []
    return [
        e.OfferOutcome(
            by=command.by,
            ticket=ticket.id,
            number=ticket.number,
            offer=command.offer,
            outcome=command.outcome,
            counter=command.counter if command.counter is not None else ticket.counter,
            agent=command.agent,
        )
    ]


def log_care(state: HallState, command: c.LogCare, now: int) -> list[e.Event] | Refusal:
    """In any state of the ticket: who was cared for while waiting is often written down after."""
    ticket = _known(state, command.ticket)
    if isinstance(ticket, Refusal):
        return ticket
    texts = {"kind": command.kind, "note": command.note, "agent": command.agent}
    for field, text in texts.items():
        if refused := plain_text(field, text):
            return refused
    return [
        e.CareLogged(
            by=command.by,
            ticket=ticket.id,
            number=ticket.number,
            kind=command.kind,
            note=command.note,
            agent=command.agent,
        )
    ]


def divert(state: HallState, command: c.Divert, now: int) -> list[e.Event] | Refusal:
    """Somebody who has no ticket yet, or one who waits (or is held, or called) and gives it up."""
    services = state.hall.services
    if command.service is None and command.ticket is None:
        return refuse("nothing_to_divert")
    if command.service is not None and command.service not in services:
        return refuse("unknown_service", service=command.service, known=", ".join(services))
    if command.kind not in DIVERSIONS:
        return refuse("bad_diversion", kind=command.kind, known=", ".join(DIVERSIONS))
    if refused := plain_text("to", command.to):
        return refused
    if command.ticket is None:
        assert command.service is not None
        return [e.TicketDiverted(by=command.by, service=command.service, kind=command.kind, to=command.to)]
    ticket = ticket_for(state, command.ticket, e.TicketCancelled)
    if isinstance(ticket, Refusal):
        return ticket
    if command.service not in (None, ticket.service):
        return refuse("divert_other_service", number=ticket.number, service=services[ticket.service].name)
    waits = ticket.state is TicketState.WAITING
    waited_ms = ticket.waited_ms + (now - ticket.queued_at if waits else 0)
    return [
        e.TicketDiverted(
            by=command.by,
            service=ticket.service,
            kind=command.kind,
            to=command.to,
            ticket=ticket.id,
            number=ticket.number,
            waited_s=waited_ms // 1000,
        ),
        e.TicketCancelled(
            by=command.by,
            ticket=ticket.id,
            number=ticket.number,
            reason=DIVERTED,
            counter=ticket.counter if ticket.state.at_counter else None,
        ),
    ]


def _known(state: HallState, ticket: str) -> Ticket | Refusal:
    found = state.tickets.get(ticket)
    return found if found is not None else refuse("unknown_ticket", ticket=ticket)
