"""The hall as plugins see it. Pure functions of the state."""

from __future__ import annotations

from typing import Any

import msgspec

from somc.api import CounterView, HallView, OpenAlert, Record, TicketView
from somc.domain.estimates import newcomer
from somc.domain.explain import waited_s
from somc.domain.state import HallState
from somc.domain.values import Ticket
from somc.journal.record import Record as Entry

__all__ = ["hall_view", "record_view", "ticket_view"]


def ticket_view(ticket: Ticket, now: int, *, person: bool = True) -> TicketView:
    """One ticket; without `person` for a plugin that may not know who comes again."""
    return TicketView(
        id=ticket.id,
        number=ticket.number,
        service=ticket.service,
        customer_class=ticket.customer_class,
        class_source=ticket.class_source,
        channel=ticket.channel,
        state=str(ticket.state),
        taken_at=ticket.taken_at,
        waited_s=waited_s(ticket, now),
        target_wait_s=ticket.target_wait_s,
        counter=ticket.counter,
        agent=ticket.agent,
        called_at=ticket.called_at,
        started_at=ticket.started_at,
        ended_at=ticket.ended_at,
        booked_at=ticket.booked_at,
        estimated_wait_s=ticket.estimated_wait_s,
        person=ticket.person if person else None,
    )


def hall_view(state: HallState, now: int) -> HallView:
    hall = state.hall
    alerts = [alert for alert in state.alerts.values() if alert.open]
    return HallView(
        now=now,
        org=hall.org,
        timezone=hall.timezone,
        open=state.is_open(now),
        waiting=state.service_lines(),
        expected_wait_s={
            service: newcomer(state, service, hall.default_class, now)[1] for service in hall.services
        },
        counters=[
            CounterView(number=each.number, state=str(each.state), agent=each.agent, ticket=each.ticket)
            for _, each in sorted(state.counters.items())
        ],
        alerts=[
            OpenAlert(
                id=alert.id,
                kind=alert.kind,
                raised_at=alert.raised_at,
                ticket=alert.ticket or alert.about,
                service=alert.service,
                value=alert.value,
                limit=alert.limit,
            )
            for alert in alerts
        ],
        peak=any(alert.kind == "peak" for alert in state.alerts.values()),
    )


def record_view(record: Entry, *, person: bool) -> Record:
    """A record for a plugin; `person` as for a ticket."""
    data: dict[str, Any] = msgspec.json.decode(record.data)
    if not person:
        data.pop("person", None)
    return Record(seq=record.seq, at=record.at, type=record.type, topic=record.topic, data=data)
