"""A plugin that says on displays how many wait, for tests."""

from __future__ import annotations

from collections.abc import Iterable

from somc.api import About, HallView, Words, hookimpl


@hookimpl
def somc_plugin() -> About:
    return About(api="1.0", title=Words(zh="等候人数", en="Wait line"), version="1.0")


@hookimpl
def somc_display_lines(hall: HallView) -> Iterable[Words]:
    waiting = sum(hall.waiting.values())
    return [Words(zh=f"{waiting}人等候", en=f"{waiting} wait")] if waiting else []
