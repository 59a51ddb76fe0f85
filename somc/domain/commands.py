"""The catalogue of acts: everything that may be asked of a hall.

A command carries ids that were drawn outside (`ticket_id`), so that deciding stays free of chance,
and `by`, the principal that asks (`agent:li`, `keypad:3`, `deadline`). It never carries a phone
number: who the customer is was settled before, `person` is a random id.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from somc.domain.events import AskFacts
from somc.domain.values import SpecialDay, Words

__all__ = [
    "AcknowledgeAlert",
    "AssignCounter",
    "BookAppointment",
    "CallNext",
    "CallTicket",
    "CancelAppointment",
    "CancelMessage",
    "CancelTicket",
    "ChangeAppointment",
    "ChangeCalendar",
    "ChangeConfig",
    "ChangePolicy",
    "ChangeSettings",
    "CheckIn",
    "ClearAlerts",
    "ClearPluginAlert",
    "CloseCounter",
    "Command",
    "ConfigureCounter",
    "ConfigurePlugin",
    "ConfirmAppointment",
    "CountPeople",
    "Divert",
    "EndDay",
    "FinishService",
    "GrantAccess",
    "HoldTicket",
    "LogCare",
    "MarkNoShow",
    "MessageOutcome",
    "NotePlugin",
    "OfferPlaces",
    "OpenCounter",
    "PartReceipt",
    "PauseCounter",
    "Place",
    "PrintTicket",
    "QueueMessage",
    "RaiseAlerts",
    "RaisePluginAlert",
    "RateTicket",
    "Recall",
    "ReceiveMessage",
    "RecordOffer",
    "ReloadPlugin",
    "ReportChannel",
    "ReportDevice",
    "ReportMessages",
    "ReportPluginFault",
    "ReportReceipts",
    "ResumeCounter",
    "ResumeTicket",
    "RetryMessage",
    "ReturnTicket",
    "RevokeAccess",
    "RollbackPolicy",
    "SeeToAppointments",
    "SetConsent",
    "StartService",
    "SwitchPlugin",
    "TakeTicket",
    "TransferTicket",
    "WatchGateways",
    "WatchHall",
]


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """An act, in the imperative."""

    by: str


class TakeTicket(Command, frozen=True, kw_only=True):
    """Take a place (取号) for `service`. `customer_class` is the settled class, `class_source` its why."""

    ticket_id: str
    service: str
    customer_class: str
    class_source: str
    channel: str
    person: str | None = None
    slip: tuple[Words, ...] = ()
    booked_at: int | None = None
    """The booked time (Unix ms) of a customer with an appointment (预约)."""


class CancelTicket(Command, frozen=True, kw_only=True):
    """Give a place up."""

    ticket: str
    reason: str | None = None


class HoldTicket(Command, frozen=True, kw_only=True):
    """Set a ticket aside (挂起), keeping its seniority."""

    ticket: str
    reason: str | None = None


class ResumeTicket(Command, frozen=True, kw_only=True):
    """Let a held ticket wait again."""

    ticket: str


class TransferTicket(Command, frozen=True, kw_only=True):
    """Send a ticket (转移) to another service, to one counter, or both. At least one is given."""

    ticket: str
    service: str | None = None
    counter: int | None = None


class PrintTicket(Command, frozen=True, kw_only=True):
    """Print the slip again, marked as a copy."""

    ticket: str


class RateTicket(Command, frozen=True, kw_only=True):
    """The customer rates the service (评价): `score` from 1 (worst) to `scale` (best); `None`: was asked and
    pressed nothing (未评价). `source` is what it was given with: `evaluator`, `sms`, …"""

    ticket: str
    score: int | None
    scale: int
    source: str


class CallNext(Command, frozen=True, kw_only=True):
    """Call whom the policy chooses (顺呼)."""

    counter: int


class CallTicket(Command, frozen=True, kw_only=True):
    """Call this very ticket: waiting, or held."""

    counter: int
    ticket: str


class Recall(Command, frozen=True, kw_only=True):
    """Call the same ticket again (重呼); one beyond the set number makes it a no-show."""

    counter: int


class StartService(Command, frozen=True, kw_only=True):
    """The called customer is here."""

    counter: int


class FinishService(Command, frozen=True, kw_only=True):
    """Service ended."""

    counter: int
    outcome: str | None = None


class MarkNoShow(Command, frozen=True, kw_only=True):
    """Nobody came (过号)."""

    counter: int


class ReturnTicket(Command, frozen=True, kw_only=True):
    """Nobody came yet: let the called ticket wait behind the next few."""

    counter: int


class AssignCounter(Command, frozen=True, kw_only=True):
    """Give an idle auto counter its next customer."""


class OpenCounter(Command, frozen=True, kw_only=True):
    """An agent opens a counter; without `skills`, with those it is set up for."""

    counter: int
    agent: str
    skills: dict[str, int] | None = None


class PauseCounter(Command, frozen=True, kw_only=True):
    """No new calls here for a while."""

    counter: int
    reason: str


class ResumeCounter(Command, frozen=True, kw_only=True):
    """End a pause."""

    counter: int


class CloseCounter(Command, frozen=True, kw_only=True):
    """The agent leaves."""

    counter: int


class ConfigureCounter(Command, frozen=True, kw_only=True):
    """Change a counter's skills, its mode (`manual` or `auto`), or both. `None` brings hall.toml's back; what
    is not given stays."""

    counter: int
    skills: dict[str, int] | UnsetType | None = UNSET
    mode: str | UnsetType | None = UNSET


class RaiseAlerts(Command, frozen=True, kw_only=True):
    """Tell of the tickets whose promise is in danger or missed."""


class ClearAlerts(Command, frozen=True, kw_only=True):
    """Clear the alerts of tickets that wait no more."""


class WatchHall(Command, frozen=True, kw_only=True):
    """Look at the hall's mean wait and arrivals: raise what crossed its limit, clear what fell back."""


class RaisePluginAlert(Command, frozen=True, kw_only=True):
    """A plugin warns; one alert of a `name` stands at a time. `about` is a ticket's id."""

    plugin: str
    name: str
    words: Words
    value: int | None = None
    limit: int | None = None
    service: str | None = None
    about: str | None = None


class ClearPluginAlert(Command, frozen=True, kw_only=True):
    """A plugin takes its warning back."""

    plugin: str
    name: str


class SwitchPlugin(Command, frozen=True, kw_only=True):
    """Say that a plugin works here, or works no more; the host has seen to it, or will at the start."""

    plugin: str
    enabled: bool
    version: str | None = None
    cause: str = "asked"
    why: str | None = None


class ReloadPlugin(Command, frozen=True, kw_only=True):
    """Say that a plugin was imported anew; the host has seen to it."""

    plugin: str
    version: str | None = None


class ConfigurePlugin(Command, frozen=True, kw_only=True):
    """Change a plugin's configuration: key → value, `None` for hall.toml's own."""

    plugin: str
    changes: dict[str, Any]


class ReportPluginFault(Command, frozen=True, kw_only=True):
    """The host tells of a plugin's fault that somebody should look at."""

    plugin: str
    hook: str
    why: str
    action: str
    record: int | None = None
    faults: int = 0


class NotePlugin(Command, frozen=True, kw_only=True):
    """A plugin keeps a fact of its own in the journal."""

    plugin: str
    kind: str
    data: dict[str, Any]


class AcknowledgeAlert(Command, frozen=True, kw_only=True):
    """A manager saw to an alert: `done` is `served` or `cared_for`."""

    alert: str
    done: str
    note: str | None = None


class RecordOffer(Command, frozen=True, kw_only=True):
    """What became of an offer (营销推荐) made to the customer of a ticket: `outcome` is `shown`, `accepted`,
    `refused` or `later`."""

    ticket: str
    offer: str
    outcome: str
    counter: int | None = None
    agent: str | None = None
    """Who says so, where `by` is the program they said it to."""


class LogCare(Command, frozen=True, kw_only=True):
    """Somebody cared for the customer of a ticket (客户关怀): `kind` says in a word what was done."""

    ticket: str
    kind: str
    note: str | None = None
    agent: str | None = None
    """Who cared, where `by` is the program they said it to."""


class Divert(Command, frozen=True, kw_only=True):
    """A customer goes elsewhere with a service (分流): `to` a machine, another hall, online, or at a quieter
    time (`kind`: `self_service`, `other_hall`, `online`, `quiet_hours`). Before a ticket was taken `service`
    is given; whoever waits already gives `ticket` up, whose service it is."""

    to: str
    kind: str
    service: str | None = None
    ticket: str | None = None


class EndDay(Command, frozen=True, kw_only=True):
    """End the running business day."""


class ChangeConfig(Command, frozen=True, kw_only=True):
    """Change settings: dotted key → value, `None` to remove it."""

    changes: dict[str, Any]


class ChangeSettings(Command, frozen=True, kw_only=True):
    """An administrator changes settings: dotted key → value, `None` for hall.toml's own (or none).
    Appointments that would then lie outside the opening hours are in the way unless `cancel` says that they
    shall be cancelled."""

    changes: dict[str, Any]
    cancel: bool = False


class GrantAccess(Command, frozen=True, kw_only=True):
    """Somebody is given a right to enter; `token` names the secret without saying it."""

    token: str
    kind: str
    subject: str
    roles: tuple[str, ...]
    scope: str
    expires_at: int | None


class RevokeAccess(Command, frozen=True, kw_only=True):
    """Such a right is taken back."""

    token: str
    subject: str


class ChangePolicy(Command, frozen=True, kw_only=True):
    """Change parameters of the policy: dotted key → value, `None` for hall.toml's own (or the default). Of a
    map by class (`service.S.weight`) only the classes that are named change."""

    changes: dict[str, Any]


class RollbackPolicy(Command, frozen=True, kw_only=True):
    """Bring back the parameters of an earlier version."""

    version: int


class CountPeople(Command, frozen=True, kw_only=True):
    """A people counter (客流) counted who came and went through one door since `since` (Unix ms)."""

    device: str
    door: str
    entered: int
    left: int
    since: int


class ReportDevice(Command, frozen=True, kw_only=True):
    """A device's supervisor reports its health."""

    device: str
    status: str
    detail: str = ""


class QueueMessage(Command, frozen=True, kw_only=True):
    """Send somebody a message (消息). Its words travel beside the command and are kept sealed.

    With a `key` that was used before nothing is done. `not_before` and `expires_at` are Unix ms; `ask` is
    what a reply to it will do.
    """

    message_id: str
    message_class: str
    template: str
    person: str
    language: str | None = None
    key: str | None = None
    ticket: str | None = None
    appointment: str | None = None
    not_before: int | None = None
    expires_at: int | None = None
    ask: AskFacts | None = None


class CancelMessage(Command, frozen=True, kw_only=True):
    """A message that was not sent yet is not wanted any more: by its id, or by its key."""

    message: str | None = None
    key: str | None = None
    reason: str | None = None


class RetryMessage(Command, frozen=True, kw_only=True):
    """Try a message again that was given up."""

    message: str


class MessageOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt: `sent` (with the gateway's `refs`), `refused` (for good if `permanent`), or
    `expired`, `no_number`, `no_text`, which are for good."""

    message: str
    outcome: str
    refs: tuple[str, ...] = ()
    detail: str = ""
    permanent: bool = False


class ReportMessages(Command, frozen=True, kw_only=True):
    """What a gateway did with messages that it was given; unknown ones are passed over."""

    gateway: str
    outcomes: tuple[MessageOutcome, ...]


class PartReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's receipt for the part that it called `ref`."""

    ref: str
    delivered: bool
    detail: str = ""


class ReportReceipts(Command, frozen=True, kw_only=True):
    """Receipts of a gateway; those of no message that waits for one are passed over."""

    gateway: str
    receipts: tuple[PartReceipt, ...]


class ReceiveMessage(Command, frozen=True, kw_only=True):
    """Somebody wrote to the hall; the same `gateway` and `ref` again is the same message."""

    message_id: str
    gateway: str
    ref: str
    person: str
    intent: str
    answers: str | None = None


class SetConsent(Command, frozen=True, kw_only=True):
    """Somebody wants messages of these classes, or does not."""

    person: str
    message_classes: tuple[str, ...]
    allowed: bool
    cause: str = "asked"


class ReportChannel(Command, frozen=True, kw_only=True):
    """A channel's supervisor reports its state: `up`, `down` or `off`."""

    channel: str
    status: str
    detail: str = ""


class WatchGateways(Command, frozen=True, kw_only=True):
    """Look at the gateways: raise what is down for too long, clear what is up again."""


class Place(msgspec.Struct, frozen=True):
    """One place to be booked: an id and the keyed hash of a code, both drawn outside."""

    id: str
    code: str


class BookAppointment(Command, frozen=True, kw_only=True):
    """Book (预约) one place of the slot at `at`, or a block of them. With `wait`, somebody for whom there is
    none waits for one; with `until`, any slot of that date from `at` to `until` will do. `confirmed`: the
    customer has said yes already, no confirmation is asked for."""

    places: tuple[Place, ...]
    service: str
    at: int
    channel: str
    person: str | None = None
    wait: bool = False
    until: int | None = None
    confirmed: bool = False


class ConfirmAppointment(Command, frozen=True, kw_only=True):
    """The customer says yes to a booking, or to the place that was offered."""

    appointment: str


class ChangeAppointment(Command, frozen=True, kw_only=True):
    """Move (改期) it to another slot, another service, or both."""

    appointment: str
    service: str | None = None
    at: int | None = None


class CancelAppointment(Command, frozen=True, kw_only=True):
    """Give it up."""

    appointment: str
    reason: str | None = None


class CheckIn(Command, frozen=True, kw_only=True):
    """Its holder is here (取号): take the ticket. Without `appointment`, that of `person` whose time it is.
    `service`, if given, must be the one that was booked."""

    appointment: str | None
    ticket_id: str
    customer_class: str
    class_source: str
    channel: str
    person: str | None = None
    service: str | None = None
    slip: tuple[Words, ...] = ()


class OfferPlaces(Command, frozen=True, kw_only=True):
    """Offer a free place to whoever is next on the waiting list."""


class SeeToAppointments(Command, frozen=True, kw_only=True):
    """See to what is due of appointments: reminders, those that were missed, those that expire."""


class ChangeCalendar(Command, frozen=True, kw_only=True):
    """Give a date hours of its own; `None` brings back those of its weekday, or of hall.toml. Appointments
    that would lie outside are in the way unless `cancel` says that they shall be cancelled."""

    date: str
    day: SpecialDay | None
    cancel: bool = False
