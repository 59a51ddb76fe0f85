"""What is expected of those who wait: place and wait of a ticket now, and whom a counter gets next and why.

Pure functions of the state; derived at each question and never recorded.
"""

from __future__ import annotations

from typing import Any

from somc.domain import choosing, estimates
from somc.domain.explain import waited_s, why
from somc.domain.state import HallState
from somc.domain.values import ANY_COUNTER, Counter, Ticket, TicketState, to_plain
from somc.server.views import ticket_view

__all__ = ["preview_view", "ticket_now_views", "waiting_here"]

Plain = dict[str, Any]


def ticket_now_views(state: HallState, tickets: list[Ticket], now: int) -> list[Plain]:
    """Tickets, each with `position_now`, `expected_wait_s` and what is left of its promise (null unless it
    waits)."""
    waits = any(ticket.state is TicketState.WAITING for ticket in tickets)
    forecast = estimates.forecast(state, now) if waits else {}
    views = []
    for ticket in tickets:
        place, wait_s = forecast.get(ticket.id, (None, None))
        left_s = None
        if ticket.state is TicketState.WAITING:
            left_s = (ticket.v + ticket.target_wait_s * 1000 - now) // 1000
        expected = {"position_now": place, "expected_wait_s": wait_s, "target_left_s": left_s}
        views.append({**ticket_view(state, ticket, now), **expected})
    return views


def preview_view(state: HallState, counter: Counter, now: int, limit: int) -> Plain:
    """The next `limit` tickets of a counter, in order, each with what is expected of it and why it stands
    there; and how many wait, by service and class, whom the counter may serve."""
    keys = choosing.preview(state, counter.number, now, limit)
    tickets = [state.tickets[state.by_key[key]] for key in keys]
    chosen = choosing.choose(state, counter, now)
    rows = ticket_now_views(state, tickets, now)
    for place, (ticket, row) in enumerate(zip(tickets, rows, strict=True), 1):
        if chosen is not None and chosen.choice.key == ticket.key:
            row["why"] = to_plain(why(state, counter, ticket, chosen.choice, now, chosen.failed).words)
        else:
            row["why"] = _later(state, ticket, place, row["target_left_s"], now)
    return {"counter": counter.number, "tickets": rows, "waiting": waiting_here(state, counter)}


def _later(state: HallState, ticket: Ticket, place: int, left_s: int, now: int) -> Plain:
    """Why somebody who is not the next stands where they do: the line, the wait and the promise."""
    service = state.hall.services[ticket.service].name
    kind = state.hall.classes[ticket.customer_class].name
    minutes, promised = waited_s(ticket, now) // 60, ticket.target_wait_s // 60
    zh_left = f"还剩 {left_s // 60} 分钟" if left_s >= 0 else f"已超 {-left_s // 60} 分钟"
    en_left = f"{left_s // 60} min left" if left_s >= 0 else f"{-left_s // 60} min over"
    return {
        "zh": f"第 {place} 位：{service.zh}，{kind.zh}，"
        f"已等 {minutes} 分钟，承诺 {promised} 分钟（{zh_left}）。",
        "en": f"Number {place} here: {service.en}, {kind.en}, "
        f"{minutes} min waited of the {promised} promised ({en_left}).",
    }


def waiting_here(state: HallState, counter: Counter) -> Plain:
    """Service → class → how many wait whom the counter may serve, less those handed to another counter."""
    waiting: dict[str, dict[str, int]] = {
        service: dict.fromkeys(state.hall.classes, 0) for service in counter.skills
    }
    for (service, kind, only, _), queue in state.queues.numbers.items():
        here = only in (ANY_COUNTER, counter.number)
        if here and service in waiting and kind in waiting[service]:
            waiting[service][kind] += state.scheduler.waiting(queue)
    return waiting
