"""What came and was not taken yet, and the place in the journal to go on from.

What must stay true
- Every record is handed out once and in order: one at or below `accepted` was here before and is dropped.
- Memory is bounded: what would go over `limit_bytes` is not taken. The line that brought it is given up, and
  the next one asks for it again once half of the rest was read (`roomy`): the hall's journal is the queue.
- Of figures only the newest wait, for they replace each other.

No task, no clock, no socket.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import NamedTuple

from somc.client.messages import Batch, Figures, NoMessage, Position, Record, Resync, Snapshot

__all__ = ["Full", "Inbox", "Message"]

Message = Snapshot | Record | Figures | Resync


class Full(Exception):
    """There is no room for what came; nothing of it was taken."""


class Entry(NamedTuple):
    message: Message
    position: Position | None
    """Where a reader stands who has had this message."""
    bytes: int


class Inbox:
    """`after` is where the reader stands already."""

    def __init__(self, limit_bytes: int, after: Position | None = None) -> None:
        self._limit_bytes = limit_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self.accepted = after
        """The place up to which everything is here or was taken: where to go on from."""
        self.position = after
        """The place up to which everything was taken."""
        self._refused_bytes = 0
        """The size of what there was no room for."""
        self._void = False
        """The hall said `resync`: nothing counts until its snapshot is here."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def roomy(self) -> bool:
        """Whether it makes sense to ask for more: half is free, and what was refused would fit."""
        half_free = self._bytes <= self._limit_bytes // 2
        fits = self._bytes + self._refused_bytes <= self._limit_bytes
        return not self._entries or (half_free and fits)

    def take(self) -> Message | None:
        """The oldest message, if there is one."""
        if not self._entries:
            return None
        entry = self._entries.popleft()
        self._bytes -= entry.bytes
        self.position = entry.position
        return entry.message

    def put(self, message: Snapshot | Batch | Figures | Resync, size: int) -> None:
        """Take in what came in a message of `size` bytes. `Full` if there is no room, `NoMessage` if it
        cannot be true."""
        # An empty inbox takes everything: else a message larger than the limit would never get through.
        if self._entries and self._bytes + size > self._limit_bytes:
            self._refused_bytes = size
            raise Full
        self._refused_bytes = 0
        match message:
            case Resync():
                self._void = True
                self._add(message, self.accepted, size)
            case Snapshot():
                self._void = False
                self.accepted = Position(message.epoch, message.seq)
                self._add(message, self.accepted, size)
            case Batch():
                if not self._void:
                    self._put_records(message, size)
            case Figures():
                self._put_figures(message, size)

    def begin_line(self) -> None:
        """A new connection: what the one before announced does not come any more."""
        self._void = False

    def _put_records(self, batch: Batch, size: int) -> None:
        if self.accepted is None or batch.epoch != self.accepted.epoch:
            raise NoMessage(f"records of epoch {batch.epoch} without a snapshot of it")
        records = batch.records
        if any(a.seq >= b.seq for a, b in pairwise(records)):
            raise NoMessage("records that are not in order")
        if records and records[-1].seq > batch.through:
            raise NoMessage(f"record {records[-1].seq} beyond 'through' {batch.through}")
        fresh = [record for record in records if record.seq > self.accepted.seq]
        if batch.through > self.accepted.seq:
            self.accepted = Position(batch.epoch, batch.through)
        for record in fresh[:-1]:
            self._add(record, Position(batch.epoch, record.seq), size // len(records))
        if fresh:
            self._add(fresh[-1], self.accepted, size // len(records))
        elif self._entries:
            self._entries[-1] = self._entries[-1]._replace(position=self.accepted)
        else:
            self.position = self.accepted

    def _put_figures(self, figures: Figures, size: int) -> None:
        for number, entry in enumerate(self._entries):
            if isinstance(entry.message, Figures):
                self._bytes -= entry.bytes
                del self._entries[number]
                break
        self._add(figures, self.accepted, size)

    def _add(self, message: Message, position: Position | None, size: int) -> None:
        self._entries.append(Entry(message, position, size))
        self._bytes += size
