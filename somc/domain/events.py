"""The catalogue of facts: every event of the domain, its record type, its fields.

An event is what `decide` answers, what the journal keeps and what `evolve` reads. It stores outcomes
(who was called, and why), so replay never decides again. `by` names who asked: `agent:li`,
`keypad:3`, `deadline`, `config`. The class's tag is the record's `type`; a change of shape raises
`VERSIONS` and adds an upcaster in `somc.journal.codec`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from somc.domain.values import Words

__all__ = [
    "BY_TYPE",
    "CalledReason",
    "ConfigChanged",
    "CounterClosed",
    "CounterConfigured",
    "CounterOpened",
    "CounterPaused",
    "CounterResumed",
    "DayEnded",
    "DeviceReported",
    "Event",
    "TicketCalled",
    "TicketCancelled",
    "TicketExpired",
    "TicketFinished",
    "TicketHeld",
    "TicketNoShow",
    "TicketPrinted",
    "TicketRecalled",
    "TicketResumed",
    "TicketServiceStarted",
    "TicketTaken",
    "TicketTransferred",
    "record_type",
]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A fact, in the past tense."""

    by: str


class TicketEvent(Event, frozen=True, kw_only=True):
    """A fact about the ticket `ticket` (its id) with the number `number` (what people read)."""

    ticket: str
    number: str


class TicketTaken(TicketEvent, frozen=True, kw_only=True, tag="ticket.taken"):
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


class CalledReason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why this ticket: the rule that spoke, its score, the runner-up; as data and as a sentence."""

    rule: str
    policy: str
    waited_s: int
    candidates: int
    score: int | None = None
    level: int | None = None
    runner_up: str | None = None
    runner_up_score: int | None = None
    words: Words


class TicketCalled(TicketEvent, frozen=True, kw_only=True, tag="ticket.called"):
    """A counter called the ticket."""

    counter: int
    agent: str | None
    service: str
    customer_class: str
    reason: CalledReason


class TicketRecalled(TicketEvent, frozen=True, kw_only=True, tag="ticket.recalled"):
    """The counter called the same ticket again, for the `recalls`-th time."""

    counter: int
    recalls: int


class TicketServiceStarted(TicketEvent, frozen=True, kw_only=True, tag="ticket.service_started"):
    """The customer is at the counter."""

    counter: int


class TicketFinished(TicketEvent, frozen=True, kw_only=True, tag="ticket.finished"):
    """Service ended. `waited_s` and `served_s` are the ticket's whole wait and service, in seconds."""

    counter: int
    waited_s: int
    served_s: int
    outcome: str | None = None


class TicketNoShow(TicketEvent, frozen=True, kw_only=True, tag="ticket.no_show"):
    """Nobody came. `cause` is `agent` or `recalls`."""

    counter: int
    cause: str


class TicketCancelled(TicketEvent, frozen=True, kw_only=True, tag="ticket.cancelled"):
    """The customer gave the place up; `counter` if it had been called there."""

    reason: str | None = None
    counter: int | None = None


class TicketHeld(TicketEvent, frozen=True, kw_only=True, tag="ticket.held"):
    """The ticket steps aside (挂起) without losing its seniority."""

    reason: str | None = None
    counter: int | None = None


class TicketResumed(TicketEvent, frozen=True, kw_only=True, tag="ticket.resumed"):
    """The ticket waits again, with the seniority it had."""


class TicketTransferred(TicketEvent, frozen=True, kw_only=True, tag="ticket.transferred"):
    """The ticket waits for another service, or for one counter (`to_counter`, 0: any)."""

    to_service: str
    to_counter: int
    target_wait_s: int
    counter: int | None = None
    cause: str = "asked"
    """`asked`, or `counter_closed` / `counter_configured` when its only counter can no longer serve it."""


class TicketExpired(TicketEvent, frozen=True, kw_only=True, tag="ticket.expired"):
    """The business day ended while the ticket waited or was held."""

    day: str


class TicketPrinted(TicketEvent, frozen=True, kw_only=True, tag="ticket.printed"):
    """The slip was asked for again; `copy` counts the copies."""

    copy: int


class CounterEvent(Event, frozen=True, kw_only=True):
    """A fact about counter `counter`."""

    counter: int


class CounterOpened(CounterEvent, frozen=True, kw_only=True, tag="counter.opened"):
    """An agent opened the counter with these skills (service → level)."""

    agent: str
    skills: dict[str, int]


class CounterPaused(CounterEvent, frozen=True, kw_only=True, tag="counter.paused"):
    """No new calls here until it is resumed."""

    reason: str


class CounterResumed(CounterEvent, frozen=True, kw_only=True, tag="counter.resumed"):
    """The pause ended."""


class CounterClosed(CounterEvent, frozen=True, kw_only=True, tag="counter.closed"):
    """The agent left."""


class CounterConfigured(CounterEvent, frozen=True, kw_only=True, tag="counter.configured"):
    """The counter's skills were changed: the next call follows. `None`: back to hall.toml's."""

    skills: dict[str, int] | None


class DayEnded(Event, frozen=True, kw_only=True, tag="day.ended"):
    """A business day is over; what waited has expired, numbers start again."""

    day: str
    taken: int
    finished: int
    no_show: int
    cancelled: int
    expired: int


class ConfigChanged(Event, frozen=True, kw_only=True, tag="config.changed"):
    """Settings changed: dotted key → new value, `None` for a key that is gone.

    With `by = "config"` these are the differences of hall.toml since the last start.
    """

    changes: dict[str, Any]


class DeviceReported(Event, frozen=True, kw_only=True, tag="device.status"):
    """A device's health changed. `status` has XFS4IoT's values (`online`, `offline`, …)."""

    device: str
    status: str
    detail: str = ""


BY_TYPE: dict[str, type[Event]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        TicketTaken,
        TicketCalled,
        TicketRecalled,
        TicketServiceStarted,
        TicketFinished,
        TicketNoShow,
        TicketCancelled,
        TicketHeld,
        TicketResumed,
        TicketTransferred,
        TicketExpired,
        TicketPrinted,
        CounterOpened,
        CounterPaused,
        CounterResumed,
        CounterClosed,
        CounterConfigured,
        DayEnded,
        ConfigChanged,
        DeviceReported,
    )
}
"""Record type → event class: the catalogue."""

VERSIONS: dict[str, int] = dict.fromkeys(BY_TYPE, 1)
"""Record type → the version of its shape that is written now (`v` of the record)."""


def record_type(event: Event) -> str:
    """The record type of an event, e.g. `ticket.taken`."""
    return str(type(event).__struct_config__.tag)


def topic_of(event: Event, org: str) -> str:
    """The record's topic: the hall's path, the entity and its id."""
    match event:
        case TicketEvent():
            return f"{org}/ticket/{event.ticket}"
        case CounterEvent():
            return f"{org}/counter/{event.counter}"
        case DayEnded():
            return f"{org}/day/{event.day}"
        case DeviceReported():
            return f"{org}/device/{event.device}"
        case _:
            return f"{org}/config"
