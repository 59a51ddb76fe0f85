"""The earlier visits of one person, from the journal.

What must stay true: bounded: the newest `limit` tickets among the last `RECORDS_LOOKED_AT` records.
"""

from __future__ import annotations

from typing import Any

import msgspec

from somc.api import TicketView
from somc.journal.journal import Journal

__all__ = ["past_visits"]

RECORDS_LOOKED_AT = 200_000
"""Some weeks of a busy hall. Older visits are the CRM's to know."""

ENDS = {
    "ticket.finished": "finished",
    "ticket.no_show": "no_show",
    "ticket.cancelled": "cancelled",
    "ticket.expired": "expired",
}


async def past_visits(journal: Journal, org: str, person: str, limit: int) -> list[TicketView]:
    """The newest first."""
    taken = await journal.taken_by(person, limit, RECORDS_LOOKED_AT)
    visits = []
    for record in taken:
        data: dict[str, Any] = msgspec.json.decode(record.data)
        fields = {
            "id": data["ticket"],
            "number": data["number"],
            "service": data["service"],
            "customer_class": data["customer_class"],
            "class_source": data["class_source"],
            "channel": data["channel"],
            "state": "waiting",
            "taken_at": record.at,
            "waited_s": 0,
            "target_wait_s": data["target_wait_s"],
            "estimated_wait_s": data.get("estimated_wait_s"),
            "booked_at": data.get("booked_at"),
            "person": person,
        }
        for later in await journal.records_of(f"{org}/ticket/{data['ticket']}"):
            of: dict[str, Any] = msgspec.json.decode(later.data)
            match later.type:
                case "ticket.called":
                    fields.update(counter=of["counter"], agent=of.get("agent"), called_at=later.at)
                    fields["waited_s"] = of["reason"]["waited_s"]
                case "ticket.service_started":
                    fields["started_at"] = later.at
                case "ticket.transferred":
                    fields["service"] = of["to_service"]
                case kind if kind in ENDS:
                    fields.update(state=ENDS[kind], ended_at=later.at)
        visits.append(TicketView(**fields))
    return visits
