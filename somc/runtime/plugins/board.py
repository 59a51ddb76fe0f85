"""Where the hall's devices of one plugin meet its process: who is there, who is not, and what crosses.

    device ─▶ seat ─▶ process up: the driver is made there, and run     = one life
                      process gone: the life is over, the device waits for the next

What must stay true
- A device may be there before the process is, and stays when it goes: it is told, and opened again.
- Nobody waits here for a process longer than a deadline.
- What the process says of a device whose life is over is not heard.
- What it says otherwise than the table has it, or more than it may, is the end of the process.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from somc.runtime.plugins import device_wire as wire
from somc.runtime.plugins.frames import FrameTooLarge
from somc.runtime.plugins.ledger import HookFailed
from somc.runtime.plugins.pipe import Late, Lost, NotSent
from somc_hal.drivers.base import DriverSpec
from somc_hal.status import DeviceState
from somc_hal.turn import Turn

if TYPE_CHECKING:
    from somc.runtime.plugins.pipe import Child
    from somc.runtime.plugins.remote_device import RemoteDevice

__all__ = ["HOOK", "Board", "Late", "Life", "Lost", "NotSent"]

HOOK = "somc_device_drivers"
"""What a fault of a driver is counted under."""

LEARN_S = 5.0
"""How long a change of the hall's devices waits for a process to say what a device can."""

CLOSE_S = 3.0
"""How long a driver may take to let its port go."""

MOST_STATUSES_PER_S = 200
"""More is no device's condition but a driver that floods."""

STARTING = "its process is being started"
NOT_AT_WORK = "its plugin is not at work"


@dataclass(slots=True)
class Life:
    """One device in one process, from its opening to the end of either."""

    number: int
    child: Child
    device: RemoteDevice
    asked: int = 0
    """The last call that may keep the device busy."""
    idle: int = 0
    """The last call after which the driver said that nothing is under way."""
    statuses: list[float] = field(default_factory=list)


class Board:
    """One plugin's. `up` and `down` are the plugin's runner's, `enter` and `leave` a device's."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self.why = NOT_AT_WORK
        self.state = DeviceState.OFFLINE
        """What a device is while there is no process, and why."""
        self._child: Child | None = None
        self._devices: list[RemoteDevice] = []
        self._lives: dict[int, Life] = {}
        self._numbers = itertools.count(1)
        self._known: dict[tuple[str, bytes], wire.Terms] = {}
        self._turn = Turn()

    @property
    def taken(self) -> bool:
        """Whether any device runs here."""
        return bool(self._devices)

    # -- the process ------------------------------------------------------------------------------

    def up(self, child: Child) -> None:
        """There is a process that takes devices: every device is opened in it."""
        self._child = child
        for device in self._devices:
            self._open(child, device)
        self._turn.turn()

    def down(self, why: str, *, crashed: bool) -> None:
        """There is none any more. `crashed`: it was not the hall that ended it."""
        self.why = why
        self.state = DeviceState.HARDWARE_ERROR if crashed else DeviceState.OFFLINE
        self._child = None
        self._lives.clear()
        for device in self._devices:
            device.lost(self.state, why)

    def off(self) -> None:
        """The plugin was disabled, when none of its devices was left."""
        self.why = NOT_AT_WORK

    def let_go(self) -> None:
        """The hall ends: there is no process any more, and nobody is told."""
        self._child = None
        self._lives.clear()
        self._devices.clear()

    def heard(self, number: int, what: str, value: Any) -> None:
        """What the process says of a device. Raises what decoding raises."""
        life = self._lives.get(number)
        if life is None:
            return
        device = life.device
        match what:
            case "status":
                self._count(life)
                device.told(wire.read_status(device.name, value))
            case "event":
                device.happened(wire.read_event(device.device_class, value))
            case "idle":
                life.idle = int(value)
                device.turn.turn()
            case "opened":
                terms = wire.read_terms(device.device_class, value)
                device.terms = terms
            case "refused":
                self._lives.pop(number)
                device.refused(f"its driver does not take it: {value}"[: wire.MOST_WORDS])
            case "failed":
                self._lives.pop(number)
                life.child.plugin.ledger.fault(HOOK, "raised", f"{device.name}: {value}"[: wire.MOST_WORDS])
                device.failed(str(value)[: wire.MOST_WORDS])
            case _:
                raise ValueError(f"nothing is '{what}' of a device")

    def _count(self, life: Life) -> None:
        now = trio.current_time()
        life.statuses = [at for at in life.statuses if now - at < 1.0]
        life.statuses.append(now)
        if len(life.statuses) > MOST_STATUSES_PER_S:
            life.child.end(
                f"the driver of '{life.device.name}' floods the hall with its status: it was killed"
            )

    # -- devices ----------------------------------------------------------------------------------

    def enter(self, device: RemoteDevice) -> None:
        """The device runs from now on; it is opened as soon as there is a process."""
        self._devices.append(device)
        if self._child is None:
            device.lost(self.state, self.why)
        else:
            self._open(self._child, device)

    async def leave(self, device: RemoteDevice, life: Life | None) -> None:
        """The device runs no more; its port is closed when this returns, or its process is being killed."""
        if device in self._devices:
            self._devices.remove(device)
        if life is None or life.child is not self._child:
            return
        child = life.child
        try:
            await child.question(f"close of '{device.name}'", CLOSE_S, "dev_close", life.number)
        except Late:
            child.end(f"the driver of '{device.name}' does not end though it was cancelled: it was killed")
        except (NotSent, Lost, HookFailed):
            pass
        finally:
            self._lives.pop(life.number, None)

    def _open(self, child: Child, device: RemoteDevice) -> None:
        life = Life(next(self._numbers), child, device)
        opening = wire.Opening(
            driver=device.spec.name,
            device_class=device.device_class,
            name=device.name,
            url=device.url,
            options=dict(device.options),
            room=device.room,
            content=device.content,
        )
        try:
            child.put("dev_open", life.number, msgspec.msgpack.encode(opening))
        except (HookFailed, FrameTooLarge):
            return  # it ends: its end is told
        self._lives[life.number] = life
        device.opening(life)

    def more(self, life: Life, count: int) -> None:
        """So many more events may be handed over."""
        with suppress(HookFailed):  # it ends: the next process is told how much room there is
            life.child.put("dev_more", life.number, count)

    async def call(
        self, life: Life, method: str, places: Any, names: Mapping[str, Any], within_s: float
    ) -> Any:
        """What the driver's method gives. Raises what it raised as `device_wire` has it, `NotSent`, `Lost`,
        `Late`."""
        device = life.device
        of = wire.method_of(device.device_class, method)
        asked = msgspec.msgpack.encode(wire.encoded(method, places, names))
        hook = f"{method} of '{device.name}'"
        child = life.child

        def asked_now(id: int) -> None:
            if method != "wait_idle":
                life.asked = id

        try:
            answer = await child.question(hook, within_s, "dev_call", life.number, asked, asked=asked_now)
        except HookFailed as error:
            child.plugin.ledger.fault(HOOK, "wrong", f"{hook}: {error.why}")
            raise wire.DriverFailed(f"{hook}: {error.why}") from None
        try:
            return wire.read_outcome(device.name, of, answer)
        except msgspec.MsgspecError as error:
            raise Lost(child.nonsense(error)) from error

    # -- what a device can ------------------------------------------------------------------------

    def terms(self, driver: str, options: Mapping[str, Any]) -> wire.Terms:
        """What is known of a device of this driver with these options. `ValueError` if nothing is."""
        known = self._known.get(_key(driver, options))
        if known is None:
            raise ValueError(f"the process of the plugin '{self.plugin}' has not said what it can")
        return known

    async def learn(self, spec: DriverSpec, name: str, url: str, options: Mapping[str, Any]) -> None:
        """Let the process make such a device once, which opens nothing. `ValueError` with the driver's own
        words for what it does not take, and if nobody answers.

        Without a process what was learned before will do."""
        until = trio.current_time() + LEARN_S
        key = _key(spec.name, options)
        if self._child is None and self.why == NOT_AT_WORK:
            raise ValueError(
                f"the plugin '{self.plugin}' works in a process of its own and is off: "
                f"somc plugin enable {self.plugin}"
            )
        while self._child is None and key not in self._known:
            if trio.current_time() >= until:
                raise ValueError(f"the process of the plugin '{self.plugin}' is down: {self.why}")
            await self._turn.wait(until)
        if (child := self._child) is None:
            return
        opening = wire.Opening(spec.name, spec.device_class, name, url, dict(options))
        hook = f"making of '{name}'"
        asked = msgspec.msgpack.encode(opening)
        try:
            answer = await child.question(hook, LEARN_S, "dev_try", asked)
        except Late:
            raise ValueError(f"its driver does not say what it can within {LEARN_S:g} s") from None
        except (NotSent, Lost, HookFailed) as error:
            raise ValueError(f"its driver could not be asked: {error}") from None
        try:
            tried = msgspec.msgpack.decode(answer, type=wire.Tried)
            if not tried.refused:
                self._known[key] = wire.read_terms(spec.device_class, tried.terms)
        except msgspec.MsgspecError as error:
            raise ValueError(child.nonsense(error)) from error
        if tried.refused:
            raise ValueError(tried.refused[: wire.MOST_WORDS])


def _key(driver: str, options: Mapping[str, Any]) -> tuple[str, bytes]:
    return driver, msgspec.json.encode(dict(sorted(options.items())))
