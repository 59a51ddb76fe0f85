"""What to say to whoever could be served sooner elsewhere: machines, near halls, quieter hours. Pure.

What must stay true: only what is so is said: a machine that works and reports, a hall whose wait is known and
shorter, hours of which this hall's own records say that they are quiet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from somc.api import Advice, HallView, Words
from somc_plugins.care.config import CareConfig

__all__ = [
    "Outside",
    "Place",
    "Reported",
    "advice",
    "guidance",
    "listed",
    "quietest",
    "stopped_machines",
    "works",
]

MINUTE_MS = 60_000
SPAN_H = 2
"""A quiet time is so many hours long."""

STALE_S = 300
"""What another hall said so long ago is not repeated."""

FEWEST_DAYS = 5
"""Days of records before a quiet time is spoken of."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine said of itself last: `state` is `working`, `paused`, `out_of_order` or `offline`; `uses`
    counts since midnight of `day`."""

    state: str
    at: int
    day: str = ""
    uses: int = 0
    detail: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A hall of the directory: what it is called, and where it is."""

    title: Words
    way: Words | None = None


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beyond the hall's own state."""

    machines: Mapping[str, Reported] = {}
    waits: Mapping[str, Mapping[str, int | None]] = {}
    """Near hall → service → its expected wait; a hall that does not answer is not here."""
    places: Mapping[str, Place] = {}
    """The halls of `waits` that the directory knows, and hall.toml does not name."""
    quiet: tuple[int, int] | None = None
    """The quiet hours of the day, from and to."""


def works(reported: Reported | None, now: int, silent_s: int) -> bool:
    """Whether the machine says that it works, lately."""
    return reported is not None and reported.state == "working" and now - reported.at <= silent_s * 1000


def stopped_machines(config: CareConfig, now: int, outside: Outside) -> int | None:
    """How many machines have reported once and do not work now, but for those that are paused on purpose."""
    said = [outside.machines[name] for name in config.machines if name in outside.machines]
    return (
        sum(each.state != "paused" and not works(each, now, config.machine_silent_s) for each in said) or None
    )


def advice(config: CareConfig, service: str, hall: HallView, outside: Outside) -> Iterable[Advice]:
    """For a kiosk, before it gives a ticket for `service`."""
    for number, paper in enumerate(config.papers.get(service, ())):
        yield Advice(id=f"papers_{number}", kind="papers", words=paper)
    for name, machine in config.machines.items():
        if service in machine.services and works(
            outside.machines.get(name), hall.now, config.machine_silent_s
        ):
            place = machine.place or Words("", "")
            yield Advice(
                id=f"machine_{name}",
                kind="divert",
                target=name,
                words=Words(
                    f"{machine.title.zh}可立即办理，无需排队 {place.zh}".strip(),
                    f"{machine.title.en} does it now, without waiting. {place.en}".strip(),
                ),
            )
    wait_s = hall.expected_wait_s.get(service)
    if wait_s is None or wait_s < config.divert_after_s:
        return
    if (near := _idlest(config, service, wait_s, outside)) is not None:
        name, their_s = near
        words = _go_to(config, outside, name, their_s)
        yield Advice(id=f"near_{name}", kind="other_hall", target=name, words=words)
    if outside.quiet is not None:
        yield Advice(
            id="quiet", kind="quiet_hours", target=_hours(outside.quiet), words=_come_at(outside.quiet)
        )


def guidance(config: CareConfig, hall: HallView, outside: Outside) -> Iterable[Words]:
    """For the hall's displays while it is full: a peak, or a wait that is long (高峰引导)."""
    waits = {service: wait_s for service, wait_s in hall.expected_wait_s.items() if wait_s is not None}
    if not hall.open or not (hall.peak or max(waits.values(), default=0) >= config.divert_after_s):
        return
    machines = [
        machine.title
        for name, machine in config.machines.items()
        if works(outside.machines.get(name), hall.now, config.machine_silent_s)
    ]
    if machines:
        yield Words(
            f"{'、'.join(title.zh for title in machines)}空闲，无需排队",
            f"No wait at {', '.join(title.en for title in machines)}",
        )
    longest = max(waits, key=lambda service: waits[service], default=None)
    if longest is not None:
        near = _idlest(config, longest, waits[longest], outside)
        if near is not None:
            yield _go_to(config, outside, *near)
    if outside.quiet is not None:
        yield _come_at(outside.quiet)


class _Queue(msgspec.Struct, frozen=True):
    open: bool
    age_s: int
    expected_wait_s: int | None = None


class _Hall(msgspec.Struct, frozen=True):
    id: str
    name: Words
    address: Words | None = None
    queue: _Queue | None = None


class _Directory(msgspec.Struct, frozen=True):
    halls: list[_Hall]


def listed(answer: object, here: str) -> tuple[dict[str, Place], dict[str, int]]:
    """What `GET /public/halls` says for one service: its halls, and their waits, as far as known and fresh;
    `here` is not among them. `msgspec.ValidationError` if it is no such answer."""
    halls = [hall for hall in msgspec.convert(answer, _Directory).halls if hall.id != here]
    waits = {
        hall.id: hall.queue.expected_wait_s
        for hall in halls
        if hall.queue is not None
        and hall.queue.open
        and hall.queue.age_s <= STALE_S
        and hall.queue.expected_wait_s is not None
    }
    return {hall.id: Place(title=hall.name, way=hall.address) for hall in halls if hall.id in waits}, waits


def quietest(arrivals: Iterable[Mapping[str, int]]) -> tuple[int, int] | None:
    """The quietest two hours, from days of arrivals by hour; only between a day's first hour and its last.

    None while there are too few days, or if no hour is quieter than the others.
    """
    days = [day for day in arrivals if day]
    if len(days) < FEWEST_DAYS:
        return None
    by_hour = {hour: sum(day.get(str(hour), 0) for day in days) for hour in range(24)}
    came = [hour for hour, count in by_hour.items() if count]
    spans = {
        (hour, hour + SPAN_H): sum(by_hour[hour + each] for each in range(SPAN_H))
        for hour in range(min(came), max(came) - SPAN_H + 2)
    }
    if len(set(spans.values())) < 2:
        return None
    return min(spans, key=lambda span: spans[span])


def _idlest(config: CareConfig, service: str, wait_s: int, outside: Outside) -> tuple[str, int] | None:
    """The near hall with the shortest wait for the service, if it is worth the way."""
    known = [
        (theirs, name) for name, waits in outside.waits.items() if (theirs := waits.get(service)) is not None
    ]
    if not known or wait_s - min(known)[0] < config.nearer_by_s:
        return None
    theirs, name = min(known)
    return name, theirs


def _go_to(config: CareConfig, outside: Outside, name: str, wait_s: int) -> Words:
    near = config.near.get(name) or outside.places[name]
    way = near.way or Words("", "")
    minutes = wait_s // 60
    return Words(
        f"{near.title.zh}现在只需等候约 {minutes} 分钟 {way.zh}".strip(),
        f"{near.title.en}: a wait of about {minutes} min now. {way.en}".strip(),
    )


def _come_at(quiet: tuple[int, int]) -> Words:
    hours = _hours(quiet)
    return Words(f"{hours} 通常较空闲，欢迎错峰办理", f"It is usually quiet from {hours}")


def _hours(span: tuple[int, int]) -> str:
    return f"{span[0]:02d}:00–{span[1]:02d}:00"
