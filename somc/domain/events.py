"""The catalogue of facts: every event of the domain, its record type, its fields.

An event is what `decide` answers, what the journal keeps and what `evolve` reads. It stores outcomes
(who was called, and why), so replay never decides again. `by` names who asked: `agent:li`,
`keypad:3`, `deadline`, `config`. `BY_TYPE` names the record type of each; a change of shape raises
`VERSIONS` and adds an upcaster in `somc.journal.upcasting`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from somc.domain.values import Words
from somc.scheduler.interface import NEVER, Terms

__all__ = [
    "BY_TYPE",
    "TYPE_OF",
    "VERSIONS",
    "AccessGranted",
    "AccessRevoked",
    "AlertAcknowledged",
    "AlertCleared",
    "AlertEvent",
    "AlertRaised",
    "AppointmentBooked",
    "AppointmentCancelled",
    "AppointmentChanged",
    "AppointmentCheckedIn",
    "AppointmentConfirmed",
    "AppointmentEvent",
    "AppointmentExpired",
    "AppointmentMissed",
    "AppointmentOffered",
    "AppointmentReminderDue",
    "AppointmentWaitlisted",
    "AskFacts",
    "CalledReason",
    "CareLogged",
    "ChannelReported",
    "ConfigChanged",
    "ConsentChanged",
    "CounterClosed",
    "CounterConfigured",
    "CounterOpened",
    "CounterPaused",
    "CounterResumed",
    "CustomerEvent",
    "DayEnded",
    "DeviceReported",
    "Event",
    "MessageCancelled",
    "MessageDelivered",
    "MessageEvent",
    "MessageFailed",
    "MessagePartDelivered",
    "MessageQueued",
    "MessageReceived",
    "MessageRequeued",
    "MessageSent",
    "OfferOutcome",
    "PeopleCounted",
    "PluginConfigured",
    "PluginDisabled",
    "PluginEnabled",
    "PluginEvent",
    "PluginFaulted",
    "PluginNoted",
    "PluginReloaded",
    "PolicyChanged",
    "QueueTerms",
    "TicketCalled",
    "TicketCancelled",
    "TicketDiverted",
    "TicketExpired",
    "TicketFinished",
    "TicketHeld",
    "TicketNoShow",
    "TicketPrinted",
    "TicketRated",
    "TicketRecalled",
    "TicketResumed",
    "TicketReturned",
    "TicketServiceStarted",
    "TicketTaken",
    "TicketTransferred",
    "topic_of",
]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact, in the past tense."""

    by: str


class TicketEvent(Event, frozen=True, kw_only=True):
    """A fact about the ticket `ticket` (its id) with the number `number` (what people read)."""

    ticket: str
    number: str


class TicketTaken(TicketEvent, frozen=True, kw_only=True):
    """A customer took a place. `position` counts from 1; `estimated_wait_s` is what the slip says."""

    day: str
    serial: int
    """The running number of the prefix on this day; `number` is its printed form."""
    service: str
    customer_class: str
    class_source: str
    """Why this class: `given`, `table`, `default`, or the plugin that said so."""
    channel: str
    position: int
    estimated_wait_s: int | None
    target_wait_s: int
    person: str | None = None
    slip: tuple[Words, ...] = ()
    booked_at: int | None = None
    """The booked time (Unix ms) of somebody who has an appointment."""
    booked: bool = False
    """Whether the ticket stands with the appointments: whoever checks in too late does not."""
    appointment: str | None = None
    """The appointment that was checked in with it."""


class CalledReason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why this ticket: the rule that spoke, its score, the runner-up; as data and as a sentence.

    `version` is that of the policy in force, `target_left_s` what was left of the promise (negative: it was
    over), `facts` what else the sentence is made of. `failed`: the policy's own program was asked first, and
    raised that.

    `candidates` counts those whom this counter could have called. `runner_up` is the best of the other
    lines (service × class): the next of the winner's own line may well come before it.
    """

    rule: str
    policy: str
    waited_s: int
    candidates: int
    score: int | None = None
    level: int | None = None
    runner_up: str | None = None
    runner_up_score: int | None = None
    version: int = 0
    target_left_s: int | None = None
    guard_s: int | None = None
    facts: dict[str, Any] = {}
    failed: str | None = None
    words: Words


class TicketCalled(TicketEvent, frozen=True, kw_only=True):
    """A counter called the ticket."""

    counter: int
    agent: str | None
    service: str
    customer_class: str
    reason: CalledReason


class TicketRecalled(TicketEvent, frozen=True, kw_only=True):
    """The counter called the same ticket again, for the `recalls`-th time."""

    counter: int
    recalls: int


class TicketServiceStarted(TicketEvent, frozen=True, kw_only=True):
    """The customer is at the counter."""

    counter: int


class TicketFinished(TicketEvent, frozen=True, kw_only=True):
    """Service ended. `waited_s` and `served_s` are the ticket's whole wait and service, in seconds."""

    counter: int
    waited_s: int
    served_s: int
    outcome: str | None = None


class TicketNoShow(TicketEvent, frozen=True, kw_only=True):
    """Nobody came. `cause` is `agent` or `recalls`."""

    counter: int
    cause: str


class TicketReturned(TicketEvent, frozen=True, kw_only=True):
    """Nobody came to the call: the ticket waits again, behind the `behind`-th of its line. `v` and `order`
    are its new place there."""

    counter: int
    behind: int
    v: int
    order: int


class TicketCancelled(TicketEvent, frozen=True, kw_only=True):
    """The customer gave the place up; `counter` if it had been called there."""

    reason: str | None = None
    counter: int | None = None


class TicketHeld(TicketEvent, frozen=True, kw_only=True):
    """The ticket steps aside (挂起) without losing its seniority."""

    reason: str | None = None
    counter: int | None = None


class TicketResumed(TicketEvent, frozen=True, kw_only=True):
    """The ticket waits again, with the seniority it had."""


class TicketTransferred(TicketEvent, frozen=True, kw_only=True):
    """The ticket waits for another service, or for one counter (`to_counter`, 0: any)."""

    to_service: str
    to_counter: int
    target_wait_s: int
    counter: int | None = None
    cause: str = "asked"
    """`asked`, or `counter_closed` / `counter_configured` when its only counter can no longer serve it."""


class TicketExpired(TicketEvent, frozen=True, kw_only=True):
    """The business day ended while the ticket waited or was held."""

    day: str


class TicketPrinted(TicketEvent, frozen=True, kw_only=True):
    """The slip was asked for again; `copy` counts the copies."""

    copy: int


class TicketRated(TicketEvent, frozen=True, kw_only=True):
    """The customer rated the service: `score` from 1 (worst) to `scale` (best); without one, the customer was
    asked and gave none (未评价). `agent` and `counter` are who served."""

    counter: int
    agent: str | None
    scale: int
    source: str
    score: int | None = None


class TicketDiverted(Event, frozen=True, kw_only=True):
    """A customer went elsewhere with a service (分流), instead of taking a ticket or giving theirs up."""

    service: str
    kind: str
    """`self_service`, `other_hall`, `online` or `quiet_hours`."""
    to: str
    ticket: str | None = None
    number: str | None = None
    waited_s: int | None = None


class CounterEvent(Event, frozen=True, kw_only=True):
    """A fact about counter `counter`."""

    counter: int


class CounterOpened(CounterEvent, frozen=True, kw_only=True):
    """An agent opened the counter with these skills (service → level)."""

    agent: str
    skills: dict[str, int]


class CounterPaused(CounterEvent, frozen=True, kw_only=True):
    """No new calls here until it is resumed."""

    reason: str


class CounterResumed(CounterEvent, frozen=True, kw_only=True):
    """The pause ended."""


class CounterClosed(CounterEvent, frozen=True, kw_only=True):
    """The agent left."""


class CounterConfigured(CounterEvent, frozen=True, kw_only=True):
    """The counter's skills were changed: the next call follows. `None`: back to hall.toml's."""

    skills: dict[str, int] | None


class AlertEvent(Event, frozen=True, kw_only=True):
    """A fact about alert `alert` (its id); `ticket` and `number` if it is about one ticket."""

    alert: str
    ticket: str | None = None
    number: str | None = None


class AlertRaised(AlertEvent, frozen=True, kw_only=True):
    """Something that a manager must see. `warning` and `breach` are of one ticket: its service, class,
    promise, wait and the seconds left (negative: past). `long_wait` and `peak` are of the hall: its `value`
    crossed `limit`. `gateway_down` is of the channel `subject`, down for `value`
    seconds; `appointments_outside` names `appointments` (ids), the first of the `value` that lie
    outside hall.toml's hours since a start; `plugin` is what the plugin `plugin` calls `name`, in `words`;
    `about` is a ticket's id."""

    kind: str
    service: str | None = None
    customer_class: str | None = None
    target_wait_s: int | None = None
    waited_s: int | None = None
    left_s: int | None = None
    value: int | None = None
    limit: int | None = None
    subject: str | None = None
    plugin: str | None = None
    name: str | None = None
    about: str | None = None
    words: Words | None = None
    appointments: tuple[str, ...] = ()


class AlertCleared(AlertEvent, frozen=True, kw_only=True):
    """Its ground is gone: the ticket was `called`, `cancelled`, `held`, has `expired` or was `transferred`
    to a longer promise, the hall's value `fell_back` or no appointment lies outside, another one stands for
    it (`renewed`), the gateway is `up` again or `off`, the plugin took it back (`taken_back`) or was
    disabled (`plugin_disabled`), or `day_ended`."""

    cause: str


class AlertAcknowledged(AlertEvent, frozen=True, kw_only=True):
    """A manager saw to it: the customer was `served` or `cared_for`."""

    done: str
    note: str | None = None


class CustomerEvent(Event, frozen=True, kw_only=True):
    """What was offered to, or done for, the customer of a ticket. It changes nothing about the ticket, and is
    of nobody's business but the staff's: its topic is not the ticket's."""

    ticket: str
    number: str


class OfferOutcome(CustomerEvent, frozen=True, kw_only=True):
    """What became of an offer: `shown`, `accepted`, `refused`, or the customer decides `later`."""

    offer: str
    outcome: str
    counter: int | None = None
    agent: str | None = None
    """Who says so, where `by` is the program they said it to."""


class CareLogged(CustomerEvent, frozen=True, kw_only=True):
    """Somebody cared for the customer (客户关怀): `kind` is a word, `note` what was done."""

    kind: str
    note: str | None = None
    agent: str | None = None
    """Who cared, where `by` is the program they said it to."""


class AppointmentEvent(Event, frozen=True, kw_only=True):
    """A fact about appointment `appointment` (its id): for which service, when its slot begins (Unix ms),
    whose.

    Its code is in no record but as a keyed hash, where it is made.
    """

    appointment: str
    service: str
    slot: int
    person: str | None = None


class AppointmentBooked(AppointmentEvent, frozen=True, kw_only=True):
    """Somebody booked a place of a slot. `code` is the keyed hash of its code; `block` what those booked at
    once have in common; `confirm_by` until when it must be confirmed, if it must."""

    ends_at: int
    channel: str
    code: str
    block: str | None = None
    confirm_by: int | None = None


class AppointmentWaitlisted(AppointmentEvent, frozen=True, kw_only=True):
    """Somebody waits for a place: of this slot, or of one that begins no later than `until`."""

    ends_at: int
    channel: str
    code: str
    until: int | None = None


class AppointmentOffered(AppointmentEvent, frozen=True, kw_only=True):
    """A freed place is kept for somebody on the waiting list until `answer_by`."""

    ends_at: int
    answer_by: int


class AppointmentConfirmed(AppointmentEvent, frozen=True, kw_only=True):
    """The customer said yes: to a booking, or to the place that was offered."""


class AppointmentChanged(AppointmentEvent, frozen=True, kw_only=True):
    """It was moved to this service and slot; the code stays."""

    ends_at: int
    from_service: str
    from_slot: int


class AppointmentCancelled(AppointmentEvent, frozen=True, kw_only=True):
    """It was given up. `cause`: `asked`, `calendar` (the hall is closed then now), `service_gone`."""

    cause: str = "asked"
    reason: str | None = None


class AppointmentCheckedIn(AppointmentEvent, frozen=True, kw_only=True):
    """Its holder came and took `ticket`. `late`: too late to stand with the appointments."""

    ticket: str
    number: str
    late: bool = False


class AppointmentReminderDue(AppointmentEvent, frozen=True, kw_only=True):
    """So long (`lead_s`) before its time the customer is to be reminded. `too_late`: its time is over already
    (the hall stood still)."""

    lead_s: int
    too_late: bool = False


class AppointmentMissed(AppointmentEvent, frozen=True, kw_only=True):
    """Nobody checked in."""


class AppointmentExpired(AppointmentEvent, frozen=True, kw_only=True):
    """It fell by itself. `cause`: `unconfirmed`, `offer` (not accepted in time), `no_place` (none came)."""

    cause: str


class DayEnded(Event, frozen=True, kw_only=True):
    """A business day is over; what waited has expired, numbers start again."""

    day: str
    taken: int
    finished: int
    no_show: int
    cancelled: int
    expired: int


class ConfigChanged(Event, frozen=True, kw_only=True):
    """Settings changed: dotted key → new value, `None` for a key that is gone.

    With `by = "config"` these are the differences of hall.toml since the last start.
    """

    changes: dict[str, Any]


class QueueTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The coefficients of one service × class, as the scheduler reads them (`somc.scheduler.Terms`): times in
    milliseconds of waiting, `NEVER` (2^53) where a rule is off."""

    rate: int = 0
    offset: int = 0
    knee: int = NEVER
    jump: int = 0
    rate_after: int = 0
    guard: int = NEVER
    warn: int = NEVER
    target: int = NEVER
    share: int = 0
    group: int = 0

    @classmethod
    def of(cls, terms: Terms) -> QueueTerms:
        return cls(**{name: getattr(terms, name) for name in cls.__struct_fields__})

    def terms(self) -> Terms:
        return Terms(**{name: getattr(self, name) for name in self.__struct_fields__})


class PolicyChanged(Event, frozen=True, kw_only=True):
    """Another version of the routing policy is in force from the next call on.

    `terms` is what it compiled to, by `service/class`: whoever replays needs neither the kind nor the same
    version of SOMC. `cause`: `asked`, `rollback` (to version `back_to`), `config` (hall.toml, or a hall's
    first start), `plugin` (the plugin of the kind computes otherwise, or is gone).
    """

    version: int
    cause: str
    changes: dict[str, Any]
    terms: dict[str, QueueTerms]
    back_to: int | None = None


class AccessGranted(Event, frozen=True, kw_only=True):
    """Somebody was given a right to enter. `token` names the secret, which no record knows, by the first
    digits of its SHA-256."""

    token: str
    kind: str
    subject: str
    roles: tuple[str, ...]
    scope: str
    expires_at: int | None = None


class AccessRevoked(Event, frozen=True, kw_only=True):
    """Such a right was taken back."""

    token: str
    subject: str


class DeviceReported(Event, frozen=True, kw_only=True):
    """A device's health changed. `status` has XFS4IoT's values (`online`, `offline`, …)."""

    device: str
    status: str
    detail: str = ""


class PeopleCounted(Event, frozen=True, kw_only=True):
    """Who came and went through a door (客流) from `since` (Unix ms) until now: many passages, one record."""

    device: str
    door: str
    since: int
    entered: int = 0
    left: int = 0


class MessageEvent(Event, frozen=True, kw_only=True):
    """A fact about message `message` (its id); `ticket` and `appointment` if it is about one."""

    message: str
    ticket: str | None = None
    appointment: str | None = None


class AskFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a reply to a message will do: `kind` (`confirm_appointment`, `book`, …) with what it needs,
    nothing of it personal; in time `until` (Unix ms)."""

    kind: str
    facts: dict[str, Any] = {}
    until: int


class MessageQueued(MessageEvent, frozen=True, kw_only=True):
    """A message (消息) waits to be sent. Its words lie sealed beside the journal, its number with `person`.

    `ready_at` is when it may leave; `held`: quiet hours keep it until then. With `key` there is no other
    message of the same key.
    """

    message_class: str
    template: str
    person: str
    language: str
    ready_at: int
    expires_at: int
    held: bool = False
    key: str | None = None
    ask: AskFacts | None = None


class MessageSent(MessageEvent, frozen=True, kw_only=True):
    """A gateway took it over. `refs` are the gateway's ids of its parts, which receipts name."""

    gateway: str
    refs: tuple[str, ...] = ()
    attempt: int = 1


class MessageDelivered(MessageEvent, frozen=True, kw_only=True):
    """A receipt said that the telephone has it."""

    gateway: str


class MessagePartDelivered(MessageEvent, frozen=True, kw_only=True):
    """A receipt said so of one part of a long message (`ref`); others are still out."""

    gateway: str
    ref: str


class MessageFailed(MessageEvent, frozen=True, kw_only=True):
    """It could not be sent or delivered. `retry_at` is when it is tried again; null: it is given up.

    `cause`: `gateway` (refused it), `undelivered` (a receipt said so), `expired`, `no_number` (the person was
    erased), `no_text`.
    """

    cause: str
    detail: str = ""
    gateway: str | None = None
    attempt: int = 0
    retry_at: int | None = None


class MessageRequeued(MessageEvent, frozen=True, kw_only=True):
    """A message that was given up is tried again by hand."""

    ready_at: int
    expires_at: int


class MessageCancelled(MessageEvent, frozen=True, kw_only=True):
    """It is not wanted any more and was not sent."""

    reason: str | None = None


class MessageReceived(MessageEvent, frozen=True, kw_only=True):
    """Somebody wrote to the hall. `intent` is what the words were taken for (`confirm`, `book`, `place`, …;
    `unknown`), `answers` the message whose question it answers. `ref` is the gateway's id of it."""

    gateway: str
    ref: str
    person: str
    intent: str
    answers: str | None = None


class ConsentChanged(Event, frozen=True, kw_only=True):
    """A customer wants messages of these classes (`allowed`), or does not. `cause`: `reply`, `asked`."""

    person: str
    message_classes: tuple[str, ...]
    allowed: bool
    cause: str = "asked"


class ChannelReported(Event, frozen=True, kw_only=True):
    """A gateway's state changed: `up`, `down`, `off`."""

    channel: str
    status: str
    detail: str = ""


class PluginEvent(Event, frozen=True, kw_only=True):
    """A fact about the plugin `plugin`."""

    plugin: str


class PluginEnabled(PluginEvent, frozen=True, kw_only=True):
    """The plugin works in this hall from now on."""

    version: str | None = None


class PluginReloaded(PluginEvent, frozen=True, kw_only=True):
    """Its code was imported anew and works now; the version may be the same."""

    version: str | None = None


class PluginDisabled(PluginEvent, frozen=True, kw_only=True):
    """It does not, until it is enabled again. `cause`: `asked`, `config` (hall.toml), or `quarantine`: it
    failed again and again, as `why` says."""

    cause: str = "asked"
    why: str | None = None


class PluginConfigured(PluginEvent, frozen=True, kw_only=True):
    """Its configuration changed: key → value, `None` for hall.toml's own. No secret is among them."""

    changes: dict[str, Any]


class PluginFaulted(PluginEvent, frozen=True, kw_only=True):
    """It failed so that somebody should look: in `hook`, with `why`. `action` is what the host did:
    `passed_over` (the record `record`), `restarted`, `left_out`, `blocked` (it held the hall's loop)."""

    hook: str
    why: str
    action: str
    record: int | None = None
    faults: int = 0
    """Its faults since it was enabled."""


class PluginNoted(PluginEvent, frozen=True, kw_only=True):
    """A fact of the plugin's own."""

    kind: str
    data: dict[str, Any] = {}


BY_TYPE: dict[str, type[Event]] = {
    "ticket.taken": TicketTaken,
    "ticket.called": TicketCalled,
    "ticket.recalled": TicketRecalled,
    "ticket.service_started": TicketServiceStarted,
    "ticket.finished": TicketFinished,
    "ticket.no_show": TicketNoShow,
    "ticket.returned": TicketReturned,
    "ticket.cancelled": TicketCancelled,
    "ticket.held": TicketHeld,
    "ticket.resumed": TicketResumed,
    "ticket.transferred": TicketTransferred,
    "ticket.expired": TicketExpired,
    "ticket.printed": TicketPrinted,
    "ticket.rated": TicketRated,
    "ticket.diverted": TicketDiverted,
    "offer.outcome": OfferOutcome,
    "care.logged": CareLogged,
    "counter.opened": CounterOpened,
    "counter.paused": CounterPaused,
    "counter.resumed": CounterResumed,
    "counter.closed": CounterClosed,
    "counter.configured": CounterConfigured,
    "alert.raised": AlertRaised,
    "alert.cleared": AlertCleared,
    "alert.acknowledged": AlertAcknowledged,
    "appointment.booked": AppointmentBooked,
    "appointment.waitlisted": AppointmentWaitlisted,
    "appointment.offered": AppointmentOffered,
    "appointment.confirmed": AppointmentConfirmed,
    "appointment.changed": AppointmentChanged,
    "appointment.cancelled": AppointmentCancelled,
    "appointment.checked_in": AppointmentCheckedIn,
    "appointment.reminder_due": AppointmentReminderDue,
    "appointment.missed": AppointmentMissed,
    "appointment.expired": AppointmentExpired,
    "day.ended": DayEnded,
    "config.changed": ConfigChanged,
    "policy.changed": PolicyChanged,
    "device.status": DeviceReported,
    "people.counted": PeopleCounted,
    "access.granted": AccessGranted,
    "access.revoked": AccessRevoked,
    "message.queued": MessageQueued,
    "message.sent": MessageSent,
    "message.delivered": MessageDelivered,
    "message.part_delivered": MessagePartDelivered,
    "message.failed": MessageFailed,
    "message.requeued": MessageRequeued,
    "message.cancelled": MessageCancelled,
    "message.received": MessageReceived,
    "consent.changed": ConsentChanged,
    "channel.status": ChannelReported,
    "plugin.enabled": PluginEnabled,
    "plugin.reloaded": PluginReloaded,
    "plugin.disabled": PluginDisabled,
    "plugin.configured": PluginConfigured,
    "plugin.faulted": PluginFaulted,
    "plugin.noted": PluginNoted,
}
"""Record type → event class: the catalogue."""

TYPE_OF: dict[type[Event], str] = {kind: name for name, kind in BY_TYPE.items()}
"""Event class → record type."""

VERSIONS: dict[str, int] = dict.fromkeys(BY_TYPE, 1)
"""Record type → the version of its shape that is written now (`v` of the record)."""


def topic_of(event: Event, org: str) -> str:
    """The record's topic: the hall's path, the entity and its id."""
    match event:
        case TicketEvent():
            return f"{org}/ticket/{event.ticket}"
        case TicketDiverted():
            return f"{org}/service/{event.service}"
        case OfferOutcome():
            return f"{org}/offer/{event.ticket}"
        case CareLogged():
            return f"{org}/care/{event.ticket}"
        case CounterEvent():
            return f"{org}/counter/{event.counter}"
        case AlertEvent():
            return f"{org}/alert/{event.alert}"
        case AppointmentEvent():
            return f"{org}/appointment/{event.appointment}"
        case DayEnded():
            return f"{org}/day/{event.day}"
        case DeviceReported() | PeopleCounted():
            return f"{org}/device/{event.device}"
        case MessageEvent():
            return f"{org}/message/{event.message}"
        case ConsentChanged():
            return f"{org}/consent/{'+'.join(event.message_classes)}"
        case ChannelReported():
            return f"{org}/channel/{event.channel}"
        case PluginEvent():
            return f"{org}/plugin/{event.plugin}"
        case PolicyChanged():
            return f"{org}/policy"
        case AccessGranted() | AccessRevoked():
            return f"{org}/access/{event.token}"
        case _:
            return f"{org}/config"
