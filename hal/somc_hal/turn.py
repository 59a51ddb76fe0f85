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
        self._event = trio.Event()

    def turn(self) -> None:
        """Wake everybody who waits now."""
        if self._event.statistics().tasks_waiting:
            self._event.set()
            self._event = trio.Event()

    async def wait(self, until: float = math.inf) -> None:
        """Return at the next `turn`, or when Trio's clock reaches `until`."""
        with trio.move_on_at(until):
            await self._event.wait()
