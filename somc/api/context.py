"""A plugin's view of the hall that runs it.

What must stay true
- Whatever it asks is checked in the hall's process, by what the plugin declared in `About.sees`; in a
  process of its own the plugin has this same class, whose questions cross a pipe.
- It ends with the plugin: its nursery is cancelled and its store closed when the plugin is disabled.
- An event loop asks it: every method that may wait is async, and may be cancelled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from somc.api.actions import Action, Done, Refusal
from somc.api.values import HallView, Json, TicketView

__all__ = ["Behind", "Nursery", "PluginContext", "Store"]


class Nursery(Protocol):
    """Where a plugin starts its long tasks. One that raises is logged, counted and started again after a
    while; all end with the plugin."""

    def start_soon(
        self, task: Callable[..., Awaitable[Any]], *args: Any, name: str | None = None
    ) -> None: ...


class Store(Protocol):
    """The plugin's own durable key-value store, one SQLite file. A value is plain JSON of at most 64 KB;
    what is `sealed` is encrypted on disk with the hall's key, which is where personal data belongs."""

    async def get(self, key: str) -> Json | None: ...

    async def put(self, key: str, value: Json, *, sealed: bool = False) -> None: ...

    async def delete(self, key: str) -> None: ...

    async def scan(self, prefix: str, after: str = "", limit: int = 100) -> list[tuple[str, Json]]:
        """The next entries whose key begins with `prefix`, by key, beyond `after`."""
        ...


class Behind(Protocol):
    """What a context asks: the host in the hall's process, or the pipe to it."""

    def now(self) -> int: ...

    async def hall(self) -> HallView: ...

    async def ticket(self, id: str) -> TicketView | None: ...

    async def tickets(self) -> list[TicketView]: ...

    async def facts(self, ticket: str, of: str | None) -> dict[str, Json]: ...

    async def visits(self, person: str, limit: int) -> list[TicketView]: ...

    async def phone_of(self, person: str) -> str | None: ...

    async def person_of(self, phone: str) -> str | None: ...

    async def do(self, action: Action) -> Done | Refusal: ...

    def announce_changed(self) -> None: ...


class PluginContext:
    """Handed to every hook as `context`."""

    def __init__(
        self, name: str, config: Any, data_dir: Path, log: Any, nursery: Nursery, store: Store, behind: Behind
    ) -> None:
        self.name = name
        self.config = config
        """An instance of `About.config`; without one, the plain table of hall.toml."""
        self.data_dir = data_dir
        """A folder of the plugin's own; made when it is first needed."""
        self.log = log
        """A structlog logger that names the plugin."""
        self.nursery = nursery
        self.store = store
        self._behind = behind
        self.state: Any = None
        """The plugin's own: what `somc_start` made for the other hooks, which are handed the same context."""

    def now(self) -> int:
        """The hall's time (Unix ms): never the machine's clock, so that a day can be played."""
        return self._behind.now()

    async def hall(self) -> HallView:
        """The hall as it stands on disk."""
        return await self._behind.hall()

    async def ticket(self, id: str) -> TicketView | None:
        """A ticket of the running day."""
        return await self._behind.ticket(id)

    async def tickets(self) -> list[TicketView]:
        """Those who wait, are held or at a counter, in the order in which they came."""
        return await self._behind.tickets()

    async def facts(self, ticket: str, of: str | None = None) -> Mapping[str, Json]:
        """What this plugin's `somc_identify` found out for the ticket; with `of`, what another plugin did
        (needs "history"). Empty when nothing is known."""
        return await self._behind.facts(ticket, of)

    async def visits(self, person: str, limit: int = 20) -> list[TicketView]:
        """The person's tickets of the running day and, from the journal, of earlier ones; the newest first.
        Needs "history"."""
        return await self._behind.visits(person, limit)

    async def phone_of(self, person: str) -> str | None:
        """The person's number; None: unknown, or erased. Needs "phone"."""
        return await self._behind.phone_of(person)

    async def person_of(self, phone: str) -> str | None:
        """The id under which a number is known; None: it is not. Needs "phone"."""
        return await self._behind.person_of(phone)

    async def do(self, action: Action) -> Done | Refusal:
        """Do it, and return when it is on disk. Raises `PermissionRefused` for what the plugin may not do
        at all."""
        return await self._behind.do(action)

    def announce_changed(self) -> None:
        """What this plugin contributes has changed: displays and prompts are asked for again soon."""
        self._behind.announce_changed()
