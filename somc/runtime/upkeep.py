"""The hall's own tasks: deadlines that come due, and snapshots of the state."""

from __future__ import annotations

import structlog
import trio

from somc.errors import Overloaded, RuleFailed, ShuttingDown
from somc.runtime.hall import Hall
from somc.runtime.replay import SNAPSHOT_EVERY, save_snapshot

__all__ = ["keep_deadlines", "keep_snapshots"]

log = structlog.get_logger(__name__)

RETRY_S = 60
"""A deadline's rule that failed is tried again after so many seconds, and before each command anyway."""


async def keep_deadlines(hall: Hall) -> None:
    """Have carried out what comes due by itself: the end of the day, alerts, a ticket that comes into sight.

    A timer only wakes this task; what is due is decided by the state. If the door is full the decider
    carries it out before the next command anyway.
    """
    while True:
        changed = hall.due_changed
        due = hall.next_due()
        with trio.CancelScope() as nap:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_when, changed, nap)
                if due is None:
                    await trio.sleep_forever()
                await hall.clock.sleep_until(due)
                nap.cancel()
        if changed.is_set() or due is None:
            continue
        try:
            await hall.carry_out_due()
        except Overloaded:
            await trio.sleep(1)
        except RuleFailed:
            # A fault in what is due must not stop the calling: the decider has logged it.
            await trio.sleep(RETRY_S)
        except ShuttingDown:
            return


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def keep_snapshots(hall: Hall, last_seq: int) -> None:
    """Take a snapshot whenever `SNAPSHOT_EVERY` records have come since the last."""
    while True:
        await hall.journal.wait_beyond(last_seq + SNAPSHOT_EVERY)
        last_seq = hall.state.seq
        await save_snapshot(hall.state, hall.journal)
        log.info("snapshot", seq=last_seq)
