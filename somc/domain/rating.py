"""Rules of what is learned of customers who ask for nothing: ratings (评价) and footfall (客流).

What must stay true
- A service is rated once, within `hall.rating_window_s` of its end. That a customer was asked and gave no
  rating is kept too, and gives way to a rating that comes in time after all.
- A count adds up passages that are in no other record: it is written once, by whoever counted.
"""

from __future__ import annotations

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.guards import plain_text, ticket_for
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState

__all__ = ["MOST_PEOPLE", "MOST_SCALE", "count_people", "rate"]

MOST_SCALE = 10
"""Finer scales do not fit a keypad, and nobody means the difference."""

MOST_PEOPLE = 1_000_000
"""Through one door between two records: more is a device that counts nonsense."""


def rate(state: HallState, command: c.RateTicket, now: int) -> list[e.Event] | Refusal:
    """The rating of a finished service. None and none again is no news."""
    ticket = ticket_for(state, command.ticket, e.TicketRated)
    if isinstance(ticket, Refusal):
        return ticket
    score, scale = command.score, command.scale
    if not 2 <= scale <= MOST_SCALE or not (score is None or 1 <= score <= scale):
        return refuse("bad_rating", score=score, scale=scale, most=MOST_SCALE)
    if refused := plain_text("source", command.source):
        return refused
    if ticket.rating is not None and (ticket.rating.score is not None or score is None):
        return [] if score is None else refuse("already_rated", number=ticket.number)
    assert ticket.counter is not None
    assert ticket.ended_at is not None, "a ticket is finished without an end"
    window_s = state.hall.rating_window_s
    if now - ticket.ended_at > window_s * 1000:
        return refuse("rating_over", number=ticket.number, limit=window_s)
    return [
        e.TicketRated(
            by=command.by,
            ticket=ticket.id,
            number=ticket.number,
            counter=ticket.counter,
            agent=ticket.agent,
            scale=scale,
            source=command.source,
            score=score,
        )
    ]


def count_people(state: HallState, command: c.CountPeople, now: int) -> list[e.Event] | Refusal:
    """So many came and went; nobody is no news."""
    entered, left = command.entered, command.left
    for field, text in (("device", command.device), ("door", command.door)):
        if refused := plain_text(field, text):
            return refused
    if not (0 <= entered <= MOST_PEOPLE and 0 <= left <= MOST_PEOPLE and 0 <= command.since <= now):
        return refuse("bad_count", entered=entered, left=left, most=MOST_PEOPLE)
    if not entered and not left:
        return []
    return [
        e.PeopleCounted(
            by=command.by,
            device=command.device,
            door=command.door,
            since=command.since,
            entered=entered,
            left=left,
        )
    ]
