"""The devices of a running hall: each with a life of its own, swapped one by one while the hall runs.

    hall.toml ──▶ make all that is new ──▶ stop what goes ──▶ start what comes ──▶ tell the announcer
                  (a fault: nothing changes)

What must stay true
- A change is made whole or not at all: every new device is built, which opens nothing, before the first
  old one is stopped.
- Only what differs is touched; every other device, and everybody who waits, notices nothing.
- An old device finishes what it has begun, within `FINISH_S`, before it is stopped; what it told (keys,
  ratings, people) is carried out first. A port is closed before it is opened again.
- One change at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from somc.runtime.plugins import Plugins
from somc_hal.devices import Device, DeviceClass
from somc_hal.ports import Ports
from somc_hal.simulators.base import Simulator
from somc_hal.simulators.host import SimulatorHost, Where
from somc_hal.simulators.reference import AnnouncerSimulator
from somc_hal.status import DeviceStatus

__all__ = ["Changes", "Doors", "Rack"]

log = structlog.get_logger(__name__)

FINISH_S = 3.0
"""How long a device that goes may take to finish: a slip takes one second, a frame much less."""


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

    async def set_up(self, wanted: Sequence[DeviceSettings], plugins: Plugins) -> Changes:
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
            self._check(coming, makers)
            await self._stop([*changes.removed, *changes.swapped])
            simulators = plugins.simulators()
            for settings in coming:
                await self._start(settings, makers[settings.driver].make, simulators.get(settings.driver))
            self._order = tuple(after)
            self._arrange()
            if before:
                log.info(
                    "devices changed", added=changes.added, removed=changes.removed, swapped=changes.swapped
                )
            return changes

    # -- one change -------------------------------------------------------------------------------

    def _check(self, coming: Iterable[DeviceSettings], makers: Mapping[str, Any]) -> None:
        """Build every new device once, which opens nothing, so that a mistake is found before anything
        stops."""
        faults = []
        for settings in coming:
            try:
                url = settings.url or "memory://check"
                makers[settings.driver].make(settings.name, url, settings.options, ports=Ports())
            except (KeyError, ValueError) as error:
                why = f"there is no driver {error}" if isinstance(error, KeyError) else str(error)
                faults.append(Fault(self._file, 0, f"device.{settings.name}", why, "what its driver takes"))
        if faults:
            raise ConfigurationError(faults)

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
        try:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    url = settings.url if host is None else await nursery.start(host.run)
                    watch = Watch(settings.limits, self._report, self._hall.now)
                    device: Any = make(
                        settings.name, url, settings.options, on_status=watch.heard, ports=self._ports
                    )
                    listener = self._listener(settings, device, watch, nursery)
                    await nursery.start(device.run)
                    task_status.started(_Life(settings, device, host, scope, ended, listener))
        finally:
            ended.set()

    def _listener(
        self, settings: DeviceSettings, device: Any, watch: Watch, nursery: trio.Nursery
    ) -> Listener | None:
        """Let somebody take in what the device tells, if it tells anything."""
        hall, counter = self._hall, settings.counter or 0
        match device.device_class:
            case DeviceClass.COUNTER_CALLER:
                nursery.start_soon(serve_keypad, hall, counter, device)
            case DeviceClass.EVALUATOR:
                desk = RatingDesk(hall, counter, device, self._rating_wait_s)
                nursery.start_soon(desk.run)
                return desk
            case DeviceClass.PEOPLE_COUNTER:
                tally = PeopleTally(hall, device)
                nursery.start_soon(tally.run)
                return tally
            case DeviceClass.HARDWARE_MONITOR:
                watch.device = device
                nursery.start_soon(watch.run)
                return watch
            case DeviceClass.KIOSK_INPUT if self._doors is not None:
                entrance = self._entrance(settings)
                nursery.start_soon(entrance.serve_input, device)
                return entrance
            case DeviceClass.CARD_READER if self._doors is not None and not counter:
                entrance = self._entrance(settings)
                nursery.start_soon(entrance.serve_cards, device)
                return entrance
        return None

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


async def _finished(device: Any, listener: Listener | None) -> None:
    """Return when a device that goes has nothing under way: commands, speech, what it has told."""
    await device.wait_idle()
    # A channel has no event for being empty, nor a driver one for having spoken.
    while getattr(device, "speaking", False) or _unheard(device, listener):  # noqa: ASYNC110
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
