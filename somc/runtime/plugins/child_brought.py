"""What a plugin in its own process brings, as the hall knows it: routes, pages and rules that are answered
there.

What must stay true: nothing here is ever called; the runner asks the child by number.
"""

from __future__ import annotations

from typing import Any

from somc.api import AlertRule, Page, Request, Response, Route, Socket, SocketRoute, Words
from somc.runtime.plugins.routing import check_routes

__all__ = ["brought_there"]


def brought_there(
    brought: dict[str, Any],
) -> tuple[list[Route | SocketRoute], list[Page], list[AlertRule]]:
    """Its routes, pages and rules. `HookFailed` for what cannot be."""
    routes: list[Route | SocketRoute] = []
    for each in brought["routes"]:
        roles = frozenset(each["roles"])
        if each["method"] == "WEBSOCKET":
            routes.append(SocketRoute(each["path"], _elsewhere_socket, roles))
        else:
            limits = each["body_limit"], each["rate_per_min"]
            routes.append(Route(each["method"], each["path"], _elsewhere, roles, *limits))
    check_routes(routes)
    pages = [
        Page(
            path=each["path"],
            title=Words(**each["title"]),
            roles=frozenset(each["roles"]),
            icon=each["icon"],
        )
        for each in brought["pages"]
    ]
    rules = [
        AlertRule(
            name=each["name"], words=Words(**each["words"]), check=_elsewhere_check, limit=each["limit"]
        )
        for each in brought["rules"]
    ]
    return routes, pages, rules


async def _elsewhere(request: Request) -> Response:
    raise AssertionError("a route of a plugin in its own process is served there")


async def _elsewhere_socket(socket: Socket) -> None:
    raise AssertionError("a socket of a plugin in its own process is served there")


def _elsewhere_check(hall: Any) -> int | None:
    raise AssertionError("a rule of a plugin in its own process is checked there")
