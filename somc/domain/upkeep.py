"""Rules of the hall itself: the end of a business day, settings, the health of devices."""

from __future__ import annotations

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.alerts import clear_all
from somc.domain.business_calendar import alert_outside, without_service
from somc.domain.counters import released
from somc.domain.lifecycle import TICKET_MOVES
from somc.domain.refusals import Refusal, refuse
from somc.domain.settings import settings_from, skills_under
from somc.domain.state import HallState
from somc.domain.steering import followed_by, policy_refused
from somc.domain.values import HallSettings

__all__ = ["change_config", "day_over", "end_day", "report_device", "take_config"]


def day_over(state: HallState, now: int) -> c.EndDay | None:
    """Whether the running business day is over."""
    due = state.day_end_at()
    return c.EndDay(by="deadline") if due is not None and due <= now else None


def end_day(state: HallState, command: c.EndDay, now: int) -> list[e.Event] | Refusal:
    """Who waits or is held expires; who is at a counter finishes under the old day."""
    due = state.day_end_at()
    if state.day is None or due is None:
        return refuse("no_day")
    if now < due:
        # Its numbers would start again within the same day.
        return refuse("day_not_over", day=state.day)
    expired = [
        e.TicketExpired(by=command.by, ticket=ticket.id, number=ticket.number, day=ticket.day)
        for ticket in state.tickets.values()
        if (ticket.state, e.TicketExpired) in TICKET_MOVES
    ]
    counts = state.counts
    ended = e.DayEnded(
        by=command.by,
        day=state.day,
        taken=counts.taken,
        finished=counts.finished,
        no_show=counts.no_show,
        cancelled=counts.cancelled,
        # A ticket of an earlier day (sent on from its counter after that day's end) is not this day's.
        expired=counts.expired + sum(event.day == state.day for event in expired),
    )
    return [*expired, *clear_all(state, command), ended]


def take_config(state: HallState, command: c.ChangeConfig, now: int) -> list[e.Event] | Refusal:
    """hall.toml's settings at a start, when nobody can be asked: appointments that they leave outside the
    opening hours stay, and a manager is told of them."""
    outcome = change_config(state, command, now)
    if isinstance(outcome, Refusal) or not command.changes:
        return outcome
    return [*outcome, *alert_outside(state, command, _changed(state, command))]


def change_config(state: HallState, command: c.ChangeConfig, now: int) -> list[e.Event] | Refusal:
    """Only settings that spell out a hall, and never the ground under somebody's feet."""
    try:
        settings = _changed(state, command)
    except msgspec.ValidationError as error:
        return refuse("bad_config", why=str(error))
    if why := _still_needed(state, settings):
        return refuse("bad_config", why=why)
    if refused := policy_refused(state, settings):
        return refused
    policy = followed_by(state, command, settings, command.changes)
    if not command.changes:
        return policy
    events: list[e.Event] = [e.ConfigChanged(by=command.by, changes=command.changes), *policy]
    for number, counter in state.counters.items():
        if number in settings.counters:
            skills = skills_under(settings, command.changes, number, counter)
            events += released(state, command, counter, skills, "counter_configured")
    events += without_service(state, command, settings)
    return events


def _changed(state: HallState, command: c.ChangeConfig) -> HallSettings:
    values = {**state.values, **command.changes}
    return settings_from({key: value for key, value in values.items() if value is not None})


def _still_needed(state: HallState, settings: HallSettings) -> str | None:
    """What the new settings lack that a living ticket or an open counter stands on."""
    for ticket in state.live_tickets():
        if ticket.service not in settings.services:
            return (
                f"service '{ticket.service}' is gone, but ticket {ticket.number} needs it until the day ends"
            )
        if ticket.customer_class not in settings.classes:
            return (
                f"class '{ticket.customer_class}' is gone, "
                f"but ticket {ticket.number} needs it until the day ends"
            )
        if ticket.only_counter and ticket.only_counter not in settings.counters:
            return f"counter {ticket.only_counter} is gone, but ticket {ticket.number} waits for it"
    for counter in state.counters.values():
        if counter.agent is not None and counter.number not in settings.counters:
            return f"counter {counter.number} is gone, but {counter.agent} has it open: close it first"
    return None


def report_device(state: HallState, command: c.ReportDevice, now: int) -> list[e.Event] | Refusal:
    """Only a change is a fact."""
    known = state.devices.get(command.device)
    if known is not None and (known.status, known.detail) == (command.status, command.detail):
        return []
    return [
        e.DeviceReported(by=command.by, device=command.device, status=command.status, detail=command.detail)
    ]
