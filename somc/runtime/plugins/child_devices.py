"""The devices of one plugin in its own process: made here, run here, asked through the pipe.

    seat: one device, from its opening to its end
      make ─▶ content it should show ─▶ run ┬─ calls, begun in the order in which the hall made them
                                            ├─ status, idle  ─▶ told in order
                                            └─ events        ─▶ as far as the hall has room

What must stay true
- All devices here share one `Ports`: a bus with sixteen stations has one writer.
- Calls begin in the hall's order, and none before a cancelled one has let the device go.
- What waits to be told is bounded: by the calls that are asked, by the room for events, by `MOST_STATUSES`.
- A driver that fails, or gives what it should not, ends its own device; the hall opens it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from somc.runtime.plugins import device_wire as wire
from somc.runtime.plugins.answers import WrongAnswer
from somc.runtime.plugins.brought import drivers_in
from somc.runtime.plugins.loading import Loaded
from somc.runtime.plugins.tasks import said
from somc_hal.drivers.base import DriverSpec
from somc_hal.errors import DeviceError
from somc_hal.ports import Ports
from somc_hal.status import DeviceStatus
from somc_hal.turn import Turn

if TYPE_CHECKING:
    from somc.runtime.plugins.child import Child

__all__ = ["ChildDevices"]

MOST_STATUSES = 64
"""Statuses of one device that may wait to be told; the oldest go."""


class ChildDevices:
    """Every device of the plugin. `take` is given each frame about one."""

    def __init__(self, child: Child, loaded: Loaded, nursery: trio.Nursery) -> None:
        self.child = child
        self.nursery = nursery
        self._loaded = loaded
        self._specs: Mapping[str, DriverSpec] | None = None
        self._ports: Ports | None = None
        self._opening = trio.Lock()
        self._seats: dict[int, _Seat] = {}

    def take(self, kind: str, id: int, rest: list[Any]) -> None:
        """One frame. A device is known at once, not when its task first runs: the next frame may be about
        it."""
        match kind:
            case "dev_try":
                self.nursery.start_soon(self._try, id, msgspec.msgpack.decode(rest[0], type=wire.Opening))
            case "dev_open":
                opening = msgspec.msgpack.decode(rest[0], type=wire.Opening)
                seat = self._seats[id] = _Seat(self, id, opening)
                self.nursery.start_soon(self._sit, seat)
            case "dev_more":
                if id in self._seats:
                    self._seats[id].more(rest[0])
            case "dev_call":
                number, asked = rest
                call = msgspec.msgpack.decode(asked, type=wire.Asked)
                if number in self._seats:
                    self._seats[number].call(id, call)
                else:
                    self.nursery.start_soon(self.child.send, "failed", id, "down", "the device has ended")
            case "dev_close":
                seat_to_close = self._seats.get(rest[0])
                self.nursery.start_soon(self._close, id, seat_to_close)

    async def ports(self) -> Ports:
        """The shared ports, running."""
        async with self._opening:
            if self._ports is None:
                self._ports = Ports()
                with trio.CancelScope(shield=True):
                    await self.nursery.start(self._ports.run)
        return self._ports

    def make(self, opening: wire.Opening, ports: Ports, **more: Any) -> Any:
        """The device. `ValueError` as its driver says it; whatever else it raises."""
        if self._specs is None:
            self._specs = {spec.name: spec for spec in drivers_in(self._loaded.ask("somc_device_drivers"))}
        spec = self._specs.get(opening.driver)
        if spec is None:
            raise ValueError(f"the plugin brings no driver '{opening.driver}'")
        return spec.make(opening.name, opening.url, opening.options, ports=ports, **more)

    async def _try(self, id: int, opening: wire.Opening) -> None:
        try:
            device = self.make(opening, Ports())
            tried = wire.Tried(terms=wire.write_terms(opening.device_class, device))
        except ValueError as error:
            tried = wire.Tried(refused=str(error)[: wire.MOST_WORDS])
        except Exception as error:
            tried = wire.Tried(refused=f"its driver failed: {said(error)}")
        await self.child.send("done", id, msgspec.msgpack.encode(tried))

    async def _sit(self, seat: _Seat) -> None:
        try:
            await seat.live()
        finally:
            self._seats.pop(seat.number, None)

    async def _close(self, id: int, seat: _Seat | None) -> None:
        if seat is not None:
            seat.scope.cancel()
            await seat.ended.wait()
        await self.child.send("done", id, b"")


class _Seat:
    """One device."""

    def __init__(self, devices: ChildDevices, number: int, opening: wire.Opening) -> None:
        self.number = number
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self._devices = devices
        self._opening = opening
        self._device: Any = None
        self._room = opening.room
        self._turn = Turn()
        self._before = trio.Event()
        """The last call that was asked has begun; at first, that the device is made."""
        self._made = self._before
        self._calls: set[trio.CancelScope] = set()
        self._asked = 0
        """The newest call that has begun, or ended without, and may keep the device busy."""
        self._untold: deque[tuple[Any, ...]] = deque()

    # -- life -------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Make the device and run it, until it is closed or fails."""
        self._devices.nursery.start_soon(self._tell_all)
        try:
            with self.scope:
                if await self._make():
                    await self._run()
        finally:
            self._device = None
            self._made.set()
            for scope in self._calls:
                scope.cancel()
            with trio.CancelScope(shield=True):
                while self._calls:
                    await self._turn.wait()
            self.ended.set()
            self._turn.turn()

    async def _make(self) -> bool:
        try:
            ports = await self._devices.ports()
            device = self._devices.make(self._opening, ports, on_status=self._status)
            terms = wire.write_terms(self._opening.device_class, device)
        except ValueError as error:
            self._tell("refused", str(error)[: wire.MOST_WORDS])
            return False
        except Exception as error:
            self._tell("refused", f"its driver failed: {said(error)}")
            return False
        self._tell("opened", terms)
        self._device = device
        return True

    async def _run(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_idle)
                if (told := wire.EVENTS.get(self._opening.device_class)) is not None:
                    nursery.start_soon(self._hand_over, getattr(self._device, told[0]))
                if self._opening.content is not None:
                    nursery.start_soon(self._show_again, self._opening.content)
                else:
                    self._made.set()
                await self._device.run()
                nursery.cancel_scope.cancel()
            if not self.scope.cancel_called:
                self._tell("failed", "it ended by itself")
        except Exception as error:
            self._tell("failed", _words(error))

    async def _show_again(self, content: wire.Asked) -> None:
        """What it should show, before anything else is asked of it."""
        with suppress(DeviceError, ValueError):  # what it does not take now it did not take then
            places, names = wire.arguments_of(self._opening.device_class, content)
            self._made.set()
            await getattr(self._device, content.method)(*places, **names)
        self._made.set()

    # -- telling ----------------------------------------------------------------------------------

    def _tell(self, what: str, value: Any) -> None:
        self._untold.append(("dev", self.number, what, value))
        self._turn.turn()

    def _status(self, status: DeviceStatus) -> None:
        """The driver's `on_status`: it must not raise, so what is no status is the driver's end."""
        try:
            data = wire.write_status(status)
        except WrongAnswer as error:
            self._tell("failed", str(error))
            self.scope.cancel()
            return
        if sum(frame[2] == "status" for frame in self._untold if frame[0] == "dev") >= MOST_STATUSES:
            oldest = next(f for f in self._untold if f[0] == "dev" and f[2] == "status")
            self._untold.remove(oldest)
        self._tell("status", data)

    async def _tell_all(self) -> None:
        """Say all of it in order, to the last."""
        while True:
            while self._untold:
                await self._devices.child.send(*self._untold.popleft())
            if self.ended.is_set():
                return
            await self._turn.wait()

    def more(self, count: int) -> None:
        """The hall took so many events."""
        self._room += count
        self._turn.turn()

    async def _hand_over(self, channel: trio.MemoryReceiveChannel[Any]) -> None:
        while True:
            while self._room <= 0:
                await self._turn.wait()
            try:
                event = await channel.receive()
            except trio.EndOfChannel:
                return
            self._room -= 1
            self._tell("event", wire.write_event(self._opening.device_class, event))

    async def _watch_idle(self) -> None:
        told = 0
        while True:
            while self._asked == told:
                await self._turn.wait()
            upto = self._asked
            await self._device.wait_idle()
            told = upto
            self._tell("idle", told)

    # -- calls ------------------------------------------------------------------------------------

    def call(self, id: int, asked: wire.Asked) -> None:
        """A call of the hall's; it begins when the one before has begun."""
        scope = trio.CancelScope()
        self._devices.child.calls[id] = scope
        self._calls.add(scope)
        before, self._before = self._before, trio.Event()
        self._devices.nursery.start_soon(self._perform, id, asked, scope, before, self._before)

    async def _perform(
        self, id: int, asked: wire.Asked, scope: trio.CancelScope, before: trio.Event, begun: trio.Event
    ) -> None:
        kind = self._opening.device_class
        frame: tuple[Any, ...] = ("failed", id, "down", "it was cancelled")
        method = wire.method_of(kind, asked.method)
        try:
            places, names = wire.arguments_of(kind, asked)
            with scope:
                await before.wait()
                while any(other.cancel_called for other in self._calls if other is not scope):
                    await self._turn.wait()
                if self._device is None:
                    frame = ("failed", id, "down", "the device has ended")
                else:
                    if asked.method != "wait_idle":
                        self._asked = max(self._asked, id)
                        self._turn.turn()
                    begun.set()
                    frame = ("done", id, await self._outcome(method, asked.method, places, names))
        except WrongAnswer as error:
            frame = ("failed", id, "wrong", str(error))
        except ValueError as error:  # of an argument that its caller cannot have meant
            frame = ("done", id, wire.write_outcome(method, None, error))
        finally:
            begun.set()
            if asked.method != "wait_idle":  # also of one that never began: the hall waits for its end
                self._asked = max(self._asked, id)
            self._calls.discard(scope)
            self._devices.child.calls.pop(id, None)
            self._untold.append(frame)
            self._turn.turn()

    async def _outcome(self, method: wire.Method, name: str, places: list[Any], names: Any) -> bytes:
        try:
            given, error = await getattr(self._device, name)(*places, **names), None
        except Exception as raised:
            given, error = None, raised
        return wire.write_outcome(method, given, error)


def _words(error: Exception) -> str:
    """What a driver failed with, and where: of a group its first."""
    inner: BaseException = error
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return str(inner) if isinstance(inner, WrongAnswer) else said(inner)
