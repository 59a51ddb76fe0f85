"""Where a plugin's own long tasks run: `context.nursery`.

What must stay true: a task that raises is a fault and is started again with growing pauses; a plugin has
`MOST_TASKS` at most; all end with the plugin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from somc.runtime.plugins.ledger import Ledger

__all__ = ["MOST_TASKS", "Tasks", "harmless", "said"]

MOST_TASKS = 200
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
LONG_LIFE_S = 300.0
"""A task that lived so long begins with a short pause again."""


class Tasks:
    """A `Nursery` of the API over one of Trio's."""

    def __init__(self, nursery: trio.Nursery, ledger: Ledger) -> None:
        self._nursery = nursery
        self._ledger = ledger
        self.running = 0

    def start_soon(self, task: Callable[..., Awaitable[Any]], *args: Any, name: str | None = None) -> None:
        """Run `task(*args)` until it returns, or the plugin ends. `RuntimeError` for one too many."""
        if self.running >= MOST_TASKS:
            raise RuntimeError(f"a plugin may have {MOST_TASKS} tasks at a time: end some first")
        self.running += 1
        self._nursery.start_soon(self._keep, task, args, name or getattr(task, "__name__", "task"))

    async def _keep(self, task: Callable[..., Awaitable[Any]], args: tuple[Any, ...], name: str) -> None:
        pause_s = FIRST_PAUSE_S
        try:
            while True:
                begun = trio.current_time()
                try:
                    await task(*args)
                    return
                except BaseException as error:
                    why = harmless(error)
                    self._ledger.fault("task", "raised", f"{name}: {why!r}")
                if trio.current_time() - begun > LONG_LIFE_S:
                    pause_s = FIRST_PAUSE_S
                await trio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            self.running -= 1


def harmless(error: BaseException) -> BaseException:
    """What a plugin raised, if it is its own and no cancellation; a cancellation is raised again.

    `SystemExit` and `KeyboardInterrupt` are a plugin's own too: it does not end the hall.
    """
    if isinstance(error, trio.Cancelled):
        raise error
    if isinstance(error, BaseExceptionGroup):
        cancelled, rest = error.split(trio.Cancelled)
        if cancelled is not None:
            raise cancelled
        assert rest is not None
        return rest
    return error


def said(error: BaseException) -> str:
    """What was raised, in one line, with the place where it was."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
    return f"{error!r}"[:300] + where
