"""The committer: the one task that writes, and what makes group commit.

Works gather in a bounded queue while a commit runs; the committer takes them all (up to a bound),
writes them in one transaction with one sync, and only then sets their events, in order.

What must stay true: nobody else touches the writing connection; a work is either committed whole or
not at all; after one failed batch nothing is ever committed again (fail-stop), because what a
later batch builds on is not there; a commit under way is never cancelled, and a cancelled committer
first writes what was queued.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import apsw
import trio

from somc.errors import ShuttingDown, StoreError, UsageError
from somc.journal.connection import BUSY_MS, Connection
from somc.journal.sql import transaction

__all__ = ["Committer", "Stats", "Work"]

QUEUE_MOST = 4096
"""Works that may wait: some seconds of the fastest hall; above that `put` waits."""

BATCH_MOST = 1024
"""Works in one transaction: past this the sync is paid for long ago, and latency only grows."""

LULL_S = 1.0
"""How long a follower's position may wait for a batch to ride on."""


SCRUB_PATIENCE_MS = 250
"""How long an erasure waits for readers before it leaves the WAL to the next checkpoint."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What the committer did since it was opened. A commit is one transaction and one sync."""

    commits: int = 0
    works: int = 0
    records: int = 0
    largest_batch: int = 0
    last_commit_s: float = 0.0
    total_commit_s: float = 0.0
    queued: int = 0


@dataclass(slots=True, eq=False)
class Work:
    """Something to write within a batch.

    `write` runs in the connection's thread inside the transaction; `committed` in the Trio loop after
    the sync, before anybody is released. Neither may fail for reasons other than the store.
    """

    write: Callable[[apsw.Connection], None]
    committed: Callable[[], None] | None = None
    records: int = 0
    scrub: bool = False
    """What it deleted shall not linger in the WAL either."""
    durable: bool = False
    done: trio.Event = field(default_factory=trio.Event)


class Committer:
    """Owns the writing connection. `late` is asked with every batch for what may ride on it."""

    def __init__(self, connection: Connection, late: Callable[[], Work | None]) -> None:
        self._connection = connection
        self._late = late
        self._lull_at: float | None = None
        self._gathering = trio.CancelScope()
        """Around the wait for work; its deadline is the lull's end."""
        self._queue: deque[Work] = deque()
        self._room = trio.lowlevel.ParkingLot()
        self._wake = trio.Event()
        self._idle = trio.Event()
        self._idle.set()
        self._committing = False
        self._running = False
        self._closing = False
        self._stopped: Exception | None = None
        self._stats = Stats()
        self.on_commit: Callable[[], None] | None = None
        self.on_stop: Callable[[], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a work is queued or being committed."""
        return self._committing or bool(self._queue)

    def stats(self) -> Stats:
        """What was committed since the journal was opened, and what waits now."""
        return replace(self._stats, queued=len(self._queue))

    async def wait_idle(self) -> None:
        """Return when nothing is queued or being committed, or will ever be."""
        while self.busy:
            await self._idle.wait()
        await trio.lowlevel.checkpoint()

    def check(self) -> None:
        """Raise what stopped the committer: a StoreError, or ShuttingDown after a clean stop."""
        if isinstance(self._stopped, StoreError):
            # Each caller gets its own: a shared exception would gather everybody's traceback.
            raise type(self._stopped)(str(self._stopped)) from self._stopped
        if self._stopped is not None:
            raise ShuttingDown("the journal is closed for writing")

    def _check_open(self) -> None:
        self.check()
        if self._closing:
            raise ShuttingDown("the journal is being closed")

    async def put(self, work: Callable[[], Work]) -> Work:
        """Queue what `work` makes; waits only while the queue is full. Cancelled means not queued.

        `work` is called once there is room, without an await before it is queued, so what it checks
        still holds. Raises what stopped the committer.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check_open()
        while len(self._queue) >= QUEUE_MOST:
            await self._room.park()
            self._check_open()
        made = work()
        self._queue.append(made)
        if self._idle.is_set():
            self._idle = trio.Event()
        self._wake.set()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return made

    async def put_durable(self, work: Work) -> None:
        """Queue `work` and return when it is synced. Cancelling the wait does not undo the work."""
        await self.put(lambda: work)
        await self.wait(work)

    async def wait(self, work: Work) -> None:
        """Return when `work` is synced; raise what stopped the committer before that."""
        await work.done.wait()
        if not work.durable:
            self.check()

    def expect_lull(self) -> None:
        """Something may be written late: with the next batch, or after `LULL_S` without one."""
        if self._lull_at is None:
            self._lull_at = trio.current_time() + LULL_S
            self._gathering.deadline = self._lull_at  # moved, so that the committer need not wake for it

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Commit until cancelled. Raises StoreError when a batch fails, and never commits again."""
        self.check()
        if self._running:
            raise UsageError("this journal is being run already: `run` is for one task")
        self._running = True
        task_status.started()
        try:
            while True:
                await self._gather()
                with trio.CancelScope(shield=True):
                    await self._commit()
        except trio.Cancelled:
            self._closing = True
            with trio.CancelScope(shield=True):
                while self._queue or self._lull_at is not None:
                    await self._commit()
            raise
        finally:
            self._stop(self._stopped or ShuttingDown())

    async def _gather(self) -> None:
        while not self._queue:
            lull_end = math.inf if self._lull_at is None else self._lull_at
            with trio.CancelScope(deadline=lull_end) as self._gathering:
                await self._wake.wait()
            if self._gathering.cancelled_caught:
                return
            self._wake = trio.Event()

    async def _commit(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_MOST))]
        self._lull_at = None
        late = self._late()
        if late is not None:
            batch.append(late)
        if not batch:
            return
        self._committing = True
        if self._idle.is_set():  # a batch of late work alone was never queued
            self._idle = trio.Event()
        began = time.perf_counter()  # a measurement for /metrics; nothing is decided by it
        try:
            await self._connection.run(_write, batch)
        except Exception as error:
            failure = error if isinstance(error, StoreError) else StoreError(f"a batch failed: {error!r}")
            self._stopped = failure
            for work in batch:
                work.done.set()
            raise failure from error.__cause__
        finally:
            self._committing = False
        self._count(batch, time.perf_counter() - began)
        for work in batch:
            if work.committed is not None:
                work.committed()
            work.durable = True
            work.done.set()
        if self.on_commit is not None:
            self.on_commit()
        self._room.unpark(count=len(batch))
        if not self._queue:
            self._idle.set()

    def _count(self, batch: list[Work], took_s: float) -> None:
        was = self._stats
        self._stats = Stats(
            commits=was.commits + 1,
            works=was.works + len(batch),
            records=was.records + sum(work.records for work in batch),
            largest_batch=max(was.largest_batch, len(batch)),
            last_commit_s=took_s,
            total_commit_s=was.total_commit_s + took_s,
        )

    def _stop(self, reason: Exception) -> None:
        self._stopped = reason
        for work in self._queue:
            work.done.set()
        self._queue.clear()
        self._room.unpark_all()
        self._idle.set()
        if self.on_stop is not None:
            self.on_stop()


def _write(connection: apsw.Connection, batch: list[Work]) -> None:
    with transaction(connection, "IMMEDIATE"):
        for work in batch:
            work.write(connection)
    if any(work.scrub for work in batch):
        _scrub(connection)


def _scrub(connection: apsw.Connection) -> None:
    """Write the WAL back and cut it. What is deleted is sealed, so a reader in the way is no failure."""
    connection.set_busy_timeout(SCRUB_PATIENCE_MS)
    with contextlib.suppress(apsw.BusyError, apsw.LockedError, apsw.FullError, apsw.IOError):
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.set_busy_timeout(BUSY_MS)
