"""The running plugin: what machines and near halls say, and the counts of each day.

    machine/ID   what a machine said last          day/DATE           the day's counts
    told/PERSON/SERVICE   who was told online

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
from somc_plugins.care.tally import Day, counted
from somc_plugins.json_source import JsonSource, SourceFailed, open_client
from somc_plugins.shelf import all_under, drop_unless

__all__ = ["Care"]

ASK_NEAR_S = 60.0
DAYS_KEPT = 60
DAY_MS = 24 * 3600 * 1000


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

    async def today(self) -> Day:
        kept = await self.context.store.get(f"day/{self.day_of(self.context.now())}")
        return msgspec.convert(kept, Day) if kept is not None else Day()

    async def record(self, record: Record) -> None:
        """Count what happened, note who was told how to do it online, ask for the message after."""
        if record.type == "ticket.finished":
            await self._follow_up(record)
            return
        name = self.day_of(record.at)
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
                await self._drop_old()
                await self.look_for_quiet()

    async def _returned(self, record: Record, told: bool) -> bool:
        """Whether the customer was told before, within `return_days`, how to do this online (CA-05)."""
        person, service = record.data.get("person"), record.data["service"]
        if person is None or not told:
            return False
        key = f"told/{person}/{service}"
        before = await self.context.store.get(key)
        if not isinstance(before, dict) or before["seq"] < record.seq:
            last = before["at"] if isinstance(before, dict) else None
            await self.context.store.put(key, {"seq": record.seq, "at": record.at, "last": last})
        else:
            last = before["last"]  # this very record, once more
        return last is not None and record.at - last <= self.config.return_days * DAY_MS

    async def _drop_old(self) -> None:
        """When a day begins: what is older than the days kept, and who was told too long ago to count."""
        store, now = self.context.store, self.context.now()
        first = self.day_of(now - DAYS_KEPT * DAY_MS)
        for prefix in ("day/", "sent/"):
            await drop_unless(store, prefix, lambda key, kept: key[: len(first)] >= first)
        longest_ms = self.config.return_days * DAY_MS
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
