"""What hangs on the board now: announcements while they count, shift notes until they are done.

What must stay true: what is in memory is what is in the store; a change is in the store first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from somc.api import PluginContext, Prompt, Words
from somc_plugins.receipts import forget
from somc_plugins.shelf import all_under

__all__ = ["Board", "Note", "Notice", "prompts_of"]

DAY_MS = 24 * 3600 * 1000
Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Audience = Literal["agent", "floor", "manager"]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An announcement (公告). It counts from `from_` to `until` (Unix ms)."""

    id: str
    title: Words
    text: Words
    from_: int = msgspec.field(name="from")
    until: int
    to: tuple[Audience, ...]
    """Roles that it is for."""
    urgent: bool = False
    """It stands with every ticket at the counter."""
    public: bool = False
    """Its title stands on the hall's displays."""
    by: str
    at: int
    withdrawn: bool = False


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A note for the next shift (交接)."""

    id: str
    text: Text
    by: str
    at: int
    done_by: str | None = None
    done_at: int | None = None


class Board:
    """The board of one hall."""

    def __init__(self, context: PluginContext) -> None:
        self.context = context
        self.notices: dict[str, Notice] = {}
        self.notes: dict[str, Note] = {}

    @classmethod
    async def open(cls, context: PluginContext) -> Board:
        """The board as it was kept."""
        board = cls(context)
        for name, kept in await all_under(context.store, "notice/"):
            board.notices[name] = msgspec.convert(kept, Notice)
        for name, kept in await all_under(context.store, "note/"):
            board.notes[name] = msgspec.convert(kept, Note)
        await board.tidy()
        return board

    async def tidy(self) -> None:
        """What has been over for `keep_days` goes: when the board is opened, before something is added."""
        store, first = self.context.store, self.context.now() - self.context.config.keep_days * DAY_MS
        for notice in [each for each in self.notices.values() if each.until < first]:
            await store.delete(f"notice/{notice.id}")
            await forget(store, notice.id)
            self.notices = {name: each for name, each in self.notices.items() if name != notice.id}
        for note in [each for each in self.notes.values() if each.done_at is not None]:
            if note.done_at is not None and note.done_at < first:
                await store.delete(f"note/{note.id}")
                self.notes.pop(note.id, None)

    def counting(self, now: int) -> list[Notice]:
        """The announcements that count now, urgent ones first, then the newest."""
        found = [
            notice
            for notice in self.notices.values()
            if not notice.withdrawn and notice.from_ <= now < notice.until
        ]
        return sorted(found, key=lambda notice: (not notice.urgent, -notice.at))

    async def put_notice(self, notice: Notice) -> None:
        await self.context.store.put(f"notice/{notice.id}", msgspec.to_builtins(notice))
        self.notices = {**self.notices, notice.id: notice}  # a thread may be reading the one before
        self.context.announce_changed()

    async def put_note(self, note: Note) -> None:
        await self.context.store.put(f"note/{note.id}", msgspec.to_builtins(note))
        self.notes[note.id] = note


def prompts_of(notices: Iterable[Notice]) -> Iterable[Prompt]:
    """Urgent announcements to agents, as hints at the counter. Pure."""
    for number, notice in enumerate(notices):
        if notice.urgent and "agent" in notice.to:
            yield Prompt(
                id=f"notice_{number}", kind="note", tone="warn", words=notice.title, steps=[notice.text]
            )
