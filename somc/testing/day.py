"""A simulated day: the real runtime over a real journal, with the clock in our hands.

The clock stands still until door, decider, committer and followers are idle, then jumps to the next
thing that happens: a visitor, an agent, a deadline. So a day runs in seconds, in one order, and the
same seed gives the same bytes twice. (Trio's own MockClock would jump while a thread commits.)
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import trio
import trio.testing

from somc.announce.announcer import Announcer
from somc.composition import open_hall
from somc.config import HallConfig
from somc.domain.business_day import business_day, day_end
from somc.domain.state import HallState
from somc.journal.opening import open_journal
from somc.journal.record import Record
from somc.rack import Rack
from somc.runtime.hall import Hall
from somc.runtime.health import Health
from somc.runtime.ids import IdSource
from somc.runtime.plugins import Plugins
from somc.runtime.replay import replay
from somc.scheduler.choose import factory
from somc.simulate.arrivals import Arrival
from somc.simulate.comparison import quantile
from somc.simulate.crowd import Crowd
from somc_hal.devices import Device
from somc_hal.simulators.host import SimulatorHost

__all__ = [
    "Day",
    "DayClock",
    "Happening",
    "Waits",
    "midnight",
    "play_day",
    "quiet",
    "table",
    "waits_by_class",
]

IN_NO_TIME = 1e9
"""A hall's speed at which nothing takes time."""

PATIENCE_S = 60.0
"""No device takes so long to go or to come back; reaching it is a failure."""

LOOK_S = 0.002


class DayClock:
    """A `Clock` that moves only when it is told to."""

    speed = 1.0

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._sleepers: list[tuple[int, int, trio.Event]] = []
        self._count = 0

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep_until(self, at_ms: int) -> None:
        if at_ms <= self._now_ms:
            await trio.lowlevel.checkpoint()
            return
        woken = trio.Event()
        self._count += 1
        heapq.heappush(self._sleepers, (at_ms, self._count, woken))
        await woken.wait()

    @property
    def next_wake(self) -> int | None:
        """The earliest instant for which somebody sleeps."""
        return self._sleepers[0][0] if self._sleepers else None

    def advance(self, to_ms: int) -> None:
        """Let it be `to_ms`; never backwards. Whoever slept until then or earlier is woken."""
        self._now_ms = max(self._now_ms, to_ms)
        while self._sleepers and self._sleepers[0][0] <= self._now_ms:
            heapq.heappop(self._sleepers)[2].set()


async def quiet(hall: Hall, *others: Callable[[], bool]) -> None:
    """Return when nothing is under way: every task waits, and neither the hall nor any of `others`
    (each says whether something is still busy) has work on a thread or a wire."""
    while True:
        await trio.testing.wait_all_tasks_blocked()
        if hall.busy:
            await hall.journal.wait_idle()
        elif not any(busy() for busy in others):
            return
        else:
            await trio.sleep(LOOK_S)  # a wire takes real time: do not spin on it


@dataclass(frozen=True, slots=True)
class Happening:
    """At `at_ms` something is done to a simulated device of the hall, and the day goes on when `until` holds.

    `act` is given the device's host: its `simulator` is driven, its cable pulled with `unplug` and `replug`.
    """

    at_ms: int
    device: str
    act: Callable[[SimulatorHost], Awaitable[None]]
    until: Callable[[Device], bool] = lambda device: True


@dataclass(frozen=True, slots=True)
class Day:
    """What a simulated day left: its records, the state at its end, the hash that chains it all."""

    records: tuple[Record, ...]
    dump: Mapping[str, Any]
    chain: bytes


def midnight(date: str, timezone: str) -> int:
    """Local midnight of `YYYYMMDD` or `YYYY-MM-DD`, in Unix ms."""
    bare = date.replace("-", "")
    begin = datetime(int(bare[:4]), int(bare[4:6]), int(bare[6:8]), tzinfo=ZoneInfo(timezone))
    return int(begin.timestamp() * 1000)


async def play_day(
    config: HallConfig,
    data_dir: Path,
    arrivals: Iterable[Arrival],
    *,
    begin_ms: int,
    counters: Mapping[int, str],
    seed: int,
    happenings: Sequence[Happening] | None = None,
) -> Day:
    """Let `arrivals` visit the hall from `begin_ms` on, served at `counters` (number → agent's name), until
    the business day is over and nobody is being served.

    The journal in `data_dir` is real and stays, and so are the policy kinds of the plugins that the hall
    enables. The same arguments give the same records. With `happenings` the hall's devices run too, all
    simulated, over real ptys and sockets: what they say of themselves comes in their own time, so then only
    what happens to tickets is the same twice.
    """
    clock = DayClock(begin_ms)
    ids = IdSource(seed)
    plugins = Plugins(config.plugins)
    async with open_hall(config, data_dir, clock, ids, plugins.policies()) as (hall, nursery):
        stage = _Stage(hall, clock)
        if happenings is not None:
            await stage.equip(config, plugins, nursery, happenings)
        crowd = Crowd(hall, iter(arrivals), begin_ms=begin_ms, counters=counters, ids=ids, seed=seed)
        ends_ms = day_end(_date_of(hall, begin_ms), hall.state.zone, hall.state.hall.day_ends_s)
        while (at := crowd.next_at) is not None and at < ends_ms:
            await stage.advance(at)
            await crowd.act()
            await stage.settle()
        await stage.advance(ends_ms)
        while (at := crowd.next_at) is not None and _somebody_served(hall):
            await stage.advance(at)
            await crowd.act()
            await stage.settle()
        return await _result(hall)


class _Stage:
    """The hall, its clock and, if it has any, its devices."""

    def __init__(self, hall: Hall, clock: DayClock) -> None:
        self._hall = hall
        self._clock = clock
        self._rack: Rack | None = None
        self._others: tuple[Callable[[], bool], ...] = ()
        self._happenings: list[Happening] = []

    async def equip(
        self,
        config: HallConfig,
        plugins: Plugins,
        nursery: trio.Nursery,
        happenings: Sequence[Happening],
    ) -> None:
        """Set the devices up. Speech takes no time: the clock that it would take is not ours."""
        health = Health()
        rack = self._rack = Rack(self._hall, IN_NO_TIME, health.report)
        await nursery.start(rack.run)
        await rack.set_up(config.devices, plugins)
        nursery.start_soon(health.run, self._hall)
        announcer = Announcer(self._hall, rack.arranged, config.announcements)
        await nursery.start(announcer.run)
        self._others = (
            lambda: announcer.busy,
            lambda: health.busy,
            lambda: rack.arranged.busy or rack.listening,
        )
        self._happenings = sorted(happenings, key=lambda one: one.at_ms)
        for device in rack.devices.values():
            with trio.fail_after(PATIENCE_S):
                await device.wait_online()
        await self.settle()

    async def settle(self) -> None:
        """Return when nothing is under way."""
        await quiet(self._hall, *self._others)

    async def advance(self, to_ms: int) -> None:
        """Step by step, so that a deadline or a happening on the way is kept at its own instant."""
        while True:
            wake = self._clock.next_wake
            happens = self._happenings[0].at_ms if self._happenings else None
            if happens is not None and happens <= to_ms and (wake is None or happens <= wake):
                self._clock.advance(happens)
                await self._happen(self._happenings.pop(0))
            elif wake is not None and wake <= to_ms:
                self._clock.advance(wake)
            else:
                break
            await self.settle()
        self._clock.advance(to_ms)

    async def _happen(self, happening: Happening) -> None:
        assert self._rack is not None  # set with the happenings
        await happening.act(self._rack.hosts[happening.device])
        device = self._rack.devices[happening.device]
        with trio.fail_after(PATIENCE_S):
            # A device has no event for what a test may wait for.
            while not happening.until(device):  # noqa: ASYNC110
                await trio.sleep(LOOK_S)


def _somebody_served(hall: Hall) -> bool:
    return any(counter.ticket is not None for counter in hall.state.counters.values())


def _date_of(hall: Hall, at: int) -> str:
    return business_day(at, hall.state.zone, hall.state.hall.day_ends_s)


async def _result(hall: Hall) -> Day:
    records: list[Record] = []
    while page := await hall.journal.records_after(len(records), 1000):
        records.extend(page)
    return Day(tuple(records), hall.state.dump(), hall.journal.chain)


async def replayed(data_dir: Path) -> HallState:
    """The state that the journal in `data_dir` replays to."""
    async with open_journal(data_dir, new_epoch=str, clock_ms=int, read_only=True) as journal:
        state, _ = await replay(journal, factory())
    return state


# -- the waits of a day -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waits:
    """The waits of one class: how many came, were called, left; waits in seconds of those called."""

    taken: int
    called: int
    left: int
    mean_s: float
    p50_s: float
    p90_s: float
    longest_s: float
    within_target: float


class _Taken(msgspec.Struct):
    ticket: str
    customer_class: str
    target_wait_s: int


class _OfTicket(msgspec.Struct):
    ticket: str


def waits_by_class(records: Iterable[Record]) -> dict[str, Waits]:
    """A fold over a day's records: class → waits, with `all` last."""
    taken: dict[str, tuple[_Taken, int]] = {}
    waits_ms: dict[str, int] = {}
    left: set[str] = set()
    for record in records:
        if record.type == "ticket.taken":
            visit = msgspec.json.decode(record.data, type=_Taken)
            taken[visit.ticket] = visit, record.at
        elif record.type == "ticket.called":
            ticket = msgspec.json.decode(record.data, type=_OfTicket).ticket
            waits_ms.setdefault(ticket, record.at - taken[ticket][1])
        elif record.type == "ticket.cancelled":
            left.add(msgspec.json.decode(record.data, type=_OfTicket).ticket)
    classes = sorted({visit.customer_class for visit, _ in taken.values()})
    members = {kind: [name for name in taken if taken[name][0].customer_class == kind] for kind in classes}
    members["all"] = list(taken)
    return {kind: _waits(names, taken, waits_ms, left) for kind, names in members.items()}


def _waits(
    names: Sequence[str], taken: Mapping[str, tuple[_Taken, int]], waits_ms: Mapping[str, int], left: set[str]
) -> Waits:
    called = [name for name in names if name in waits_ms]
    waits = sorted(waits_ms[name] / 1000 for name in called)
    kept = sum(waits_ms[name] <= taken[name][0].target_wait_s * 1000 for name in called)
    return Waits(
        taken=len(names),
        called=len(called),
        left=sum(name in left for name in names),
        mean_s=sum(waits) / len(waits) if waits else 0.0,
        p50_s=quantile(waits, 0.5),
        p90_s=quantile(waits, 0.9),
        longest_s=waits[-1] if waits else 0.0,
        within_target=kept / len(called) if called else 1.0,
    )


def table(waits: Mapping[str, Waits]) -> str:
    """The waits as a Markdown table, in seconds."""
    head = "| class | taken | called | left | mean | median | p90 | longest | within target |"
    lines = [head, "|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for kind, row in waits.items():
        lines.append(
            f"| {kind} | {row.taken} | {row.called} | {row.left} | {row.mean_s:.0f} | {row.p50_s:.0f} "
            f"| {row.p90_s:.0f} | {row.longest_s:.0f} | {row.within_target:.1%} |"
        )
    return "\n".join(lines)
