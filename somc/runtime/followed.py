"""A hall as a process sees it that does not decide: its state, kept by following the journal.

What must stay true: it is read as a `Hall` is read, a moment behind the deciding process; nothing is ever
decided, written or due here.
"""

from __future__ import annotations

from typing import Any, NoReturn

import trio

from somc.domain.evolve import evolve
from somc.domain.refusals import Refusal
from somc.errors import ShuttingDown, StoreCorrupt
from somc.runtime.clock import SystemClock
from somc.runtime.hall import Decided, Hall, Replayed
from somc.runtime.records import event_of

__all__ = ["FollowedClock", "FollowedHall"]

AT_ONCE = 200
"""Records applied without a checkpoint: some milliseconds."""


AT_VARIANCE_MS = 500
"""Two processes of one machine read one clock; only a hall whose time runs otherwise is further off."""


class FollowedClock:
    """A `Clock` that shows what the hall's own shows, as far as it has been told."""

    def __init__(self) -> None:
        self._clock = SystemClock()

    @property
    def speed(self) -> float:
        return self._clock.speed

    def now_ms(self) -> int:
        return self._clock.now_ms()

    async def sleep_until(self, at_ms: int) -> None:
        await self._clock.sleep_until(at_ms)

    def follow(self, now_ms: int, speed: float) -> None:
        """The hall's clock showed this a moment ago."""
        if speed != self.speed or abs(now_ms - self.now_ms()) > AT_VARIANCE_MS * speed:
            self._clock = SystemClock(speed=speed, start_ms=now_ms)


class FollowedHall(Hall):
    """The hall of another process, over a journal that is open for reading only."""

    async def follow(self) -> NoReturn:
        """Apply what is recorded, for ever. `StoreCorrupt` names a record that cannot be applied: this
        process is of an older version, or its state is wrong; started anew, it replays."""
        while True:
            await self.journal.wait_beyond(self.state.seq)
            for record in await self.journal.records_after(self.state.seq, AT_ONCE):
                try:
                    evolve(self.state, event_of(record), record.at)
                except (KeyError, AttributeError, ValueError) as error:
                    raise StoreCorrupt(
                        f"record {record.seq} ({record.type}) cannot follow what came before it: {error!r}"
                    ) from error

    async def wait_followed(self, seq: int) -> None:
        """Return when record `seq` is in the state."""
        while self.state.seq < seq:
            await self.journal.wait_beyond(self.state.seq)
            await trio.lowlevel.checkpoint()

    async def submit(self, *command: Any, **more: Any) -> Decided[Any] | Replayed | Refusal:
        raise ShuttingDown("this process only reads: commands go to the hall's own")

    async def carry_out_due(self) -> None:
        raise ShuttingDown("this process only reads: what is due is done by the hall's own")
