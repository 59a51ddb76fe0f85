"""`POST /devices/reload`: the devices of hall.toml, read anew while the hall runs.

What must stay true: administrators only; a file with a mistake anywhere changes nothing and is answered with
every mistake, each with its line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from quart import Response

from somc.errors import ConfigurationError, UsageError
from somc.server.edge import Edge
from somc.server.problems import Problem, problem

__all__ = ["Reload", "add_device_routes"]

Reload = Callable[[], Awaitable[dict[str, Any]]]
"""Reads hall.toml and sets its devices up: what was added, removed, swapped, kept. `ConfigurationError`,
`UsageError`: nothing has changed."""


def add_device_routes(edge: Edge, reload: Reload) -> None:
    """Adds it to the framework's application."""

    @edge.quart.post("/api/v1/devices/reload")
    async def reload_devices() -> Response:
        principal = edge.changer()
        if isinstance(principal, Problem):
            return edge.fail(principal)
        if "admin" not in principal.roles:
            return edge.fail(
                problem(403, "no_right", f"{principal.by} may not change devices; allowed: admin")
            )
        try:
            return edge.answer(200, await reload())
        except ConfigurationError as error:
            faults = "; ".join(str(fault) for fault in error.faults)
            return edge.fail(problem(422, "configuration", f"hall.toml is not taken: {faults}"))
        except UsageError as error:
            return edge.fail(problem(422, "configuration", str(error)))
