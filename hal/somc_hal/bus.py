"""A polled bus: one port, many addresses, one writer (RS-485, half duplex, master and terminals).

    command that wants an answer ─▶ one-way ─▶ contents ─▶ the poll that is due longest
         round robin over the addresses of the same rank; after `BURST` of them a due poll goes first

What must stay true
- One task writes. A poll is one attempt; nobody waits for a silent address longer than one answer's time.
- Health is kept per address. An address that missed `attempts` polls in a row is offline and is asked
  again after a back-off of its own (first, ×2, … cap, each ± jitter); the others go on meanwhile.
- ONLINE is said of an address when it has answered, never because the port opened.
- Queues are bounded, per address. Cancellation takes effect between frames.
- An address belongs to one device. Two devices share a bus only if they speak the same protocol.

A driver asks `somc_hal.ports.Ports` for the bus of its URL, makes a `Station` of it, and uses that as it
would use a port of its own; `somc_hal.drivers.base.Driver` does both.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import trio

from somc_hal.conversation import Conversation, Gone
from somc_hal.errors import DeviceOffline, DeviceTimeout, OutcomeUnknown, ProtocolFault
from somc_hal.exchange import Exchange
from somc_hal.outbox import Outbox, Slot
from somc_hal.port import MISSING_CAP_S, LinkReport, Timing, ending, is_news, opened_link
from somc_hal.status import DeviceState
from somc_hal.turn import Turn

__all__ = ["BURST", "Bus", "BusCodec", "Station", "StationDialect"]

FrameT = TypeVar("FrameT")

BURST = 8
"""Commands in a row before a poll that is due: a flood of contents must not deafen the bus."""


class BusCodec(Protocol[FrameT]):
    """What all addresses of a bus share: the frames. One instance per bus."""

    @property
    def gap_s(self) -> float:
        """How long the line must have been quiet before the host writes; 0 for full duplex."""

    def opened(self) -> None:
        """A new connection: forget half frames."""

    def feed(self, data: bytes) -> Sequence[FrameT]:
        """Decode. Never raises."""

    def address(self, frame: FrameT) -> int:
        """The terminal that sent this frame, or to which it belongs."""


class StationDialect(Protocol[FrameT]):
    """What one address asks and understands; as `somc_hal.port.Dialect` without the codec."""

    def opened(self) -> None:
        """The address was offline: forget what belongs to its old session."""

    def polls(self) -> Sequence[Exchange[FrameT]]:
        """What to ask when its turn has come. Made with `attempts=1`: the bus repeats a poll in the next
        round, and only the address that missed it waits."""

    def settled(self) -> bool:
        """After an answered poll: whether it is to be believed. Raises `ProtocolFault`."""

    def unasked(self, frame: FrameT) -> bytes:
        """A frame of this address that answers nothing: act on it, and give what to reply (or empty)."""


class Station(Generic[FrameT]):
    """One address of a bus, as a driver sees it: the same calls as `somc_hal.port.Port`.

    `missed` counts unanswered polls in a row. `on_link` is called in the bus's task and must not raise.
    """

    def __init__(
        self,
        bus: Bus[FrameT],
        device: str,
        address: int,
        dialect: StationDialect[FrameT],
        timing: Timing,
        *,
        queue_limit: int,
        on_link: Callable[[LinkReport], None],
        random_source: Callable[[], float] = random.random,
    ) -> None:
        self.address = address
        self.device = device
        self.dialect = dialect
        self.timing = timing
        self.online = False
        self.missed = 0
        self.due_at = -math.inf
        self.outbox: Outbox[FrameT] = Outbox(device, queue_limit, bus.turn, bus.turn.turn)
        self._bus = bus
        self._on_link = on_link
        self._random = random_source
        self._delay_s = timing.backoff_first_s
        self._told: DeviceState | None = None
        """What the bus's outage was told as, while it lasts."""

    @property
    def busy(self) -> bool:
        """Whether anything of this address is queued or unanswered while it is online."""
        return self.online and (self._bus.serving is self or self.outbox.waiting)

    def slot(self) -> Slot[FrameT]:
        """A place for content of which only the newest matters."""
        return self.outbox.slot()

    def again(self) -> None:
        """The device was restarted: send its contents again."""
        self.outbox.again()

    def submit(self, exchange: Exchange[FrameT], *, urgent: bool = False) -> None:
        """Queue a command. Raises `DeviceOffline` or `DeviceBusy` without sending a byte."""
        if not self.online:
            raise DeviceOffline(self.device, f"{exchange.what}: not online")
        self.outbox.submit(exchange, urgent=urgent)

    async def wait_online(self) -> None:
        """Return when the address answers."""
        await trio.lowlevel.checkpoint()
        while not self.online:
            await self._bus.turn.wait()

    async def wait_idle(self) -> None:
        """Return when nothing of this address is queued or unanswered, or it is offline."""
        await trio.lowlevel.checkpoint()
        while self.busy:
            await self._bus.turn.wait()

    async def run(self) -> None:
        """Stand on the bus until cancelled. The first one opens the port, the last one closes it."""
        await self._bus.attend(self)

    # --- for the bus ---------------------------------------------------------------------------

    def heard(self) -> None:
        """It answered: it is online, and is polled again after its heartbeat."""
        self.missed = 0
        self._delay_s = self.timing.backoff_first_s
        self.due_at = trio.current_time() + self.timing.heartbeat_s
        if not self.online:
            self.online = True
            self._told = None
            self._on_link(LinkReport(True, DeviceState.ONLINE))
            self._bus.turn.turn()

    def miss(self) -> None:
        """It did not answer. Once too often, it is offline and waits longer each time."""
        self.missed += 1
        if self.missed < self.timing.attempts:
            self.due_at = trio.current_time()
            return
        self.lose(DeviceState.OFFLINE, f"address {self.address} does not answer")
        self.due_at = trio.current_time() + self.jittered(self._delay_s)
        self._delay_s = min(self._delay_s * 2, self.timing.backoff_cap_s)

    def lose(self, state: DeviceState, why: str, *, line: bool = False) -> None:
        """It does not serve any more, or still not: its commands fail, its contents wait. `line`: the whole
        bus is gone, which is told once for each outage."""
        self.online = False
        self.outbox.lost(why)
        self.dialect.opened()
        if not line or is_news(self._told, state):
            self._on_link(LinkReport(False, state, why))
            self._told = state if line else None
        self._bus.turn.turn()

    def jittered(self, pause_s: float) -> float:
        """A pause, varied so that several buses do not come back in step."""
        return pause_s * (1 + self.timing.jitter * (2 * self._random() - 1))

    def reopened(self) -> None:
        """A new connection of the whole bus: it is asked at once, whatever its back-off was."""
        self.missed = 0
        self._delay_s = self.timing.backoff_first_s
        self.due_at = -math.inf
        self.dialect.opened()


class Bus(Generic[FrameT]):
    """One shared port. Made by `somc_hal.ports.Ports`, which knows the bus of each URL."""

    def __init__(self, url: str, protocol: str, codec: BusCodec[FrameT], home: Callable[[], Any]) -> None:
        self.url = url
        self.protocol = protocol
        self.turn = Turn()
        self.serving: Station[FrameT] | None = None
        self._codec = codec
        self._home = home
        self._stations: dict[int, Station[FrameT]] = {}
        self._running = False
        self._open: trio.CancelScope | None = None
        self._order: list[Station[FrameT]] = []

    @property
    def addresses(self) -> tuple[int, ...]:
        """The addresses that stand on the bus now."""
        return tuple(self._stations)

    async def attend(self, station: Station[FrameT]) -> None:
        """Keep `station` on the bus until cancelled. Where its address is taken it waits, offline."""
        while (owner := self._stations.get(station.address)) is not None:
            station.lose(DeviceState.OFFLINE, f"address {station.address} belongs to {owner.device}")
            await self.turn.wait()
        home = self._home()
        if home is None and self._running:
            raise RuntimeError(f"{self.url} is shared: start `Ports.run` before its devices")
        self._stations[station.address] = station
        self._order.append(station)
        station.reopened()
        self.turn.turn()
        try:
            if self._running:
                await trio.sleep_forever()
            self._running = True
            if home is None:
                await self._run()
            else:
                home.start_soon(self._run)
                await trio.sleep_forever()
        finally:
            del self._stations[station.address]
            self._order.remove(station)
            station.lose(DeviceState.OFFLINE, "stopped")
            if not self._stations and self._open is not None:
                self._open.cancel()

    async def _run(self) -> None:
        """Keep the port connected while anybody stands on the bus."""
        try:
            delay_s = 0.0
            while self._order:
                first = self._order[0]
                with trio.CancelScope() as self._open:
                    gone, served = await self._connection(first.timing)
                    if served or not delay_s:
                        delay_s = first.timing.backoff_first_s
                    for station in tuple(self._order):
                        station.lose(gone.state, str(gone), line=True)
                    missing = gone.state is DeviceState.NO_DEVICE
                    await trio.sleep(first.jittered(min(delay_s, MISSING_CAP_S) if missing else delay_s))
                    delay_s = min(delay_s * 2, first.timing.backoff_cap_s)
        finally:
            self._open = None
            self._running = False

    async def _connection(self, timing: Timing) -> tuple[Gone, bool]:
        """One connection from opening to its end: why it ended, and whether anybody ever answered."""
        try:
            stream = await opened_link(self.url, timing.connect_timeout_s)
        except Gone as closed:
            return closed, False
        self._codec.opened()
        for station in self._order:
            station.reopened()
        served = False
        gone = Gone(DeviceState.OFFLINE, "stopped")
        talk = Conversation(
            stream,
            self.turn,
            self.turn,
            feed=self._codec.feed,
            unasked=self._unasked,
            frame_timeout_s=timing.frame_timeout_s,
            gap_s=self._codec.gap_s,
        )
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk.read)
                try:
                    commands = 0
                    while True:
                        await talk.reply()
                        commands = await self._step(talk, commands)
                        served = served or any(station.online for station in self._order)
                except Gone as reason:
                    gone = reason
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(stream)
        return (await ending(self.url, gone) if served else gone), served

    async def _step(self, talk: Conversation[FrameT], commands: int) -> int:
        """One command, one poll, or a wait for either; the number of commands in a row so far."""
        poll_at = min((station.due_at for station in self._order), default=math.inf)
        ranked = [(one.outbox.rank, one) for one in self._order if one.online]
        # One that fell silent is asked whether it is still there before it gets another command.
        ready = [(rank, one) for rank, one in ranked if rank is not None and one.due_at > -math.inf]
        overdue = poll_at <= trio.current_time()
        if ready and not (overdue and commands >= BURST):
            best = min(rank for rank, _ in ready)
            station = next(station for rank, station in ready if rank == best)
            self._to_the_end(station)
            await self._command(talk, station)
            return commands + 1
        if overdue:
            station = min(self._order, key=lambda one: one.due_at)
            await self._poll(talk, station)
        else:
            await self.turn.wait(poll_at)
        return 0

    def _to_the_end(self, station: Station[FrameT]) -> None:
        """Next time the others of its rank go first."""
        self._order.remove(station)
        self._order.append(station)

    async def _command(self, talk: Conversation[FrameT], station: Station[FrameT]) -> None:
        taken = station.outbox.next()
        if taken is None:
            return
        exchange, slot = taken
        await self._perform(talk, station, exchange, slot)
        if isinstance(exchange.outcome, DeviceTimeout | OutcomeUnknown):
            station.due_at = -math.inf  # is it still there?
        elif exchange.answers and exchange.ended:
            station.missed = 0

    async def _poll(self, talk: Conversation[FrameT], station: Station[FrameT]) -> None:
        for exchange in station.dialect.polls():
            await self._perform(talk, station, exchange, None)
            if self._stations.get(station.address) is not station:
                return
            if isinstance(exchange.outcome, DeviceTimeout | DeviceOffline | OutcomeUnknown):
                station.miss()
                return
        try:
            if station.dialect.settled():
                station.heard()
            else:
                station.due_at = trio.current_time()
        except ProtocolFault as fault:
            station.lose(DeviceState.HARDWARE_ERROR, fault.what)
            station.due_at = trio.current_time() + station.timing.backoff_cap_s

    async def _perform(
        self,
        talk: Conversation[FrameT],
        station: Station[FrameT],
        exchange: Exchange[FrameT],
        slot: Slot[FrameT] | None,
    ) -> None:
        self.serving = station
        try:
            await talk.perform(exchange)
        finally:
            self.serving = None
            if slot is not None:
                slot.landed(exchange)
            self.turn.turn()

    def _unasked(self, frame: FrameT) -> bytes:
        station = self._stations.get(self._codec.address(frame))
        return b"" if station is None else station.dialect.unasked(frame)
