"""`POST /devices/reload`: the devices of hall.toml, read anew while the hall runs.
`GET /devices/{name}/still`: a picture of one of its cameras.

What must stay true
- Administrators reload; a file with a mistake anywhere changes nothing and is answered with every mistake,
  each with its line.
- Managers look through cameras; who looked is in the log, the picture is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from quart import Response

from somc.errors import ConfigurationError, UsageError
from somc.server.access import may
from somc.server.edge import Edge
from somc.server.problems import Problem, problem
from somc_hal.errors import DeviceBusy, DeviceError

__all__ = ["Reload", "Still", "add_device_routes", "add_still_route"]

log = structlog.get_logger(__name__)

Reload = Callable[[], Awaitable[dict[str, Any]]]
"""Reads hall.toml and sets its devices up: what was added, removed, swapped, kept. `ConfigurationError`,
`UsageError`: nothing has changed."""


Still = Callable[[str], Awaitable[tuple[bytes, str] | None]]
"""A picture of the camera of that name, and its media type; `None`: there is none. Raises `DeviceError`."""

WATCHERS = frozenset(("manager",))


def add_still_route(edge: Edge, still: Still) -> None:
    """Adds `GET /devices/{name}/still` to the framework's application."""

    @edge.quart.get("/api/v1/devices/<name>/still")
    async def take_still(name: str) -> Response:
        caller = edge.caller()
        if isinstance(caller, Problem):
            return edge.fail(caller)
        by = caller.principal.by
        if not may(caller.principal, WATCHERS):
            return edge.fail(problem(403, "no_right", f"{by} may not look through cameras; allowed: manager"))
        try:
            taken = await still(name)
        except DeviceError as error:
            busy = isinstance(error, DeviceBusy)
            return edge.fail(
                problem(503, "device", f"no picture now: {error}", retry_after_s=1 if busy else 5)
            )
        if taken is None:
            return edge.fail(problem(404, "not_found", f"there is no camera '{name}'"))
        log.info("still taken", camera=name, by=by)
        picture, media_type = taken
        return Response(picture, content_type=media_type, headers={"Cache-Control": "no-store"})


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
