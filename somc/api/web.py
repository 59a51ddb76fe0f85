"""HTTP and WebSocket of a plugin, below `/plugins/NAME/`.

The host reads, checks who asks (signed in with one of `roles`, unless the route is PUBLIC), bounds body,
rate and time, and hands the handler a whole request. What the handler raises is a 500 that names the
plugin; it never sees a socket of the server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, TypeVar

import msgspec

from somc.api.values import Json

__all__ = ["PUBLIC", "Request", "Response", "Route", "Socket", "SocketClosed", "SocketRoute", "WrongBody"]

PUBLIC: frozenset[str] = frozenset(("*",))
"""The roles of a route that asks nobody who they are."""

Kind = TypeVar("Kind")

NOTHING: Mapping[str, str] = MappingProxyType({})


class WrongBody(ValueError):
    """A request's body is not what the handler asked for. Whoever asked is told, with a 422."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `params` are the path's braces, `query` the first value of each key, names of `headers`
    in lower case (no cookie and no authorization among them). `subject` and `roles` are of whoever asks;
    None: nobody known."""

    method: str
    path: str
    params: dict[str, str] = {}
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: bytes = b""
    subject: str | None = None
    roles: list[str] = []
    address: str = ""

    def json(self) -> Json:
        """The body as JSON. `WrongBody` if it is none; a handler may let it pass: that is a 422."""
        return self.body_as(object)

    def body_as(self, kind: type[Kind]) -> Kind:
        """The body as a value of `kind`. `WrongBody` says what is wrong with it, as for `json`."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
            raise WrongBody(str(why)) from None


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: bytes and text leave as they are, anything else as JSON (and then `content_type` may be
    left out)."""

    body: Json = b""
    status: int = 200
    content_type: str | None = None
    headers: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Route:
    """`GET /plugins/NAME/orders/7` is `Route("GET", "/orders/{id}", …)`. A `{name}` stands for one part of
    the path; `{rest...}` at the end for all that is left."""

    method: str
    path: str
    handler: Callable[[Request], Awaitable[Response]]
    roles: frozenset[str] = field(default=frozenset(("admin",)))
    body_limit: int = 65_536
    rate_per_min: int = 600


class SocketClosed(Exception):
    """The peer has left, or the plugin is being disabled."""


class Socket(Protocol):
    """One WebSocket connection."""

    request: Request

    async def receive(self) -> str | bytes:
        """The next message. Raises `SocketClosed`."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Raises `SocketClosed`."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class SocketRoute:
    """A WebSocket below `/plugins/NAME/`; the connection ends when the handler returns."""

    path: str
    handler: Callable[[Socket], Awaitable[None]]
    roles: frozenset[str] = field(default=frozenset(("admin",)))
