"""A hall with its post office, on a real journal, with the clock in the test's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somc.composition import open_hall
from somc.config import HallConfig, load
from somc.domain import events as e
from somc.domain.refusals import Refusal
from somc.messages.office import PostOffice
from somc.runtime.hall import Hall
from somc.runtime.ids import IdSource
from somc.runtime.records import event_of
from somc.testing.channel import MemoryChannel
from somc.testing.day import DayClock, quiet
from somc.testing.given import instant
from tests.server.rig import HALL, write_hall

PHONE = "13800138000"
OTHER = "13911112222"
START = "2026-03-02 09:00"

STAFF = """
[staff.wu]
phone = "13700000001"
duties = ["alerts", "channels"]
on_duty = { every_day = ["08:00-18:00"] }

[staff.he]
phone = "13700000002"
language = "en"
duties = ["alerts", "devices", "channels"]
"""


@dataclass
class Post:
    """What a test holds."""

    hall: Hall
    office: PostOffice
    clock: DayClock
    config: HallConfig

    async def settle(self) -> None:
        await quiet(self.hall, lambda: self.office.busy)

    async def at(self, words: str) -> None:
        """Let it be so late, with everything on the way done at its own instant."""
        # A command just answered may have set a new wake that the hall's task has not asked for yet: the
        # clock would jump over it, and of two alerts only the later be raised.
        await self.settle()
        to_ms = instant(words, self.config.settings.timezone)
        while (wake := self.clock.next_wake) is not None and wake <= to_ms:
            self.clock.advance(wake)
            await self.settle()
        self.clock.advance(to_ms)
        await self.settle()

    async def send(self, text: str = "hello", phone: str = PHONE, **more: Any) -> str:
        """Queue a message of the template `own`; its id."""
        outcome = await self.office.messenger.send(
            "own", {"text": text}, by="test", phone=phone, view=_id_of, **more
        )
        assert not isinstance(outcome, Refusal), outcome.words.en
        name: str = outcome.view  # type: ignore[union-attr] # no key, so nothing is Replayed
        return name

    async def events(self, *kinds: type[e.Event]) -> list[Any]:
        """The records of these kinds, as events."""
        found: list[Any] = []
        names = {e.TYPE_OF[kind] for kind in kinds}
        after = 0
        while page := await self.hall.journal.records_after(after, 1000):
            found += [event_of(record) for record in page if record.type in names]
            after = page[-1].seq
        return found

    def state_of(self, name: str) -> str:
        return str(self.hall.state.outbox.messages[name].state)


def _id_of(state: Any, events: Any, now: int, name: str) -> str:
    return name


@asynccontextmanager
async def posting(
    folder: Path,
    *channels: MemoryChannel,
    more: str = "",
    start: str = START,
    timezone: str = "Asia/Shanghai",
    staff: str = STAFF,
) -> AsyncIterator[Post]:
    """A hall at `start`, its post office, and these channels of a plugin "p"."""
    own = '\n[template.own]\ntext = { zh = "{text}", en = "{text}" }\n'
    toml = (HALL + own + staff + more).replace("Asia/Shanghai", timezone)
    config = load(write_hall(folder, toml))
    clock = DayClock(instant(start, config.settings.timezone))
    async with open_hall(config, folder / "data", clock, IdSource(1)) as (hall, nursery):
        office = PostOffice(hall, IdSource(2), config.templates, config.staff)
        await nursery.start(office.run)
        office.add_channels("p", channels)
        post = Post(hall, office, clock, config)
        await post.settle()
        yield post
        await office.finish(1)
