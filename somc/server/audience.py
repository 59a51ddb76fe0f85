"""Who sees what of a person: the forms in which records and views leave the hall.

What must stay true
- The public's screens (kiosk, display) learn no agent, no principal, no person and no words that somebody
  wrote about a customer or a colleague; nor what a customer thought of one.
- Who a customer is (`person`) leaves with `GET /records` for `centre` and `admin` only, never by the live
  feed.
- A view keeps its shape: what may not be seen is `null`. A record's `data` lacks it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from somc.journal.record import Record
from somc.server.access import Principal, may

__all__ = [
    "is_public",
    "knows_people",
    "public_answer",
    "public_figures",
    "public_hall",
    "public_record",
    "public_ticket",
    "without_person",
]

Plain = dict[str, Any]

INSIDE = frozenset(("floor", "agent", "manager", "centre", "channel", "device"))
"""Roles that work in or for the hall; whoever has none of them is a screen of the public's."""

PERSON = "person"
INSIDE_ONLY = frozenset((PERSON, "code"))
"""Fields that only `centre` and `admin` get: whose it is, and the keyed hash of an appointment's code."""
PRIVATE = frozenset(
    ("agent", "by", PERSON, "code", "reason", "outcome", "note", "score", "why", "data", "about")
)
"""Fields of a record's `data` that the public's screens do not get."""

PRIVATE_OF_TICKET: Plain = {"agent": None, "outcome": None, "reason": None, "alerts": [], "rating": None}
PRIVATE_OF_FIGURES: Plain = {"alerts": [], "advice": None, "appointments": []}
PRIVATE_OF_COUNTER = {"agent": None, "reason": None}


def is_public(principal: Principal) -> bool:
    """Whether it is one of the public's screens."""
    return not may(principal, INSIDE)


def knows_people(principal: Principal) -> bool:
    """Whether it may learn which tickets are one customer's."""
    return may(principal, frozenset(("centre",)))


def public_record(record: Record) -> Record:
    """The record as the public's screens see it."""
    return _without(record, PRIVATE)


def without_person(record: Record) -> Record:
    """The record as staff see it."""
    data = bytes(record.data)
    if b'"person"' not in data and b'"code"' not in data:  # most have none: they need not be decoded
        return record
    return _without(record, INSIDE_ONLY)


def _without(record: Record, fields: frozenset[str]) -> Record:
    data = msgspec.json.decode(record.data, type=Plain)
    kept = {name: value for name, value in data.items() if name not in fields}
    return msgspec.structs.replace(record, data=msgspec.Raw(msgspec.json.encode(kept)))


def public_ticket(view: Plain) -> Plain:
    """A ticket's view as the public's screens see it."""
    return {**view, **PRIVATE_OF_TICKET}


def public_answer(view: Any) -> Any:
    """What an act answers, as the public's screens see it: the acts that they may do answer with a ticket."""
    return public_ticket(view) if isinstance(view, dict) and PRIVATE_OF_TICKET.keys() <= view.keys() else view


def public_hall(view: Plain) -> Plain:
    """The hall's snapshot as the public's screens see it."""
    return {
        **view,
        "tickets": [public_ticket(ticket) for ticket in view["tickets"]],
        "counters": [{**counter, **PRIVATE_OF_COUNTER} for counter in view["counters"]],
        "devices": [{**device, "place": None, "readings": []} for device in view["devices"]],
        **PRIVATE_OF_FIGURES,
    }


def public_figures(figures: Plain) -> Plain:
    """The derived figures as the public's screens see them."""
    return {**figures, **PRIVATE_OF_FIGURES}
