"""What waits to be sent at one port: bounded lanes, and slots that hold only the newest content.

    1 answer    commands somebody waits for (print, speak)        bounded, in order
    2 one-way   commands nobody waits for (beep)                  bounded, in order
    3 slots     what a display should show                        one each, latest wins
    4 polls     not here: the port asks them when the rest is empty

What must stay true: a lower lane is looked at only when the higher ones are empty; nothing grows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import trio

from somc_hal.errors import DeviceBusy, DeviceError, DeviceOffline, DeviceTimeout, OutcomeUnknown
from somc_hal.exchange import Exchange
from somc_hal.status import Truth
from somc_hal.turn import Turn

__all__ = ["Outbox", "Slot"]

FrameT = TypeVar("FrameT")


class Slot(Generic[FrameT]):
    """The content one display should show. Only its newest version is ever sent."""

    def __init__(self, turn: Turn, more: Callable[[], None]) -> None:
        self._turn = turn
        self._more = more
        self._make: Callable[[], Exchange[FrameT]] | None = None
        self._first: Exchange[FrameT] | None = None
        self._flying: tuple[int, Exchange[FrameT]] | None = None
        self.version = 0
        self.tried = 0  # the version that was sent last; 0: none, or forgotten by the device
        self._settled: tuple[int, Truth | DeviceError] = (0, Truth.UNKNOWN)

    @property
    def pending(self) -> bool:
        """Whether the newest content has not been sent since it changed or the device came back."""
        return self._make is not None and self.tried < self.version

    def put(self, make: Callable[[], Exchange[FrameT]], first: Exchange[FrameT] | None = None) -> int:
        """Replace the content; the version that `wait` takes. `first`, just made by `make`, is sent when its
        turn comes."""
        self._make = make
        self._first = first
        self.version += 1
        self._more()
        return self.version

    def again(self) -> None:
        """The device may have forgotten what it showed: send it again."""
        self.tried = 0

    def take(self) -> Exchange[FrameT]:
        """The exchange for the newest content."""
        assert self._make is not None
        exchange = self._first or self._make()
        self._first = None
        self.tried = self.version
        self._flying = (self.version, exchange)
        return exchange

    def landed(self, exchange: Exchange[FrameT]) -> None:
        """Its exchange ended. A refusal settles the version; a loss does not: it is sent again."""
        if self._flying is None or self._flying[1] is not exchange:
            return
        version, self._flying = self._flying[0], None
        outcome = exchange.outcome
        if outcome is None or isinstance(outcome, DeviceOffline | DeviceTimeout | OutcomeUnknown):
            self.tried = 0
        else:
            self._settled = (version, outcome)

    async def wait(self, version: int, timeout_s: float) -> Truth:
        """`YES` or `UNKNOWN` once this version or a newer one was sent, `UNKNOWN` after `timeout_s`.

        Raises the device's refusal of the content.
        """
        if not timeout_s and self._flying is not None and self._flying[0] == version:
            # It went out at once: no turn of the loop is spent on that. Whoever comes again before the device
            # has answered takes the other way, so nobody can hold the loop by showing and showing.
            await trio.lowlevel.checkpoint_if_cancelled()
            return Truth.UNKNOWN
        await trio.lowlevel.checkpoint()
        if timeout_s:
            until = trio.current_time() + timeout_s
            while self._settled[0] < version and trio.current_time() < until:
                await self._turn.wait(until)
        settled, outcome = self._settled
        if settled < version:
            return Truth.UNKNOWN
        if isinstance(outcome, DeviceError):
            raise outcome.with_traceback(None)
        return outcome


class Outbox(Generic[FrameT]):
    """The queues of one port. `limit` is the length of each lane. `more` is called when there is something
    new to send, `turn` is where those wait who want to know what became of it."""

    def __init__(self, device: str, limit: int, turn: Turn, more: Callable[[], None]) -> None:
        self._device = device
        self._limit = limit
        self._turn = turn
        self._more = more
        self._answer: deque[Exchange[FrameT]] = deque()
        self._one_way: deque[Exchange[FrameT]] = deque()
        self._slots: list[Slot[FrameT]] = []

    def slot(self) -> Slot[FrameT]:
        """A new slot; made once per display at construction."""
        slot: Slot[FrameT] = Slot(self._turn, self._more)
        self._slots.append(slot)
        return slot

    def submit(self, exchange: Exchange[FrameT], *, urgent: bool = False) -> None:
        """Queue a command. `DeviceBusy` when its lane is full. `urgent` goes first and always fits:
        only for a command that frees the device (stop speaking), of which there is one at a time."""
        lane = self._answer if exchange.answers else self._one_way
        if urgent:
            lane.appendleft(exchange)
        elif len(lane) >= self._limit:
            raise DeviceBusy(self._device, f"{exchange.what}: {self._limit} commands are waiting already")
        else:
            lane.append(exchange)
        self._more()

    @property
    def waiting(self) -> bool:
        """Whether anything could be sent now."""
        return any(
            not exchange.abandoned for lane in (self._answer, self._one_way) for exchange in lane
        ) or any(slot.pending for slot in self._slots)

    @property
    def rank(self) -> int | None:
        """The lane of what would be sent next: 1 answer wanted, 2 one-way, 3 contents; `None` if nothing."""
        for rank, lane in ((1, self._answer), (2, self._one_way)):
            while lane and lane[0].abandoned:
                lane.popleft()
            if lane:
                return rank
        for slot in self._slots:
            if slot.pending:
                return 3
        return None

    def next(self) -> tuple[Exchange[FrameT], Slot[FrameT] | None] | None:
        """What to send now; abandoned commands are dropped."""
        match self.rank:
            case 1:
                return self._answer.popleft(), None
            case 2:
                return self._one_way.popleft(), None
            case 3:
                return self._newest()
            case _:
                return None

    def next_content(self) -> tuple[Exchange[FrameT], Slot[FrameT]] | None:
        """The content to send now, if nothing goes before it."""
        return self._newest() if self.rank == 3 else None

    def _newest(self) -> tuple[Exchange[FrameT], Slot[FrameT]]:
        slot = next(slot for slot in self._slots if slot.pending)
        # The next look begins behind it, so that two displays on a port take turns.
        self._slots.remove(slot)
        self._slots.append(slot)
        return slot.take(), slot

    def lost(self, why: str) -> None:
        """The connection went away: commands fail, contents wait for the next one."""
        for lane in (self._answer, self._one_way):
            while lane:
                lane.popleft().lost(why)
        self.again()

    def again(self) -> None:
        """The device lost its contents: all slots are sent again."""
        for slot in self._slots:
            slot.again()
        self._more()
