"""The devices of a running hall: each with a life of its own, swapped one by one while the hall runs.

    hall.toml ──▶ make all that is new ──▶ stop what goes ──▶ start what comes ──▶ tell the announcer
                  (a fault: nothing changes)

What must stay true
- A change is made whole or not at all: every new device is built, which opens nothing, before the first
  old one is stopped.
- Only what differs is touched; every other device, and everybody who waits, notices nothing.
- An old device finishes what it has begun, within `FINISH_S`, before it is stopped; keys that it took
over are
  carried out first. A port is closed before it is opened again.
- One change at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog
import trio

from somc.announce.devices import HallDevices
from somc.announce.keypads import serve_keypad
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

__all__ = ["Changes", "Rack"]

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


@dataclass(slots=True)
class _Life:
    """One device while it runs."""

    settings: DeviceSettings
    device: Any
    host: SimulatorHost | None
    scope: trio.CancelScope
    ended: trio.Event


class Rack:
    """Made by composition. `run` must be running before devices are set up."""

    def __init__(
        self, hall: Hall, speed: float, report: Callable[[DeviceStatus], None], file: str = "hall.toml"
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
            await _finished(life.device)
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
                    device: Any = make(
                        settings.name, url, settings.options, on_status=self._report, ports=self._ports
                    )
                    await nursery.start(device.run)
                    if device.device_class is DeviceClass.COUNTER_CALLER:
                        nursery.start_soon(serve_keypad, self._hall, settings.counter or 0, device)
                    task_status.started(_Life(settings, device, host, scope, ended))
        finally:
            ended.set()

    def _host(self, settings: DeviceSettings, simulator: Simulator) -> SimulatorHost:
        if isinstance(simulator, AnnouncerSimulator):
            simulator.s_per_cell /= self._speed
        return SimulatorHost(simulator, cast(Where, settings.simulated), name=settings.name)

    def _arrange(self) -> None:
        """The devices by what they are for, in hall.toml's order, in the same lists as before."""
        arranged = self.arranged
        for kind in (
            arranged.printers,
            arranged.strips,
            arranged.hall_displays,
            arranged.announcers,
            arranged.keypads,
            arranged.others,
        ):
            cast(list[Any], kind).clear()
        for name in self._order:
            device: Any = self.devices[name]
            counter = self._lives[name].settings.counter or 0
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
                case _:
                    arranged.others.append(device)
        self.on_change()


async def _finished(device: Any) -> None:
    """Return when a device that goes has nothing under way: commands, speech, keys that it took over."""
    await device.wait_idle()
    # A channel has no event for being empty, nor a driver one for having spoken.
    while getattr(device, "speaking", False) or _keys_left(device):  # noqa: ASYNC110
        await trio.sleep(LOOK_S)
    await device.wait_idle()


LOOK_S = 0.02
"""How often a device that goes is looked at; drivers have no event for an empty channel."""


def _keys_left(device: Any) -> bool:
    keys = getattr(device, "keys", None)
    return keys is not None and keys.statistics().current_buffer_used > 0
