"""The hall as a snapshot of the live feed shows it, typed.

Instants are integer Unix milliseconds of the hall's clock (`…_at`, `at`, `now`, `since`), every other
duration names its unit. What a role may not see is `None` or empty. Unknown fields are ignored, so that an
older client reads a newer hall; `tests/client/test_state.py` holds these names to what the hall sends.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "ClassState",
    "CounterState",
    "DeviceState",
    "HallFigures",
    "HallState",
    "RecentCall",
    "ServiceFigures",
    "ServiceState",
    "TicketState",
    "Words",
]


class Words(msgspec.Struct, frozen=True):
    """The same in both languages."""

    zh: str = ""
    en: str = ""


class ServiceState(msgspec.Struct, frozen=True):
    """A service (业务): what a customer comes for."""

    id: str
    name: Words
    prefix: str = ""
    group: Words | None = None
    papers: list[Words] = []
    target_wait_s: dict[str, int] = {}
    waiting: int = 0
    expected_wait_s: int | None = None
    """What somebody of the default class would be told who came now."""
    open: bool = True


class ClassState(msgspec.Struct, frozen=True):
    """A customer class (客户品牌/等级)."""

    id: str
    name: Words
    target_wait_s: int = 0
    priority: int = 0


class CounterState(msgspec.Struct, frozen=True):
    """A counter (台席)."""

    number: int
    name: Words
    state: str
    """`closed`, `open` or `paused`."""
    mode: str = "manual"
    since: int = 0
    agent: str | None = None
    reason: str | None = None
    skills: dict[str, int] = {}
    ticket: str | None = None
    """The id of the ticket that is there, called or being served."""
    served: int = 0
    free_since: int = 0
    place: list[int] | None = None
    """Where it stands on the floor, if that was set."""


class TicketState(msgspec.Struct, frozen=True):
    """A ticket (排队号) that has not ended."""

    id: str
    number: str
    service: str
    customer_class: str
    state: str
    """`waiting`, `called`, `serving` or `held`."""
    day: str = ""
    class_source: str = ""
    channel: str = ""
    position: int = 0
    estimated_wait_s: int | None = None
    target_wait_s: int = 0
    taken_at: int = 0
    queued_at: int = 0
    first_called_at: int | None = None
    called_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    held_at: int | None = None
    counter: int | None = None
    only_counter: int = 0
    agent: str | None = None
    recalls: int = 0
    returned: int = 0
    booked_at: int | None = None
    booked: bool = False
    waited_s: int = 0
    served_s: int = 0
    outcome: str | None = None
    rating: dict[str, Any] | None = None
    reason: dict[str, Any] | None = None
    alerts: list[dict[str, Any]] = []
    phone: str | None = None


class RecentCall(msgspec.Struct, frozen=True):
    """One of the newest calls of the day."""

    ticket: str
    number: str
    counter: int | None
    at: int | None
    service: str = ""


class DeviceState(msgspec.Struct, frozen=True):
    """A device and its health as last reported."""

    name: str
    driver: str = ""
    device_class: str = ""
    counter: int | None = None
    status: str = "unknown"
    detail: str = ""
    since: int | None = None


class HallState(msgspec.Struct, frozen=True):
    """The hall (营业厅) as one snapshot."""

    epoch: str
    seq: int
    org: str
    name: Words
    at: int = 0
    now: int = 0
    speed: float = 1.0
    timezone: str = "UTC"
    day: str | None = None
    open: bool = False
    services: list[ServiceState] = []
    classes: list[ClassState] = []
    counters: list[CounterState] = []
    waiting: dict[str, dict[str, int]] = {}
    """How many wait: service → class → number."""
    tickets: list[TicketState] = []
    recent_calls: list[RecentCall] = []
    policy: dict[str, Any] = {}
    alerts: list[dict[str, Any]] = []
    places: dict[str, list[int | None]] = {}
    """Of everybody who waits, by ticket id: place in the order of calling, wait still expected (s)."""
    advice: dict[str, Any] | None = None
    devices: list[DeviceState] = []
    today: dict[str, Any] = {}
    display: dict[str, Any] = {}
    display_lines: list[Words] = []
    """What plugins have displays say beside the calls, just now."""


class ServiceFigures(msgspec.Struct, frozen=True):
    """What is derived of a service."""

    waiting: int = 0
    expected_wait_s: int | None = None
    open: bool = True


class HallFigures(msgspec.Struct, frozen=True):
    """What the hall derives and never records; it replaces what was known before."""

    now: int = 0
    day: str | None = None
    open: bool = False
    services: dict[str, ServiceFigures] = {}
    today: dict[str, Any] = {}
    alerts: list[dict[str, Any]] = []
    places: dict[str, list[int | None]] = {}
    advice: dict[str, Any] | None = None
    policy: dict[str, Any] = {}
    display_lines: list[Words] = []
    devices: list[str] | None = None
    """The names of those that there are now; what a new one is, a snapshot says. `None`: an older hall."""
