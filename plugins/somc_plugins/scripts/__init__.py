"""Service wording and rules of conduct (服务用语、服务规范) at company, branch, district and hall.

    [plugins]
    enabled = ["scripts"]

A text set for the hall stands instead of the district's, for this hall only; withdrawing it brings the
inherited one back. The agent reads what is in force for the ticket's service and class, step by step, with
the card; who has read a new version is listed. Managers publish on `/plugins/scripts/`, for their own hall;
the levels above are an admin's, who also loads a whole library (`PUT /library`). Every publication is a
record (`plugin.noted`). Reference: docs/reference/plugins/scripts.md. `library` is what counts (pure),
`serving` the routes.

Store: `entry/ID`, an entry with its versions; `read/ID-VERSION/SUBJECT`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from somc.api import About, Page, PluginContext, Prompt, Route, TicketView, Words, hookimpl
from somc_plugins.scripts.library import MOMENTS, in_force
from somc_plugins.scripts.serving import STAFF, Library, routes

__all__ = ["ScriptsConfig"]

TITLE = Words("服务脚本", "Service scripts")


class ScriptsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[plugin.scripts]`."""

    prompts: bool = True
    """Whether agents see the texts in force with each ticket."""


@hookimpl
def somc_plugin() -> About:
    return About(title=TITLE, config=ScriptsConfig)


@hookimpl
async def somc_start(context: PluginContext) -> None:
    context.state = await Library.open(context)


@hookimpl
def somc_routes(context: PluginContext) -> Iterable[Route]:
    return routes(context)


@hookimpl
def somc_pages() -> Iterable[Page]:
    return [Page(path="/", title=TITLE, roles=STAFF, icon="script")]


@hookimpl
def somc_counter_prompts(context: PluginContext, ticket: TicketView) -> Iterable[Prompt]:
    """The texts for this ticket in the order of a service."""
    if not context.config.prompts:
        return
    library: Library = context.state
    day = datetime.fromtimestamp(context.now() / 1000, ZoneInfo(library.timezone)).date()
    texts = in_force(library.entries, library.org, ticket.service, ticket.customer_class, day)
    for number, text in enumerate(texts):
        moment = text.place.moment
        yield Prompt(id=f"{moment}_{number}", kind="script", words=MOMENTS[moment], steps=text.version.steps)
