"""The running plugin: asks the operator's systems side by side, and keeps what each ticket's customer is.

What must stay true
- Whatever the systems do, an answer about a customer comes within the source's own time, which is shorter
  than the hall's deadline: late or down is a fact about the customer (`note`), not an exception.
- Histories are asked all at once; the late ones do not hold up the others and are named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import trio

from somc.api import Identity, Json, PluginContext, Visit
from somc_plugins.crm.config import CrmConfig
from somc_plugins.crm.people import Customer, Entry, class_of, customer_of, entries_of
from somc_plugins.json_source import JsonSource, SourceFailed, open_client

if TYPE_CHECKING:
    import httpx

__all__ = ["Facts", "Front", "Told"]

NOTES = {
    "slow": "CRM 未及时应答 · the CRM did not answer in time",
    "down": "CRM 无法连接 · the CRM is not reached",
    "wrong": "CRM 应答有误 · the CRM answered nonsense",
    "paused": "CRM 暂停查询 · the CRM failed again and again and is passed over",
}
"""Why a customer is of the default class, for the agent's card."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept for a ticket while it lives. `state` is `known`, `unknown`, or why the CRM failed."""

    state: str
    customer: Customer = Customer()
    birthday: bool = False
    """Whether it is the customer's birthday today."""
    open: dict[str, int] = {}
    """System → entries that still wait for somebody, as known when the ticket was taken."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the systems told of one number: histories that came, by source, and those that did not."""

    entries: list[Entry]
    late: list[str]


class Front:
    """Made by `somc_start`, closed by `somc_stop`."""

    def __init__(self, config: CrmConfig, clients: dict[bool, httpx.AsyncClient], zone: tzinfo) -> None:
        self.config = config
        self.zone = zone
        self._clients = clients
        self._customers = JsonSource("crm", config.customers, clients[config.customers.verify])
        self._histories = {
            name: JsonSource(name, settings, clients[settings.verify])
            for name, settings in config.history.items()
        }

    @classmethod
    async def open(cls, context: PluginContext) -> Front:
        config: CrmConfig = context.config
        sources = (config.customers, *config.history.values())
        clients = {verify: await open_client(verify) for verify in {source.verify for source in sources}}
        return cls(config, clients, ZoneInfo((await context.hall()).timezone))

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    @property
    def sources(self) -> list[JsonSource]:
        """Every system that is asked, the CRM first."""
        return [self._customers, *self._histories.values()]

    # -- who is it -----------------------------------------------------------------------------------

    async def identify(self, visit: Visit) -> Identity | None:
        """Class, name and facts of whoever takes a ticket; None for somebody without a number."""
        if visit.phone is None:
            return None
        phone = visit.phone
        at_take = [name for name, settings in self.config.history.items() if settings.at_take]
        answered: list[Identity] = []
        told: list[Told] = []

        async def ask_crm() -> None:
            answered.append(await self._identity(phone, visit.at))

        async def ask_histories() -> None:
            told.append(await self.history(phone, at_take, self.config.customers.timeout_ms / 1000))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_crm)
            if at_take:
                nursery.start_soon(ask_histories)
        identity = answered[0]
        waiting = Counter(entry.source for entry in told[0].entries if entry.open) if told else None
        if not waiting:
            return identity
        return msgspec.structs.replace(identity, facts={**identity.facts, "open": dict(waiting)})

    async def _identity(self, phone: str, at: int) -> Identity:
        try:
            answer = await self._customers.get(phone=phone)
        except SourceFailed as failure:
            return Identity(
                facts=_plain(Facts(state=failure.why)), source=failure.why, note=NOTES[failure.why]
            )
        if answer is None:
            return Identity(facts=_plain(Facts(state="unknown")), source="unknown")
        customer, name = customer_of(answer, self.config.customers.fields)
        today = datetime.fromtimestamp(at / 1000, self.zone).date()
        return Identity(
            customer_class=class_of(customer, self.config.rules),
            name=name,
            facts=_plain(Facts(state="known", customer=customer, birthday=customer.has_birthday(today))),
            source="crm",
        )

    async def look_up(self, phone: str, facts: Facts) -> tuple[Facts, str | None, Told]:
        """For a card: the customer as known now, the name, and every history, all asked side by side."""
        customers: list[tuple[Facts, str | None]] = []
        told: list[Told] = []

        async def ask_crm() -> None:
            customers.append(await self._customer(phone, facts))

        async def ask_histories() -> None:
            told.append(await self.history(phone, self._histories, self.config.history_deadline_ms / 1000))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_crm)
            nursery.start_soon(ask_histories)
        return *customers[0], told[0]

    async def _customer(self, phone: str, facts: Facts) -> tuple[Facts, str | None]:
        """Asked again, for the CRM may have come back; else as it was at the take."""
        try:
            answer = await self._customers.get(phone=phone)
        except SourceFailed:
            return facts, None
        if answer is None:
            return msgspec.structs.replace(facts, state="unknown"), None
        customer, name = customer_of(answer, self.config.customers.fields)
        return msgspec.structs.replace(facts, state="known", customer=customer), name

    # -- what happened with them -----------------------------------------------------------------------

    async def history(self, phone: str, names: Iterable[str], deadline_s: float) -> Told:
        """The histories of these systems, all asked at once, that came within the deadline; newest first."""
        found: dict[str, list[Entry]] = {}
        names = list(names)

        async def ask(name: str) -> None:
            try:
                answer = await self._histories[name].get(phone=phone)
            except SourceFailed:
                return
            entries = entries_of(answer, name, self.config.history[name], self.zone)
            if entries is not None:
                found[name] = entries

        with trio.move_on_after(deadline_s):
            async with trio.open_nursery() as nursery:
                for name in names:
                    nursery.start_soon(ask, name)
        entries = sorted((entry for each in found.values() for entry in each), key=lambda entry: -entry.at)
        return Told(entries=entries, late=[name for name in names if name not in found])


def _plain(facts: Facts) -> dict[str, Json]:
    plain: dict[str, Json] = msgspec.to_builtins(facts)
    return plain
