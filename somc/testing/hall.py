"""A hall for the tests of a plugin: the real host, domain, journal and desk, over a clock that you turn.

    async with hall_with(PROJECT, settings={"words": "Welcome"}) as hall:
        ticket = await hall.take("payment", phone="13911112222")
        assert hall.slip_of(ticket) == ["Welcome"]
        await hall.turn("10min")

What must stay true
- Nothing is faked but time and devices: what a plugin does here it does in a running hall.
- After each step nothing is under way any more: followers have been told, actions are on disk.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import trio

from somc.api import Advice, HallView, Panel, Record, Request, Response, TicketView, Words
from somc.composition import load_config, open_hall
from somc.config import PluginSettings
from somc.domain.values import CounterState
from somc.plugging import make_host
from somc.runtime.hall import Hall
from somc.runtime.ids import IdSource
from somc.runtime.plugins.asking import Card
from somc.runtime.plugins.finding import at_path
from somc.runtime.plugins.host import PluginHost
from somc.runtime.plugins.views import hall_view, record_view, ticket_view
from somc.server.access import Principal
from somc.server.acts import BY_NAME
from somc.server.desk import Desk
from somc.server.plugin_routes import card_request
from somc.server.problems import Problem
from somc.testing.day import DayClock, quiet
from somc.testing.given import UNITS_MS, instant

__all__ = ["HALL", "FakeHall", "Refused", "hall_with"]

HALL = """\
[hall]
org = "test/hall"
name = { zh = "营业厅", en = "Hall" }
timezone = "Asia/Shanghai"
default_class = "plain"
[class.gold]
name = { zh = "金卡", en = "Gold" }
[class.plain]
name = { zh = "普通", en = "Plain" }
[policy]
kind = "fifo"
[service.payment]
name = { zh = "缴费", en = "Payment" }
prefix = "A"
mean_service_s = 180
[service.repair]
name = { zh = "维修", en = "Repair" }
prefix = "B"
mean_service_s = 600
[counter.1]
skills = { payment = 1, repair = 1 }
[counter.2]
skills = { payment = 1 }
"""
"""The hall that `hall_with` opens unless it is given another: two services, two classes, two counters."""

ADMIN = Principal("test", ("admin",))


class Refused(Exception):
    """The hall said no; `code` is the refusal's."""

    def __init__(self, problem: Problem) -> None:
        self.code = problem.code
        super().__init__(problem.detail)


class FakeHall:
    """A hall with plugins at work. Made by `hall_with`."""

    def __init__(self, hall: Hall, host: PluginHost, desk: Desk, clock: DayClock) -> None:
        self.hall = hall
        self.host = host
        self.clock = clock
        self._desk = desk

    # -- time -------------------------------------------------------------------------------------

    def now(self) -> int:
        """The hall's time (Unix ms)."""
        return self.hall.now()

    async def turn(self, duration: str) -> None:
        """Let "90s", "10min", "2h" or "250ms" pass: what comes due on the way is carried out."""
        found = re.fullmatch(r"(\d+) ?(ms|s|min|h)", duration)
        if found is None:
            raise ValueError(f"'{duration}' is no duration; write 90s, 5min, 2h or 250ms")
        until = self.clock.now_ms() + int(found[1]) * UNITS_MS[found[2]]
        while (wake := self.clock.next_wake) is not None and wake <= until:
            self.clock.advance(wake)
            await self.settle()
        self.clock.advance(until)
        await self.settle()

    async def settle(self) -> None:
        """Return when nothing is under way: followers have been told of all that is on disk."""
        await quiet(self.hall, lambda: self.host.followers.busy, lambda: self.host.facts.busy)

    # -- acts -------------------------------------------------------------------------------------

    async def do(self, act: str, **fields: Any) -> Any:
        """Any act of the HTTP interface by its name (`counters.call_next`). `Refused` if the hall says no."""
        found = BY_NAME[act]
        answer = await self._desk.do(found, msgspec.convert(fields, found.body), ADMIN)
        if isinstance(answer, Problem):
            raise Refused(answer)
        await self.settle()
        return answer.view

    async def take(self, service: str = "payment", phone: str | None = None, **more: Any) -> str:
        """Somebody takes a ticket; its id."""
        view = await self.do("tickets.take", service=service, phone=phone, **{"channel": "kiosk", **more})
        ticket: str = view["id"]
        return ticket

    async def call(self, counter: int = 1) -> str | None:
        """The counter, opened if it is not, calls whoever is next; the ticket's id."""
        if self.hall.state.counters[counter].state is CounterState.CLOSED:
            await self.do("counters.open", counter=counter, agent=f"agent-{counter}")
        view = await self.do("counters.call_next", counter=counter)
        return None if view is None else view["ticket"]["id"]

    async def serve(self, counter: int = 1) -> str | None:
        """Call whoever is next, serve and finish; the ticket's id."""
        ticket = await self.call(counter)
        if ticket is not None:
            await self.do("counters.start", counter=counter)
            await self.do("counters.finish", counter=counter)
        return ticket

    # -- looking ----------------------------------------------------------------------------------

    def ticket(self, id: str) -> TicketView:
        return ticket_view(self.hall.state.tickets[id], self.hall.now())

    def view(self) -> HallView:
        return hall_view(self.hall.state, self.hall.now())

    def slip_of(self, ticket: str, language: Literal["zh", "en"] = "en") -> list[str]:
        """The lines that plugins put on its slip."""
        return [getattr(line, language) for line in self.hall.state.tickets[ticket].slip]

    async def card(self, ticket: str) -> Card:
        """What the counter sees of the ticket's customer."""
        view, visit, known = await card_request(self.host, self.hall.state.tickets[ticket], self.now())
        return await self.host.asking.card(view, visit, known)

    async def second_screen(self, ticket: str) -> list[Panel]:
        found = await self.host.asking.second_screen(self.ticket(ticket), self.host.facts.of(ticket))
        return [panel for _, panel in found]

    async def advice(self, service: str) -> list[Advice]:
        """What a kiosk says before it gives a ticket."""
        return [advice for _, advice in await self.host.asking.kiosk_advice(service, self.view())]

    async def lines(self) -> Sequence[Words]:
        """What displays say beside the calls; alert rules are looked at as well."""
        self.host.tending.look_again()
        await self.host.tending.go_round()
        await self.settle()
        return self.host.tending.lines

    async def records(self, *types: str) -> list[Record]:
        """What is in the journal, of these types or all."""
        found: list[Record] = []
        after = 0
        while page := await self.hall.journal.records_after(after, 1000):
            found += [record_view(one, person=True) for one in page if not types or one.type in types]
            after = page[-1].seq
        return found

    async def request(self, method: str, path: str, *, plugin: str | None = None, **fields: Any) -> Response:
        """Ask one of the plugin's routes, as somebody who may. `KeyError` if there is none."""
        name = plugin or next(iter(self.host.entries))
        found, _ = self.host.web.find(name, method, path)
        if found is None:
            raise KeyError(f"{method} {path}")
        request = Request(method=method, path=path, params=found.params, **fields)
        return await self.host.web.serve(name, found, request)

    def faults(self, plugin: str | None = None) -> str | None:
        """What the plugin did wrong last; None: nothing."""
        name = plugin or next(iter(self.host.entries))
        return self.host.entries[name].ledger.last_fault


@asynccontextmanager
async def hall_with(
    *plugins: Path | str,
    settings: Mapping[str, Any] | None = None,
    at: str = "2026-03-02 09:00",
    toml: str = HALL,
    isolation: Literal["in-process", "process"] = "in-process",
    folder: Path | None = None,
) -> AsyncIterator[FakeHall]:
    """A hall with these plugins at work: folders of projects, or names of installed ones.

    `settings` is the first one's own table of hall.toml. With `folder` the journal is kept there, for another
    hall that goes on with it. `UsageError` says what is wrong with a plugin.
    """
    paths, names = _found(plugins)
    with tempfile.TemporaryDirectory(prefix="somc-test-") as made:
        home = folder or Path(made)
        named = f"[plugins]\nenabled = {_toml(names)}\npaths = {_toml(paths)}\n"
        (home / "hall.toml").write_text(f"{toml}\n{named}", encoding="utf-8")
        config, loaded = load_config(home / "hall.toml")
        options = MappingProxyType(dict(settings or {}))
        config = replace(
            config,
            plugin_settings={
                name: PluginSettings(
                    options=options if place == 0 else {}, isolation=isolation, deadline_ms=5000
                )
                for place, name in enumerate(names)
            },
        )
        ids, clock = IdSource(1), DayClock(instant(at, config.settings.timezone))
        host: PluginHost

        def plug_in(hall: Hall) -> None:
            nonlocal host
            host = make_host(hall, loaded, config, home / "data", ids.draw)

        async with open_hall(config, home / "data", clock, ids, loaded.policies(), plug_in) as (
            hall,
            nursery,
        ):
            await nursery.start(host.run)
            await host.start_all()
            desk = Desk(hall, ids, lambda: config.customers)
            desk.plugins = host
            fake = FakeHall(hall, host, desk, clock)
            await fake.settle()
            try:
                yield fake
            finally:
                with trio.CancelScope(shield=True):
                    await host.stop_all()


def _toml(things: Sequence[Any]) -> str:
    """A list of texts as TOML writes it."""
    return json.dumps([str(thing) for thing in things])


def _found(plugins: Sequence[Path | str]) -> tuple[tuple[Path, ...], list[str]]:
    """The paths among them, and all their names."""
    paths = tuple(one.resolve() for one in plugins if isinstance(one, Path))
    names = [
        name
        for one in plugins
        for name in ([one] if isinstance(one, str) else [found.name for found in at_path(one.resolve())])
    ]
    return paths, names
