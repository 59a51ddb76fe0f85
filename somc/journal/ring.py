"""The newest records in memory, so that a follower that keeps up costs no read of the disk.

What must stay true: the ring holds a run without a gap that ends at the journal's head, and only
records that are synced.
"""

from __future__ import annotations

from collections.abc import Sequence

from somc.journal.record import Record

__all__ = ["Ring"]


class Ring:
    """The newest `capacity` records, found by `seq` in constant time."""

    def __init__(self, capacity: int, head: int) -> None:
        self._slots: list[Record | None] = [None] * capacity
        self._head = head
        self._held = 0

    def extend(self, records: Sequence[Record]) -> None:
        """Put the records that follow the newest one; the oldest make room."""
        for record in records:
            assert record.seq == self._head + 1, "the ring holds a run without a gap"
            self._head = record.seq
            self._slots[record.seq % len(self._slots)] = record
        self._held = min(self._held + len(records), len(self._slots))

    def after(self, seq: int, limit: int) -> list[Record] | None:
        """At most `limit` records that follow `seq`; None when the ring does not reach back so far."""
        if seq < self._head - self._held:
            return None
        wanted = range(seq + 1, min(self._head, seq + limit) + 1)
        found = (self._slots[each % len(self._slots)] for each in wanted)
        return [record for record in found if record is not None]
