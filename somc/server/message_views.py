"""What the outside sees of messages (消息): numbers masked, words only where one message is asked for."""

from __future__ import annotations

from typing import Any

from somc.domain.outbox import Message
from somc.domain.state import HallState
from somc.journal.messages import LogRow

__all__ = ["about_view", "channels_view", "log_view", "message_view"]

Plain = dict[str, Any]


def message_view(message: Message) -> Plain:
    """One message of the outbox, right after an act."""
    return {
        "id": message.id,
        "state": str(message.state),
        "message_class": message.message_class,
        "template": message.template,
        "queued_at": message.queued_at,
        "ready_at": message.ready_at,
        "expires_at": message.expires_at,
        "held": message.held,
        "gateway": message.gateway,
        "attempts": message.attempts,
        "cause": message.cause,
        "ticket": message.ticket,
        "appointment": message.appointment,
    }


def about_view(state: HallState, *, ticket: str | None = None, appointment: str | None = None) -> list[Plain]:
    """What was sent about one ticket, or one appointment and what was booked at once with it, and what became
    of each: the oldest first. No number, no words."""
    names = [appointment]
    known = None if appointment is None else state.bookings.all.get(appointment)
    if known is not None and known.block is not None:
        names = [each.id for each in state.bookings.all.values() if each.block == known.block]
    found = [message for name in names for message in state.outbox.about(ticket=ticket, appointment=name)]
    return [
        {
            "id": message.id,
            "message_class": message.message_class,
            "template": message.template,
            "state": str(message.state),
            "queued_at": message.queued_at,
            "changed_at": message.changed_at,
            "cause": message.cause,
        }
        for message in sorted(found, key=lambda each: each.queued_at)
    ]


def log_view(row: LogRow, phone: str | None) -> Plain:
    """One row of the log; `phone` is the masked number, None if the person was erased."""
    return {
        "id": row.id,
        "seq": row.seq,
        "direction": row.direction,
        "phone": phone,
        "state": row.state,
        "message_class": row.message_class,
        "template": row.template,
        "queued_at": row.at,
        "ready_at": row.ready_at,
        "changed_at": row.changed_at,
        "gateway": row.gateway,
        "attempts": row.attempts,
        "cause": row.cause,
        "detail": row.detail,
        "ticket": row.ticket,
        "appointment": row.appointment,
    }


def channels_view(state: HallState, running: list[Plain]) -> Plain:
    """The channels that run, those that ran and are off, and what waits for them."""
    names = {channel["name"] for channel in running}
    gone: list[Plain] = [
        {
            "name": channel.name,
            "plugin": None,
            "kinds": [],
            "weight": 0,
            "status": "off",
            "detail": channel.detail,
            "since": channel.since,
            "under_way": 0,
            "sent": 0,
            "refused": 0,
            "receipts": 0,
            "received": 0,
            "faults": 0,
        }
        for channel in state.channels.values()
        if channel.name not in names
    ]
    counts = state.outbox.counts()
    return {"channels": [*running, *gone], "queued": state.outbox.waiting, "messages": counts}
