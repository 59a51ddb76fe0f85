"""The devices of a running hall: each with a life of its own, swapped one by one while the hall runs.

    hall.toml ──▶ make all that is new ──▶ stop what goes ──▶ start what comes ──▶ tell the announcer
                  (a fault: nothing changes)

What must stay true
- A change is made whole or not at all: every new device is built, which opens nothing, before the first
  old one is stopped.
- Only what differs is touched; every other device, and everybody who waits, notices nothing.
- An old device finishes what it has begun, within `FINISH_S`, before it is stopped; what it told (keys,
  ratings, people) is carried out first. A port is closed before it is opened again.
- One change at a time. One that was begun is finished, also if whoever asked for it has gone.
- A driver may be anybody's: one that fails is told of as a hardware error and started again after a pause,
  and so is what listens to it. It costs its own device, never the hall.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

import structlog
import trio

from somc.announce.devices import HallDevices
from somc.announce.entrance import CheckIn, Entrance, Print, Take
from somc.announce.footfall import PeopleTally
from somc.announce.keypads import serve_keypad
from somc.announce.ratings import RatingDesk
from somc.announce.readings import Watch
from somc.config import DeviceSettings
from somc.errors import ConfigurationError, Fault
from somc.runtime.hall import Hall
from somc.runtime.plugins.placed import RemoteSpec
from somc_hal.devices import Device, DeviceClass
from somc_hal.drivers.base import DriverSpec
from somc_hal.ports import Ports
from somc_hal.simulators.base import Simulator
from somc_hal.simulators.host import SimulatorHost, Where
from somc_hal.simulators.reference import AnnouncerSimulator
from somc_hal.status import DeviceState, DeviceStatus, Truth

__all__ = ["Changes", "Doors", "Rack"]

log = structlog.get_logger(__name__)

FINISH_S = 3.0
"""How long a device that goes may take to finish: a slip takes one second, a frame much less."""

START_S = 3.0
"""How long a change waits for a driver to take commands; one that is slower does it meanwhile."""

AGAIN_FIRST_S = 1.0
AGAIN_CAP_S = 60.0
"""Pauses before a driver that failed is started again, each twice the one before."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Names of devices, each sorted. `swapped` are those with another driver, place or option."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    swapped: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Doors:
    """What devices at which customers enter something may do: ways to the hall like those of its pages."""

    take: Take
    print_copy: Print
    check_in: CheckIn | None = None


class Brought(Protocol):
    """What plugins bring for devices; `Plugins`, or `Placed` where some work in processes of their own."""

    def drivers(self) -> Mapping[str, DriverSpec]:
        """Every driver by name."""

    def simulators(self) -> Mapping[str, Callable[[], Simulator]]:
        """Every simulator by the name of its driver."""


class Listener(Protocol):
    """What takes in what a device tells."""

    @property
    def busy(self) -> bool:
        """Whether it is at work on something that was told."""


@dataclass(slots=True)
class _Life:
    """One device while it runs. `listener` takes in what it tells, if it is more than keys."""

    settings: DeviceSettings
    device: Any
    host: SimulatorHost | None
    scope: trio.CancelScope
    ended: trio.Event
    listener: Listener | None = None


class Rack:
    """Made by composition. `run` must be running before devices are set up."""

    def __init__(
        self,
        hall: Hall,
        speed: float,
        report: Callable[[DeviceStatus], None],
        file: str = "hall.toml",
        *,
        rating_wait_s: int = 30,
        doors: Doors | None = None,
    ) -> None:
        self.arranged = HallDevices()
        self.about: dict[str, dict[str, Any]] = {}
        """Of each device what it is, for views; the same dictionary for ever."""
        self.devices: dict[str, Device] = {}
        self.hosts: dict[str, SimulatorHost] = {}
        self.on_change: Callable[[], None] = lambda: None
        """Called after a change, with the devices arranged anew: the announcer looks again."""
        self._hall = hall
        self._speed = speed
        self._report = report
        self._file = file
        self._rating_wait_s = rating_wait_s
        self._doors = doors
        self._entrances: dict[str, Entrance] = {}
        """Kiosks without a page, by the place of their devices."""
        self._ports = Ports()
        self._lives: dict[str, _Life] = {}
        self._order: tuple[str, ...] = ()
        self._nursery: trio.Nursery | None = None
        self._changing = trio.Lock()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be the home of all devices until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._ports.run)
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    @property
    def listening(self) -> bool:
        """Whether something that a device told is on its way into the hall."""
        return any(_unheard(life.device, life.listener) for life in self._lives.values())

    async def write_counts(self) -> None:
        """Write down what is counted and not recorded yet; for the end of a run."""
        for tally in self.arranged.people_counters:
            await tally.flush()

    async def still(self, name: str) -> tuple[bytes, str] | None:
        """A picture that camera `name` takes now, and its media type; `None` if there is no such camera.

        Raises what `Camera.still` raises."""
        camera = next((one for one in self.arranged.cameras if one.name == name), None)
        return None if camera is None else (await camera.still(), camera.capabilities.media_type)

    async def set_up(self, wanted: Sequence[DeviceSettings], plugins: Brought) -> Changes:
        """Let exactly these devices run. `ConfigurationError` if one of them cannot be; then nothing has
        changed."""
        async with self._changing:
            before = {name: life.settings for name, life in self._lives.items()}
            after = {settings.name: settings for settings in wanted}
            changes = Changes(
                added=tuple(sorted(after.keys() - before.keys())),
                removed=tuple(sorted(before.keys() - after.keys())),
                swapped=tuple(sorted(n for n in after.keys() & before.keys() if after[n] != before[n])),
                kept=tuple(sorted(n for n in after.keys() & before.keys() if after[n] == before[n])),
            )
            makers = plugins.drivers()
            coming = [after[name] for name in after if name in {*changes.added, *changes.swapped}]
            await self._check(coming, makers)
            simulators = plugins.simulators()
            # Not half a change because a browser was closed; each step of it is bounded.
            with trio.CancelScope(shield=True):
                try:
                    await self._stop([*changes.removed, *changes.swapped])
                    for settings in coming:
                        made_by = makers[settings.driver].make
                        await self._start(settings, made_by, simulators.get(settings.driver))
                finally:
                    self._order = tuple(name for name in after if name in self._lives)
                    self._arrange()
            if before:
                log.info(
                    "devices changed", added=changes.added, removed=changes.removed, swapped=changes.swapped
                )
            return changes

    # -- one change -------------------------------------------------------------------------------

    async def _check(self, coming: Sequence[DeviceSettings], makers: Mapping[str, DriverSpec]) -> None:
        """Build every new device once, which opens nothing, so that a mistake is found before anything
        stops."""
        wrong: dict[str, str] = {}
        async with trio.open_nursery() as nursery:
            for settings in coming:
                nursery.start_soon(_try_out, settings, makers.get(settings.driver), wrong)
        if wrong:
            found = [(f"device.{one.name}", wrong[one.name]) for one in coming if one.name in wrong]
            raise ConfigurationError(
                [Fault(self._file, 0, key, why, "what its driver takes") for key, why in found]
            )

    async def _stop(self, names: Sequence[str]) -> None:
        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(self._stop_one, self._lives[name])

    async def _stop_one(self, life: _Life) -> None:
        with trio.move_on_after(FINISH_S):
            await _finished(life.device, life.listener)
        life.scope.cancel()
        await life.ended.wait()
        name = life.settings.name
        del self._lives[name], self.devices[name], self.about[name]
        self.hosts.pop(name, None)

    async def _start(
        self, settings: DeviceSettings, make: Callable[..., Device], simulator: Callable[[], Simulator] | None
    ) -> None:
        assert self._nursery is not None  # `run` is running
        host = None
        if settings.simulated is not None:
            assert simulator is not None  # configuration allows it only for drivers that have one
            host = self._host(settings, simulator())
        life: _Life = await self._nursery.start(self._live, settings, make, host)
        name = settings.name
        self._lives[name] = life
        self.devices[name] = life.device
        if host is not None:
            self.hosts[name] = host
        self.about[name] = {
            "driver": settings.driver,
            "device_class": life.device.device_class.value,
            "counter": settings.counter,
            "place": settings.place,
            "readings": life.listener.rows if isinstance(life.listener, Watch) else [],
        }

    async def _live(
        self,
        settings: DeviceSettings,
        make: Callable[..., Device],
        host: SimulatorHost | None,
        task_status: trio.TaskStatus[_Life],
    ) -> None:
        ended = trio.Event()
        begun = False
        try:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    url = settings.url if host is None else await nursery.start(host.run)
                    watch = Watch(settings.limits, self._report, self._hall.now)
                    device: Any = make(
                        settings.name, url, settings.options, on_status=watch.heard, ports=self._ports
                    )
                    listener, listening = self._listener(settings, device, watch)
                    if listening is not None:
                        as_it_is = partial(_tell, watch, device)
                        nursery.start_soon(_kept, settings.name, listening, watch, as_it_is)
                    taking = _Taking()
                    nursery.start_soon(_kept, settings.name, partial(_driven, device, taking), watch)
                    with trio.move_on_after(START_S):
                        await taking.commands.wait()
                    begun = True
                    task_status.started(_Life(settings, device, host, scope, ended, listener))
        except Exception:
            if not begun:
                raise  # to whoever wanted the device
            # It failed while it was stopped, or its simulator did: `_kept` holds whatever else goes wrong.
            log.exception("device ended", device=settings.name)
            self._report(_failed(settings.name))
        finally:
            ended.set()

    def _listener(
        self, settings: DeviceSettings, device: Any, watch: Watch
    ) -> tuple[Listener | None, Callable[[], Awaitable[None]] | None]:
        """Who takes in what the device tells, if it tells anything, and how."""
        hall, counter = self._hall, settings.counter or 0
        match device.device_class:
            case DeviceClass.COUNTER_CALLER:
                return None, partial(serve_keypad, hall, counter, device)
            case DeviceClass.EVALUATOR:
                desk = RatingDesk(hall, counter, device, self._rating_wait_s)
                return desk, desk.run
            case DeviceClass.PEOPLE_COUNTER:
                tally = PeopleTally(hall, device)
                return tally, tally.run
            case DeviceClass.HARDWARE_MONITOR:
                watch.device = device
                return watch, watch.run
            case DeviceClass.KIOSK_INPUT if self._doors is not None:
                entrance = self._entrance(settings)
                return entrance, partial(entrance.serve_input, device)
            case DeviceClass.CARD_READER if self._doors is not None and not counter:
                entrance = self._entrance(settings)
                return entrance, partial(entrance.serve_cards, device)
        return None, None

    def _entrance(self, settings: DeviceSettings) -> Entrance:
        """The kiosk at the device's place: its keypad, scanner and card reader know of each other."""
        assert self._doors is not None
        place = settings.place or settings.name
        doors = self._doors
        return self._entrances.setdefault(
            place, Entrance(self._hall, place, doors.take, doors.print_copy, doors.check_in)
        )

    def _host(self, settings: DeviceSettings, simulator: Simulator) -> SimulatorHost:
        if isinstance(simulator, AnnouncerSimulator):
            simulator.s_per_cell /= self._speed
        return SimulatorHost(simulator, cast(Where, settings.simulated), name=settings.name)

    def _arrange(self) -> None:
        """The devices by what they are for, in hall.toml's order, in the same lists as before."""
        arranged = self.arranged
        arranged.clear()
        for name in self._order:
            life = self._lives[name]
            device, listener, counter = life.device, life.listener, life.settings.counter or 0
            match device.device_class:
                case DeviceClass.TICKET_PRINTER:
                    arranged.printers.append(device)
                case DeviceClass.ANNOUNCER:
                    arranged.announcers.append(device)
                case DeviceClass.HALL_DISPLAY:
                    arranged.hall_displays.append(device)
                case DeviceClass.COUNTER_CALLER:
                    arranged.keypads.append((counter, device))
                case DeviceClass.COUNTER_DISPLAY:
                    arranged.strips.append((counter, device))
                case DeviceClass.INDICATOR:
                    arranged.indicators.append((counter, device))
                case DeviceClass.SECOND_SCREEN:
                    arranged.second_screens.append((counter, device))
                case DeviceClass.EVALUATOR:
                    arranged.evaluators.append(cast(RatingDesk, listener))
                case DeviceClass.PEOPLE_COUNTER:
                    arranged.people_counters.append(cast(PeopleTally, listener))
                case DeviceClass.HARDWARE_MONITOR:
                    arranged.monitors.append(cast(Watch, listener))
                case DeviceClass.KIOSK_INPUT:
                    arranged.kiosk_inputs.append(device)
                case DeviceClass.CARD_READER:
                    arranged.card_readers.append(device)
                case DeviceClass.CAMERA:
                    arranged.cameras.append(device)
        self.on_change()


async def _try_out(settings: DeviceSettings, maker: DriverSpec | None, wrong: dict[str, str]) -> None:
    """Build one device; why it cannot be is noted in `wrong`."""
    try:
        if maker is None:
            raise ValueError(f"there is no driver {settings.driver!r}")
        url = settings.url or "memory://check"
        if isinstance(maker, RemoteSpec):
            await maker.learn(settings.name, url, settings.options)
        made: Any = maker.make(settings.name, url, settings.options, ports=Ports())
        _ = made.device_class, made.capabilities  # what the hall asks of it before it runs
    except Exception as error:
        if not isinstance(error, ValueError):  # which is how a driver says what it does not take
            log.exception("device not made: its driver failed", device=settings.name)
        wrong[settings.name] = str(error) or type(error).__name__


class _Taking:
    """A `trio.TaskStatus` for every start of one driver: whether it has once taken commands."""

    def __init__(self) -> None:
        self.commands = trio.Event()

    def started(self, value: object = None) -> None:
        self.commands.set()


async def _driven(device: Any, taking: _Taking) -> None:
    try:
        await device.run(task_status=taking)
    finally:
        taking.started()  # nobody waits for a driver that failed


def _tell(watch: Watch, device: Any) -> None:
    watch.heard(device.status)


async def _kept(
    name: str, run: Callable[[], Awaitable[None]], watch: Watch, again: Callable[[], None] = lambda: None
) -> None:
    """Run a driver, or what listens to it, until cancelled; again, should it fail or end. A driver says
    itself when it serves again; `again` says it of a device whose driver never stopped."""
    pause_s = AGAIN_FIRST_S
    while True:
        began = trio.current_time()
        try:
            await run()
        except Exception:
            log.exception("driver failed; it is started again", device=name)
        else:
            log.error("driver ended by itself; it is started again", device=name)
        watch.heard(_failed(name))
        if trio.current_time() - began > AGAIN_CAP_S:
            pause_s = AGAIN_FIRST_S
        await trio.sleep(pause_s)
        again()
        pause_s = min(pause_s * 2, AGAIN_CAP_S)


def _failed(name: str) -> DeviceStatus:
    return DeviceStatus(name, DeviceState.HARDWARE_ERROR, Truth.NO, detail="its driver failed, see the log")


async def _finished(device: Any, listener: Listener | None) -> None:
    """Return when a device that goes has nothing under way: commands, speech, what it has told."""
    await device.wait_idle()
    # A channel has no event for being empty, nor a driver one for having spoken.
    while getattr(device, "speaking", False) or _unheard(device, listener):  # noqa: ASYNC110 # so it is looked at
        await trio.sleep(LOOK_S)
    if isinstance(listener, PeopleTally):
        await listener.flush()
    await device.wait_idle()


LOOK_S = 0.02
"""How often a device that goes is looked at; drivers have no event for an empty channel."""

CHANNELS = ("keys", "ratings", "typed", "cards", "passages", "readings")
"""What devices tell; each has at most one of them."""


def _unheard(device: Any, listener: Listener | None) -> bool:
    """Whether something that the device told is not taken in yet, if anybody takes it in."""
    if listener is None and device.device_class is not DeviceClass.COUNTER_CALLER:
        return False
    channels = [getattr(device, name) for name in CHANNELS if hasattr(device, name)]
    unread = any(channel.statistics().current_buffer_used > 0 for channel in channels)
    return unread or (listener is not None and listener.busy)
