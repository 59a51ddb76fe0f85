"""When Python's cyclic garbage collector runs in a hall's process, and how long it holds everything up.

A full collection walks every object there is: half a second with 2,000 screens connected, in which nobody is
called. What lives long is therefore frozen (left out of the walk) after the start and after each wave of
connections, and full collections come at quiet moments. Young objects are collected as ever. What was frozen
is looked through again when most of it has gone: a closed connection is freed by its count of references, so
little is there to be found, and it must not cost those who stay half a second.

What must stay true: garbage is found at last, also in a hall that is never quiet; this belongs to a process
of its own (`somc run`), not to a library: it changes the collector of the whole process.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import trio

__all__ = ["PAUSES", "Pauses", "keep_collecting"]

LOOKED_EVERY_S = 5.0
QUIET_AFTER_S = 60.0
"""Between full collections, if the hall is quiet then."""

AT_LATEST_S = 600.0
"""And if it is not."""

WAVE = 100
"""So many more long-lived things (connections) than at the last freeze are worth another one."""

MOST_GONE = 4
"""What was frozen is looked through when no more than a fourth of it is left."""

YOUNG = 10_000
"""Allocations between young collections; Python's own 700 (2,000 since 3.13) cost a tenth of the CPU when
messages come in numbers."""

NEVER = 2**30


@dataclass(slots=True)
class Pauses:
    """How long collections have held the process up, for `/metrics`."""

    count: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0
    _begun_s: float = 0.0

    def note(self, phase: str, info: dict[str, int]) -> None:
        """Called by the collector."""
        if phase == "start":
            self._begun_s = time.perf_counter()
        else:
            took_s = time.perf_counter() - self._begun_s
            self.count += 1
            self.total_s += took_s
            self.longest_s = max(self.longest_s, took_s)


PAUSES = Pauses()
"""Of this process; the collector is the process's too."""


async def keep_collecting(long_lived: Callable[[], int], quiet: Callable[[], bool]) -> None:
    """Freeze and collect for ever. `long_lived` counts what comes in waves, `quiet` says whether nobody would
    feel a pause just now. Cancelled, it gives Python its own ways back."""
    before = gc.get_threshold()
    gc.callbacks.append(PAUSES.note)
    gc.set_threshold(YOUNG, 20, NEVER)
    try:
        gc.collect()
        gc.freeze()
        frozen = last = long_lived()
        collected_s = trio.current_time()
        while True:
            await trio.sleep(LOOKED_EVERY_S)
            count, since_s = long_lived(), trio.current_time() - collected_s
            stands = count == last  # a wave is over when its size stands still
            if stands and count >= frozen + WAVE:
                gc.collect(0)  # the youngest: to look through the wave is to be avoided, and finds nothing
                gc.freeze()
                frozen = count
            elif stands and frozen >= WAVE and count <= frozen // MOST_GONE and quiet():
                gc.unfreeze()
                gc.collect()
                gc.freeze()
                frozen, collected_s = count, trio.current_time()
            elif since_s > AT_LATEST_S or (since_s > QUIET_AFTER_S and quiet()):
                gc.collect()
                collected_s = trio.current_time()
            last = count
    finally:
        gc.callbacks.remove(PAUSES.note)
        gc.set_threshold(*before)
        gc.unfreeze()
