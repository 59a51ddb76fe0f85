"""What journal tests write: records and entries with as little said as possible, and a clock to turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import trio

from somc.journal import Entry, Journal, Record, open_journal

START_MS = 1_760_000_000_000
TOPIC = "acme/east/pudong/hall1/ticket/t1"


class TurnedClock:
    """Unix milliseconds that move only when a test turns them."""

    def __init__(self) -> None:
        self.now = START_MS

    def __call__(self) -> int:
        return self.now


def record(seq: int, *, at: int = START_MS, topic: str = TOPIC, **data: object) -> Record:
    return Record(seq, at, "ticket.taken", topic, msgspec.Raw(msgspec.json.encode(data)))


def entry(*seqs: int, **data: object) -> Entry:
    return Entry(tuple(record(seq, topic=TOPIC, at=START_MS, **data) for seq in seqs))


@asynccontextmanager
async def running(directory: Path, clock_ms: Callable[[], int] = TurnedClock()) -> AsyncIterator[Journal]:  # noqa: B008 - a clock that nobody turns can be shared
    """A journal open for writing with its committer running; stopped cleanly at the end."""
    async with (
        open_journal(directory, new_epoch=lambda: "epoch-1", clock_ms=clock_ms) as journal,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(journal.run)
        yield journal
        nursery.cancel_scope.cancel()


async def write(journal: Journal, count: int, **data: object) -> None:
    """Append `count` records, one an entry, and wait for the last."""
    first = journal.head + 1
    for seq in range(first, first + count):
        await journal.enqueue(entry(seq, **data))
    await journal.wait_durable(first + count - 1)
