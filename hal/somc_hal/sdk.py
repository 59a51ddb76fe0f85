"""A vendor's shared library behind a device: cffi in ABI mode, one blocking call at a time, in a thread.

    sdk = Sdk(Path("libled.so"), "int led_ping(int handle);", name="led")
    answer = await sdk.call("led_ping", 7, timeout_s=2.0)

What must stay true
- A library is loaded once a process and is called by one thread at a time, whatever number of devices use it:
  few vendors' libraries bear more.
- The loop never waits in C. A call cannot be interrupted: whoever is cancelled or runs out of time leaves
  at once, the thread ends when the library lets it, and until then nobody else gets in (`SdkStuck`).
- `SdkPort` keeps such a device like a port: connect, ask, serve, back-off; one writer; ONLINE only when
the device
  answered.

The library runs in its driver's process: one that crashes takes that with it. Whoever does not trust it lets
the plugin work in a process of its own (`isolation = "process"`).
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import trio
from cffi import FFI

from somc_hal.errors import DeviceOffline, ProtocolFault
from somc_hal.exchange import Exchange
from somc_hal.outbox import Outbox, Slot
from somc_hal.port import LinkReport, Timing, is_news
from somc_hal.status import DeviceState, Truth
from somc_hal.turn import Turn

__all__ = ["Sdk", "SdkCall", "SdkPort", "SdkSession", "SdkStuck"]

_limiters: dict[Path, trio.CapacityLimiter] = {}
"""By library, not by `Sdk`: two drivers of one vendor share its one door."""


class SdkStuck(Exception):
    """The library has not returned from a call in time; the text says which."""


class Sdk:
    """One shared library. Making it loads nothing; `load` and `call` do, in the library's thread."""

    def __init__(self, path: Path, cdef: str, *, name: str) -> None:
        self.path = path
        self.name = name
        self.ffi = FFI()
        self.ffi.cdef(cdef)
        self._library: Any = None
        self._limiter = _limiters.setdefault(path.absolute(), trio.CapacityLimiter(1))
        self._calling = ""

    async def load(self) -> None:
        """Load the library. `OSError` if it is missing or of another machine."""
        if self._library is None:
            self._library = await trio.to_thread.run_sync(
                self.ffi.dlopen, str(self.path), limiter=self._limiter
            )

    async def call(self, function: str, *args: Any, timeout_s: float) -> Any:
        """Call `function`. `SdkStuck` if the library has not returned within `timeout_s`, or has not
        returned from an earlier call by then; `AttributeError` if it has no such function; `OSError` as
        `load`."""
        await self.load()
        called = getattr(self._library, function)

        def run() -> Any:
            self._calling = function
            try:
                return called(*args)
            finally:
                self._calling = ""

        with trio.move_on_after(timeout_s):
            return await trio.to_thread.run_sync(run, limiter=self._limiter, abandon_on_cancel=True)
        raise SdkStuck(f"{self.name}: {self._calling or function} has not returned within {timeout_s:g} s")


class SdkSession(ABC):
    """What a driver does with its vendor's library. Each method may raise `OSError` or `SdkStuck`: the
    device is gone then, and the port connects again later."""

    @abstractmethod
    async def connect(self) -> None:
        """Open the device."""

    @abstractmethod
    async def ask(self) -> None:
        """Make sure that it answers. `ProtocolFault` if it is not what it should be."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Close it. Called after every `connect`, also one that failed or whose device is gone."""


class SdkCall(Exchange[Any]):
    """A command that is one call. `perform` raises `OSError`, `SdkStuck` or a `DeviceError`."""

    def __init__(
        self, device: str, what: str, perform: Callable[[], Any], *, at_most_once: bool = False
    ) -> None:
        super().__init__(device, what, timeout_s=0.0, at_most_once=at_most_once)
        self.perform = perform

    def frames(self) -> Sequence[bytes]:
        return ()

    def hears(self, frame: Any) -> bool:
        return False


class SdkPort:
    """As `somc_hal.port.Port`, over a session instead of a stream."""

    def __init__(
        self,
        device: str,
        session: SdkSession,
        timing: Timing,
        *,
        queue_limit: int,
        on_link: Callable[[LinkReport], None],
        random_source: Callable[[], float] = random.random,
    ) -> None:
        self._device = device
        self._session = session
        self._timing = timing
        self._on_link = on_link
        self._random = random_source
        self._turn = Turn()
        self._outbox: Outbox[Any] = Outbox(device, queue_limit, self._turn, self._turn.turn)
        self._current: Exchange[Any] | None = None
        self.online = False

    @property
    def busy(self) -> bool:
        """Whether anything is queued or being called while the device is online."""
        return self.online and (self._current is not None or self._outbox.waiting)

    def slot(self) -> Slot[Any]:
        """A place for content of which only the newest matters."""
        return self._outbox.slot()

    def again(self) -> None:
        """The device was restarted: send its contents again."""
        self._outbox.again()

    def submit(self, exchange: Exchange[Any], *, urgent: bool = False) -> None:
        """Queue a command. Raises `DeviceOffline` or `DeviceBusy` without calling anything."""
        if not self.online:
            raise DeviceOffline(self._device, f"{exchange.what}: not online")
        self._outbox.submit(exchange, urgent=urgent)

    async def wait_online(self) -> None:
        """Return when the device answers."""
        await trio.lowlevel.checkpoint()
        while not self.online:
            await self._turn.wait()

    async def wait_idle(self) -> None:
        """Return when nothing is queued or being called, or the device is offline."""
        await trio.lowlevel.checkpoint()
        while self.busy:
            await self._turn.wait()

    async def run(self) -> None:
        """Keep the device connected until cancelled."""
        timing = self._timing
        delay_s = timing.backoff_first_s
        told: DeviceState | None = None
        while True:
            state, why, served = await self._connection()
            if served:
                delay_s = timing.backoff_first_s
                told = None
            if is_news(told, state):
                told = state
                self._on_link(LinkReport(False, state, why))
            await trio.sleep(delay_s * (1 + timing.jitter * (2 * self._random() - 1)))
            delay_s = min(delay_s * 2, timing.backoff_cap_s)

    async def _connection(self) -> tuple[DeviceState, str, bool]:
        state, why, served = DeviceState.OFFLINE, "stopped", False
        try:
            await self._session.connect()
            await self._session.ask()
            served = self.online = True
            self._on_link(LinkReport(True, DeviceState.ONLINE))
            self._turn.turn()
            await self._serve()
        except FileNotFoundError as error:
            state, why = DeviceState.NO_DEVICE, str(error)
        except (OSError, SdkStuck) as error:
            why = str(error)
        except ProtocolFault as fault:
            state, why = DeviceState.HARDWARE_ERROR, fault.what
        finally:
            self.online = False
            self._outbox.lost(why)
            self._turn.turn()
            with trio.CancelScope(shield=True):
                await self._session.disconnect()
        return state, why, served

    async def _serve(self) -> None:
        heard_at = trio.current_time()
        while True:
            taken = self._outbox.next()
            if taken is not None:
                await self._perform(*taken)
                heard_at = trio.current_time()
            elif trio.current_time() >= heard_at + self._timing.heartbeat_s:
                await self._session.ask()
                heard_at = trio.current_time()
            else:
                await self._turn.wait(heard_at + self._timing.heartbeat_s)

    async def _perform(self, exchange: Exchange[Any], slot: Slot[Any] | None) -> None:
        assert isinstance(exchange, SdkCall)
        self._current = exchange
        exchange.begun = True
        try:
            # A device that refuses raises its DeviceError, which is the caller's and no end of the session.
            await exchange.perform()
            exchange.end(Truth.YES)
        except ProtocolFault as fault:
            exchange.end(fault)
        except BaseException as error:
            exchange.lost(str(error) or "stopped")
            raise
        finally:
            self._current = None
            if slot is not None:
                slot.landed(exchange)
            self._turn.turn()
