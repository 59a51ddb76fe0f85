"""The routes, sockets and pages of the plugins at work, for whoever serves them.

What must stay true: a plugin that goes is asked nothing more, and its sockets end with it (`take_down`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from somc.api import Page, Request, Response, Route, Socket, SocketRoute
from somc.runtime.plugins.entry import Entry
from somc.runtime.plugins.routing import Match, match

__all__ = ["Web"]

ROUTE_S = 10.0
"""How long one request may take."""


class Web:
    """What plugins serve in one hall; `entries` gives those that are enabled, by name."""

    def __init__(self, entries: Callable[[], Mapping[str, Entry]]) -> None:
        self._entries = entries

    def find(self, name: str, method: str, path: str) -> tuple[Match | None, frozenset[str]]:
        """The route of the plugin that fits, or the methods that the path would take. `KeyError` if there
        is no such plugin at work."""
        entry = self._entries()[name]
        if not entry.serving:
            raise KeyError(name)
        return match(entry.runner.routes, method, path)

    def route_of(self, name: str, found: Match) -> Route | SocketRoute:
        route: Route | SocketRoute = self._entries()[name].runner.routes[found.number]
        return route

    async def serve(self, name: str, found: Match, request: Request) -> Response:
        """The answer of a plugin's route. `HookFailed`."""
        response: Response = await self._entries()[name].runner.serve(found.number, ROUTE_S, request)
        return response

    async def serve_socket(self, name: str, found: Match, socket: Socket) -> None:
        """Let the plugin have the socket until it is done, or disabled. `HookFailed`."""
        entry = self._entries()[name]
        with trio.CancelScope() as scope:
            entry.sockets.add(scope)
            try:
                await entry.runner.serve_socket(found.number, socket)
            finally:
                entry.sockets.discard(scope)

    def pages(self) -> list[tuple[str, Page]]:
        """Every page of every plugin at work."""
        return [
            (name, page)
            for name, entry in self._entries().items()
            if entry.serving
            for page in entry.runner.pages
        ]
