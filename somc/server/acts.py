"""The catalogue of acts: what may be done to a hall from outside, once for HTTP and WebSocket.

An act has a name (`counters.call_next`, what WebSocket commands use), an HTTP path, a body, the roles
that may do it, the domain command it becomes and the view it answers with. Routes, access, validation
and the OpenAPI document are all read from this table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.state import HallState
from somc.domain.values import to_plain
from somc.server import views
from somc.server.access import Principal
from somc.server.alert_views import alert_view
from somc.server.appointment_acts import (
    BookBody,
    CalendarBody,
    CancelAppointmentBody,
    ChangeAppointmentBody,
    CheckInBody,
    CodeBody,
    PhoneCheckInBody,
    PlainCalendarBody,
    calendar_of,
)
from somc.server.appointment_views import appointment_view, booked_view, date_view
from somc.server.message_acts import CancelBody, ConsentBody, MessageBody, SendBody
from somc.server.message_views import message_view
from somc.server.policy_acts import PolicyBody, RollbackBody, change_of, rollback_of
from somc.server.policy_views import policy_view
from somc.server.settings import SettingsBody, change_settings_of, settings_view

__all__ = ["ACTS", "BY_NAME", "Act", "TakeBody"]

Plain = dict[str, Any]
Text = Annotated[str, Meta(min_length=1, max_length=120)]
TicketId = Annotated[str, Meta(min_length=1, max_length=64)]
CounterNumber = Annotated[int, Meta(ge=1, le=999)]
OfferId = Annotated[str, Meta(min_length=1, max_length=64)]
Diversion = Literal["self_service", "other_hall", "online", "quiet_hours"]
Level = Annotated[int, Meta(ge=1, le=9)]
Skills = dict[str, Level]

AGENTS = frozenset(("agent", "manager"))
KEYPADS = frozenset(("agent", "manager", "device"))
FLOOR = frozenset(("floor", "agent", "manager"))
BOOKERS = frozenset(("channel", "floor", "agent", "manager"))
"""Who books for customers. A kiosk only lets them check in."""
ARRIVALS = frozenset(("kiosk", *BOOKERS))
RATERS = frozenset(("device", "channel", "kiosk"))
"""Whom customers tell what they think (评价). No agent rates their own service, nor a manager for them."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a request carries. Unknown fields are ignored."""


class TakeBody(Body, frozen=True, kw_only=True):
    """`phone` is kept apart from the journal; `customer_class` and `booked_at` may be claimed by staff and
    channels only. With `appointment_code` the appointment says the service: none need be named."""

    service: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    phone: Annotated[str, Meta(max_length=32)] | None = None
    customer_class: Annotated[str, Meta(max_length=64)] | None = None
    appointment_code: Annotated[str, Meta(max_length=64)] | None = None
    booked_at: Annotated[datetime, Meta(tz=True)] | None = None
    channel: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$(?!\n)")] = "kiosk"


class TicketBody(Body, frozen=True, kw_only=True):
    ticket: TicketId


class ReasonBody(TicketBody, frozen=True, kw_only=True):
    reason: Text | None = None


class TransferBody(TicketBody, frozen=True, kw_only=True):
    service: str | None = None
    counter: CounterNumber | None = None


class CounterBody(Body, frozen=True, kw_only=True):
    counter: CounterNumber


class CallBody(CounterBody, frozen=True, kw_only=True):
    ticket: TicketId


class FinishBody(CounterBody, frozen=True, kw_only=True):
    outcome: Text | None = None


class PauseBody(CounterBody, frozen=True, kw_only=True):
    reason: Text


class OpenBody(CounterBody, frozen=True, kw_only=True):
    agent: Text
    skills: Skills | None = None


class RateBody(TicketBody, frozen=True, kw_only=True):
    """`score` is null if the customer was asked and gave none."""

    score: Annotated[int, Meta(ge=1, le=10)] | None
    scale: Annotated[int, Meta(ge=2, le=10)] = 5
    source: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$(?!\n)")]


class AcknowledgeBody(Body, frozen=True, kw_only=True):
    alert: Annotated[str, Meta(min_length=1, max_length=80)]
    done: Literal["served", "cared_for"] = msgspec.field(name="as")
    note: Text | None = None


class OfferBody(TicketBody, frozen=True, kw_only=True):
    """What became of one offer."""

    offer: OfferId
    outcome: Literal["shown", "accepted", "refused", "later"]
    counter: CounterNumber | None = None


class CareBody(TicketBody, frozen=True, kw_only=True):
    """What was done for the customer: in a word, and in more."""

    kind: Text
    note: Text | None = None


class DivertBody(Body, frozen=True, kw_only=True):
    """Where a customer goes instead of taking a ticket."""

    service: Annotated[str, Meta(min_length=1, max_length=64)]
    to: Text
    kind: Diversion


class DivertTicketBody(TicketBody, frozen=True, kw_only=True):
    """Where a customer goes instead of waiting."""

    to: Text
    kind: Diversion


class ConfigureBody(CounterBody, frozen=True, kw_only=True):
    skills: Skills | UnsetType | None = UNSET
    mode: Literal["manual", "auto"] | UnsetType | None = UNSET


class ModeBody(CounterBody, frozen=True, kw_only=True):
    mode: Literal["manual", "auto"]


View = Callable[[HallState, "tuple[e.Event, ...]", int, Any], Any]
"""Makes the answer from the state right after the command: (state, events, now, body)."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that may be done."""

    name: str
    path: str
    """Below `/api/v1`; `{ticket}`, `{counter}` or `{alert}` in it is the body's field of that name."""
    method: str
    body: type[msgspec.Struct]
    roles: frozenset[str]
    command: Callable[[Any, Principal], c.Command] | None
    """None for taking a ticket, whose command needs ids and an identified customer first."""
    view: View
    status: int
    summary: str

    @property
    def parameters(self) -> tuple[str, ...]:
        """The body's fields that stand in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def _ticket(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return views.ticket_view(state, state.tickets[body.ticket], now)


def _taken(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    # With an appointment its check-in comes first.
    taken = next(event for event in events if isinstance(event, e.TicketTaken))
    return views.taken_view(state, state.tickets[taken.ticket])


def _counter(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return views.counter_with_ticket_view(state, state.counters[body.counter], now)


def _policy(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return policy_view(state, now)


def _settings(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return settings_view(state, now)


def _called(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain | None:
    if not events:
        return None
    called = events[0]
    assert isinstance(called, e.TicketCalled)
    ticket = views.ticket_view(state, state.tickets[called.ticket], now)
    return {"ticket": ticket, "reason": to_plain(called.reason)}


def _booked(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    made = (e.AppointmentBooked, e.AppointmentWaitlisted)
    return booked_view(state, [event.appointment for event in events if isinstance(event, made)])


def _appointment(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return appointment_view(state, state.bookings.all[body.appointment])


def _calendar(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return date_view(state, body.date)


def _alert(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return alert_view(state.alerts.get(body.alert) or state.past_alerts[body.alert])


def _offers(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return {"ticket": body.ticket, "offers": state.offers.get(body.ticket, {})}


def _cares(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return {"ticket": body.ticket, "cares": state.cares[body.ticket]}


def _diverted(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return {"service": body.service, "kind": body.kind, "today": dict(state.diverted)}


def _on_ticket(name: str, body: type[Body], roles: frozenset[str], make: Any, summary: str) -> Act:
    return Act(
        f"tickets.{name}",
        f"/tickets/{{ticket}}/{name}",
        "POST",
        body,
        roles,
        _with_by(make),
        _ticket,
        200,
        summary,
    )


def _at_counter(name: str, body: type[Body], make: Any, summary: str, view: View = _counter) -> Act:
    path = f"/counters/{{counter}}/{name.replace('_', '-')}"
    return Act(f"counters.{name}", path, "POST", body, KEYPADS, _with_by(make), view, 200, summary)


def _sent(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    queued = events[0]
    assert isinstance(queued, e.MessageQueued)
    return message_view(state.outbox.messages[queued.message])


def _message(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return message_view(state.outbox.messages[body.message])


def _consent(state: HallState, events: tuple[e.Event, ...], now: int, body: Any) -> Plain:
    return {"classes": list(body.classes), "allowed": body.allowed, "changed": bool(events)}


def _with_by(make: type[c.Command]) -> Callable[[Any, Principal], c.Command]:
    def command(body: Body, principal: Principal) -> c.Command:
        return make(by=principal.by, **{name: getattr(body, name) for name in body.__struct_fields__})

    return command


ACTS: tuple[Act, ...] = (
    Act(
        "tickets.take",
        "/tickets",
        "POST",
        TakeBody,
        frozenset(("kiosk", "floor", "agent", "manager", "channel")),
        None,
        _taken,
        201,
        "Take a ticket (取号)",
    ),
    _on_ticket(
        "cancel", ReasonBody, frozenset((*FLOOR, "channel")), c.CancelTicket, "Give a ticket up (取消)"
    ),
    _on_ticket("hold", ReasonBody, AGENTS, c.HoldTicket, "Put a ticket on hold (挂起)"),
    _on_ticket("resume", TicketBody, AGENTS, c.ResumeTicket, "Let a held ticket wait again"),
    _on_ticket(
        "transfer", TransferBody, AGENTS, c.TransferTicket, "Send a ticket to a service or counter (转移)"
    ),
    _on_ticket(
        "print", TicketBody, frozenset((*FLOOR, "kiosk")), c.PrintTicket, "Print the slip again, as a copy"
    ),
    _on_ticket(
        "rate",
        RateBody,
        RATERS,
        c.RateTicket,
        "What the customer thought of the service, or that none was said (评价)",
    ),
    _on_ticket(
        "divert",
        DivertTicketBody,
        FLOOR,
        c.Divert,
        "Whoever waits goes elsewhere, and gives it up (分流)",
    ),
    Act(
        "tickets.offer",
        "/tickets/{ticket}/offers/{offer}",
        "POST",
        OfferBody,
        AGENTS,
        _with_by(c.RecordOffer),
        _offers,
        200,
        "Say what became of an offer (营销推荐) made to the customer",
    ),
    Act(
        "tickets.care",
        "/tickets/{ticket}/care",
        "POST",
        CareBody,
        FLOOR,
        _with_by(c.LogCare),
        _cares,
        200,
        "Write down what was done for the customer (客户关怀)",
    ),
    Act(
        "services.divert",
        "/services/{service}/divert",
        "POST",
        DivertBody,
        frozenset((*FLOOR, "kiosk", "channel")),
        _with_by(c.Divert),
        _diverted,
        200,
        "Count a customer who goes elsewhere instead of taking a ticket (分流)",
    ),
    _at_counter("call_next", CounterBody, c.CallNext, "Call whom the policy chooses (顺呼)", _called),
    _at_counter("call", CallBody, c.CallTicket, "Call this very ticket"),
    _at_counter("recall", CounterBody, c.Recall, "Call the same ticket again (重呼)"),
    _at_counter("start", CounterBody, c.StartService, "The customer is here"),
    _at_counter("finish", FinishBody, c.FinishService, "Service ended"),
    _at_counter("no_show", CounterBody, c.MarkNoShow, "Nobody came (过号)"),
    _at_counter("return", CounterBody, c.ReturnTicket, "Nobody came yet: back behind the next few"),
    _at_counter("pause", PauseBody, c.PauseCounter, "No new calls for a while (暂停)"),
    _at_counter("resume", CounterBody, c.ResumeCounter, "End a pause"),
    _at_counter("open", OpenBody, c.OpenCounter, "An agent opens the counter"),
    _at_counter("close", CounterBody, c.CloseCounter, "The agent leaves"),
    _at_counter("mode", ModeBody, c.ConfigureCounter, "Call by hand, or be given whoever is next when free"),
    Act(
        "counters.configure",
        "/counters/{counter}",
        "PATCH",
        ConfigureBody,
        frozenset(("manager",)),
        _with_by(c.ConfigureCounter),
        _counter,
        200,
        "Change a counter's skills, its mode, or both; null brings hall.toml's back",
    ),
    Act(
        "alerts.acknowledge",
        "/alerts/{alert}/acknowledge",
        "POST",
        AcknowledgeBody,
        frozenset(("floor", "manager")),
        _with_by(c.AcknowledgeAlert),
        _alert,
        200,
        "Say that an alert (预警) was seen to: the customer was served, or cared for (关怀)",
    ),
    Act(
        "appointments.book",
        "/appointments",
        "POST",
        BookBody,
        BOOKERS,
        None,
        _booked,
        201,
        "Book an appointment (预约), a block of them, or a place on the waiting list (候补)",
    ),
    Act(
        "appointments.confirm",
        "/appointments/{appointment}/confirm",
        "POST",
        CodeBody,
        BOOKERS,
        None,
        _appointment,
        200,
        "Say yes to a booking, or to the place that was offered (二次确认)",
    ),
    Act(
        "appointments.change",
        "/appointments/{appointment}",
        "PATCH",
        ChangeAppointmentBody,
        BOOKERS,
        None,
        _appointment,
        200,
        "Move an appointment to another slot, another service, or both (改期)",
    ),
    Act(
        "appointments.cancel",
        "/appointments/{appointment}",
        "DELETE",
        CancelAppointmentBody,
        BOOKERS,
        None,
        _appointment,
        200,
        "Give an appointment up (取消)",
    ),
    Act(
        "appointments.check_in",
        "/appointments/{appointment}/check-in",
        "POST",
        CheckInBody,
        ARRIVALS,
        None,
        _taken,
        201,
        "Its holder is here: take the ticket (取号)",
    ),
    Act(
        "appointments.check_in_by_phone",
        "/appointments/check-in",
        "POST",
        PhoneCheckInBody,
        ARRIVALS,
        None,
        _taken,
        201,
        "Its holder is here and gives the phone number instead of the code",
    ),
    Act(
        "calendar.change",
        "/calendar/{date}",
        "PUT",
        CalendarBody,
        frozenset(("manager",)),
        calendar_of,
        _calendar,
        200,
        "Give a date hours of its own: a holiday, shorter hours, a day worked for another (调休)",
    ),
    Act(
        "calendar.reset",
        "/calendar/{date}",
        "DELETE",
        PlainCalendarBody,
        frozenset(("manager",)),
        calendar_of,
        _calendar,
        200,
        "Give a date the hours of its weekday, or of hall.toml, again",
    ),
    Act(
        "messages.send",
        "/messages",
        "POST",
        SendBody,
        frozenset(("manager", "channel")),
        None,
        _sent,
        201,
        "Send a message (消息) of a template to a phone",
    ),
    Act(
        "messages.retry",
        "/messages/{message}/retry",
        "POST",
        MessageBody,
        frozenset(("manager",)),
        _with_by(c.RetryMessage),
        _message,
        200,
        "Try a message again that was given up",
    ),
    Act(
        "messages.cancel",
        "/messages/{message}/cancel",
        "POST",
        CancelBody,
        frozenset(("manager", "channel")),
        _with_by(c.CancelMessage),
        _message,
        200,
        "Take a message back that was not sent yet",
    ),
    Act(
        "consents.set",
        "/consents",
        "POST",
        ConsentBody,
        frozenset(("manager", "agent", "channel")),
        None,
        _consent,
        200,
        "Say whether a customer wants messages of these classes",
    ),
    Act(
        "policy.change",
        "/policy",
        "PUT",
        PolicyBody,
        frozenset(("manager",)),
        change_of,
        _policy,
        200,
        "Change the routing policy (排队策略) from the next call on; what is absent stays",
    ),
    Act(
        "policy.rollback",
        "/policy/rollback",
        "POST",
        RollbackBody,
        frozenset(("manager",)),
        rollback_of,
        _policy,
        200,
        "Bring back the parameters of an earlier version of the policy",
    ),
    Act(
        "settings.change",
        "/settings",
        "PATCH",
        SettingsBody,
        frozenset(("manager",)),
        change_settings_of,
        _settings,
        200,
        "Change settings of the running hall; null brings hall.toml's back",
    ),
)

BY_NAME: dict[str, Act] = {act.name: act for act in ACTS}
