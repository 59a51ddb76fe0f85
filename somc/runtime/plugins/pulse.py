"""The pulse of a plugin's own process: a thread beside the loop that ends the process when the loop stands
still, and when the hall is gone.

What must stay true
- It counts its own ticks and reads no clock: on a loaded machine thread and loop wait for the processor
  alike, so a process that is only slow is not taken for one that is blocked.
- It works whatever the loop does. Only code that holds Python's lock without end stops it too: the hall sees
  that by itself, as unanswered pings.
"""

from __future__ import annotations

import os
import threading
import time

import trio

__all__ = ["BLOCKED_EXIT", "Pulse"]

BLOCKED_EXIT = 75
"""How a process ends whose loop is blocked; the hall knows it by that."""

TICK_S = 0.25
BLOCKED_TICKS = 6
"""A loop that has done nothing for so many ticks is blocked: 1.5 s, and longer under load."""


class Pulse:
    """Watches for the hall's end from `start` on, and over the loop from `watch` on."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._missed = 0
        self._loop: trio.lowlevel.TrioToken | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def watch(self) -> None:
        """From within the loop, once the plugin is loaded: what it imports may take its time."""
        self._loop = trio.lowlevel.current_trio_token()

    def _beat(self) -> None:
        self._missed = 0

    def _run(self) -> None:
        while True:
            time.sleep(TICK_S)
            if os.getppid() != self._parent:
                os._exit(1)
            if self._loop is None:
                continue
            if self._missed >= BLOCKED_TICKS:
                os._exit(BLOCKED_EXIT)
            self._missed += 1
            try:
                self._loop.run_sync_soon(self._beat, idempotent=True)
            except trio.RunFinishedError:
                return
