"""What a plugin may do in a hall: `await context.do(action)`.

Each action becomes one command of the domain, under the plugin's name (`by = "plugin:NAME"`), and is
answered with `Done` when its records are on disk, or with the domain's `Refusal`, a value. What may not be
asked at all (a phone by a plugin that declared none) raises `PermissionRefused`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from somc.api.values import Json, Name, Words
from somc.domain.refusals import Refusal

__all__ = [
    "Action",
    "BookAppointment",
    "CancelAppointment",
    "ChangeAppointment",
    "CheckIn",
    "ClearAlert",
    "ConfirmAppointment",
    "Divert",
    "DivertTicket",
    "Done",
    "FindAppointment",
    "ListServices",
    "ListSlots",
    "LogCare",
    "Note",
    "PermissionRefused",
    "RaiseAlert",
    "RateTicket",
    "RecordOffer",
    "Refusal",
    "SendMessage",
]

Kind = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")]


class PermissionRefused(Exception):
    """A plugin asked for what it has not declared (`About.sees`); the message says what to declare."""


class Action(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Root of the actions."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """It is on disk. `records` are the types it led to (none: it changed nothing), `seq` the last of them."""

    seq: int
    records: list[str] = []
    data: dict[str, Json] = {}
    """What the command answers beside its records, such as an id."""


class LogCare(Action, frozen=True, kw_only=True):
    """Somebody cared for a customer (客户关怀): `care.logged`. `agent` is who did it, if a person did."""

    ticket: str
    kind: Annotated[str, Meta(min_length=1, max_length=64)]
    note: Annotated[str, Meta(max_length=200)] | None = None
    agent: Annotated[str, Meta(max_length=64)] | None = None


class RecordOffer(Action, frozen=True, kw_only=True):
    """What became of an offer: `offer.outcome`."""

    ticket: str
    offer: Annotated[str, Meta(min_length=1, max_length=64)]
    outcome: Literal["shown", "accepted", "refused", "later"]
    counter: int | None = None
    agent: Annotated[str, Meta(max_length=64)] | None = None


class DivertTicket(Action, frozen=True, kw_only=True):
    """A customer with a ticket went elsewhere: the ticket ends with `ticket.diverted`. `to` names the
    machine or the hall."""

    ticket: str
    to: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: Literal["self_service", "other_hall", "online", "quiet_hours"] = "self_service"


class Divert(Action, frozen=True, kw_only=True):
    """A customer without a ticket went elsewhere: counted as `ticket.diverted` of the service."""

    service: str
    to: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: Literal["self_service", "other_hall", "online", "quiet_hours"] = "self_service"


class RateTicket(Action, frozen=True, kw_only=True):
    """A customer's judgement (评价) of a finished service, from 1 (worst) to `scale`; `None`: was asked and
    said nothing. `ticket.rated`, once a ticket and within the hall's window."""

    ticket: str
    score: Annotated[int, Meta(ge=1, le=10)] | None
    scale: Annotated[int, Meta(ge=2, le=10)] = 5
    source: Kind = "message"


class RaiseAlert(Action, frozen=True, kw_only=True):
    """Something a manager must see: `alert.raised` of the kind `plugin`. One alert of a `kind` is open at a
    time: raising it again does nothing."""

    kind: Kind
    words: Words
    value: int | None = None
    limit: int | None = None
    service: str | None = None
    ticket: str | None = None
    """The ticket that it is about."""


class ClearAlert(Action, frozen=True, kw_only=True):
    """Its ground is gone: `alert.cleared`."""

    kind: Kind


class SendMessage(Action, frozen=True, kw_only=True):
    """A message to a customer, by `person`, or by `phone` (a plugin that sees phones): `message.queued`."""

    template: Name
    person: str | None = None
    phone: Annotated[str, Meta(max_length=32)] | None = None
    values: dict[str, str] = {}
    class_: Literal["urgent", "service", "marketing"] = "service"
    about: Annotated[str, Meta(max_length=64)] | None = None
    """What it is about: a ticket's or an appointment's id."""
    key: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    """With a key that this plugin has used within three days nothing is sent, and `Done` has no records: what
    a plugin does with a record may come again after a crash, and its message must not."""


class Note(Action, frozen=True, kw_only=True):
    """A fact of the plugin's own, in the journal for ever: `plugin.noted`. At most 4 KB and no personal
    data: a mobile number in it is refused."""

    kind: Kind
    data: dict[str, Json] = {}


class ListServices(Action, frozen=True, kw_only=True):
    """The services that take appointments. `data`: `name` and `timezone` of the hall, and `services`, each
    with `id`, `name`, `papers` and `last_date`. It changes nothing."""


class ListSlots(Action, frozen=True, kw_only=True):
    """The slots of a service on a date (`YYYY-MM-DD`; None: today). `data`: `date`, `last_date`, `slots`,
    each with `at`, `ends_at` (Unix ms), `free` places and `bookable`. It changes nothing."""

    service: Annotated[str, Meta(min_length=1, max_length=64)]
    date: Annotated[str, Meta(max_length=10)] | None = None


class BookAppointment(Action, frozen=True, kw_only=True):
    """Book (预约) places of the slot at `at` (Unix ms): `appointment.booked`; with `wait`, if there is none,
    `appointment.waitlisted`. `data` has `id`, `state`, the `code` (told this once) and `places` with theirs.
    `key`: the same request again books once and gets the same answer, for 48 hours."""

    service: Annotated[str, Meta(min_length=1, max_length=64)]
    at: Annotated[int, Meta(ge=0, le=2**53)]
    phone: Annotated[str, Meta(max_length=32)] | None = None
    until: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    places: Annotated[int, Meta(ge=1, le=100)] = 1
    wait: bool = False
    confirmed: bool = False
    channel: Kind = "web"
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class ByCode(Action, frozen=True, kw_only=True):
    """About one appointment, by its code or its id. `asker` (an address, a number) is whose tries in vain are
    counted; without it they are all the plugin's own."""

    appointment: Annotated[str, Meta(min_length=1, max_length=64)]
    asker: Annotated[str, Meta(max_length=64)] = ""


class FindAppointment(ByCode, frozen=True, kw_only=True):
    """What it is: `data` as `GET /appointments/{appointment}` answers a channel, instants in Unix ms. It
    changes nothing."""


class ConfirmAppointment(ByCode, frozen=True, kw_only=True):
    """Yes, to the booking or to the place that was offered: `appointment.confirmed`."""


class ChangeAppointment(ByCode, frozen=True, kw_only=True):
    """To another slot, another service, or both: `appointment.changed`."""

    service: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    at: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class CancelAppointment(ByCode, frozen=True, kw_only=True):
    """Give it up: `appointment.cancelled`."""

    reason: Annotated[str, Meta(min_length=1, max_length=120)] | None = None


class CheckIn(ByCode, frozen=True, kw_only=True):
    """Its holder is here: `appointment.checked_in` and `ticket.taken`. `data` is the ticket."""

    channel: Kind = "kiosk"
