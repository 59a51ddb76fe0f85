"""A device of the hall whose driver works in its plugin's own process: what all classes share.

What must stay true
- It is made, asked and listened to like any device, whether its process is there or not; what it can was
  learned before it was made (`RemoteSpec.learn`).
- Its status is its driver's, and while there is no process it says so and why.
- An event is handed over by the driver only when there is room for it here: a device that is not read keeps
  the rest. What the driver has acknowledged and not handed over is lost with its process, as it is lost with
  the hall's where the driver works there.
- Whoever waits for it may go at any time; its driver is cancelled then, and nobody waits for that.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, cast

import trio

from somc.runtime.plugins import device_wire as wire
from somc.runtime.plugins.board import Board, Late, Life, Lost, NotSent
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import DriverSpec
from somc_hal.errors import DeviceOffline, Unsupported
from somc_hal.status import DeviceState, DeviceStatus, Truth
from somc_hal.turn import Turn

__all__ = ["GRACE_S", "RemoteDevice", "ShowingDevice"]

GRACE_S = 1.0
"""How long an answer may take beyond what the device itself was given: its process has its own work."""

USUAL_ROOM = 64
"""Events kept here for a reader that is behind, where the driver has no option that says how many."""


class RemoteDevice:
    """Base of all classes. `options` are as configured; `on_status` must not raise and not wait."""

    def __init__(
        self,
        board: Board,
        spec: DriverSpec,
        name: str,
        url: str,
        options: Mapping[str, Any],
        on_status: Callable[[DeviceStatus], None],
    ) -> None:
        self.spec = spec
        self.options = options
        self.terms = board.terms(spec.name, options)
        self.content: wire.Asked | None = None
        """What it should show; sent again to every new process."""
        self.turn = Turn()
        self._board = board
        self._name = name
        self._url = url
        self._on_status = on_status
        self._life: Life | None = None
        self._ended = trio.Event()
        self._failure = ""
        self._status = DeviceStatus(name, DeviceState.OFFLINE, Truth.NO, detail="not started")
        self._channel = _Told(self._room_of(options), self._taken)

    # -- as every device --------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._name

    @property
    def url(self) -> str:
        return self._url

    @property
    def device_class(self) -> DeviceClass:
        return self.spec.device_class

    @property
    def capabilities(self) -> Any:
        return self.terms.capabilities

    @property
    def keeps_events(self) -> bool:
        """Whether the device keeps what it has to tell until it is acknowledged."""
        return self.terms.keeps_events

    @property
    def tells_restart(self) -> bool:
        """Whether it shows that it was switched off and on."""
        return self.terms.tells_restart

    @property
    def status(self) -> DeviceStatus:
        return self._status

    @property
    def busy(self) -> bool:
        life = self._life
        return life is not None and self._status.serving and life.idle < life.asked

    async def wait_idle(self) -> None:
        await trio.lowlevel.checkpoint()
        life = self._life
        if life is not None and self._status.serving:
            try:
                await self._board.call(life, "wait_idle", (), {}, math.inf)
            except (NotSent, Lost):
                return  # what is away is not busy
        while self.busy:
            await self.turn.wait()

    async def wait_online(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self._status.serving:
            await self.turn.wait()

    async def wait_not_online(self) -> None:
        """Return when the device does not serve."""
        await trio.lowlevel.checkpoint()
        while self._status.serving:
            await self.turn.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """As the interface says. `DriverFailed` when its driver failed: to be run again after a pause."""
        self._ended = trio.Event()
        self._board.enter(self)
        task_status.started()
        try:
            await self._ended.wait()
            raise wire.DriverFailed(f"{self._name}: its driver failed in its process: {self._failure}")
        finally:
            life, self._life = self._life, None
            with trio.CancelScope(shield=True):
                await self._board.leave(self, life)
            self._say(DeviceStatus(self._name, DeviceState.OFFLINE, Truth.NO, detail="stopped"))

    # -- for the board ----------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many events may be handed over."""
        return self._channel.room

    def opening(self, life: Life) -> None:
        """There is a process, and the driver is being made there."""
        self._life = life
        self.turn.turn()

    def lost(self, state: DeviceState, why: str) -> None:
        """There is no process."""
        self._life = None
        self._say(DeviceStatus(self._name, state, Truth.NO, detail=why))

    def told(self, status: DeviceStatus) -> None:
        """The driver's status."""
        self._say(status)

    def refused(self, why: str) -> None:
        """The driver does not take its place or its options, as they are now."""
        self._life = None
        self._say(DeviceStatus(self._name, DeviceState.HARDWARE_ERROR, Truth.NO, detail=why))

    def failed(self, why: str) -> None:
        """The driver failed: `run` ends."""
        self._life = None
        self._failure = why
        self._ended.set()

    def happened(self, event: Any) -> None:
        """An event of the device. `ValueError` if there is no room: the process knows how much there is."""
        self._channel.put(event)

    # -- for the classes --------------------------------------------------------------------------

    def _say(self, status: DeviceStatus) -> None:
        if status != self._status:
            self._status = status
            self._on_status(status)
        self.turn.turn()

    def _taken(self) -> None:
        if self._life is not None:
            self._board.more(self._life, 1)

    def _room_of(self, options: Mapping[str, Any]) -> int:
        """As many events as the driver itself would keep for a reader that is behind."""
        for key in ("key_buffer", "event_buffer"):
            if key in self.spec.options_schema:
                return int(options.get(key, self.spec.options_schema[key].default))
        return USUAL_ROOM

    def _require(self, declared: bool, what: str) -> None:
        if not declared:
            raise Unsupported(self._name, f"{what} is not among its capabilities")

    def _offline(self, what: str) -> DeviceOffline:
        return DeviceOffline(self._name, f"{what}: {self._status.detail or 'its process is away'}")

    async def _await_life(self, what: str, timeout_s: float) -> tuple[Life, float]:
        """The process's own device, and what is left of `timeout_s`. `DeviceOffline`."""
        await trio.lowlevel.checkpoint()
        until = trio.current_time() + timeout_s
        while self._life is None:
            if trio.current_time() >= until:
                raise self._offline(what)
            await self.turn.wait(until)
        return self._life, max(0.0, until - trio.current_time())

    async def _ask(self, life: Life, method: str, *places: Any, within_s: float, **names: Any) -> Any:
        """What the driver's own method gives; raises what it raises, `NotSent`, `Lost`, `Late`."""
        return await self._board.call(life, method, places, names, within_s)

    async def _now(self, method: str, *places: Any, within_s: float, **names: Any) -> Any:
        """For what is not kept for later: as `_ask`; `DeviceOffline` where the process is not there, or goes
        meanwhile."""
        life, _ = await self._await_life(method, 0.0)
        try:
            return await self._ask(life, method, *places, within_s=within_s, **names)
        except (NotSent, Lost) as error:
            raise DeviceOffline(self._name, f"{method}: {error}") from None


class ShowingDevice(RemoteDevice):
    """Base of what keeps a content: displays, keypads, lamps, screens."""

    async def _show(self, method: str, *places: Any, wait_s: float, **names: Any) -> Truth:
        content = wire.encoded(method, places, {**names, "wait_s": 0.0})
        before, self.content = self.content, content
        await trio.lowlevel.checkpoint()
        life = self._life
        if life is None or self.content is not content:
            return Truth.UNKNOWN  # it is sent when its process is there; a newer one has its own sender
        try:
            shown = await self._ask(life, method, *places, **names, wait_s=wait_s, within_s=wait_s + GRACE_S)
        except (NotSent, Lost, Late):
            return Truth.UNKNOWN
        except (Unsupported, ValueError):
            if self.content is content:
                self.content = before  # what the driver never took is not what it should show
            raise
        return cast(Truth, shown)


class _Told:
    """The hall's end of what a device tells: a bounded channel that says when something was taken from it.

    It stands for a `trio.MemoryReceiveChannel`, which nobody can derive from."""

    def __init__(self, most: int, on_taken: Callable[[], None]) -> None:
        self._in, self._out = trio.open_memory_channel[Any](most)
        self._most = most
        self._untaken = 0  # also what a reader has been woken for and has not got yet
        self._on_taken = on_taken

    @property
    def room(self) -> int:
        return self._most - self._untaken

    def put(self, event: Any) -> None:
        if not self.room:
            raise ValueError("it tells more than there is room for")
        self._untaken += 1
        self._in.send_nowait(event)

    def statistics(self) -> trio.MemoryChannelStatistics:
        return self._out.statistics()

    def receive_nowait(self) -> Any:
        return self._taken(self._out.receive_nowait())

    async def receive(self) -> Any:
        return self._taken(await self._out.receive())

    def _taken(self, event: Any) -> Any:
        self._untaken -= 1
        self._on_taken()
        return event

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            yield await self.receive()
