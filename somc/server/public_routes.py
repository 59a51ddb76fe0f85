"""What anybody may see: the hall's line, and the halls nearby with theirs. Off unless hall.toml says so.

What must stay true: numbers only, of nobody in particular; an answer is made at most once a second, however
many ask; one address asks so often and no oftener.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any

import msgspec
import trio
from msgspec import Meta
from quart import Response, request

from somc.config.hall_config import PublicSettings
from somc.config.halls import Directory
from somc.domain.values import to_plain
from somc.server.allowance import Allowance
from somc.server.edge import Edge
from somc.server.near import Near, Told
from somc.server.problems import Problem, of_validation, problem
from somc.server.query import Floor

__all__ = ["NearParams", "PublicDesk", "add_public_routes", "peer_of"]

Plain = dict[str, Any]

MADE_EVERY_S = 1.0
BOOKING_PATH = "/plugins/web_booking/"
ANY_SITE = {"access-control-allow-origin": "*"}
"""Any page may show the figures: they are anybody's, and no cookie counts here."""


class NearParams(msgspec.Struct, frozen=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    service: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class PublicDesk:
    """Answers whoever is not known."""

    def __init__(self, floor: Floor, settings: PublicSettings, directory: Directory) -> None:
        self.floor = floor
        self.settings = settings
        self.near = Near(directory, settings.refresh_s, settings.idle_s)
        self.asked = Allowance(trio.current_time, settings.per_minute, 60 / settings.per_minute)
        self._made: tuple[float, Plain] | None = None

    async def queue(self) -> Plain:
        """The hall's line: per service who waits and how long it would take, and how old that is."""
        now_s = trio.current_time()
        if self._made is None or now_s - self._made[0] >= MADE_EVERY_S:
            self._made = (now_s, await self.floor.hall.read(self._queue))
        made_s, view = self._made
        return {**view, "age_s": int(now_s - made_s)}

    def _queue(self, state: Any, now: int) -> Plain:
        figures = self.floor.figures(state, now)
        services = [
            {"id": name, "name": to_plain(state.hall.services[name].name), **line}
            for name, line in figures["services"].items()
        ]
        return {
            "org": state.hall.org,
            "name": to_plain(state.hall.name),
            "at": now,
            "open": figures["open"],
            "waiting": sum(line["waiting"] for line in services),
            "services": services,
        }

    async def halls(self, params: NearParams) -> Plain:
        """The halls of the directory, the nearest first."""
        place = None
        if params.latitude is not None and params.longitude is not None:
            place = (params.latitude, params.longitude)
        own = self.floor.hall.state.hall.org
        ours = frozenset(hall.id for hall in self.near.directory.halls if hall.org == own)
        if ours:
            told = msgspec.convert(await self.queue(), Told)
            for name in ours:
                self.near.put(name, told)
        await self.near.refresh(ours)
        return {
            "datum": self.near.directory.datum,
            "idle_s": self.settings.idle_s,
            "halls": self.near.views(place, params.service, params.limit, BOOKING_PATH),
        }


def peer_of(client: str | None, forwarded: str | None) -> str:
    """The address that counts: the peer's; behind a proxy on this machine, the one that the proxy saw."""
    peer = client or "unknown"
    try:
        behind_proxy = ipaddress.ip_address(peer).is_loopback
    except ValueError:
        behind_proxy = False
    last = (forwarded or "").rpartition(",")[2].strip()
    return last[:64] if behind_proxy and last else peer


def add_public_routes(edge: Edge, desk: PublicDesk) -> None:
    """Adds them to the framework's application."""

    def refused() -> Problem | None:
        if not desk.settings.queue:
            return problem(404, "not_public", "this hall shows its line to nobody: [public] queue is off")
        who = peer_of(request.remote_addr, request.headers.get("x-forwarded-for"))
        wait_s = desk.asked.wait_s(who)
        if wait_s > 0:
            why = f"asked too often: come again in {wait_s} s"
            return problem(429, "too_often", why, retry_after_s=wait_s)
        desk.asked.spend(who)
        return None

    def open_to_all(response: Response) -> Response:
        response.headers.update(ANY_SITE)
        return response

    @edge.quart.get("/api/v1/public/queue")
    async def queue() -> Response:
        why = refused()
        return open_to_all(edge.fail(why) if why is not None else edge.answer(200, await desk.queue()))

    @edge.quart.get("/api/v1/public/halls")
    async def halls() -> Response:
        why = refused()
        if why is not None:
            return open_to_all(edge.fail(why))
        try:
            params = msgspec.convert(request.args.to_dict(), NearParams, strict=False)
        except msgspec.ValidationError as error:
            return open_to_all(edge.fail(of_validation(error)))
        if (params.latitude is None) != (params.longitude is None):
            why = problem(422, "wrong_input", "give latitude and longitude, or neither of them")
            return open_to_all(edge.fail(why))
        return open_to_all(edge.answer(200, await desk.halls(params)))
