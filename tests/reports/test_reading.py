"""Where a period begins in the journal, and its records page by page."""

from __future__ import annotations

from pathlib import Path

import pytest

from somc.reports import reading
from somc.reports.reading import feed, first_at
from tests.runtime.rig import TurnedClock, do, opened, taking


async def test_the_first_record_of_an_instant_is_found_by_halves(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with opened(tmp_path, clock) as hall:
        begun = hall.journal.head
        for n in range(9):
            await do(hall, taking(f"t{n}"))
            if n % 3 == 2:
                clock.turn(1000)
        instants = [record.at for record in await hall.journal.records_after(0, 100)]
        for at in {at + off for at in instants for off in (-1, 0, 1)}:
            expected = next((seq for seq, its in enumerate(instants, 1) if its >= at), len(instants) + 1)
            assert await first_at(hall.journal, at) == expected
        assert begun < len(instants)


async def test_records_come_in_pages_until_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 2)
    async with opened(tmp_path) as hall:
        for n in range(5):
            await do(hall, taking(f"t{n}"))
        head = hall.journal.head
        seen: list[int] = []
        await feed(hall.journal, 1, head - 1, lambda record: seen.append(record.seq) or True)
        assert seen == list(range(2, head))
        seen.clear()
        await feed(hall.journal, 0, head, lambda record: seen.append(record.seq) or len(seen) < 3)
        assert seen == [1, 2, 3]
