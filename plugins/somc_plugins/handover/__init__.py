"""Announcements to the hall's staff (公告) with a read list, and notes from one shift to the next (交接班).

    [plugins]
    enabled = ["handover"]

An announcement counts from one moment to another, goes to agents, floor staff or both, and may stand on the
hall's displays as well; who has read it is listed. A shift note stays until somebody says it is done. Page:
`/plugins/handover/`. Reference: docs/reference/plugins/handover.md. `board` is what counts (pure).

Store: `notice/ID`, `note/ID`, `read/ID/SUBJECT`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from somc.api import About, HallView, Page, PluginContext, Prompt, Route, Words, hookimpl
from somc_plugins.handover.board import Board, prompts_of
from somc_plugins.handover.serving import STAFF, routes

__all__ = ["HandoverConfig"]

TITLE = Words("公告与交接班", "Announcements and handover")


class HandoverConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[plugin.handover]`."""

    keep_days: int = 90
    """What is over goes after so many days."""

    def __post_init__(self) -> None:
        if not 1 <= self.keep_days <= 3650:
            raise ValueError("keep_days: 1 to 3650")


@hookimpl
def somc_plugin() -> About:
    return About(title=TITLE, config=HandoverConfig)


@hookimpl
async def somc_start(context: PluginContext) -> None:
    context.state = await Board.open(context)


@hookimpl
def somc_routes(context: PluginContext) -> Iterable[Route]:
    return routes(context)


@hookimpl
def somc_pages() -> Iterable[Page]:
    return [Page(path="/", title=TITLE, roles=STAFF, icon="notice")]


@hookimpl
def somc_display_lines(context: PluginContext, hall: HallView) -> Iterable[Words]:
    board: Board = context.state
    return [notice.title for notice in board.counting(hall.now) if notice.public]


@hookimpl
def somc_counter_prompts(context: PluginContext) -> Iterable[Prompt]:
    """Urgent announcements, with every ticket while they count."""
    board: Board = context.state
    return prompts_of(board.counting(context.now()))
