"""Where the hall's time comes from. Everything below the runtime is handed `now`.

The wall clock may be set back or forward while a hall runs: the runtime takes the later of the clock
and the last record, and sleeping is done in short pieces, so that a clock set forward is noticed.
"""

from __future__ import annotations

import time
from typing import Protocol

import trio

__all__ = ["Clock", "SystemClock"]

LONGEST_NAP_S = 5.0
"""A wall clock that was set forward is noticed after so many seconds at the latest."""


class Clock(Protocol):
    """Unix milliseconds, and a way to wait for them."""

    @property
    def speed(self) -> float:
        """Hall seconds per real second: 1 except in example halls."""

    def now_ms(self) -> int:
        """The hall's time, in Unix milliseconds."""

    async def sleep_until(self, at_ms: int) -> None:
        """Return when `now_ms() >= at_ms`."""


class SystemClock:
    """The wall clock, or, for an example hall, one that runs `speed` times as fast from `start_ms` on."""

    def __init__(self, *, speed: float = 1.0, start_ms: int | None = None) -> None:
        self._speed = speed
        self._base_ns = time.time_ns()
        self._start_ms = self._base_ns // 1_000_000 if start_ms is None else start_ms
        self._plain = speed == 1.0 and start_ms is None

    @property
    def speed(self) -> float:
        return self._speed

    def now_ms(self) -> int:
        if self._plain:
            return time.time_ns() // 1_000_000
        return self._start_ms + int((time.time_ns() - self._base_ns) * self._speed) // 1_000_000

    async def sleep_until(self, at_ms: int) -> None:
        while (left_ms := at_ms - self.now_ms()) > 0:  # noqa: ASYNC110 - time itself is awaited, no event
            await trio.sleep(min(left_ms / 1000 / self._speed, LONGEST_NAP_S))
