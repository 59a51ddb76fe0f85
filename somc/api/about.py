"""What a plugin says of itself: its one `About`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from somc.api.values import HallView, Sight, Words

__all__ = ["About", "AlertRule", "Page"]

NAMELESS = Words(zh="", en="")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A plugin's own description; one that gives none is made for API 1, sees nothing and follows nothing.

    `api` is the version it was made for (`"1"` or `"1.0"`), `config` the msgspec Struct that its
    `[plugin.NAME]` in hall.toml must fit. `sees` is the personal data it asks for. `follows` are the record
    types for `somc_record`, `"#"` all. After an absence its follower continues where it stopped, or
    (`catch_up="skip"`) passes over what happened meanwhile; with `skip_older_s` it passes over what is
    older than that, always. `isolation` is what its author advises: hall.toml's word counts.
    """

    api: str = "1"
    title: Words = NAMELESS
    version: str | None = None
    """None: the version of the package that brings it."""
    config: type[msgspec.Struct] | None = None
    sees: frozenset[Sight] = frozenset()
    follows: tuple[str, ...] = ()
    catch_up: Literal["continue", "skip"] = "continue"
    skip_older_s: int | None = None
    isolation: Literal["in-process", "process"] = "in-process"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """A warning of a plugin's own: `check` (sync, pure) is asked about the hall every few seconds and gives
    a value, or None; a value at or above `limit` raises the alert, anything else clears it."""

    name: str
    words: Words
    check: Callable[[HallView], int | None]
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the plugin, for menus. `path` (`"/"`) is below `/plugins/NAME` and served by one of its
    routes."""

    path: str
    title: Words
    roles: frozenset[str]
    icon: str = "plugin"
