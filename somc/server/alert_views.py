"""What the outside sees of alerts. Pure functions of the state."""

from __future__ import annotations

from typing import Any

from somc.domain.state import HallState
from somc.domain.values import Alert, to_plain

__all__ = ["alert_view", "of_the_day", "open_alerts"]

Plain = dict[str, Any]


def alert_view(alert: Alert) -> Plain:
    """One alert with what became of it."""
    done = alert.acknowledged
    return {
        "id": alert.id,
        "kind": alert.kind,
        "at": alert.raised_at,
        "open": alert.open,
        "ticket": alert.ticket,
        "number": alert.number,
        "service": alert.service,
        "customer_class": alert.customer_class,
        "target_wait_s": alert.target_wait_s,
        "waited_s": alert.waited_s,
        "left_s": alert.left_s,
        "value": alert.value,
        "limit": alert.limit,
        "plugin": alert.plugin,
        "name": alert.name,
        "about": alert.about,
        "words": None if alert.words is None else to_plain(alert.words),
        "cleared_at": alert.cleared_at,
        "cause": alert.cause,
        "acknowledged": None if done is None else done.done,
        "note": None if done is None else done.note,
        "acknowledged_by": None if done is None else done.by,
        "acknowledged_at": None if done is None else done.at,
    }


def open_alerts(state: HallState) -> list[Plain]:
    """Those that a manager still has to look at, in the order in which they were raised."""
    return [alert_view(alert) for alert in state.alerts.values() if alert.open]


def of_the_day(state: HallState) -> list[Alert]:
    """Every alert of the running day, in the order in which they were raised."""
    alerts = [*state.alerts.values(), *state.past_alerts.values()]
    return sorted(alerts, key=lambda alert: (alert.raised_at, alert.id))
