"""acme_greeting: regular customers are welcomed back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from somc.api import About, Identity, Json, PluginContext, Prompt, TicketView, Visit, Words, hookimpl


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugin.acme_greeting]` in hall.toml."""

    regular_after: int = 1
    """So many earlier visits make a regular."""


@hookimpl
def somc_plugin() -> About:
    return About(
        api="1",
        title=Words(zh="老客户问候", en="Welcome back"),
        config=Settings,
        sees=frozenset({"history"}),
    )


@hookimpl
async def somc_identify(context: PluginContext, visit: Visit) -> Identity | None:
    """Asked before the ticket is taken. `person` is a random id: this plugin never sees a number."""
    if visit.person is None:
        return None
    earlier = len(await context.visits(visit.person))
    return Identity(facts={"visits": earlier}) if earlier >= context.config.regular_after else None


@hookimpl
def somc_slip_lines(facts: Mapping[str, Json]) -> Iterable[Words]:
    """What `somc_identify` found out comes back as `facts`."""
    if "visits" in facts:
        yield Words(zh="欢迎再次光临", en="Welcome back")


@hookimpl
def somc_counter_prompts(ticket: TicketView, facts: Mapping[str, Json]) -> Iterable[Prompt]:
    if "visits" in facts:
        words = Words(zh=f"此前来过 {facts['visits']} 次", en=f"Has come {facts['visits']} times before")
        yield Prompt(id="regular", words=words, kind="care", tone="good")
