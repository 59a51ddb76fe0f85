"""What has happened, told to each plugin that follows it: one reader for all, one task and position each.

    journal ──▶ reader: looks at each record's type once ──▶ wakes the followers that want it
                                                            └─ each: its own page, its own position

What must stay true
- At least once, in order: a position is never ahead of what the plugin has done with.
- A follower that wants nothing of a record is not woken by it, so that plugins that only wait cost nothing.
- A record that fails `ATTEMPTS` times is passed over, with a record that says so; no other follower waits.
- After an absence a follower goes on where it stopped, or skips by its own declared rule; one that is new
  begins at the moment it was enabled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

from somc.api import About
from somc.api import Record as Shown
from somc.journal.journal import Journal
from somc.journal.record import Record
from somc.runtime.plugins.ledger import HookFailed

__all__ = ["ATTEMPTS", "RECORD_S", "Follower", "Followers"]

log = structlog.get_logger(__name__)

RECORD_S = 30.0
"""How long one record may take."""

ATTEMPTS = 3
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0

PAGE = 500
NOTED_EVERY_S = 5.0
"""How often the positions of followers that were passed by are noted."""

ALL = "#"


class Follower:
    """One plugin's place in the journal. `run` is its task."""

    def __init__(
        self,
        plugin: str,
        about: About,
        journal: Journal,
        tell: Callable[[Shown], Awaitable[None]],
        show: Callable[[Record], Shown],
        passed_over: Callable[[Record, str], Awaitable[None]],
        now: Callable[[], int],
    ) -> None:
        self.plugin = plugin
        self.key = f"plugin:{plugin}"
        self.types = frozenset(about.follows)
        self.position = 0
        """The last record that it has done with."""
        self.told = 0
        self.skipped = 0
        self._about = about
        self._journal = journal
        self._tell = tell
        self._show = show
        self._passed_over = passed_over
        self._now = now
        self._wanted = 0
        self._woken = trio.Event()

    def wants(self, record: Record) -> bool:
        return ALL in self.types or record.type in self.types

    def begin(self) -> None:
        """Find its place: where it stopped, or the end of the journal if it is new or skips absences."""
        stored = self._journal.position(self.key)
        head = self._journal.head
        if stored == 0 or stored > head or self._about.catch_up == "skip":
            self.position = head
            self._journal.note_position(self.key, head)
        else:
            self.position = stored
            self.wake(head)

    def wake(self, seq: int) -> None:
        """There is something for it up to `seq`."""
        self._wanted = max(self._wanted, seq)
        self._woken.set()

    @property
    def idle(self) -> bool:
        """Whether it has seen all that it was woken for."""
        return self._wanted <= self.position

    def passed_by(self, seq: int) -> None:
        """Nothing up to `seq` is for it, unless it was woken for something."""
        if self.idle and seq > self.position:
            self.position = self._wanted = seq

    async def run(self) -> None:
        """Tell the plugin of what it wants, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken = trio.Event()
            while not self.idle:
                for record in await self._journal.records_after(self.position, PAGE):
                    if self.wants(record) and not self._too_old(record):
                        await self._deliver(record)
                    self.position = record.seq
                self._journal.note_position(self.key, self.position)

    def _too_old(self, record: Record) -> bool:
        limit_s = self._about.skip_older_s
        if limit_s is None or self._now() - record.at <= limit_s * 1000:
            return False
        self.skipped += 1
        return True

    async def _deliver(self, record: Record) -> None:
        """Until the plugin has done with it, or it is passed over."""
        failures = 0
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._tell(self._show(record))
            except HookFailed as error:
                if error.kind not in ("resting", "down"):  # that is not this record's fault
                    failures += 1
                if failures >= ATTEMPTS:
                    log.error("record passed over", plugin=self.plugin, seq=record.seq, why=error.why)
                    await self._passed_over(record, error.why)
                    return
                await trio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                self.told += 1
                return


class Followers:
    """All followers of one hall. `run` reads for them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._followers: dict[str, Follower] = {}
        self._of_all: list[Follower] = []
        self._by_type: dict[str, list[Follower]] = {}
        self.seen = journal.head
        self.on_record: list[Callable[[Record], None]] = []
        """Told of each new record, by the host itself."""

    def add(self, follower: Follower) -> None:
        """From here on; its task must be started."""
        follower.begin()
        follower.wake(self.seen if follower.position < self.seen else follower.position)
        self._followers[follower.plugin] = follower
        self._index()

    def remove(self, plugin: str) -> None:
        follower = self._followers.pop(plugin, None)
        if follower is not None:
            self._index()
            self._note(follower)

    def _index(self) -> None:
        """By what they want, so that a record costs those that do not want it nothing at all."""
        self._of_all = [each for each in self._followers.values() if ALL in each.types]
        self._by_type = {}
        for follower in self._followers.values():
            for kind in follower.types - {ALL} if ALL not in follower.types else ():
                self._by_type.setdefault(kind, []).append(follower)

    def lag(self, plugin: str) -> int | None:
        """How many records lie behind the journal's head; `None` without a follower."""
        follower = self._followers.get(plugin)
        if follower is None:
            return None
        return 0 if follower.idle else self._journal.head - follower.position

    def follower(self, plugin: str) -> Follower | None:
        return self._followers.get(plugin)

    @property
    def busy(self) -> bool:
        """Whether a follower has something to do."""
        return self.seen < self._journal.head or any(not each.idle for each in self._followers.values())

    async def run(self) -> None:
        """Look at each new record once, until cancelled."""
        noted_at = trio.current_time()
        while True:
            await self._journal.wait_beyond(self.seen)
            for record in await self._journal.records_after(self.seen, PAGE):
                for heed in self.on_record:
                    heed(record)
                for follower in (*self._of_all, *self._by_type.get(record.type, ())):
                    follower.passed_by(record.seq - 1)
                    follower.wake(record.seq)
                self.seen = record.seq
            if trio.current_time() - noted_at > NOTED_EVERY_S:
                noted_at = trio.current_time()
                self.note_all()

    def note_all(self) -> None:
        for follower in self._followers.values():
            self._note(follower)

    def _note(self, follower: Follower) -> None:
        follower.passed_by(self.seen)
        if self._journal.position(follower.key) != follower.position:
            self._journal.note_position(follower.key, follower.position)
