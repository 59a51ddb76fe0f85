"""What a read is: its path, its parameters, who may ask, and what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from somc.domain.state import HallState
from somc.domain.values import Words, to_plain
from somc.runtime.hall import Hall
from somc.server import views
from somc.server.access import ROLES, Principal
from somc.server.finder import Finder

__all__ = ["EVERYBODY", "SERVERS", "STAFF", "Floor", "NoParams", "Query"]

EVERYBODY = frozenset(ROLES)
STAFF = frozenset(("floor", "agent", "manager", "centre"))
SERVERS = frozenset(("agent", "manager"))


@dataclass(slots=True)
class Floor:
    """What reads need: the hall, and of each device what it is, by name."""

    hall: Hall
    devices: dict[str, Any]
    channels: Callable[[], list[dict[str, Any]]] = list
    """The channels for messages that run, each as it stands."""
    lines: Callable[[], tuple[Words, ...]] = tuple
    """What plugins have displays say beside the calls, just now."""
    finder: Finder = field(init=False)
    _derived: tuple[Any, dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        self.finder = Finder(self.hall)

    def figures(self, state: HallState, now: int) -> dict[str, Any]:
        """The derived figures of this record and second: in a large hall they cost a tenth of a second, and
        after a restart every screen asks at once."""
        basis = (state.seq, now // 1000, self.beside())
        if self._derived is None or self._derived[0] != basis:
            lines, devices = self.beside()
            beside = {"display_lines": to_plain(lines), "devices": list(devices)}
            self._derived = (basis, {**views.figures(state, now), **beside})
        return self._derived[1]

    def beside(self) -> tuple[tuple[Words, ...], tuple[str, ...]]:
        """What figures show that no record tells of: plugins' lines, and which devices there are."""
        return self.lines(), tuple(self.devices)


class NoParams(msgspec.Struct, frozen=True):
    """Nothing to say."""


@dataclass(frozen=True, slots=True)
class Query:
    """One read: its path below `/api/v1`, its parameters (path and query together), who may ask."""

    name: str
    path: str
    params: type[msgspec.Struct]
    roles: frozenset[str]
    ask: Callable[[Floor, Any, Principal], Awaitable[Any]]
    summary: str
    live: bool = False
    """Whether it may be asked over the WebSocket too."""
