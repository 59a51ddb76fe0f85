"""What a read is: its path, its parameters, who may ask, and what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from somc.runtime.hall import Hall
from somc.server.access import ROLES, Principal

__all__ = ["EVERYBODY", "SERVERS", "STAFF", "Floor", "NoParams", "Query"]

EVERYBODY = frozenset(ROLES)
STAFF = frozenset(("floor", "agent", "manager", "centre"))
SERVERS = frozenset(("agent", "manager"))


class Floor(msgspec.Struct, frozen=True):
    """What reads need: the hall, and of each device what it is, by name."""

    hall: Hall
    devices: dict[str, Any]


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
