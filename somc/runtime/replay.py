"""The state of a hall from its journal: the newest snapshot, then every record after it.

Replay never decides: events store outcomes. A snapshot is taken when replay would otherwise take over
a second; it is a shortcut and never the truth, so a bad one is passed over.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog

from somc.domain.evolve import evolve
from somc.domain.policy import PolicyKinds
from somc.domain.state import HallState
from somc.errors import StoreCorrupt
from somc.journal.journal import Journal
from somc.runtime.records import event_of
from somc.scheduler.interface import Scheduler
from somc.scheduler.kinds import BUILT_IN

__all__ = ["SNAPSHOT_EVERY", "replay", "save_snapshot"]

log = structlog.get_logger(__name__)

SNAPSHOT_EVERY = 50_000
"""Records, a week of a busy hall. A real day's 7,234 records replay in 0.04 s on a shared core (180,000 a
second), so that a start stays well below a second on a machine a third as fast."""


async def replay(
    journal: Journal, make_scheduler: Callable[[], Scheduler], kinds: PolicyKinds = BUILT_IN
) -> tuple[HallState, int]:
    """The state as of the journal's head, and the `seq` of the snapshot it began with (0: none).

    `StoreCorrupt` names the record that cannot be applied.
    """
    state = await _from_snapshot(journal, make_scheduler, kinds) or HallState(make_scheduler, kinds)
    begun_at = state.seq
    while records := await journal.records_after(state.seq):
        for record in records:
            event = event_of(record)
            try:
                evolve(state, event, record.at)
            except (KeyError, AttributeError, ValueError) as error:
                raise StoreCorrupt(
                    f"record {record.seq} ({record.type}) cannot follow what came before it: {error!r}"
                ) from error
    log.info("replayed", seq=state.seq, snapshot=begun_at)
    return state, begun_at


async def _from_snapshot(
    journal: Journal, make_scheduler: Callable[[], Scheduler], kinds: PolicyKinds
) -> HallState | None:
    """The state of the newest snapshot; `None` if there is none, or it is of another version's shape."""
    snapshot = await journal.load_snapshot()
    if snapshot is None:
        return None
    try:
        return HallState.load(msgspec.json.decode(snapshot[2]), make_scheduler, kinds)
    except (KeyError, TypeError, ValueError) as error:  # msgspec's errors are ValueErrors
        log.warning("snapshot passed over: the journal is replayed instead", seq=snapshot[0], why=repr(error))
        return None


async def save_snapshot(state: HallState, journal: Journal) -> None:
    """Keep the state as it is now, once everything in it is on disk."""
    seq, at, dumped = state.seq, state.at, msgspec.json.encode(state.dump())
    await journal.wait_durable(seq)
    await journal.save_snapshot(seq, at, dumped)
