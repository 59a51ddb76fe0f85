"""The running plugin: what machines and near halls say, and the counts of each day.

    machine/ID      what a machine said last          day/DATE   the day's counts
    cared/DATE/B    today's tickets whose customers were cared for, in buckets
    online/B        person and service → when they were told how to do it online, in buckets

What must stay true
- What contributions read (`outside`) is in memory and always whole; a near hall that does not answer is
  forgotten at once.
- The store does not grow: days, and what belongs to them, go after `DAYS_KEPT`.
- A ticket has one message after it, whatever comes again: the outbox knows it by its key.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import trio

from somc.api import PluginContext, Record, Refusal, SendMessage
from somc_plugins.care.advice import Outside, Place, Reported, listed, quietest
from somc_plugins.care.config import CareConfig
from somc_plugins.care.tally import Cares, Day, Told, cared, counted
from somc_plugins.json_source import JsonSource, SourceFailed, open_client
from somc_plugins.shelf import all_under, bucket_of, drop_unless

__all__ = ["Care"]

ASK_NEAR_S = 60.0
DAYS_KEPT = 60
DAY_MS = 24 * 3600 * 1000

CARED_DIGITS = 2
"""Of the buckets of a day's tickets: 10,000 of them are 40 a bucket."""

ONLINE_DIGITS = 4
"""Of the buckets of who was told: 10,000 a day for a year are 60 a bucket."""


class Care:
    """Made by `somc_start`."""

    def __init__(
        self,
        context: PluginContext,
        zone: ZoneInfo,
        near: dict[str, JsonSource],
        directory: JsonSource | None,
    ) -> None:
        self.context = context
        self.config: CareConfig = context.config
        self.zone = zone
        self.outside = Outside()
        self._near = near
        self._directory = directory

    @classmethod
    async def open(cls, context: PluginContext) -> Care:
        config: CareConfig = context.config
        asked = [*config.near.values(), *([] if config.directory is None else [config.directory])]
        clients = {verify: await open_client(verify) for verify in {source.verify for source in asked}}
        near = {
            name: JsonSource(name, msgspec.structs.replace(hall, keep_s=0), clients[hall.verify])
            for name, hall in config.near.items()
        }
        directory = None
        if (known := config.directory) is not None:
            known = msgspec.structs.replace(known, keep_s=0)
            directory = JsonSource("directory", known, clients[known.verify])
        care = cls(context, ZoneInfo((await context.hall()).timezone), near, directory)
        machines = {}
        for name in config.machines:
            if (kept := await context.store.get(f"machine/{name}")) is not None:
                machines[name] = msgspec.convert(kept, Reported)
        care.outside = msgspec.structs.replace(care.outside, machines=machines)
        await care._split_old_day()
        await care.look_for_quiet()
        return care

    async def aclose(self) -> None:
        for source in (*self._near.values(), *([] if self._directory is None else [self._directory])):
            await source.aclose()

    # -- what is outside --------------------------------------------------------------------------------

    async def reported(self, name: str, report: Reported) -> None:
        """A machine said how it is."""
        await self.context.store.put(f"machine/{name}", msgspec.to_builtins(report))
        machines = {**self.outside.machines, name: report}
        self.outside = msgspec.structs.replace(self.outside, machines=machines)
        self.context.announce_changed()

    async def ask_near_halls(self) -> None:
        """Ask every near hall, and the directory, for waits once a minute, for ever."""
        while True:
            waits: dict[str, dict[str, int | None]] = {}
            places: dict[str, Place] = {}
            async with trio.open_nursery() as nursery:
                for name, source in self._near.items():
                    nursery.start_soon(self._ask_hall, name, source, waits)
                if self._directory is not None:
                    nursery.start_soon(self._ask_directory, self._directory, waits, places)
            self.outside = msgspec.structs.replace(self.outside, waits=waits, places=places)
            self.context.announce_changed()
            await trio.sleep(ASK_NEAR_S)

    async def _ask_hall(self, name: str, source: JsonSource, waits: dict[str, dict[str, int | None]]) -> None:
        with suppress(SourceFailed, msgspec.ValidationError):  # a hall that is not known is not spoken of
            waits[name] = msgspec.convert(await source.get(), dict[str, int | None])

    async def _ask_directory(
        self, source: JsonSource, waits: dict[str, dict[str, int | None]], places: dict[str, Place]
    ) -> None:
        """One service after the other: its answers are kept by the hall that gives them."""
        here = self.config.directory.here if self.config.directory is not None else ""
        for service in (await self.context.hall()).expected_wait_s:
            try:
                found, theirs = listed(await source.get(service=service), here)
            except (SourceFailed, msgspec.ValidationError):
                continue  # as above
            places.update({name: place for name, place in found.items() if name not in self.config.near})
            for name, wait_s in theirs.items():
                if name not in self.config.near:
                    waits.setdefault(name, {})[service] = wait_s

    async def look_for_quiet(self) -> None:
        """The quiet hours, by the days before today."""
        today = self.day_of(self.context.now())
        days = [day.taken for name, day in await self.days() if name < today]
        self.outside = msgspec.structs.replace(self.outside, quiet=quietest(days))

    # -- days ---------------------------------------------------------------------------------------------

    def day_of(self, at: int) -> str:
        return f"{datetime.fromtimestamp(at / 1000, self.zone):%Y-%m-%d}"

    async def days(self) -> list[tuple[str, Day]]:
        """The days kept, by date."""
        return [
            (name, msgspec.convert(day, Day)) for name, day in await all_under(self.context.store, "day/")
        ]

    async def cares_today(self) -> dict[str, int]:
        """Ticket → how often its customer was cared for today."""
        kept = await all_under(self.context.store, f"cared/{self.day_of(self.context.now())}/")
        cares = [msgspec.convert(bucket, Cares) for _, bucket in kept]
        return {ticket: count for each in cares for ticket, count in each.tickets.items()}

    async def _split_old_day(self) -> None:
        """An earlier version kept the day's tickets in the day's document: take them out of today's."""
        name = self.day_of(self.context.now())
        kept = await self.context.store.get(f"day/{name}")
        if not isinstance(kept, dict) or "cared" not in kept:
            return
        buckets: dict[str, Cares] = {}
        for ticket, count in kept["cared"].items():
            bucket = buckets.setdefault(bucket_of(ticket, CARED_DIGITS), Cares(seq=kept["seq"]))
            bucket.tickets[ticket] = count
        for bucket_name, bucket in buckets.items():
            await self.context.store.put(f"cared/{name}/{bucket_name}", msgspec.to_builtins(bucket))
        await self.context.store.put(f"day/{name}", msgspec.to_builtins(msgspec.convert(kept, Day)))

    async def record(self, record: Record) -> None:
        """Count what happened, note who was told how to do it online, ask for the message after."""
        if record.type == "ticket.finished":
            await self._follow_up(record)
            return
        name = self.day_of(record.at)
        if record.type == "care.logged":
            await self._count_care(name, record)
        kept = await self.context.store.get(f"day/{name}")
        day = msgspec.convert(kept, Day) if kept is not None else Day()
        told = returned = False
        if record.type == "ticket.taken":
            told = record.data["service"] in self.config.online
            returned = await self._returned(record, told)
        hour = datetime.fromtimestamp(record.at / 1000, self.zone).hour
        if counted(day, record, hour, told=told, returned=returned):
            await self.context.store.put(f"day/{name}", msgspec.to_builtins(day))
            if kept is None:
                await self._drop_old(name)
                await self.look_for_quiet()

    async def _count_care(self, day: str, record: Record) -> None:
        key = f"cared/{day}/{bucket_of(str(record.data['ticket']), CARED_DIGITS)}"
        kept = await self.context.store.get(key)
        cares = msgspec.convert(kept, Cares) if kept is not None else Cares()
        if cared(cares, record):
            await self.context.store.put(key, msgspec.to_builtins(cares))

    async def _returned(self, record: Record, told: bool) -> bool:
        """Whether the customer was told before, within `return_days`, how to do this online (CA-05)."""
        person = record.data.get("person")
        if person is None or not told:
            return False
        store, longest_ms = self.context.store, self.config.return_days * DAY_MS
        who = f"{person}/{record.data['service']}"
        key = f"online/{bucket_of(who, ONLINE_DIGITS)}"
        bucket = msgspec.convert(await store.get(key) or {}, dict[str, Told])
        before = bucket.get(who)
        if before is None and (kept := await store.get(f"told/{who}")) is not None:
            before = msgspec.convert(kept, Told)  # an earlier version's, of which each was an entry
        if before is None or before.seq < record.seq:
            before = Told(seq=record.seq, at=record.at, last=None if before is None else before.at)
            still = {name: each for name, each in bucket.items() if record.at - each.at <= longest_ms}
            await store.put(key, msgspec.to_builtins({**still, who: before}))
        return before.last is not None and record.at - before.last <= longest_ms

    async def _drop_old(self, today: str) -> None:
        """When a day begins: what is older than the days kept, and who was told too long ago to count."""
        store, now = self.context.store, self.context.now()
        first = self.day_of(now - DAYS_KEPT * DAY_MS)
        await drop_unless(store, "day/", lambda name, day: name >= first)
        await drop_unless(store, "cared/", lambda name, cares: name >= today)
        await drop_unless(store, "sent/", lambda name, at: name >= first)  # an earlier version's, as told/
        longest_ms = self.config.return_days * DAY_MS
        await drop_unless(
            store,
            "online/",
            lambda key, bucket: any(now - told["at"] <= longest_ms for told in bucket.values()),
        )
        await drop_unless(store, "told/", lambda key, told: now - told["at"] <= longest_ms)

    async def _follow_up(self, record: Record) -> None:
        """A message after the service, once a ticket, to whoever left a number."""
        ticket = await self.context.ticket(str(record.data["ticket"]))
        if ticket is None or ticket.person is None:
            return
        template = self.config.follow_up.get(ticket.service) or self.config.follow_up.get("default")
        if template is None:
            return
        message = SendMessage(
            template=template,
            person=ticket.person,
            values={"number": ticket.number},
            about=ticket.id,
            key=f"follow_up:{ticket.id}",
        )
        outcome = await self.context.do(message)
        if isinstance(outcome, Refusal):
            self.context.log.warning("no message follows a service", why=outcome.words.en)
