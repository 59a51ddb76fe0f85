"""The nouns of a hall, as frozen values: settings, tickets, counters.

What must stay true
- Every instant is an integer of Unix milliseconds, every other duration carries its unit.
- No value here holds a phone number, a name or a message: people are known by `person`, a random id.
- A value is replaced, never changed in place.
- Settings hold no number that the scheduler or the clock could not take: the bounds stand at the fields
  and are checked where settings are read (`settings_from`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from somc.scheduler.interface import RATE_LIMIT, SHARE_LIMIT
from somc.scheduler.policy import BOOST_LIMIT, DEFAULT_KIND, PRIORITY_LIMIT

__all__ = [
    "ALERT_KINDS",
    "ANY_COUNTER",
    "BEST_LEVEL",
    "MESSAGE_CLASSES",
    "NEVER_QUIET",
    "TOLD",
    "WORST_LEVEL",
    "Acknowledgement",
    "Alert",
    "Alerts",
    "Appointments",
    "Counter",
    "CounterSettings",
    "CounterState",
    "CustomerClass",
    "Display",
    "Estimates",
    "HallSettings",
    "MessageRules",
    "OpeningHours",
    "PluginState",
    "Policy",
    "Rating",
    "Service",
    "SlotTerms",
    "SpecialDay",
    "Ticket",
    "TicketState",
    "Words",
]

ANY_COUNTER = 0
"""`Ticket.only_counter` of a ticket that every counter with the skill may call."""

BEST_LEVEL, WORST_LEVEL = 1, 9
"""The preference levels of a skill."""

ALERT_KINDS = ("warning", "breach", "long_wait", "peak", "gateway_down", "appointments_outside", "plugin")
"""The first two are of one ticket, the next two of the hall, then of a channel and of what hall.toml's hours
leave outside; the last is what a plugin warns of."""

TOLD = {"warning": 1, "breach": 2}
"""Level of an alert → what its ticket keeps of it (`Ticket.told`)."""

Level = Annotated[int, msgspec.Meta(ge=BEST_LEVEL, le=WORST_LEVEL)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=86_400)]
"""A duration of one second to one day."""
Guard = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
"""A starvation guard in seconds; 0 is none."""
Lead = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
"""A span of zero seconds to one day."""
Weight = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
"""Thousandths of a weight under `gcmu`."""
Limit = Annotated[int, msgspec.Meta(ge=0)]
Place = Annotated[int, msgspec.Meta(ge=0, le=99)]
"""A column or row of the floor plan."""
FileName = Annotated[str, msgspec.Meta(pattern=r"^[\w-][\w .-]{0,119}$(?!\n)")]
"""A file of the media folder: no path, nothing hidden."""
DaySecond = Annotated[int, msgspec.Meta(ge=0, le=2 * 86_400)]
"""Seconds after the midnight on which a span's date begins; a span may end on the next date."""
SlotLength = Annotated[int, msgspec.Meta(ge=300, le=14_400)]
Places = Annotated[int, msgspec.Meta(ge=0, le=1000)]
LongLead = Annotated[int, msgspec.Meta(ge=0, le=7 * 86_400)]
Horizon = Annotated[int, msgspec.Meta(ge=1, le=366)]
Prefix = Annotated[str, msgspec.Meta(pattern=r"^[^\W\d_]{1,4}$")]
"""Letters only: were a digit allowed, the 1001st of "A" and the first of "A1" would both be A1001."""


class TicketState(StrEnum):
    """Where a ticket (排队号) is in its life. The last four end it."""

    WAITING = "waiting"
    CALLED = "called"
    SERVING = "serving"
    HELD = "held"
    FINISHED = "finished"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        return self in ENDED

    @property
    def at_counter(self) -> bool:
        return self is TicketState.CALLED or self is TicketState.SERVING


ENDED = frozenset({TicketState.FINISHED, TicketState.NO_SHOW, TicketState.CANCELLED, TicketState.EXPIRED})


class CounterState(StrEnum):
    """Whether a counter (台席) takes customers. A closed one has no agent."""

    CLOSED = "closed"
    OPEN = "open"
    PAUSED = "paused"


class Words(msgspec.Struct, frozen=True):
    """One text in both languages of a hall."""

    zh: str
    en: str


class OpeningHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When tickets are taken: seven lists (Monday first) of `[from_s, until_s)` in seconds after local
    midnight, and the dates (`YYYY-MM-DD`) on which the hall stays closed. `until_s` may exceed 86,400:
    a span past midnight."""

    week: Annotated[tuple[tuple[tuple[int, int], ...], ...], msgspec.Meta(min_length=7, max_length=7)]
    closed_dates: frozenset[str] = frozenset()


class SpecialDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A date on which the calendar says otherwise than the week: a holiday (节假日), shorter hours, or a day
    worked in place of another (调休).

    `spans` are the hall's hours of that date (none: closed), within which services with hours of their own
    stay. `like` (0 is Monday) gives the date the hours of that weekday instead, for the
    hall and for every service. Exactly one of the two is there."""

    spans: tuple[tuple[DaySecond, DaySecond], ...] | None = None
    like: Annotated[int, msgspec.Meta(ge=0, le=6)] | None = None
    name: Words | None = None


class SlotTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service's appointments where they differ from the hall's own (`Appointments`)."""

    slot_s: SlotLength | None = None
    capacity: Places | None = None
    lead_s: LongLead | None = None
    horizon_days: Horizon | None = None


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service (业务): what a customer comes for."""

    name: Words
    prefix: Prefix
    mean_service_s: Seconds = 300
    group: Words | None = None
    papers: tuple[Words, ...] = ()
    target_wait_s: dict[str, Seconds] = {}
    """Promise per customer class where it differs from the class's own."""
    weight: dict[str, Weight] = {}
    """Weight in thousandths per customer class where it differs from the class's own."""
    max_wait_s: dict[str, Seconds] = {}
    """Starvation guard per customer class where it differs from the class's own."""
    max_waiting: Limit | None = None
    """Refuse further tickets while so many wait."""
    daily_limit: Limit | None = None
    """Refuse further tickets once so many were taken on a business day."""
    hours: OpeningHours | None = None
    """Narrower than the hall's."""
    slots: SlotTerms = SlotTerms()
    """Its appointments where they differ from the hall's."""
    order: int = 0
    """Its place in lists; set from its place in hall.toml."""


class CustomerClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer class (客户品牌/等级) with what the routing policy reads of it."""

    name: Words
    target_wait_s: Seconds = 600
    priority: Annotated[int, msgspec.Meta(ge=1, le=PRIORITY_LIMIT)] = 1
    """1 is served first under `strict`."""
    rate_milli: Annotated[int, msgspec.Meta(ge=1, le=RATE_LIMIT)] = 1000
    """Thousandths of a point per millisecond of waiting under `accumulating`."""
    weight_milli: Weight | None = None
    """What a minute of its waiting costs under `gcmu`, in thousandths; none: 1 / promised wait in minutes."""
    share: Annotated[int, msgspec.Meta(ge=1, le=SHARE_LIMIT)] = 1
    """Its calls for every one call of a class with share 1 under `ratio`, while both wait."""
    max_wait_s: Seconds | None = None
    """Its own starvation guard; none: the policy's."""
    warn_lead_s: Lead = 120
    """A warning so long before the promised wait is over; 0: no warning."""
    boost_after_s: Seconds | None = None
    """Beyond so long a wait waiting counts `boost_milli` / 1000 times as fast (kinds with rates only)."""
    boost_milli: Annotated[int, msgspec.Meta(ge=1000, le=BOOST_LIMIT)] = 2000
    reserved_idle: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    """So many idle counters are kept free for this class: nobody of another class is given to them."""
    order: int = 0
    """Its place in lists; set from its place in hall.toml."""


class CounterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A counter as set up: its skills (可办理业务) as service → preference level, 1 first."""

    name: Words
    skills: Annotated[dict[str, Level], msgspec.Meta(min_length=1)]
    mode: Literal["manual", "auto"] = "manual"
    """Whether its agent calls, or whoever is next is given to it when it is free."""
    overflow_s: dict[str, Seconds] = {}
    """Service → it is offered here only to tickets that have waited so long."""
    reserved_for: tuple[str, ...] = ()
    """The customer classes this counter is for; none: all."""
    opens_after_s: Seconds | None = None
    """Other classes than those are called here once they have waited so long; none: never."""
    at: Annotated[tuple[Place, ...], msgspec.Meta(min_length=2, max_length=2)] | None = None
    """Where it stands on the hall's floor plan: column and row of a grid, from the upper left."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The routing policy (排队策略, ACD) in force. Parameters per class are in `CustomerClass` and `Service`,
    those per counter in `CounterSettings`."""

    kind: str = DEFAULT_KIND
    """A kind of `somc.scheduler.policy` or of a plugin."""
    max_wait_s: Guard = 2100
    """Starvation guard: beyond it a ticket outranks everything, oldest first. 0: none."""
    alpha_milli: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 1000
    """How much short work goes first under `gcmu`: 0 not at all, 1000 as cost per minute of service."""
    distribution: Literal["longest_idle", "lowest_level", "fixed_order"] = "longest_idle"
    """Which of several idle counters is given a customer."""
    target_utilisation_milli: Annotated[int, msgspec.Meta(ge=500, le=990)] = 900
    """How busy counters should be: the advice how many to open aims at it."""
    behind: Annotated[int, msgspec.Meta(ge=0, le=999)] = 3
    """A called customer who did not come may return behind so many of the same line; 0: not offered."""


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a manager is warned of beside single tickets (预警)."""

    long_wait_s: Seconds | None = None
    """A mean wait beyond it raises `long_wait`; none: off."""
    peak_per_hour: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    """More arrivals an hour than this raise `peak`; none: off."""
    window_s: Annotated[int, msgspec.Meta(ge=60, le=14_400)] = 1800
    """Arrivals and calls of the last so many seconds count (in whole minutes)."""


class Appointments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Appointments (预约): which are offered, what becomes of them, how the booked stand beside walk-ins."""

    early_s: Lead = 300
    """From so long before the booked time on they may be called."""
    late_s: Lead = 600
    """Whoever checks in later than so long after it is an ordinary walk-in."""
    credit_s: Lead = 2100
    """At the booked time they stand as if they had waited so long already."""
    slot_s: SlotLength = 900
    """How long a slot (时段) is."""
    capacity: Places = 0
    """So many places a slot has; 0: no appointments."""
    lead_s: LongLead = 1800
    """A slot is booked no later than so long before it begins."""
    horizon_days: Horizon = 14
    """Slots are offered so many days ahead, today included."""
    check_in_early_s: Lead = 3600
    """Check-in opens so long before the booked time."""
    missed_s: Lead = 1800
    """Whoever has not checked in so long after it has missed it."""
    confirm_s: Annotated[int, msgspec.Meta(ge=60, le=7 * 86_400)] | None = None
    """A booking that nobody confirms within so long expires; none: bookings need no confirmation."""
    offer_s: Annotated[int, msgspec.Meta(ge=60, le=86_400)] = 1800
    """A freed place is kept so long for whoever is next on the waiting list (候补)."""
    waiting_list: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 20
    """So many may stand on the waiting list of one service; 0: none."""
    open_limit: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 3
    """So many appointments one customer may have before them; 0: no limit."""
    block_limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    """So many places may be booked at once."""
    remind_s: tuple[Annotated[int, msgspec.Meta(ge=60, le=14 * 86_400)], ...] = ()
    """So long before the booked time the customer is reminded."""

    @property
    def missed_after_s(self) -> int:
        """When an appointment is missed: not while its holder could still stand with the appointments."""
        return max(self.missed_s, self.late_s)


class Estimates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What expected waits are made of."""

    means: Literal["learned", "configured"] = "learned"
    """Mean services folded from this hall's own records, or those of the settings."""


class Display(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the hall display (综合屏) shows beside calls."""

    notices: tuple[Words, ...] = ()
    """Announcements (公告), one after the other."""
    media: tuple[FileName, ...] = ()
    """Pictures and videos of the media folder, in this order, over and over."""
    picture_s: Seconds = 12
    """How long a picture stands; a video plays to its end."""


MESSAGE_CLASSES = ("code", "receipt", "alarm", "notice", "reminder", "dunning", "marketing")
"""What a message (消息) is for: `code` proves a number, `receipt` answers what a customer just did, `alarm`
is for staff, `notice` is of today; `reminder`, `dunning` (催缴) and `marketing` are the hall's own idea."""

NEVER_QUIET = frozenset(("code", "receipt", "alarm"))
"""Somebody waits for these: no quiet hours hold them."""

Second = Annotated[int, msgspec.Meta(ge=0, lt=86_400)]
MessageClassName = Literal["code", "receipt", "alarm", "notice", "reminder", "dunning", "marketing"]


class MessageRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When messages may leave, how many, and how often they are tried."""

    quiet_from_s: Second = 22 * 3600
    """Quiet hours begin so many seconds after local midnight; the same as `quiet_until_s`: there are none."""
    quiet_until_s: Second = 7 * 3600
    quiet_classes: tuple[MessageClassName, ...] = ("dunning", "marketing", "reminder")
    """The classes that wait for the end of the quiet hours."""
    per_hour: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    """No more messages to one customer within an hour; alarms to staff are not counted."""
    per_day: dict[MessageClassName, Annotated[int, msgspec.Meta(ge=0, le=1000)]] = {}
    """No more messages of a class to one person within 24 hours."""
    attempts: Annotated[int, msgspec.Meta(ge=1, le=50)] = 8
    """A message that a gateway refused so often is given up."""
    retry_s: Seconds = 30
    """The pause after the first refusal; it doubles with each, to `retry_most_s`."""
    retry_most_s: Seconds = 3600
    consent: tuple[MessageClassName, ...] = ("marketing",)
    """Classes that only those get who asked for them."""
    near_turn: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    """Tell a customer by message when so many are ahead; 0: nobody is told."""
    language: Literal["zh", "en"] = "zh"
    """The language of messages to whom no other is known."""
    gateway_down_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 300
    """A gateway that is down for so long is an alert; 0: never."""


class HallSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that the rules of one hall (营业厅) read. Built from the records of `config.changed`."""

    org: str
    name: Words
    timezone: str
    default_class: str
    services: dict[str, Service]
    classes: dict[str, CustomerClass]
    counters: dict[Annotated[int, msgspec.Meta(ge=1)], CounterSettings]
    day_ends_s: Annotated[int, msgspec.Meta(ge=0, lt=86_400)] = 4 * 3600
    """The business day ends so many seconds after local midnight."""
    max_recalls: Limit = 3
    """A recall beyond so many makes the ticket a no-show."""
    rating_window_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 600
    """How long after its end a service can be rated."""
    hours: OpeningHours | None = None
    """None: always open."""
    policy: Policy = Policy()
    alerts: Alerts = Alerts()
    appointments: Appointments = Appointments()
    estimates: Estimates = Estimates()
    display: Display = Display()
    messages: MessageRules = MessageRules()
    calendar: dict[Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)")], SpecialDay] = {}
    """Date → what is special about it."""

    def target_wait_s(self, service: str, customer_class: str) -> int:
        """The wait promised to a class for a service (服务标准), in seconds."""
        own = self.services[service].target_wait_s.get(customer_class)
        return own if own is not None else self.classes[customer_class].target_wait_s

    def guard_s(self, service: str, customer_class: str) -> int | None:
        """From which wait in seconds a class outranks everything for a service; None: never."""
        own = self.services[service].max_wait_s.get(customer_class)
        own = own if own is not None else self.classes[customer_class].max_wait_s
        return own if own is not None else self.policy.max_wait_s or None

    def weight_milli(self, service: str, customer_class: str) -> int | None:
        """The weight of a class for a service under `gcmu`, in thousandths; None: 1 / promised wait."""
        own = self.services[service].weight.get(customer_class)
        return own if own is not None else self.classes[customer_class].weight_milli


class Rating(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a customer thought of a service (评价). Without `score`: was asked, and gave none (未评价)."""

    scale: int
    source: str
    at: int
    score: int | None = None


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One customer's place for one service (排队号).

    `key` is the ticket's own integer in the scheduler: the `seq` of the record that took it.
    `queued_at` starts the present wait, `v` is the instant at which its service clock started (they
    differ after a transfer, which keeps seniority). `waited_ms` and `served_ms` are sums over all
    its waits and services; the running one is added when it ends.
    """

    id: str
    key: int
    number: str
    day: str
    service: str
    customer_class: str
    class_source: str
    channel: str
    state: TicketState
    taken_at: int
    queued_at: int
    v: int
    target_wait_s: int
    estimated_wait_s: int | None = None
    position: int = 0
    person: str | None = None
    only_counter: int = ANY_COUNTER
    counter: int | None = None
    agent: str | None = None
    first_called_at: int | None = None
    called_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    held_at: int | None = None
    recalls: int = 0
    order: int | None = None
    """Its rank among tickets with the same `v`, once it was sent back into line; none: `key`."""
    returned: int = 0
    """How often it was sent back into line."""
    booked_at: int | None = None
    """The booked time of somebody with an appointment."""
    booked: bool = False
    """Whether it stands with the appointments."""
    appointment: str | None = None
    """The id of the appointment that was checked in with it."""
    told: int = 0
    """Which alert was told of it: 0 none, 1 the warning, 2 the breach. It never falls."""
    waited_ms: int = 0
    served_ms: int = 0
    outcome: str | None = None
    reason: dict[str, Any] | None = None
    """Why it was called last, as its record says it."""
    slip: tuple[Words, ...] = ()
    rating: Rating | None = None
    """None: nobody was asked."""

    @property
    def place(self) -> int:
        """Its rank among tickets of its queue with the same `v`."""
        return self.key if self.order is None else self.order


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """One counter (台席) as it stands: who serves there, with what skills, whom."""

    number: int
    state: CounterState
    since: int
    """When it came into this state."""
    skills: dict[str, int]
    agent: str | None = None
    reason: str | None = None
    """Why it is paused."""
    ticket: str | None = None
    served: int = 0
    """Customers finished here on this business day."""
    calls: int = 0
    """Calls of this day that the policy chose, and of these `best_calls` at the best level."""
    best_calls: int = 0
    open_ms: int = 0
    """How long it was open on this day, without the span that runs since `counted_from` if it is open now."""
    busy_ms: int = 0
    """How long somebody was at it, without who is there now."""
    counted_from: int = 0
    free_since: int = 0
    """When it last became free (for the longest idle)."""


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a manager did about an alert."""

    done: str
    """`served` or `cared_for`."""
    note: str | None
    by: str
    at: int


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert (预警) of the running day: raised, perhaps cleared, perhaps acknowledged, in any order of the
    two. `kind` is one of `ALERT_KINDS`."""

    id: str
    kind: str
    raised_at: int
    ticket: str | None = None
    number: str | None = None
    service: str | None = None
    customer_class: str | None = None
    target_wait_s: int | None = None
    waited_s: int | None = None
    left_s: int | None = None
    value: int | None = None
    limit: int | None = None
    subject: str | None = None
    """What it is about, if that is no ticket: a gateway."""
    plugin: str | None = None
    name: str | None = None
    """What its plugin calls it."""
    about: str | None = None
    """The ticket that a plugin's alert is about."""
    words: Words | None = None
    cleared_at: int | None = None
    cause: str | None = None
    """Why it was cleared."""
    acknowledged: Acknowledgement | None = None

    @property
    def open(self) -> bool:
        """Whether a manager still has to look at it."""
        return self.cleared_at is None and self.acknowledged is None


class PluginState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A plugin as the records have it: whether it works here, and what was configured beside hall.toml."""

    name: str
    enabled: bool
    since: int
    version: str | None = None
    cause: str | None = None
    """Why it is disabled."""
    why: str | None = None
    in_file: bool = False
    """Whether hall.toml named it at the last start."""
    values: dict[str, Any] = {}
    """Its configuration in force, secrets and keys that nobody set aside."""
    file_values: dict[str, Any] = {}
    """What hall.toml said of it at the last start."""


def to_plain(value: Any) -> Any:
    """A value as JSON-ready builtins, keys of mappings as strings."""
    return msgspec.to_builtins(value, str_keys=True)
