"""A thread that notices when the hall's loop stands still, and names the plugin that holds it.

Nothing in the process can end code that does not give the loop back. But it can be named while it lasts, in
the log and afterwards in the records, and the remedy is `isolation = "process"`.

What must stay true: it costs the loop one callback every `BEAT_S`, and touches nothing of it from its
thread but Trio's own `run_sync_soon`.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog
import trio

__all__ = ["BLOCKED_S", "Block", "Watchdog"]

log = structlog.get_logger(__name__)

BEAT_S = 0.25
BLOCKED_S = 0.25
"""The loop is held up when a beat is so late: customers and devices notice by then."""

TOLD_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Block:
    """The loop stood still; `plugin` held it, in `where`, if one was found on its stack."""

    plugin: str | None
    where: str
    lasted_s: float


class Watchdog:
    """Watches over the loop that `start` is called in. `roots` maps the modules of plugins to their names."""

    def __init__(
        self, roots: Callable[[], Mapping[str, str]], on_block: Callable[[Block], None], blocked_s: float
    ) -> None:
        self._roots = roots
        self._on_block = on_block
        self._blocked_s = blocked_s
        self._stopped = threading.Event()
        self._loop = 0
        self.named: list[str] = []
        """Plugins in the order in which they were named, for tests and `/plugins`."""

    def start(self) -> None:
        """Begin; `stop` at the end."""
        self._loop = threading.get_ident()
        token = trio.lowlevel.current_trio_token()
        threading.Thread(target=self._watch, args=(token,), name="somc watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self, token: trio.lowlevel.TrioToken) -> None:
        while not self._stopped.wait(BEAT_S):
            beaten = threading.Event()
            begun = time.monotonic()
            try:
                token.run_sync_soon(beaten.set)
            except trio.RunFinishedError:
                return
            if beaten.wait(self._blocked_s):
                continue
            plugin, where = self._culprit()
            told_at = 0.0
            while not beaten.wait(0.05):
                if self._stopped.is_set():
                    return
                if plugin is None:
                    plugin, where = self._culprit()
                if time.monotonic() - told_at > TOLD_EVERY_S:
                    told_at = time.monotonic()
                    self._tell(plugin, where, told_at - begun)
            block = Block(plugin, where, time.monotonic() - begun)
            if plugin is not None:
                self.named.append(plugin)
            try:
                token.run_sync_soon(self._on_block, block)
            except trio.RunFinishedError:
                return

    def _tell(self, plugin: str | None, where: str, so_far_s: float) -> None:
        if plugin is None:
            log.warning("the hall's loop stands still", where=where, so_far_s=round(so_far_s, 1))
        else:
            log.error(
                "a plugin holds the hall's loop",
                plugin=plugin,
                where=where,
                so_far_s=round(so_far_s, 1),
                remedy=f'[plugin.{plugin}.host] isolation = "process"',
            )

    def _culprit(self) -> tuple[str | None, str]:
        """The innermost frame of the loop's thread that belongs to a plugin; else the innermost of all."""
        frame = sys._current_frames().get(self._loop)
        innermost = _place(frame)
        roots = self._roots()
        while frame is not None:
            module = str(frame.f_globals.get("__name__", ""))
            while module:
                if module in roots:
                    return roots[module], _place(frame)
                module = module.rpartition(".")[0]
            frame = frame.f_back
        return None, innermost


def _place(frame: FrameType | None) -> str:
    if frame is None:
        return "unknown"
    code = frame.f_code
    return f"{code.co_qualname} ({Path(code.co_filename).name}:{frame.f_lineno})"
