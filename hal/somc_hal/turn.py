"""One small broadcast: everybody who waits is woken when something may have changed.

What must stay true: a waiter looks at the state itself before and after; `turn` says only "look
again". So no wake-up is lost between a look and the wait: there is no await between the two.
"""

from __future__ import annotations

import math

import trio

__all__ = ["Turn"]


class Turn:
    """A condition without a lock, for one event loop."""

    def __init__(self) -> None:
        self._lot = trio.lowlevel.ParkingLot()

    def turn(self) -> None:
        """Wake everybody who waits now."""
        self._lot.unpark_all()

    async def wait(self, until: float = math.inf) -> None:
        """Return at the next `turn`, or when Trio's clock reaches `until`."""
        if until == math.inf:  # a scope with a deadline costs as much as the wait
            await self._lot.park()
            return
        with trio.move_on_at(until):
            await self._lot.park()
