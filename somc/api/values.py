"""What hooks are given and what they give back: frozen values, all of which can cross a pipe.

What must stay true
- Every instant is an integer of Unix milliseconds, every other duration carries its unit.
- A value is checked where it is made from a plugin's answer (types, lengths, counts): a plugin that gives
  something else is named, and what it gave goes nowhere.
- Only `Visit.phone` and `Identity.name` may hold personal data, and only a plugin that declares it in
  `About.sees` is given a phone. Words that the public can read (slips, displays, kiosks) carry no number
  and no name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from somc.domain.values import Words

__all__ = [
    "API_VERSION",
    "Advice",
    "CardRow",
    "CardSection",
    "CounterView",
    "DeviceLine",
    "HallView",
    "Identity",
    "Json",
    "Name",
    "Offer",
    "OpenAlert",
    "Panel",
    "Prompt",
    "Record",
    "Secret",
    "Sight",
    "TicketView",
    "Tone",
    "Visit",
    "Words",
]

API_VERSION = (1, 0)
"""Major and minor of this interface. A plugin made for another major, or for a later minor, is refused."""

Json = Any
"""Plain JSON: None, bool, int, float, str, and lists and str-keyed dictionaries of these."""

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.-]{0,63}$(?!\n)")]
"""What programs call a thing: small letters, digits, `_`, `.` and `-`."""

Text = Annotated[str, Meta(max_length=500)]

Secret = Annotated[str, Meta(extra={"secret": True})]
"""For a plugin's configuration: a value that pages and answers show as `•••`, and that no record may hold.
It is set in hall.toml only."""

Tone = Literal["plain", "good", "warn", "bad"]

Sight = Literal["phone", "history"]
"""Personal data that a plugin may declare to see (`About.sees`). A name is none of
them: what a plugin says of it (`Identity.name`) is for the agent's card alone."""


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Root of what crosses between hall and plugin."""


# -- given to hooks -----------------------------------------------------------------------------------


class Visit(Value, frozen=True, kw_only=True):
    """Somebody who takes, or has taken, a ticket. `phone` is None unless the plugin sees phones; `ticket`
    is None before it is taken. `customer_class` is what is known without plugins."""

    service: str
    channel: str
    at: int
    person: str | None = None
    phone: str | None = None
    customer_class: str | None = None
    ticket: str | None = None


class TicketView(Value, frozen=True, kw_only=True):
    """One ticket (排队号) as it stands. `person` is the random id of whoever left a number. `position_now`,
    the place in line by the policy, is told only where one ticket that waits is asked for."""

    id: str
    number: str
    service: str
    customer_class: str
    class_source: str
    channel: str
    state: str
    taken_at: int
    waited_s: int
    target_wait_s: int
    counter: int | None = None
    agent: str | None = None
    called_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    booked_at: int | None = None
    estimated_wait_s: int | None = None
    person: str | None = None
    position_now: int | None = None


class CounterView(Value, frozen=True, kw_only=True):
    """One counter (台席) as it stands."""

    number: int
    state: str
    agent: str | None = None
    ticket: str | None = None


class OpenAlert(Value, frozen=True, kw_only=True):
    """One alert (预警) that nobody has seen to yet."""

    id: str
    kind: str
    raised_at: int
    ticket: str | None = None
    service: str | None = None
    value: int | None = None
    limit: int | None = None


class HallView(Value, frozen=True, kw_only=True):
    """The hall at one instant, on the clock of `timezone`. `waiting` and `expected_wait_s` (of somebody who
    came now) are by service; `peak` is whether an alert of that kind is open."""

    now: int
    org: str
    timezone: str
    open: bool
    waiting: dict[str, int]
    expected_wait_s: dict[str, int | None]
    counters: list[CounterView]
    alerts: list[OpenAlert]
    peak: bool = False


class Record(Value, frozen=True, kw_only=True):
    """One entry of the journal."""

    seq: int
    at: int
    type: str
    topic: str
    data: dict[str, Json]


# -- given by hooks -----------------------------------------------------------------------------------


class Identity(Value, frozen=True, kw_only=True):
    """Who a visitor is. `facts` (at most 16 KB) are kept sealed for the ticket and given back to this
    plugin's other hooks; `source` says where it was found and stands in the ticket's `class_source`; `note`
    is for the agent's card."""

    customer_class: Annotated[str, Meta(max_length=64)] | None = None
    name: Annotated[str, Meta(max_length=64)] | None = None
    facts: dict[str, Json] = {}
    source: Annotated[str, Meta(max_length=64)] = ""
    note: Text | None = None


class CardRow(Value, frozen=True, kw_only=True):
    """One line of a card."""

    label: Words
    value: Text
    tone: Tone = "plain"


class CardSection(Value, frozen=True, kw_only=True):
    """A part of the card that a counter sees before the customer sits down (来电弹屏). `link` leads to the
    operator's own page. `late`: nothing was known in time; the host adds these itself for hooks that are
    late."""

    id: Name
    title: Words
    rows: Annotated[list[CardRow], Meta(max_length=60)] = []
    link: Annotated[str, Meta(max_length=2000, pattern=r"^(https?://|/)")] | None = None
    source: Annotated[str, Meta(max_length=64)] = ""
    late: bool = False


class Offer(Value, frozen=True, kw_only=True):
    """Something to offer to one customer. `script` is what the agent may say, step by step."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    title: Words
    text: Words
    script: Annotated[list[Words], Meta(max_length=20)] = []
    valid_until: int | None = None


class Prompt(Value, frozen=True, kw_only=True):
    """A hint to the agent about this customer."""

    id: Name
    words: Words
    kind: Literal["care", "offer", "script", "note"] = "note"
    tone: Tone = "plain"
    steps: Annotated[list[Words], Meta(max_length=40)] = []
    offer: Offer | None = None


class Panel(Value, frozen=True, kw_only=True):
    """What the customer sees on the counter's second screen (双屏). `image` is a URL of the plugin's own
    routes."""

    title: Words
    lines: Annotated[list[Words], Meta(max_length=12)] = []
    image: Annotated[str, Meta(max_length=500, pattern=r"^/plugins/")] | None = None


class Advice(Value, frozen=True, kw_only=True):
    """What a kiosk says before it gives a ticket. `target` is a service, a hall or a machine, by kind."""

    id: Name
    words: Words
    kind: Literal["papers", "divert", "other_hall", "quiet_hours"] = "papers"
    target: Annotated[str, Meta(max_length=200)] | None = None


class DeviceLine(Value, frozen=True, kw_only=True):
    """A device that the plugin knows of and the hall does not drive: a self-service machine, a cash recycler.

    The hall calls it `PLUGIN.NAME`. `status` has the values of every device's (XFS4IoT)."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$(?!\n)")]
    device_class: Name
    status: Literal["online", "offline", "hardwareError", "userError", "deviceBusy"]
    detail: Annotated[str, Meta(max_length=120)] = ""
    place: Annotated[str, Meta(max_length=120)] | None = None
    uses_today: Annotated[int, Meta(ge=0)] | None = None
