"""Rules of the alerts (预警) of single tickets: a promise that is about to be missed, and one that was.

What must stay true
- One alert a ticket and level, for ever: the ticket keeps what was told of it (`told`) through hold,
  transfer, return, restart and any change of the policy. A ticket that passes its target unseen gets the
  breach only.
- An alert is cleared when its ticket leaves waiting, whether a manager acknowledged it or not; it may be
  acknowledged before or after that, once.
- The scheduler's timer of a queue only wakes the hall; what is raised is decided here.
"""

from __future__ import annotations

from typing import Any

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.explain import waited_s
from somc.domain.guards import plain_text
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState
from somc.domain.values import TOLD, Alert, Ticket, TicketState

__all__ = ["DONE", "acknowledge", "clear", "clear_all", "left", "of_ticket", "overdue", "raise_due"]

DONE = ("served", "cared_for")
"""As what an alert may be acknowledged."""

MOST_AT_ONCE = 100
"""Alerts that one command raises; after a standstill the rest follows in further commands."""

CAUSES = {
    TicketState.CALLED: "called",
    TicketState.SERVING: "called",
    TicketState.FINISHED: "called",
    TicketState.NO_SHOW: "called",
    TicketState.HELD: "held",
    TicketState.CANCELLED: "cancelled",
    TicketState.EXPIRED: "expired",
}
"""What became of a ticket that waits no more → why its alerts are cleared."""


# -- looks: what the state calls for by itself ------------------------------------------------------


def overdue(state: HallState, now: int) -> c.RaiseAlerts | None:
    """Whether the moment of an alert has come that was not told."""
    due = state.scheduler.next_due()
    return c.RaiseAlerts(by="deadline") if due is not None and due <= now else None


def left(state: HallState, now: int) -> c.ClearAlerts | None:
    """Whether an alert stands whose ticket waits no more."""
    for alert in state.alerts.values():
        if _cause(state, alert) is not None:
            return c.ClearAlerts(by="deadline")
    return None


# -- rules ------------------------------------------------------------------------------------------


def raise_due(state: HallState, command: c.RaiseAlerts, now: int) -> list[e.Event] | Refusal:
    """The alerts whose moment has come, the earliest first."""
    return [
        _raised(state, command, state.tickets[state.by_key[key]], level, now)
        for _, key, level in state.scheduler.due(now, MOST_AT_ONCE)
    ]


def clear(state: HallState, command: c.ClearAlerts, now: int) -> list[e.Event] | Refusal:
    causes = [(alert, _cause(state, alert)) for alert in state.alerts.values()]
    return [_cleared(command, alert, cause) for alert, cause in causes if cause is not None]


def clear_all(state: HallState, command: c.EndDay) -> list[e.Event]:
    """The end of the day clears what stands: tickets that wait expire with it."""
    return [
        _cleared(command, alert, "day_ended" if alert.ticket is None else "expired")
        for alert in state.alerts.values()
    ]


def acknowledge(state: HallState, command: c.AcknowledgeAlert, now: int) -> list[e.Event] | Refusal:
    """As served or cared for, once; also when it was cleared meanwhile."""
    alert = state.alerts.get(command.alert) or state.past_alerts.get(command.alert)
    if alert is None:
        return refuse("unknown_alert", alert=command.alert)
    if command.done not in DONE:
        return refuse("bad_acknowledgement", known=", ".join(DONE))
    if refused := plain_text("note", command.note):
        return refused
    if alert.acknowledged is not None:
        return refuse("alert_acknowledged", alert=alert.id, by=alert.acknowledged.by)
    return [
        e.AlertAcknowledged(
            by=command.by,
            alert=alert.id,
            ticket=alert.ticket,
            number=alert.number,
            done=command.done,
            note=command.note,
        )
    ]


def _raised(state: HallState, command: c.Command, ticket: Ticket, level: str, now: int) -> e.AlertRaised:
    target_s = state.hall.target_wait_s(ticket.service, ticket.customer_class)
    return e.AlertRaised(
        by=command.by,
        alert=f"{level}:{ticket.id}",
        kind=level,
        ticket=ticket.id,
        number=ticket.number,
        service=ticket.service,
        customer_class=ticket.customer_class,
        target_wait_s=target_s,
        waited_s=waited_s(ticket, now),
        left_s=(ticket.v + target_s * 1000 - now) // 1000,
    )


def _cleared(command: c.Command, alert: Alert, cause: str) -> e.AlertCleared:
    return e.AlertCleared(
        by=command.by, alert=alert.id, ticket=alert.ticket, number=alert.number, cause=cause
    )


def _cause(state: HallState, alert: Alert) -> str | None:
    """Why a standing alert of a ticket has no ground any more; `None` if it has, or is the hall's."""
    if alert.ticket is None:
        return None
    ticket = state.tickets[alert.ticket]
    if ticket.state is not TicketState.WAITING:
        return CAUSES[ticket.state]
    if ticket.service == alert.service:
        return None
    return None if _holds(state, ticket, alert.kind) else "transferred"


def _holds(state: HallState, ticket: Ticket, level: str) -> bool:
    """Whether the promise of the service that the ticket was sent to is in danger (or missed) as well."""
    target_s = state.hall.target_wait_s(ticket.service, ticket.customer_class)
    kind = state.hall.classes[ticket.customer_class]
    lead_s = kind.warn_lead_s if level == "warning" else 0
    return state.at >= ticket.v + (target_s - lead_s) * 1000


def of_ticket(state: HallState, ticket: Ticket) -> list[Alert]:
    """The alerts that there are of a ticket, whether they stand or not."""
    ids = [f"{level}:{ticket.id}" for level in TOLD]
    found: list[Any] = [state.alerts.get(name) or state.past_alerts.get(name) for name in ids]
    return [alert for alert in found if alert is not None]
