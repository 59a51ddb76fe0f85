"""What the outside sees of a hall's state: tickets, counters, the hall as one snapshot.

Pure functions of the state. No view carries a phone number; routes that may show one join it, masked,
after the view is made. Instants are Unix milliseconds here; `rfc3339` rewrites them for HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from somc.domain import advice, alerts, estimates
from somc.domain.business_day import local
from somc.domain.calendar import slot_rules
from somc.domain.explain import waited_s
from somc.domain.state import HallState
from somc.domain.values import Counter, Rating, Ticket, TicketState, to_plain
from somc.server.alert_views import alert_view, open_alerts
from somc.server.appointment_views import slots_today
from somc.server.policy_views import policy_brief
from somc.server.today import today

__all__ = [
    "counter_view",
    "figures",
    "hall_view",
    "open_flags",
    "rfc3339",
    "slip_lines",
    "taken_view",
    "ticket_view",
]

Plain = dict[str, Any]

RECENT_CALLS = 12
"""Calls that a hall display shows beside those of now."""


def ticket_view(state: HallState, ticket: Ticket, now: int) -> Plain:
    """The ticket with all its time stamps."""
    running_ms = 0
    if ticket.state is TicketState.SERVING and ticket.started_at is not None:
        running_ms = now - ticket.started_at
    return {
        "id": ticket.id,
        "number": ticket.number,
        "day": ticket.day,
        "service": ticket.service,
        "customer_class": ticket.customer_class,
        "class_source": ticket.class_source,
        "channel": ticket.channel,
        "state": ticket.state.value,
        "position": ticket.position,
        "estimated_wait_s": ticket.estimated_wait_s,
        "target_wait_s": ticket.target_wait_s,
        "taken_at": ticket.taken_at,
        "queued_at": ticket.queued_at,
        "first_called_at": ticket.first_called_at,
        "called_at": ticket.called_at,
        "started_at": ticket.started_at,
        "ended_at": ticket.ended_at,
        "held_at": ticket.held_at,
        "counter": ticket.counter,
        "only_counter": ticket.only_counter,
        "agent": ticket.agent,
        "recalls": ticket.recalls,
        "returned": ticket.returned,
        "booked_at": ticket.booked_at,
        "booked": ticket.booked,
        "waited_s": waited_s(ticket, now),
        "served_s": (ticket.served_ms + running_ms) // 1000,
        "outcome": ticket.outcome,
        "reason": ticket.reason,
        "alerts": [alert_view(alert) for alert in alerts.of_ticket(state, ticket)],
        "rating": None if ticket.rating is None else rating_view(ticket.rating),
        "phone": None,
    }


def rating_view(rating: Rating) -> Plain:
    """What the customer thought; `score` is null if none was given (未评价)."""
    return {"score": rating.score, "scale": rating.scale, "source": rating.source, "at": rating.at}


def taken_view(state: HallState, ticket: Ticket) -> Plain:
    """What a kiosk is told of the ticket that it just took."""
    return {
        "id": ticket.id,
        "number": ticket.number,
        "service": ticket.service,
        "customer_class": ticket.customer_class,
        "state": ticket.state.value,
        "position": ticket.position,
        "estimated_wait_s": ticket.estimated_wait_s,
        "target_wait_s": ticket.target_wait_s,
        "taken_at": ticket.taken_at,
        "booked_at": ticket.booked_at,
        "booked": ticket.booked,
        "slip": slip_lines(state, ticket),
    }


def slip_lines(state: HallState, ticket: Ticket) -> list[Plain]:
    """The slip's free lines: what was contributed when the ticket was taken, then the papers to bring."""
    papers = state.hall.services[ticket.service].papers if ticket.service in state.hall.services else ()
    return [to_plain(line) for line in (*ticket.slip, *papers)]


def counter_view(state: HallState, counter: Counter) -> Plain:
    """The counter as it stands."""
    return {
        "number": counter.number,
        "name": to_plain(state.hall.counters[counter.number].name),
        "place": to_plain(state.hall.counters[counter.number].at),
        "state": counter.state.value,
        "mode": state.hall.counters[counter.number].mode,
        "since": counter.since,
        "agent": counter.agent,
        "reason": counter.reason,
        "skills": counter.skills,
        "ticket": counter.ticket,
        "served": counter.served,
        "free_since": counter.free_since,
    }


def counter_with_ticket_view(state: HallState, counter: Counter, now: int) -> Plain:
    """The counter, and in full the ticket that is there."""
    view = counter_view(state, counter)
    view["ticket"] = (
        None if counter.ticket is None else ticket_view(state, state.tickets[counter.ticket], now)
    )
    return view


def service_views(state: HallState) -> list[Plain]:
    """The services as set up."""
    hall = state.hall
    return [
        {
            "id": name,
            "name": to_plain(service.name),
            "prefix": service.prefix,
            "group": to_plain(service.group),
            "papers": to_plain(service.papers),
            "bookable": slot_rules(hall, name).capacity > 0,
            "target_wait_s": {kind: hall.target_wait_s(name, kind) for kind in hall.classes},
        }
        for name, service in hall.services.items()
    ]


def waiting_by_class(state: HallState) -> Plain:
    """How many wait, per service and class."""
    return {
        service: {kind: state.queues.waiting(service, kind) for kind in state.hall.classes}
        for service in state.hall.services
    }


def service_figures(state: HallState, now: int) -> Plain:
    """Per service: who waits, the wait that somebody of the default class would be told now, open or not."""
    lines = state.service_lines()
    return {
        service: {
            "waiting": lines[service],
            "expected_wait_s": estimates.newcomer(state, service, state.hall.default_class, now)[1],
            "open": state.is_open(now) and state.is_open(now, service),
        }
        for service in state.hall.services
    }


def figures(state: HallState, now: int) -> Plain:
    """What is derived and never recorded, for live pages: lines, expected waits, today's sums, everybody's
    place, the alerts that are open, and how many counters to open."""
    places = estimates.forecast(state, now)
    return {
        "now": now,
        "day": state.day,
        "open": state.is_open(now),
        "services": service_figures(state, now),
        "today": today(state, now),
        "alerts": open_alerts(state),
        "places": {name: list(place) for name, place in places.items()},
        "advice": advice.view(advice.advice(state, now)),
        "policy": policy_brief(state),
        "appointments": slots_today(state, now),
    }


def open_flags(state: HallState, now: int) -> tuple[bool, ...]:
    """Whether the hall, and each of its services, is open: what time alone changes in the figures."""
    return (state.is_open(now), *(state.is_open(now, service) for service in state.hall.services))


def recent_calls(state: HallState) -> list[Plain]:
    """The newest calls of the day, newest first, each ticket once."""
    called = [ticket for ticket in state.tickets.values() if ticket.called_at is not None]
    called.sort(key=lambda ticket: (ticket.called_at or 0, ticket.key), reverse=True)
    return [
        {
            "ticket": ticket.id,
            "number": ticket.number,
            "counter": ticket.counter,
            "at": ticket.called_at,
            "service": ticket.service,
        }
        for ticket in called[:RECENT_CALLS]
    ]


def hall_view(
    state: HallState, now: int, derived: Plain, *, epoch: str, speed: float, drivers: Plain
) -> Plain:
    """The hall (营业厅) as one snapshot. `derived` are its `figures`; `drivers` says of each device what it
    is, by name."""
    hall = state.hall
    return {
        "epoch": epoch,
        "seq": state.seq,
        "at": state.at,
        "now": now,
        "speed": speed,
        "org": hall.org,
        "name": to_plain(hall.name),
        "timezone": hall.timezone,
        "day": state.day,
        "open": derived["open"],
        "services": [{**service, **derived["services"][service["id"]]} for service in service_views(state)],
        "classes": [
            {
                "id": name,
                "name": to_plain(kind.name),
                "target_wait_s": kind.target_wait_s,
                "priority": kind.priority,
            }
            for name, kind in hall.classes.items()
        ],
        "counters": [counter_view(state, state.counters[number]) for number in sorted(state.counters)],
        "waiting": waiting_by_class(state),
        "tickets": [ticket_view(state, ticket, now) for ticket in state.live_tickets()],
        "recent_calls": recent_calls(state),
        "policy": policy_brief(state),
        "alerts": derived["alerts"],
        "places": derived["places"],
        "advice": derived["advice"],
        "appointments": derived["appointments"],
        "devices": device_views(state, drivers),
        "today": derived["today"],
        "display": to_plain(hall.display),
        "display_lines": derived["display_lines"],
    }


def device_views(state: HallState, drivers: Plain) -> list[Plain]:
    """Every device that is set up, with its health as last reported."""
    views = []
    for name, about in drivers.items():
        known = state.devices.get(name)
        views.append(
            {
                "name": name,
                **about,
                "status": "unknown" if known is None else known.status,
                "detail": "" if known is None else known.detail,
                "since": None if known is None else known.since,
            }
        )
    return views


INSTANTS = frozenset(
    (
        *("at", "now", "since", "free_since", "from", "to", "taken_at", "queued_at", "first_called_at"),
        *("called_at", "started_at", "ended_at", "held_at", "cleared_at", "acknowledged_at"),
        *("booked_at", "ends_at", "made_at", "answer_by", "wait_until"),
        *("expires_at", "ready_at", "changed_at"),
    )
)
"""Fields that hold an instant, in every view."""


NAMED = frozenset(
    (
        *("skills", "target_wait_s", "weight", "max_wait_s", "waiting", "by_class", "changes", "value"),
        *("default", "facts", "config"),
        *("places", "breaches", "breaches_then"),
    )
)
"""Fields whose value is a map by names of the hall's own: a service may be called `now`."""


def rfc3339(view: Any, zone: tzinfo) -> Any:
    """The view with every instant as RFC 3339 with the hall's offset, for HTTP."""
    if isinstance(view, list):
        return [rfc3339(item, zone) for item in view]
    if not isinstance(view, dict):
        return view
    written = dict(view)
    for key, value in view.items():
        if isinstance(value, (dict, list)):
            if key not in NAMED:
                written[key] = rfc3339(value, zone)
        elif key in INSTANTS and isinstance(value, int):
            written[key] = _instant(value, zone)
    return written


@lru_cache(maxsize=1024)  # a ticket's instants stand in every answer about it
def _instant(at: int, zone: tzinfo) -> str:
    return local(at, zone).isoformat(timespec="milliseconds")


def mask(phone: str) -> str:
    """A phone number as the public may see it: first three and last four digits at most."""
    if len(phone) < 8:
        return "*" * len(phone)
    return phone[:3] + "*" * (len(phone) - 7) + phone[-4:]


def ticket_views(state: HallState, tickets: Iterable[Ticket], now: int) -> list[Plain]:
    return [ticket_view(state, ticket, now) for ticket in tickets]
