"""What plugins found out about the customers of tickets: kept until the day is over, sealed on disk.

What must stay true
- Facts may be personal, so they are in no record; on disk they are sealed as a plugin's own store is.
- A restart keeps the cards of those who wait. A `kill -9` may lose the last moments' facts (they are written
  behind the answer, and cost a card and no ticket).
- Bounded: `MOST_TICKETS`, the oldest go first; facts of tickets that the hall no longer knows go with the
  day.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import structlog
import trio

from somc.api import Json
from somc.runtime.plugins.store import FileStore

__all__ = ["Known", "TicketFacts"]

log = structlog.get_logger(__name__)

MOST_TICKETS = 20_000
MOST_UNWRITTEN = 1_000
PREFIX = "ticket:"


class Known(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one plugin knows of one ticket's customer."""

    facts: dict[str, Json] = {}
    name: str | None = None
    note: str | None = None
    source: str = ""


class TicketFacts:
    """Ticket → plugin → what it knows. `run` writes behind and must be running."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self._tickets: dict[str, dict[str, Known]] = {}
        self._in, self._out = trio.open_memory_channel[str](MOST_UNWRITTEN)
        self.busy = False
        self._written = trio.Event()

    async def load(self, known: Collection[str]) -> None:
        """What was kept of tickets in `known`; what is left of others is removed."""
        after = PREFIX
        while page := await self._store.scan(PREFIX, after, 500):
            for key, plain in page:
                ticket = key.removeprefix(PREFIX)
                if ticket in known:
                    self._tickets[ticket] = msgspec.convert(plain, dict[str, Known])
                else:
                    await self._store.delete(key)
            after = page[-1][0]

    def of(self, ticket: str) -> dict[str, Known]:
        """By plugin."""
        return self._tickets.get(ticket, {})

    def put(self, ticket: str, known: dict[str, Known]) -> None:
        """Keep it from now on, on disk soon."""
        if not known:
            return
        while len(self._tickets) >= MOST_TICKETS:
            self._tickets.pop(next(iter(self._tickets)))
        self._tickets[ticket] = known
        try:
            self._in.send_nowait(ticket)
        except (trio.WouldBlock, trio.ClosedResourceError):
            log.warning("facts not written: the disk is slow; a restart will not know them", ticket=ticket)

    def keep(self, tickets: Collection[str]) -> None:
        """Forget all others."""
        for ticket in [ticket for ticket in self._tickets if ticket not in tickets]:
            del self._tickets[ticket]
            try:
                self._in.send_nowait(ticket)
            except (trio.WouldBlock, trio.ClosedResourceError):
                return  # the rest goes at the next start

    async def finish(self) -> None:
        """Return when all is on disk; from now on nothing is written."""
        self._in.close()
        await self._written.wait()

    async def run(self) -> None:
        """Write behind until `finish`, or until cancelled."""
        async for ticket in self._out:
            self.busy = True
            try:
                known: Any = self._tickets.get(ticket)
                if known is None:
                    await self._store.delete(PREFIX + ticket)
                else:
                    await self._store.put(PREFIX + ticket, msgspec.to_builtins(known), sealed=True)
            except Exception as error:
                # Without the trace: what is in it is what nobody may read in a log.
                log.error("facts not written", ticket=ticket, why=repr(error))
            self.busy = False
        self._written.set()
