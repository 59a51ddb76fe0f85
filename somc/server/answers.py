"""The shapes of answers, for the OpenAPI document and for the test that holds real answers against it.

Instants are RFC 3339 strings here, as HTTP gives them. The live feed sends the same shapes with integer
milliseconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from somc.domain.bookings import AppointmentState
from somc.domain.events import CalledReason
from somc.domain.outbox import MessageState
from somc.domain.values import CounterState, TicketState, Words

__all__ = ["ANSWERS"]


class SlotAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at: datetime
    ends_at: datetime
    free: int
    bookable: bool


class SlotsAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    service: str
    date: str
    last_date: str | None
    slot_s: int
    slots: list[SlotAnswer]


class SlotToday(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at: datetime
    ends_at: datetime
    service: str
    booked: int
    arrived: int
    served: int
    missed: int


class AppointmentAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    service: str
    at: datetime
    ends_at: datetime
    state: AppointmentState
    channel: str
    block: str | None
    made_at: datetime
    wait_until: datetime | None
    answer_by: datetime | None
    ended_at: datetime | None
    cause: str | None
    ticket: str | None
    number: str | None
    ticket_state: TicketState | None
    position_now: int | None
    expected_wait_s: int | None
    counter: int | None
    phone: str | None


class SentAbout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message about a ticket or an appointment, and what became of it."""

    id: str
    message_class: str
    template: str
    state: MessageState
    queued_at: datetime
    changed_at: datetime
    cause: str | None


class FoundAppointment(AppointmentAnswer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With what was sent about it."""

    messages: list[SentAbout]


class PlaceAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    code: str | None


class BookedAnswer(AppointmentAnswer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With its code, which is told this once; `places` are all that were booked at once."""

    code: str | None
    places: list[PlaceAnswer]


class DateAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    date: str
    hours: list[str]
    special: bool
    name: Words | None


class AlertAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    kind: str
    at: datetime
    open: bool
    ticket: str | None
    number: str | None
    service: str | None
    customer_class: str | None
    target_wait_s: int | None
    waited_s: int | None
    left_s: int | None
    value: int | None
    limit: int | None
    plugin: str | None
    name: str | None
    about: str | None
    words: Words | None
    cleared_at: datetime | None
    cause: str | None
    acknowledged: str | None
    note: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None


class TicketAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    number: str
    day: str
    service: str
    customer_class: str
    class_source: str
    channel: str
    state: TicketState
    position: int
    estimated_wait_s: int | None
    target_wait_s: int
    taken_at: datetime
    queued_at: datetime
    first_called_at: datetime | None
    called_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    held_at: datetime | None
    counter: int | None
    only_counter: int
    agent: str | None
    recalls: int
    returned: int
    booked_at: datetime | None
    booked: bool
    waited_s: int
    served_s: int
    outcome: str | None
    reason: CalledReason | None
    alerts: list[AlertAnswer]
    rating: RatingAnswer | None
    phone: str | None


class RatingAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`score` is null if the customer was asked and gave none (未评价)."""

    score: int | None
    scale: int
    source: str
    at: datetime


class AlertsAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alerts: list[AlertAnswer]
    next: str | None


class TicketNow(TicketAnswer, frozen=True, forbid_unknown_fields=True):
    """With what is expected of it while it waits."""

    position_now: int | None
    expected_wait_s: int | None
    target_left_s: int | None


class FoundTicket(TicketNow, frozen=True, forbid_unknown_fields=True):
    """With what was sent about it."""

    messages: list[SentAbout]


class NextTicket(TicketNow, frozen=True, forbid_unknown_fields=True):
    """As a counter would get it."""

    why: Words


class AdviceAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    open_now: int
    needed: int
    open: list[int]
    close: list[int]
    breaches: dict[str, int]
    breaches_then: dict[str, int]
    arrivals_per_hour: int
    mean_service_s: int
    utilisation: float | None
    words: Words


class PromiseSums(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    called: int
    kept: int
    within: int
    not_called: int
    left_early: int
    kept_share: float | None
    within_share: float | None
    mean_wait_s: float | None


class PromiseOf(PromiseSums, frozen=True, kw_only=True, forbid_unknown_fields=True):
    service: str
    customer_class: str


class LateAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ticket: str
    number: str
    day: str
    service: str
    customer_class: str
    counter: int | None
    taken_at: datetime
    called_at: datetime | None
    waited_s: int
    target_wait_s: int
    outcome: str


class PromiseAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_: datetime = msgspec.field(name="from")
    to: datetime
    within_s: int
    all: PromiseSums
    by: list[PromiseOf]
    late: list[LateAnswer]
    late_count: int
    next: str | None


class TakenAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    number: str
    service: str
    customer_class: str
    state: TicketState
    position: int
    estimated_wait_s: int | None
    target_wait_s: int
    taken_at: datetime
    booked_at: datetime | None
    booked: bool
    slip: list[Words]


class CalledAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ticket: TicketAnswer
    reason: CalledReason


class CounterAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    name: Words
    place: list[int] | None
    state: CounterState
    mode: str
    since: datetime
    agent: str | None
    reason: str | None
    skills: dict[str, int]
    ticket: TicketAnswer | None
    served: int
    free_since: datetime


class CounterInHall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    name: Words
    place: list[int] | None
    state: CounterState
    mode: str
    since: datetime
    agent: str | None
    reason: str | None
    skills: dict[str, int]
    ticket: str | None
    served: int
    free_since: datetime


class ServiceAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: Words
    prefix: str
    group: Words | None
    papers: list[Words]
    bookable: bool
    target_wait_s: dict[str, int]


class ServiceInHall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: Words
    prefix: str
    group: Words | None
    papers: list[Words]
    bookable: bool
    target_wait_s: dict[str, int]
    waiting: int
    expected_wait_s: int | None
    open: bool


class ClassAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: Words
    target_wait_s: int
    priority: int


class RecentCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ticket: str
    number: str
    counter: int | None
    at: datetime
    service: str


class ReadingAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a hardware monitor: a number in °C or V, or `yes`, `no`, `unknown`. Of a plugin's device:
    `uses_today`."""

    kind: str
    place: str
    value: float | str
    at: datetime


class DeviceAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    driver: str
    device_class: str
    counter: int | None
    place: str | None
    status: str
    detail: str
    since: datetime | None
    readings: list[ReadingAnswer]


class Sums(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    taken: int
    waiting: int
    finished: int
    mean_wait_s: float | None
    mean_service_s: float | None
    within_target: float | None


class HalfHour(Sums, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_: datetime = msgspec.field(name="from")


class TodayAnswer(Sums, frozen=True, kw_only=True, forbid_unknown_fields=True):
    held: int
    at_counters: int
    no_show: int
    cancelled: int
    expired: int
    by_class: dict[str, Sums]
    by_half_hour: list[HalfHour]


class DisplayAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    notices: list[Words]
    media: list[str]
    picture_s: int


class HallAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    epoch: str
    seq: int
    at: datetime
    now: datetime
    speed: float
    org: str
    name: Words
    timezone: str
    day: str | None
    open: bool
    services: list[ServiceInHall]
    classes: list[ClassAnswer]
    counters: list[CounterInHall]
    waiting: dict[str, dict[str, int]]
    tickets: list[TicketAnswer]
    recent_calls: list[RecentCall]
    policy: PolicyBrief
    alerts: list[AlertAnswer]
    places: dict[str, tuple[int | None, int | None]]
    advice: AdviceAnswer | None
    appointments: list[SlotToday]
    devices: list[DeviceAnswer]
    display: DisplayAnswer
    display_lines: list[Words]
    today: TodayAnswer


class PreviewAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    counter: int
    tickets: list[NextTicket]
    waiting: dict[str, dict[str, int]]


class RecordAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records keep their instants as Unix milliseconds, in HTTP too."""

    seq: int
    at: int
    type: str
    topic: str
    data: dict[str, Any]
    v: int


class RecordsAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    epoch: str
    through: int
    records: list[RecordAnswer]


class ClassPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    priority: int
    rate: float
    target_wait_s: int
    weight: float | None
    share: int
    max_wait_s: int | None
    warn_lead_s: int
    boost_after_s: int | None
    boost: float
    reserved_idle: int


class ServicePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target_wait_s: dict[str, int]
    weight: dict[str, float]
    max_wait_s: dict[str, int]


class KindAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: Words
    about: Words
    reads: list[str]
    plugin: str | None
    strategy: bool


class KpiAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: Words
    about: Words
    parameter: str
    value: float | dict[str, int] | None
    unit: str
    target: float | None
    actual: float | None
    effective: bool


class CompiledAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    service: str
    customer_class: str
    rate: int
    offset: int
    boost_after_s: int | None
    rate_after: int
    share: int
    guard_s: int | None
    warn_s: int | None
    target_wait_s: int | None


class PolicyAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    since: datetime | None
    by: str | None
    cause: str | None
    kind: str
    max_wait_s: int
    alpha: float
    distribution: str
    target_utilisation: float
    behind: int
    classes: dict[str, ClassPolicy]
    services: dict[str, ServicePolicy]
    kinds: list[KindAnswer]
    kpis: list[KpiAnswer]
    compiled: list[CompiledAnswer]


class PolicyVersionAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    at: datetime
    by: str
    cause: str
    back_to: int | None
    changes: dict[str, Any]
    kind: str | None


class PolicyHistoryAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    versions: list[PolicyVersionAnswer]


class PolicyNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Words
    distribution: Words


class PolicyBrief(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    version: int
    distribution: str
    max_wait_s: int
    names: PolicyNames


class ReloadAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    added: list[str]
    removed: list[str]
    swapped: list[str]
    kept: list[str]
    waits_for_restart: list[str]


class SettingAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    value: Any
    default: Any
    own: bool


class SettingsAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seq: int
    settings: list[SettingAnswer]


class RightAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    kind: str
    subject: str
    roles: list[str]
    scope: str
    expires_at: datetime | None


class WhatIfSide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    arrived: int
    wait_mean_s: float | None
    wait_p90_s: float | None
    wait_max_s: float | None
    within_target: float | None


class WhatIfRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    id: str
    in_force: WhatIfSide
    changed: WhatIfSide


class WhatIfAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    policy: str
    policy_then: str
    arrivals_per_h: float
    counters: list[int]
    hours: int
    days: int
    utilisation: float
    utilisation_then: float
    assumptions: Words
    rows: list[WhatIfRow]


class WsTicketAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ticket: str
    expires_in_s: int


class TokenAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str
    subject: str
    roles: list[str]


class LinkAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    page: str


class OffersAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ticket: str
    offers: dict[str, str]


class CaresAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ticket: str
    cares: int


class DivertedAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    service: str
    kind: str
    today: dict[str, int]


class PublicService(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: Words
    waiting: int
    expected_wait_s: int | None
    open: bool


class PublicQueue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    org: str
    name: Words
    at: datetime
    age_s: int
    open: bool
    waiting: int
    services: list[PublicService]


class NearQueue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    open: bool
    waiting: int
    expected_wait_s: int | None
    idle: bool
    age_s: int


class NearHall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: Words
    address: Words | None
    telephone: str | None
    latitude: float
    longitude: float
    distance_m: int | None
    url: str
    booking_url: str
    queue: NearQueue | None


class NearHalls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    datum: str
    idle_s: int
    halls: list[NearHall]


_TICKET_ACTS = ("cancel", "hold", "resume", "transfer", "print", "divert", "rate")
_COUNTER_ACTS = (
    *("recall", "start", "finish", "no_show", "return", "pause", "resume", "open", "close"),
    *("configure", "mode"),
)


class HookFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    calls: int
    faults: int
    late: int
    time_s: float
    resting: bool


class PluginAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is at work has all; what is off has its name, state, why and version."""

    name: str
    state: Literal["on", "off", "starting", "stopping", "quarantined", "failed"]
    why: str | None
    version: str | None
    stuck: bool
    title: Words | None = None
    api: str | None = None
    origin: str | None = None
    isolation: Literal["in-process", "process"] | None = None
    since: datetime | None = None
    sees: list[str] = []
    follows: list[str] = []
    config: dict[str, Any] = {}
    hooks: dict[str, HookFigures | None] = {}
    other: dict[str, HookFigures] = {}
    faults: int = 0
    last_fault: str | None = None
    lag: int | None = None
    skipped: int | None = None
    held_back: int = 0
    restarts: int = 0
    routes: list[str] = []
    pages: list[str] = []


class PluginPageAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str
    url: str
    title: Words
    icon: str


class CardRowAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: Words
    value: str
    tone: str


class CardSectionAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str
    id: str
    title: Words
    rows: list[CardRowAnswer]
    link: str | None
    source: str
    late: bool


class SilentPlugin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str
    why: str


class OfferShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    title: Words
    text: Words
    script: list[Words]
    valid_until: int | None


class OfferAnswer(OfferShape, frozen=True, forbid_unknown_fields=True, kw_only=True):
    plugin: str


class PromptAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str
    id: str
    words: Words
    kind: str
    tone: str
    steps: list[Words]
    offer: OfferShape | None


class KnownAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str
    name: str | None
    note: str | None
    source: str
    facts: dict[str, Any]


class CardAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ticket: str
    number: str
    sections: list[CardSectionAnswer]
    late: list[SilentPlugin]
    prompts: list[PromptAnswer]
    offers: list[OfferAnswer]
    known: list[KnownAnswer]


class KioskAdviceAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str
    id: str
    words: Words
    kind: str
    target: str | None


class PanelAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plugin: str
    title: Words
    lines: list[Words]
    image: str | None


class SecondScreenAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    counter: int
    number: str | None
    panels: list[PanelAnswer]


class MessageAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    state: MessageState
    message_class: str
    template: str
    queued_at: datetime
    ready_at: datetime
    expires_at: datetime
    held: bool
    gateway: str | None
    attempts: int
    cause: str | None
    ticket: str | None
    appointment: str | None


class LoggedMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    seq: int
    direction: Literal["out", "in"]
    phone: str | None
    state: Literal["queued", "sent", "delivered", "failed", "cancelled", "received"]
    message_class: str
    template: str
    queued_at: datetime
    ready_at: datetime
    changed_at: datetime
    gateway: str | None
    attempts: int
    cause: str | None
    detail: str
    ticket: str | None
    appointment: str | None


class WholeMessage(LoggedMessage, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str | None


class MessagesAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    messages: list[LoggedMessage]
    next: int | None


class ChannelAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    plugin: str | None
    kinds: list[str]
    weight: int
    status: Literal["up", "down", "off"]
    detail: str
    since: datetime
    under_way: int
    sent: int
    refused: int
    receipts: int
    received: int
    faults: int


class ChannelsAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channels: list[ChannelAnswer]
    queued: int
    messages: dict[str, int]


class ConsentAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    classes: list[str]
    allowed: bool
    changed: bool


ANSWERS: dict[str, Any] = {
    **{f"messages.{name}": MessageAnswer for name in ("send", "retry", "cancel")},
    "messages": MessagesAnswer,
    "message": WholeMessage,
    "channels": ChannelsAnswer,
    "consents.set": ConsentAnswer,
    "tickets.take": TakenAnswer,
    **{f"tickets.{name}": TicketAnswer for name in _TICKET_ACTS},
    **{f"counters.{name}": CounterAnswer for name in _COUNTER_ACTS},
    "tickets.offer": OffersAnswer,
    "tickets.care": CaresAnswer,
    "services.divert": DivertedAnswer,
    "counters.call_next": CalledAnswer,
    "counters.call": CounterAnswer,
    "alerts.acknowledge": AlertAnswer,
    "alerts": AlertsAnswer,
    "appointments.book": BookedAnswer,
    **{f"appointments.{name}": AppointmentAnswer for name in ("confirm", "change", "cancel")},
    "appointments.check_in": TakenAnswer,
    "appointments.check_in_by_phone": TakenAnswer,
    "appointments.slots": SlotsAnswer,
    "appointments.today": list[SlotToday],
    "appointments": list[AppointmentAnswer],
    "appointment": FoundAppointment,
    "calendar.change": DateAnswer,
    "calendar.reset": DateAnswer,
    "calendar": list[DateAnswer],
    "hall": HallAnswer,
    "services": list[ServiceAnswer],
    "tickets": list[TicketNow],
    "ticket": FoundTicket,
    "advice": AdviceAnswer,
    "reports.promise": PromiseAnswer,
    "counters": list[CounterAnswer],
    "queue.preview": PreviewAnswer,
    "records": RecordsAnswer,
    "policy": PolicyAnswer,
    "policy.change": PolicyAnswer,
    "policy.rollback": PolicyAnswer,
    "policy.history": PolicyHistoryAnswer,
    "devices": list[DeviceAnswer],
    "devices.reload": ReloadAnswer,
    "settings": SettingsAnswer,
    "settings.change": SettingsAnswer,
    "users": list[RightAnswer],
    "policy.what-if": WhatIfAnswer,
    "public.queue": PublicQueue,
    "public.halls": NearHalls,
    "plugins": list[PluginAnswer],
    "plugins.enable": PluginAnswer,
    "plugins.disable": PluginAnswer,
    "plugins.reload": PluginAnswer,
    "plugins.configure": PluginAnswer,
    "plugins.pages": list[PluginPageAnswer],
    "tickets.card": CardAnswer,
    "services.advice": list[KioskAdviceAnswer],
    "counters.second": SecondScreenAnswer,
    "ws-ticket": WsTicketAnswer,
    "tokens.issue": TokenAnswer,
    "links.issue": LinkAnswer,
}
"""Act, query or way in → the shape of its answer."""
