"""Who the customer is: identified by phone in the operator's CRM, popped up at the counter, shared back.

    [plugins]
    enabled = ["crm"]

    [plugin.crm.customers]
    url = "https://crm.example/customers/{phone}"

When a ticket is taken the CRM is asked within the hall's deadline, and brand, VIP tier and credit level
make the customer class by rules. When it is called, the counter's card says who comes, how long they waited
and what happened with them before, in every linked system; its link opens the operator's page with the
number filled in. Reference: docs/reference/plugins/crm.md. In five files, each to be read in one sitting:

    config    whom to ask, and the rules            front    asks side by side, within the time
    people    what an answer means (pure)           card     what is shown (pure)
    sharing   the routes
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from somc.api import (
    About,
    AlertRule,
    CardSection,
    HallView,
    Identity,
    Json,
    PluginContext,
    Prompt,
    Route,
    TicketView,
    Visit,
    Words,
    hookimpl,
)
from somc_plugins.crm.card import card, prompts, visit_entries
from somc_plugins.crm.config import CrmConfig
from somc_plugins.crm.front import Facts, Front
from somc_plugins.crm.sharing import routes

__all__ = ["CrmConfig"]


@hookimpl
def somc_plugin() -> About:
    return About(
        title=Words("客户信息 CRM", "Customers from the CRM"),
        config=CrmConfig,
        sees=frozenset(("phone", "history")),
    )


@hookimpl
async def somc_start(context: PluginContext) -> None:
    context.state = await Front.open(context)


@hookimpl
async def somc_stop(context: PluginContext) -> None:
    await context.state.aclose()


@hookimpl
def somc_routes(context: PluginContext) -> Iterable[Route]:
    return routes(context)


@hookimpl
def somc_alert_rules(context: PluginContext) -> Iterable[AlertRule]:
    """A system that failed again and again: customers are of the default class, and cards are thinner."""

    def paused(hall: HallView) -> int | None:
        return sum(source.state == "paused" for source in context.state.sources) or None

    words = Words("客户信息系统无法访问，按默认等级服务", "A customer system is not reached: default classes")
    return [AlertRule(name="systems", words=words, check=paused, limit=1)]


@hookimpl
async def somc_identify(context: PluginContext, visit: Visit) -> Identity | None:
    front: Front = context.state
    return await front.identify(visit)


@hookimpl
async def somc_card(context: PluginContext, ticket: TicketView, visit: Visit) -> Iterable[CardSection]:
    """Histories and customer side by side; the hall's own visits are at hand."""
    front: Front = context.state
    facts = facts_of(await context.facts(ticket.id))
    if visit.phone is None:
        return []
    facts, name, told = await front.look_up(visit.phone, facts)
    visits = [] if ticket.person is None else await context.visits(ticket.person, 20)
    return card(front.config, ticket, facts, name, told, visit_entries(visits, ticket.id), front.zone)


@hookimpl
def somc_counter_prompts(context: PluginContext, facts: Mapping[str, Json]) -> Iterable[Prompt]:
    return prompts(context.config, facts_of(facts))


def facts_of(plain: Mapping[str, Json]) -> Facts:
    """What was kept for a ticket; nothing: taken without a number, or before this plugin was enabled."""
    return msgspec.convert(plain, Facts) if plain else Facts(state="unknown")
