"""The hub: follows the journal and writes what was recorded to everybody who is level with it.

    journal ── records ──▶ encode once a form ──▶ one frame a group ──▶ the sockets of the group

What must stay true
- Everybody in a group has been told everything up to `position` that is for them; in one step, without a
  checkpoint, all of them are told more. So who joins, joins at `position` exactly: nothing twice, nothing
  left out.
- A record is encoded once a form, a message made and framed once a group. What one client costs is one write.
- Who does not take a message leaves the group at once; nobody waits for anybody.
- A record that cannot be encoded costs its readers a snapshot, not the hall its process.
- What is shared carries no person, and for the public's screens nobody's name. What a client folds its
  records onto is what the hall is: a change of settings that it may not see is told as a new snapshot.
- `through` never passes a record in whose place a snapshot is owed: whoever loses the line before it comes
  back from before that record, and is owed it again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
import trio

from somc.domain.events import TYPE_OF, ConfigChanged, PolicyChanged
from somc.journal.journal import Journal
from somc.journal.record import Record
from somc.server.audience import public_figures, public_record, without_person
from somc.server.fanout.frames import BINARY, TEXT, frame
from somc.server.fanout.groups import Form, Group, GroupIndex
from somc.server.fanout.listener import Listener
from somc.server.fanout.snapshots import Snapshots
from somc.server.fanout.table import table_kind
from somc.server.topics import Levels, public_topic
from somc.server.wire import FORMATS

__all__ = ["Counts", "Hub"]

log = structlog.get_logger(__name__)

CONGESTED_S = 60.0
"""So long a client may be behind without being level once; then it is closed and comes back to resume. It is
the snapshot of a busy hall, 100 KB, over the slowest line that is any use."""

MOST_RECORDS = 500
"""Records in one message: some 100 KB."""

TELL_AFTER_RECORDS = 1_000
"""A client none of whose topics saw a record for so many is told how far it is, so that it can resume."""

KEPT_MISSED = 32
"""Messages of missed records kept for the next one who missed the same: after a restart everybody does."""

KEPT_ENCODED = 2 * MOST_RECORDS * 2 * len(FORMATS)
"""Encoded records kept: two full messages, in each format, for staff and for the public."""

TOO_SLOW = "too slow: newer records have replaced those not sent"
SETTINGS = frozenset((TYPE_OF[ConfigChanged], TYPE_OF[PolicyChanged]))
SETTINGS_CHANGED = "settings changed"
UNTELLABLE = "a record that cannot be told"


@dataclass(slots=True)
class Counts:
    """What the feed has done since the start, for `/metrics`."""

    messages: int = 0
    bytes: int = 0
    conflated: int = 0
    """Records and figures that were not sent because something newer stood for them."""
    resyncs: int = 0
    shed_slow: int = 0
    shed_busy: int = 0
    ended: int = 0
    """Connections ended because their token was."""

    def sent(self, clients: int, size: int) -> None:
        self.messages += clients
        self.bytes += clients * size


@dataclass(slots=True, frozen=True)
class _Missed:
    """The records after a place in the journal, as one message for a form and topics."""

    through: int
    data: bytes
    resync_why: str | None


@dataclass
class Hub:
    """Everybody who listens to one hall. `run` must be running while anybody does."""

    journal: Journal
    snapshots: Snapshots
    congested_s: float = CONGESTED_S
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.position = self.journal.head
        """The last `seq` that everybody who is level has been told of."""
        self.figures_version = 0
        self._figures: dict[str, Any] = {}
        self._figures_made: dict[Form, bytes] = {}
        self._groups: GroupIndex[Listener] = GroupIndex(table_kind())
        self._encoded: OrderedDict[tuple[Form, int], bytes] = OrderedDict()
        self._missed: OrderedDict[tuple[Form, frozenset[Levels], int], _Missed] = OrderedDict()
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the journal for ever."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            while True:
                await self.journal.wait_beyond(self.position)
                self.advance()

    def start_soon(self, task: Callable[[], Awaitable[None]]) -> None:
        """A listener's own task, which ends with the hub."""
        assert self._nursery is not None, "Hub.run is not running"
        self._nursery.start_soon(task)

    # -- who is level -----------------------------------------------------------------------------

    def join(self, listener: Listener) -> bool:
        """Let `listener`, who is owed nothing, be level. False if there is something after all."""
        if listener.position is None or listener.left:
            return True
        self.advance()
        if listener.position != self.position or listener.resync_why is not None:
            return False
        listener.group = self._groups.join(
            listener, listener.form, listener.interest.patterns, told=self.position
        )
        return True

    def take_out(self, listener: Listener) -> None:
        """Let `listener` be behind, at where everybody is now, if it was level."""
        if listener.group is not None:
            self._groups.leave(listener, listener.group)
            listener.group = None
            listener.position = self.position
            listener.figures_seen = self.figures_version

    # -- publishing -------------------------------------------------------------------------------

    def advance(self) -> None:
        """Tell everybody who is level what has been recorded."""
        while self.position < self.journal.head:
            records = self.journal.recent_after(self.position, MOST_RECORDS)
            if records is None:
                self._everybody_behind()
            else:
                self._publish(records)

    def tell_figures(self, figures: dict[str, Any]) -> None:
        """Give everybody new figures; who has not taken the last ones gets these only."""
        self.advance()
        self._figures = figures
        self._figures_made.clear()
        self.figures_version += 1
        for group in self._groups:
            data = self.figures(group.form)
            self.counts.sent(len(group.table), len(data))
            for listener, taken in group.table.send(data):
                self._falls_behind(listener, data, taken)
                if taken == 0:
                    listener.figures_seen -= 1

    def figures(self, form: Form) -> bytes:
        """The newest figures as a frame."""
        data = self._figures_made.get(form)
        if data is None:
            shown = public_figures(self._figures) if form.public else self._figures
            message = {"op": "figures", "seq": self.position, "figures": shown}
            data = self._figures_made[form] = _framed(form, form.wire.encode(message))
        return data

    def tell_progress(self) -> None:
        """Tell those for whom nothing was recorded in a long time how far they are."""
        for group in self._groups:
            if self.position - group.told >= TELL_AFTER_RECORDS:
                self._tell(group, [], self.position, self.position)

    def _publish(self, records: list[Record]) -> None:
        before, self.position = self.position, records[-1].seq
        wanted: dict[Group[Listener], list[bytes]] = {}
        ends: dict[Group[Listener], tuple[int, str]] = {}
        """Who is owed a snapshot from which record on, and why: it is told what comes before."""
        for record in records:
            public = public_topic(record.topic)
            for group in self._groups.matching(record.topic):
                if group not in ends and (public or not group.form.public):
                    encoded = self._record(group.form, record)
                    if encoded is None:
                        ends[group] = (record.seq, UNTELLABLE)
                    else:
                        wanted.setdefault(group, []).append(encoded)
            if record.type in SETTINGS:
                for group in self._groups:
                    if group.form.public:
                        ends.setdefault(group, (record.seq, SETTINGS_CHANGED))
        for group, told in wanted.items():
            through = ends[group][0] - 1 if group in ends else self.position
            self._tell(group, told, before, through)
        for group, (_, why) in ends.items():
            self._resync(group, why)

    def _resync(self, group: Group[Listener], why: str) -> None:
        for listener in list(group.table.members):
            listener.resync_why = why
            listener.catch_up_soon()

    def _tell(self, group: Group[Listener], encoded: list[bytes], before: int, through: int) -> None:
        message = group.form.wire.records(self.journal.epoch, through, encoded)
        data = _framed(group.form, message)
        group.told = self.position
        self.counts.sent(len(group.table), len(data))
        for listener, taken in group.table.send(data):
            self._falls_behind(listener, data, taken)
            if taken == 0:
                listener.position = before

    def _falls_behind(self, listener: Listener, data: bytes, taken: int) -> None:
        if taken < 0:
            self.counts.sent(-1, len(data))
            listener.link.abort()
        elif taken == 0:
            self.counts.sent(-1, len(data))
            listener.catch_up_soon()
        else:
            listener.link.keep_rest(memoryview(data)[taken:])
            listener.catch_up_soon()

    def _everybody_behind(self) -> None:
        """We were held up for longer than the journal keeps records at hand."""
        for group in self._groups:
            self.counts.conflated += len(group.table) * (self.journal.head - self.position)
            self._resync(group, TOO_SLOW)
        self.position = self.journal.head

    # -- what somebody missed ---------------------------------------------------------------------

    def missed(self, listener: Listener) -> bytes:
        """The next records after `listener.position`, which moves on; empty if none of them is for it, or if
        they are no longer at hand: then it is owed a snapshot."""
        assert listener.position is not None
        key = (listener.form, listener.interest.patterns, listener.position)
        found = self._missed.get(key)
        if found is None:
            records = self.journal.recent_after(listener.position, MOST_RECORDS)
            if records is None:
                self.counts.conflated += self.position - listener.position
                listener.resync_why = TOO_SLOW
                return b""
            found = self._missed[key] = self._as_missed(listener, records)
            if len(self._missed) > KEPT_MISSED:
                self._missed.popitem(last=False)
        listener.position = found.through
        if found.resync_why is not None:
            listener.resync_why = found.resync_why
        return found.data

    def _as_missed(self, listener: Listener, records: list[Record]) -> _Missed:
        form = listener.form
        told: list[bytes] = []
        through, why = records[-1].seq, None
        for record in records:
            if form.public and record.type in SETTINGS:
                why = SETTINGS_CHANGED
            elif listener.interest.matches(record.topic) and (not form.public or public_topic(record.topic)):
                encoded = self._record(form, record)
                if encoded is None:
                    why = UNTELLABLE
                else:
                    told.append(encoded)
            if why is not None:
                through = record.seq - 1
                break
        data = _framed(form, form.wire.records(self.journal.epoch, through, told)) if told else b""
        return _Missed(through, data, why)

    def _record(self, form: Form, record: Record) -> bytes | None:
        """The record in this form, encoded once for all who want it. `None` if it cannot be."""
        key = (form, record.seq)
        encoded = self._encoded.get(key)
        if encoded is None:
            try:
                shown = public_record(record) if form.public else without_person(record)
                encoded = form.wire.record(shown)
            except Exception:
                log.exception("a record cannot be told: clients get a snapshot", seq=record.seq)
                return None
            self._encoded[key] = encoded
            if len(self._encoded) > KEPT_ENCODED:
                self._encoded.popitem(last=False)
        return encoded


def _framed(form: Form, payload: bytes) -> bytes:
    return frame(BINARY if form.wire.binary else TEXT, payload)
