"""Paths of plugins' routes: compiled, checked, matched; and a handler asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from somc.api import Request, Response, Route, SocketRoute, WrongBody
from somc.runtime.plugins.ledger import HookFailed

__all__ = ["METHODS", "Match", "check_routes", "handled", "match"]

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))

PART = re.compile(r"\{([a-z][a-z0-9_]*)(\.\.\.)?\}")
PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")


@dataclass(frozen=True, slots=True)
class Match:
    """The number of the route that fits, and what its braces stand for."""

    number: int
    params: dict[str, str]


@lru_cache(maxsize=4096)
def pattern(path: str) -> re.Pattern[str]:
    """The path as an expression. `ValueError` says what is wrong with it."""
    if not path.startswith("/"):
        raise ValueError(f"the path '{path}' does not begin with /")
    expression = ""
    parts = path[1:].split("/")
    for place, part in enumerate(parts):
        named = PART.fullmatch(part)
        if named is not None and named[2] and place != len(parts) - 1:
            raise ValueError(f"in the path '{path}' only the last part may be {{…...}}")
        if named is not None:
            expression += f"/(?P<{named[1]}>{'.*' if named[2] else '[^/]+'})"
        elif PLAIN.fullmatch(part):
            expression += "/" + re.escape(part)
        else:
            raise ValueError(f"the path '{path}' has a part '{part}' that is neither plain nor {{name}}")
    return re.compile(expression)


def check_routes(routes: Sequence[Route | SocketRoute]) -> None:
    """`HookFailed` for a path or a method that cannot be."""
    seen = set()
    for route in routes:
        method = "WEBSOCKET" if isinstance(route, SocketRoute) else route.method
        if isinstance(route, Route) and route.method not in METHODS:
            raise HookFailed("wrong", f"'somc_routes' has a route of the method {route.method!r}")
        try:
            pattern(route.path)
        except (ValueError, re.error) as error:
            raise HookFailed("wrong", f"'somc_routes': {error}") from error
        if (method, route.path) in seen:
            raise HookFailed("wrong", f"'somc_routes' has {method} {route.path} twice")
        seen.add((method, route.path))


def match(
    routes: Sequence[Route | SocketRoute], method: str, path: str
) -> tuple[Match | None, frozenset[str]]:
    """The first route that fits, or the methods that this path would take; a socket's is `WEBSOCKET`."""
    allowed = set()
    for number, route in enumerate(routes):
        its = "WEBSOCKET" if isinstance(route, SocketRoute) else route.method
        found = pattern(route.path).fullmatch(path)
        if found is None:
            continue
        if its == method or (its == "GET" and method == "HEAD"):
            return Match(number, found.groupdict()), frozenset()
        allowed.add(its)
    return None, frozenset(allowed)


async def handled(route: Route, request: Request) -> Response:
    """The handler's answer; a body that it cannot use is the asker's mistake and no fault of the plugin."""
    try:
        return await route.handler(request)
    except WrongBody as why:
        body = {"type": "urn:somc:problem:wrong_input", "title": "Unprocessable", "status": 422}
        body |= {"code": "wrong_input", "detail": str(why)}
        return Response(status=422, body=body, content_type="application/problem+json")
