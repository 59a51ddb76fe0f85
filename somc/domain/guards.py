"""The questions that several rules ask before they decide: is it there, may it, is it free.

Each answers the thing asked for, or the refusal that names what stands in the way.
"""

from __future__ import annotations

import re
import unicodedata

from somc.domain import events as e
from somc.domain.lifecycle import ACTS, COUNTER_WORDS, STATE_WORDS, TICKET_MOVES
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState
from somc.domain.values import BEST_LEVEL, WORST_LEVEL, Counter, CounterState, Ticket, Words

__all__ = [
    "MOBILE",
    "counter_of",
    "counter_with_ticket",
    "free_counter",
    "plain_text",
    "skills_refused",
    "ticket_for",
]

TEXT_LIMIT = 120
"""Characters of a reason, an outcome or an agent's name: more is not a reason but a document."""

UNSHOWN = frozenset(("Cc", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode categories of control characters, line ends, and what stands for no character."""


def ticket_for(state: HallState, ticket: str, act: type[e.Event]) -> Ticket | Refusal:
    """The ticket, if its state allows `act`."""
    found = state.tickets.get(ticket)
    if found is None:
        return refuse("unknown_ticket", ticket=ticket)
    if (found.state, act) not in TICKET_MOVES:
        return refuse("ticket_state", number=found.number, state=STATE_WORDS[found.state], act=ACTS[act])
    return found


def counter_of(state: HallState, number: int) -> Counter | Refusal:
    """The counter, whatever its state."""
    found = state.counters.get(number)
    return found if found is not None else refuse("unknown_counter", counter=number)


def free_counter(state: HallState, number: int) -> Counter | Refusal:
    """The counter, if it may call: open, not paused, nobody there."""
    counter = counter_of(state, number)
    if isinstance(counter, Refusal):
        return counter
    if counter.state is CounterState.CLOSED:
        return refuse("counter_closed", counter=number)
    if counter.ticket is not None:
        return busy(state, counter)
    if counter.state is CounterState.PAUSED:
        return refuse("counter_paused", counter=number)
    return counter


def counter_with_ticket(
    state: HallState, number: int, act: type[e.Event]
) -> tuple[Counter, Ticket] | Refusal:
    """The counter and the ticket there, if its state allows `act`."""
    counter = counter_of(state, number)
    if isinstance(counter, Refusal):
        return counter
    if counter.state is CounterState.CLOSED:
        return refuse("counter_closed", counter=number)
    if counter.ticket is None:
        return refuse("counter_idle", counter=number, act=INFINITIVES[act])
    ticket = ticket_for(state, counter.ticket, act)
    return ticket if isinstance(ticket, Refusal) else (counter, ticket)


def busy(state: HallState, counter: Counter) -> Refusal:
    """That somebody is at the counter."""
    assert counter.ticket is not None
    ticket = state.tickets[counter.ticket]
    return refuse(
        "counter_busy", counter=counter.number, number=ticket.number, state=STATE_WORDS[ticket.state]
    )


def skills_refused(state: HallState, skills: dict[str, int]) -> Refusal | None:
    """Why these skills cannot be, if they cannot."""
    if not skills:
        return refuse("no_skills_given")
    for service, level in skills.items():
        if service not in state.hall.services:
            return refuse("unknown_service", service=service, known=", ".join(state.hall.services))
        if not BEST_LEVEL <= level <= WORST_LEVEL:
            return refuse("bad_level", service=service, level=level)
    return None


MOBILE = re.compile(r"(?<![0-9])(?:\+?86[ -]?)?1[3-9](?:[ -]?[0-9]){9}(?![0-9])")
"""A mainland mobile number as people write it: 13800138000, 138-0013-8000, +86 138 0013 8000."""


def plain_text(field: str, text: str | None) -> Refusal | None:
    """Why `text` cannot be kept: empty or too long, with characters that no display can show, or with
    somebody's number, which no record may hold."""
    if text is None:
        return None
    if MOBILE.search(text):
        return refuse("phone_in_text", field=field)
    printable = all(unicodedata.category(character) not in UNSHOWN for character in text)
    if text.strip() and len(text) <= TEXT_LIMIT and printable:
        return None
    return refuse("bad_text", field=field, limit=TEXT_LIMIT)


def state_words(counter: Counter) -> Words:
    return COUNTER_WORDS[counter.state]


INFINITIVES: dict[type[e.Event], Words] = {
    e.TicketRecalled: Words("重呼", "recall"),
    e.TicketServiceStarted: Words("开始办理", "start"),
    e.TicketFinished: Words("办结", "finish"),
    e.TicketNoShow: Words("过号", "mark a no-show"),
    e.TicketReturned: Words("退回队列", "send anybody back into line"),
}
