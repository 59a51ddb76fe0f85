"""Individual offers: on the slip, on the counter's second screen, and as the agent's script.

    [plugins]
    enabled = ["marketing"]

    [plugin.marketing]
    campaigns = "/etc/somc/campaigns.toml"

When a ticket is taken, the customer's offers come from a campaign file, from the marketing system, or
both; caps and consent decide which are made. They are *shown* when the customer is called; what the agent
then says became of them (accepted, refused, later) is a record, is counted, and is told to the marketing
system until it has heard. An offer that was refused never comes again.
Reference: docs/reference/plugins/marketing.md.

    config      where from, how often              offers    which ones (pure)
    campaigns   the file                           ledger    what became of them
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import trio

from somc.api import (
    About,
    Identity,
    Json,
    Offer,
    Panel,
    PluginContext,
    Prompt,
    Record,
    RecordOffer,
    Request,
    Response,
    Route,
    TicketView,
    Visit,
    Words,
    hookimpl,
)
from somc_plugins.json_source import JsonSource, SourceFailed, at_path, open_client
from somc_plugins.marketing.campaigns import Campaigns, read_campaigns
from somc_plugins.marketing.config import MarketingConfig
from somc_plugins.marketing.ledger import Ledger
from somc_plugins.marketing.offers import chosen, offers_of, spoken

__all__ = ["MarketingConfig"]

replace = msgspec.structs.replace

NEVER = sys.maxsize
"""Failures after which outcomes are told no more: whoever tells them pauses by itself, and what is refused
there is no reason to stop asking for offers."""

MOST_VALUES = 5000
"""Tickets whose customer's plan and brand are held for the script; more than wait at
once."""


class Marketing:
    """The running plugin."""

    def __init__(
        self, context: PluginContext, campaigns: Campaigns | None, source: JsonSource | None
    ) -> None:
        self.config: MarketingConfig = context.config
        self.campaigns = campaigns
        self.source = source
        self.ledger = Ledger(context)
        self.values: OrderedDict[str, dict[str, str]] = OrderedDict()
        """Ticket → plan and brand, as the CRM's plugin told."""

    async def offers_for(self, visit: Visit) -> tuple[list[Offer], dict[str, str]]:
        """What may be offered to this visitor, and what the script may say of them. Whoever has not consented
        is offered nothing, of the campaign file neither."""
        if visit.person in self.ledger.declined:
            return [], {}
        found: list[Offer] = []
        values: dict[str, str] = {}
        if self.source is not None and visit.phone is not None:
            answer = await self._asked(visit.phone)
            if answer is None:
                return [], {}
            found, values = answer
        if self.campaigns is not None:
            listed = self.campaigns.for_(visit.phone, visit.service, visit.customer_class, visit.at)
            for offer, known in listed:
                found.append(offer)
                values = {**known, **values}
        past = {} if visit.person is None else await self.ledger.past(visit.person)
        return chosen(found, past, self.config.caps, visit.at), values

    async def _asked(self, phone: str) -> tuple[list[Offer], dict[str, str]] | None:
        """What the source says of a number; None: no consent, or none that is known."""
        settings = self.config.source
        assert self.source is not None
        assert settings is not None
        try:
            answer = await self.source.get(phone=phone)
        except SourceFailed:
            return None if settings.consent else ([], {})
        if settings.consent and at_path(answer, settings.consent) is not True:
            return None
        known = {"plan": at_path(answer, settings.plan), "brand": at_path(answer, settings.brand)}
        values = {name: value[:80] for name, value in known.items() if isinstance(value, str) and value}
        return offers_of(answer, settings.offers), values

    def offers_to(self, ticket: TicketView, facts: Mapping[str, Json]) -> list[Offer]:
        """The offers that were chosen when the ticket was taken, unless they were declined since."""
        if ticket.person in self.ledger.declined:
            return []
        return msgspec.convert(facts.get("offers", []), list[Offer])

    def know(self, ticket: str, values: dict[str, str]) -> None:
        self.values[ticket] = values
        while len(self.values) > MOST_VALUES:
            self.values.popitem(last=False)


@hookimpl
def somc_plugin() -> About:
    return About(
        title=Words("营销推荐", "Offers"),
        config=MarketingConfig,
        sees=frozenset(("phone", "history")),
        follows=("ticket.taken", "ticket.called", "offer.outcome"),
    )


@hookimpl
async def somc_start(context: PluginContext) -> None:
    config: MarketingConfig = context.config
    campaigns, source, teller = None, None, None
    if config.campaigns is not None:
        campaigns = await trio.to_thread.run_sync(read_campaigns, context.data_dir / Path(config.campaigns))
    if config.source is not None:
        client = await open_client(config.source.verify)
        source = JsonSource("marketing", config.source, client)
        teller = JsonSource("marketing", replace(config.source, failures=NEVER), client)
    context.state = Marketing(context, campaigns, source)
    await context.state.ledger.open()
    if teller is not None and config.source is not None and config.source.outcome_url is not None:
        context.nursery.start_soon(context.state.ledger.tell, teller)


@hookimpl
async def somc_stop(context: PluginContext) -> None:
    if context.state.source is not None:
        await context.state.source.aclose()


@hookimpl
def somc_routes(context: PluginContext) -> Iterable[Route]:
    async def results(request: Request) -> Response:
        return Response(body={"offers": await context.state.ledger.counts()})

    async def consent(request: Request) -> Response:
        """Whoever wants no more offers (or wants them again) says so to the agent."""
        asked = request.json()
        said = asked.get("consent") if isinstance(asked, dict) else None
        ticket = await context.ticket(request.params["ticket"])
        if ticket is None or ticket.person is None:
            return Response(status=404, body={"detail": "no number is known for this ticket"})
        if not isinstance(said, bool):
            return Response(status=422, body={"detail": 'say whether: {"consent": false}'})
        await context.state.ledger.set_consent(ticket.person, said)
        context.announce_changed()
        return Response(body={"consent": said})

    return [
        Route("GET", "/results", results, frozenset(("manager",))),
        Route("PUT", "/tickets/{ticket}/consent", consent, frozenset(("agent", "manager"))),
    ]


@hookimpl
async def somc_identify(context: PluginContext, visit: Visit) -> Identity | None:
    offers, values = await context.state.offers_for(visit)
    if not offers and not values:
        return None
    return Identity(facts={"offers": msgspec.to_builtins(offers), "values": values}, source="marketing")


@hookimpl
def somc_slip_lines(context: PluginContext, ticket: TicketView, facts: Mapping[str, Json]) -> Iterable[Words]:
    config: MarketingConfig = context.config
    offers = context.state.offers_to(ticket, facts)
    if config.slip and offers:
        title, text = offers[0].title, offers[0].text
        return [Words(f"{title.zh}：{text.zh}", f"{title.en}: {text.en}")]
    return [config.slip_default] if config.slip and config.slip_default is not None else []


@hookimpl
def somc_second_screen(
    context: PluginContext, ticket: TicketView, facts: Mapping[str, Json]
) -> Iterable[Panel]:
    if not context.config.screen:
        return []
    offers = context.state.offers_to(ticket, facts)
    return [Panel(title=offer.title, lines=[offer.text]) for offer in offers]


@hookimpl
def somc_counter_prompts(
    context: PluginContext, ticket: TicketView, facts: Mapping[str, Json]
) -> Iterable[Prompt]:
    """Each offer with its script, the customer's own plan and brand in it."""
    told = facts.get("values", {})
    values = {**context.state.values.get(ticket.id, {}), **told}
    for number, offer in enumerate(context.state.offers_to(ticket, facts)):
        steps = spoken(offer.script, values)
        made = replace(offer, script=steps)
        yield Prompt(id=f"offer_{number}", kind="offer", words=offer.title, steps=steps, offer=made)


@hookimpl
async def somc_record(context: PluginContext, record: Record) -> None:
    ticket = str(record.data["ticket"])
    if record.type == "offer.outcome":
        await context.state.ledger.outcome(record, await context.ticket(ticket))
    elif record.type == "ticket.taken":
        await context.state.ledger.tidy(record.at)
        customer = (await context.facts(ticket, of="crm")).get("customer", {})
        known = {"plan": customer.get("plan"), "brand": customer.get("brand_name")}
        context.state.know(ticket, {name: value for name, value in known.items() if value})
    elif (called := await context.ticket(ticket)) is not None:
        for offer in context.state.offers_to(called, await context.facts(ticket)):
            await context.do(RecordOffer(ticket=ticket, offer=offer.id, outcome="shown"))
