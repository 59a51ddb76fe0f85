"""Reads a stretch of the journal for a fold: where a period begins, and its records page by page.

What must stay true: never more than one page is in memory, and between two pages the loop goes on.
"""

from __future__ import annotations

from collections.abc import Callable

from somc.journal.journal import Journal
from somc.journal.record import Record

__all__ = ["PAGE", "feed", "first_at"]

PAGE = 500
"""Records at a time: some 100 KB, and a millisecond of folding."""


async def first_at(journal: Journal, at: int) -> int:
    """The `seq` of the first record at or after the instant `at` (Unix ms), or else that of the next to come.

    A binary search: `at` never falls from one record to the next.
    """
    low, high = 1, journal.head + 1
    while low < high:
        middle = (low + high) // 2
        record = (await journal.records_after(middle - 1, 1))[0]
        if record.at < at:
            low = middle + 1
        else:
            high = middle
    return low


async def feed(journal: Journal, after: int, through: int, take: Callable[[Record], bool]) -> None:
    """Give the records with `after` < seq <= `through` to `take`, in order, until it has enough (False)."""
    while after < through:
        records = await journal.records_after(after, min(PAGE, through - after))
        if not records:
            return
        for record in records:
            if not take(record):
                return
        after = records[-1].seq
