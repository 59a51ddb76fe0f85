"""A process that writes a journal under load and says on stdout which records it was promised.

`python -m tests.journal.writer DIR PRODUCERS [BYTES]` writes until it is killed or the store fails; each
line on stdout is a seq whose durability was acknowledged. Ends with 0 after a StoreFull that left the
journal as it should be, with 1 otherwise. BYTES limits the size of any file (as a full disk would).
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import trio

from somc.errors import StoreError, StoreFull
from somc.journal import open_journal
from tests.journal.samples import START_MS, TurnedClock, entry


async def main(directory: Path, producers: int) -> int:
    async with open_journal(directory, new_epoch=lambda: "epoch-1", clock_ms=TurnedClock()) as journal:
        taken = journal.head
        refused = 0

        async def produce() -> None:
            nonlocal taken, refused
            try:
                while True:
                    taken += 1
                    seq = taken
                    await journal.enqueue(entry(seq, padding="x" * 150))
                    await journal.wait_durable(seq)
                    os.write(1, b"%d\n" % seq)
            except StoreFull:
                refused += 1

        told = ""
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(journal.run)
                for _ in range(producers):
                    nursery.start_soon(produce)
        except* StoreFull as group:
            told = str(group.exceptions[0])
        assert "free space" in told
        assert refused == producers, f"{refused} of {producers} producers heard of it"
        assert journal.last_at == START_MS
        page = await journal.records_after(max(0, journal.head - 5))
        assert [record.seq for record in page][-1] == journal.head, "what is durable can still be read"
        try:
            await journal.enqueue(entry(journal.head + 1))
        except StoreError:
            return 0
    return 1


if __name__ == "__main__":
    if len(sys.argv) > 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    sys.exit(trio.run(main, Path(sys.argv[1]), int(sys.argv[2])))
