"""Rules of the outbox (消息): who gets a message, when it may leave, what a gateway's word for it means.

What must stay true
- One message a key, one `message.sent` a message, whatever is repeated after a crash.
- Nothing is sent to somebody who does not want it, nothing of the hall's own idea in the quiet hours.
- What a gateway says of a message that is not here, or not any more, changes nothing and is no fault.
- Nothing is forgotten silently: what is given up has a record with its cause, and can be tried again.
"""

from __future__ import annotations

from typing import Any

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.guards import MOBILE, TEXT_LIMIT, plain_text
from somc.domain.outbox import (
    CLASS_WORDS,
    LIFE_MS,
    STATE_WORDS,
    Message,
    MessageState,
    quiet_until,
    received_key,
)
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState
from somc.domain.values import MESSAGE_CLASSES, NEVER_QUIET, Alert

__all__ = [
    "CHANNEL_STATES",
    "cancel",
    "gateways_changed",
    "may_leave",
    "queue",
    "receive",
    "report",
    "report_channel",
    "report_receipts",
    "retry",
    "set_consent",
    "watch_gateways",
]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

CHANNEL_STATES = ("up", "down", "off")

FOR_GOOD = frozenset(("expired", "no_number", "no_text"))
"""Outcomes that no repetition would change."""

KEY_LIMIT = 160


# -- what the hall sends ------------------------------------------------------------------------------


def queue(state: HallState, command: c.QueueMessage, now: int) -> list[e.Event] | Refusal:
    """Queue a message, unless its key was used, its receiver does not want it, or has had too many."""
    outbox, rules = state.outbox, state.hall.messages
    kind = command.message_class
    if kind not in MESSAGE_CLASSES:
        return refuse("unknown_message_class", message_class=kind, known=", ".join(MESSAGE_CLASSES))
    if command.message_id in outbox.messages:
        return refuse("message_id_taken", message=command.message_id)
    if command.key is not None:
        if not 0 < len(command.key) <= KEY_LIMIT or MOBILE.search(command.key):
            return refuse("bad_text", field="key", limit=KEY_LIMIT)
        if command.key in outbox.by_key:
            return []
    if command.expires_at is not None and command.expires_at <= now:
        return refuse("message_too_late", expired=state.clock_time(command.expires_at))
    if kind not in NEVER_QUIET and outbox.refused(command.person, kind):
        return refuse("not_wanted", message_class=CLASS_WORDS[kind])
    if kind in rules.consent and not outbox.asked_for(command.person, kind):
        return refuse("no_consent", message_class=CLASS_WORDS[kind])
    if refused := _too_many(state, command, now):
        return refused
    wanted = max(now, command.not_before or now)
    ready = may_leave(state, kind, wanted)
    return [
        e.MessageQueued(
            by=command.by,
            message=command.message_id,
            ticket=command.ticket,
            appointment=command.appointment,
            message_class=kind,
            template=command.template,
            person=command.person,
            language=command.language or rules.language,
            ready_at=ready,
            expires_at=command.expires_at or wanted + LIFE_MS[kind] + (ready - wanted),
            held=ready > wanted,
            key=command.key,
            ask=command.ask,
        )
    ]


def may_leave(state: HallState, message_class: str, at: int) -> int:
    """The first instant from `at` on at which a message of this class may leave: quiet hours hold it."""
    return quiet_until(state.hall.messages, state.zone, message_class, at) or at


def _too_many(state: HallState, command: c.QueueMessage, now: int) -> Refusal | None:
    outbox, rules, kind = state.outbox, state.hall.messages, command.message_class
    most = rules.per_day.get(kind)  # type: ignore[call-overload] # the class was checked: it is a name of one
    if most is not None and outbox.sent_to(command.person, now - DAY_MS, kind) >= most:
        return refuse("recipient_limit", limit=most, message_class=CLASS_WORDS[kind], hours=24)
    if kind != "alarm" and outbox.sent_to(command.person, now - HOUR_MS) >= rules.per_hour:
        return refuse("recipient_limit", limit=rules.per_hour, message_class=CLASS_WORDS[kind], hours=1)
    return None


def cancel(state: HallState, command: c.CancelMessage, now: int) -> list[e.Event] | Refusal:
    """Take a message back that was not sent; one that was is beyond reach, which is no fault."""
    name = command.message
    if name is None and command.key is not None:
        name = state.outbox.by_key.get(command.key, (None, 0))[0]
        if name is None or name not in state.outbox.messages:
            return []
    message = state.outbox.messages.get(name or "")
    if message is None:
        return refuse("unknown_message", message=name)
    if refused := plain_text("reason", command.reason):
        return refused
    if message.state is not MessageState.QUEUED:
        return []
    about = _about(message)
    return [e.MessageCancelled(by=command.by, reason=command.reason, **about)]


def retry(state: HallState, command: c.RetryMessage, now: int) -> list[e.Event] | Refusal:
    """Queue a message again that was given up."""
    message = state.outbox.messages.get(command.message)
    if message is None:
        return refuse("unknown_message", message=command.message)
    if message.state is not MessageState.FAILED:
        return refuse("message_not_failed", message=message.id, state=STATE_WORDS[message.state])
    if message.message_class not in NEVER_QUIET and state.outbox.refused(
        message.person, message.message_class
    ):
        return refuse("not_wanted", message_class=CLASS_WORDS[message.message_class])
    ready = may_leave(state, message.message_class, now)
    return [
        e.MessageRequeued(
            by=command.by,
            ready_at=ready,
            expires_at=ready + LIFE_MS[message.message_class],
            **_about(message),
        )
    ]


# -- what a gateway says --------------------------------------------------------------------------------


def report(state: HallState, command: c.ReportMessages, now: int) -> list[e.Event] | Refusal:
    """What came of an attempt. A message that is not queued (any more) is passed over."""
    events: list[e.Event] = []
    seen: set[str] = set()
    for outcome in command.outcomes:
        message = state.outbox.messages.get(outcome.message)
        if message is None or message.state is not MessageState.QUEUED or message.id in seen:
            continue
        seen.add(message.id)
        if outcome.outcome == "sent":
            events.append(
                e.MessageSent(
                    by=command.by,
                    gateway=command.gateway,
                    refs=outcome.refs,
                    attempt=message.attempts + 1,
                    **_about(message),
                )
            )
        else:
            events.append(_failed(state, command, message, outcome, now))
    return events


def _failed(
    state: HallState, command: c.ReportMessages, message: Message, outcome: c.MessageOutcome, now: int
) -> e.MessageFailed:
    rules = state.hall.messages
    cause = outcome.outcome if outcome.outcome in FOR_GOOD else "gateway"
    attempt = message.attempts + (cause == "gateway")
    retry_at = None
    if cause == "gateway" and not outcome.permanent and attempt < rules.attempts:
        pause_s = min(rules.retry_s << min(attempt - 1, 20), rules.retry_most_s)
        retry_at = may_leave(state, message.message_class, now + pause_s * 1000)
        if retry_at >= message.expires_at:
            retry_at = None
    return e.MessageFailed(
        by=command.by,
        cause=cause,
        detail=_plain(outcome.detail),
        gateway=command.gateway if cause == "gateway" else None,
        attempt=attempt,
        retry_at=retry_at,
        **_about(message),
    )


def report_receipts(state: HallState, command: c.ReportReceipts, now: int) -> list[e.Event] | Refusal:
    """A message is delivered when the last of its parts is; one part that never comes makes it fail."""
    events: list[e.Event] = []
    left: dict[str, set[str]] = {}
    for receipt in command.receipts:
        name = state.outbox.by_ref.get((command.gateway, receipt.ref))
        if name is None:
            continue
        message = state.outbox.messages[name]
        parts = left.setdefault(name, set(message.refs))
        if receipt.ref not in parts:
            continue  # told twice within one report, or it is decided already
        parts.discard(receipt.ref)
        about = _about(message)
        if not receipt.delivered:
            parts.clear()
            events.append(
                e.MessageFailed(
                    by=command.by,
                    cause="undelivered",
                    detail=_plain(receipt.detail),
                    gateway=command.gateway,
                    attempt=message.attempts,
                    **about,
                )
            )
        elif not parts:
            events.append(e.MessageDelivered(by=command.by, gateway=command.gateway, **about))
        else:
            events.append(
                e.MessagePartDelivered(by=command.by, gateway=command.gateway, ref=receipt.ref, **about)
            )
    return events


def receive(state: HallState, command: c.ReceiveMessage, now: int) -> list[e.Event] | Refusal:
    """Somebody wrote. A gateway that tells it twice changes nothing."""
    if received_key(command.gateway, command.ref) in state.outbox.by_key:
        return []
    answered = state.outbox.messages.get(command.answers or "")
    return [
        e.MessageReceived(
            by=command.by,
            message=command.message_id,
            ticket=answered.ticket if answered is not None else None,
            appointment=answered.appointment if answered is not None else None,
            gateway=command.gateway,
            ref=command.ref,
            person=command.person,
            intent=command.intent,
            answers=command.answers,
        )
    ]


def set_consent(state: HallState, command: c.SetConsent, now: int) -> list[e.Event] | Refusal:
    """What somebody wants or not. Codes, receipts and staff's alarms are no matter of taste."""
    for name in command.message_classes:
        if name not in MESSAGE_CLASSES or name in NEVER_QUIET:
            choice = ", ".join(kind for kind in MESSAGE_CLASSES if kind not in NEVER_QUIET)
            return refuse("unknown_message_class", message_class=name, known=choice)
    said = state.outbox.consents.get(command.person, {})
    news = tuple(name for name in command.message_classes if said.get(name) is not command.allowed)
    if not news:
        return []
    consent = e.ConsentChanged(
        by=command.by,
        person=command.person,
        message_classes=news,
        allowed=command.allowed,
        cause=command.cause,
    )
    if command.allowed:
        return [consent]
    # What waits for somebody who has just said no is not sent any more.
    withdrawn = [
        e.MessageCancelled(by=command.by, reason="not wanted", **_about(message))
        for message in state.outbox.queued()
        if message.person == command.person and message.message_class in news
    ]
    return [consent, *withdrawn]


def _about(message: Message) -> dict[str, Any]:
    return {"message": message.id, "ticket": message.ticket, "appointment": message.appointment}


def _plain(detail: str) -> str:
    """What a gateway said, as a record may keep it: short, printable, without anybody's number."""
    shown = "".join(character if character.isprintable() else " " for character in detail)
    return MOBILE.sub("…", shown).strip()[:TEXT_LIMIT]


# -- the gateways themselves ----------------------------------------------------------------------------


def report_channel(state: HallState, command: c.ReportChannel, now: int) -> list[e.Event] | Refusal:
    """Only a change is a fact."""
    if command.status not in CHANNEL_STATES:
        return refuse("bad_channel_state", status=command.status, known=", ".join(CHANNEL_STATES))
    detail = _plain(command.detail)
    known = state.channels.get(command.channel)
    if known is not None and (known.status, known.detail) == (command.status, detail):
        return []
    return [e.ChannelReported(by=command.by, channel=command.channel, status=command.status, detail=detail)]


def gateways_changed(state: HallState, now: int) -> c.WatchGateways | None:
    """Whether a gateway is down for too long, or one that was told of is so no more."""
    if not state.channels:
        return None
    if _down_too_long(state, now) or _back(state):
        return c.WatchGateways(by="deadline")
    return None


def watch_gateways(state: HallState, command: c.WatchGateways, now: int) -> list[e.Event] | Refusal:
    limit_s = state.hall.messages.gateway_down_s
    events: list[e.Event] = []
    serial = state.watch.serial
    for name in _down_too_long(state, now):
        serial += 1
        events.append(
            e.AlertRaised(
                by=command.by,
                alert=f"gateway_down:{serial}",
                kind="gateway_down",
                subject=name,
                value=(now - state.channels[name].since) // 1000,
                limit=limit_s,
            )
        )
    for alert, cause in _back(state):
        events.append(e.AlertCleared(by=command.by, alert=alert.id, cause=cause))
    return events


def _down_too_long(state: HallState, now: int) -> list[str]:
    limit_s = state.hall.messages.gateway_down_s
    if not limit_s or not state.channels:
        return []
    told = {alert.subject for alert in state.alerts.values() if alert.kind == "gateway_down"}
    return [
        name
        for name, channel in state.channels.items()
        if channel.status == "down" and name not in told and now >= channel.since + limit_s * 1000
    ]


def _back(state: HallState) -> list[tuple[Alert, str]]:
    """Alerts whose gateway is not down any more, with the state that it is in."""
    found = []
    for alert in state.alerts.values():
        if alert.kind == "gateway_down":
            channel = state.channels.get(alert.subject or "")
            status = "off" if channel is None else channel.status
            if status != "down":
                found.append((alert, status))
    return found
