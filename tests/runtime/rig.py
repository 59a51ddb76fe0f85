"""The hall without its edges, under a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import trio

from somc.composition import load_config, open_hall
from somc.domain import commands as c
from somc.journal.record import Record
from somc.runtime.hall import Decided, Hall
from somc.runtime.ids import IdSource
from tests.server.rig import HALL, write_hall

NOON = int(datetime(2026, 3, 2, 12, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1000
"""A Monday's noon on the hall's clock (Unix ms)."""

HOUR_MS = 3_600_000


class TurnedClock:
    """Stands still until it is turned."""

    speed = 1.0

    def __init__(self, at_ms: int = NOON) -> None:
        self.at_ms = at_ms
        self._turned = trio.Event()

    def now_ms(self) -> int:
        return self.at_ms

    def turn(self, by_ms: int) -> None:
        self.at_ms += by_ms
        self._turned.set()
        self._turned = trio.Event()

    async def sleep_until(self, at_ms: int) -> None:
        while self.at_ms < at_ms:
            await self._turned.wait()


@asynccontextmanager
async def opened(
    folder: Path, clock: TurnedClock | None = None, toml: str = HALL, seed: int | None = None
) -> AsyncIterator[Hall]:
    """A hall over the journal in `folder`/data."""
    config, _ = load_config(write_hall(folder, toml))
    with trio.fail_after(30):
        async with open_hall(config, folder / "data", clock or TurnedClock(), IdSource(seed)) as (hall, _):
            yield hall


def taking(id: str, service: str = "payment", kind: str = "easyown") -> c.TakeTicket:
    return c.TakeTicket(
        by="test", ticket_id=id, service=service, customer_class=kind, class_source="given", channel="web"
    )


async def do(hall: Hall, command: c.Command) -> Decided[None]:
    """Carry the command out; it must not be refused."""
    outcome = await hall.submit(command, lambda state, events, now: None)
    assert isinstance(outcome, Decided), outcome
    return outcome


async def records(hall: Hall) -> list[Record]:
    return await hall.journal.records_after(0, 5000)
