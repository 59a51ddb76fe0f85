"""Near and idle halls (就近空闲营业厅): those of the directory by distance, each with its line as last told.

    GET /public/halls ── distances (haversine) ── figures: our own, or asked of each hall, side by side

What must stay true
- One slow or dead hall delays nobody beyond the deadline: its last figures stay, with their age, or none.
- However many ask, each hall is asked once in `refresh_s`.
- Nothing of another hall's answer is taken but the figures, in their types and bounds.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import structlog
import trio

from somc.config.halls import Directory, KnownHall
from somc.domain.values import to_plain

try:
    import httpx
except ImportError:  # the extra `http`, which only a hall with a directory needs
    httpx = None  # type: ignore[assignment] # without the extra

__all__ = ["Figures", "Near", "distance_m"]

log = structlog.get_logger(__name__)

EARTH_RADIUS_M = 6_371_008.8
"""The mean radius: good to half a percent, which is less than a detour."""

DEADLINE_S = 2.0
"""So long whoever asks waits for halls that do not answer."""

SIDE_BY_SIDE = 32
LARGEST_ANSWER_BYTES = 64 * 1024
Count = msgspec.Meta(ge=0, le=10**6)

Plain = dict[str, Any]


class ServiceLine(msgspec.Struct, frozen=True):
    """The line of one service, as `GET /public/queue` tells it."""

    id: str
    waiting: int
    expected_wait_s: int | None
    open: bool


class Told(msgspec.Struct, frozen=True):
    """What another hall answered; other fields are passed over."""

    open: bool
    waiting: int
    services: list[ServiceLine]
    age_s: int = 0


class Figures(msgspec.Struct, frozen=True):
    """A hall's line, and when (Trio's clock) it was so."""

    told: Told
    of_s: float

    def age_s(self, now_s: float) -> int:
        return max(0, math.ceil(now_s - self.of_s))


def distance_m(latitude: float, longitude: float, hall: KnownHall) -> int:
    """The way through the air in metres (haversine)."""
    here, there = math.radians(latitude), math.radians(hall.latitude)
    turn = math.radians(hall.longitude - longitude)
    half = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(turn / 2) ** 2
    return round(2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half))))


class Near:
    """The directory and the figures of its halls."""

    def __init__(self, directory: Directory, refresh_s: float, idle_s: int) -> None:
        self.directory = directory
        self.refresh_s = refresh_s
        self.idle_s = idle_s
        self._figures: dict[str, Figures] = {}
        self._asked_s: dict[str, float] = {}
        self._asking: trio.Event | None = None
        self.asked = 0
        """Requests to other halls so far."""

    def put(self, hall: str, told: Told) -> None:
        """Figures that need no network: the own hall's."""
        self._figures[hall] = Figures(told, trio.current_time() - told.age_s)

    async def refresh(self, but: frozenset[str] = frozenset()) -> None:
        """Ask each hall (but those) whose figures are old; return when all have answered, or in good time."""
        while self._asking is not None:
            await self._asking.wait()
        now_s = trio.current_time()
        old = [
            hall
            for hall in self.directory.halls
            if hall.id not in but and now_s - self._asked_s.get(hall.id, -math.inf) >= self.refresh_s
        ]
        if not old:
            return
        if httpx is None:
            log.error("the figures of other halls need httpx", remedy="pip install 'somc[http]'")
            return
        done = self._asking = trio.Event()
        limit = trio.CapacityLimiter(SIDE_BY_SIDE)
        try:
            async with httpx.AsyncClient(timeout=DEADLINE_S, follow_redirects=False) as client:
                with trio.move_on_after(DEADLINE_S):
                    async with trio.open_nursery() as nursery:
                        for hall in old:
                            self._asked_s[hall.id] = now_s
                            nursery.start_soon(self._ask, client, hall, limit)
        finally:
            self._asking = None
            done.set()

    async def _ask(self, client: Any, hall: KnownHall, limit: trio.CapacityLimiter) -> None:
        async with limit:
            self.asked += 1
            began_s = trio.current_time()
            try:
                async with client.stream("GET", f"{hall.url}/api/v1/public/queue") as answer:
                    body = bytearray()
                    async for piece in answer.aiter_bytes():
                        body += piece
                        if len(body) > LARGEST_ANSWER_BYTES:
                            raise ValueError("its answer is too large")
                    if answer.status_code != 200:
                        raise ValueError(f"it answered {answer.status_code}")
                told = msgspec.json.decode(body, type=Told)
            except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, ValueError) as error:
                log.info("a hall's line is not known", hall=hall.id, why=str(error) or repr(error))
                return
            self._figures[hall.id] = Figures(told, began_s - max(0, told.age_s))

    # -- what is shown ----------------------------------------------------------------------------

    def views(
        self, place: tuple[float, float] | None, service: str | None, limit: int, booking_path: str
    ) -> list[Plain]:
        """The halls, the nearest first (without a place: in the order of the directory)."""
        halls = [(None if place is None else distance_m(*place, hall), hall) for hall in self.directory.halls]
        if place is not None:
            halls.sort(key=lambda each: (each[0], each[1].id))
        return [self._view(hall, distance, service, booking_path) for distance, hall in halls[:limit]]

    def _view(self, hall: KnownHall, distance: int | None, service: str | None, booking_path: str) -> Plain:
        figures = self._figures.get(hall.id)
        return {
            "id": hall.id,
            "name": to_plain(hall.name),
            "address": to_plain(hall.address),
            "telephone": hall.telephone,
            "latitude": hall.latitude,
            "longitude": hall.longitude,
            "distance_m": distance,
            "url": hall.url,
            "booking_url": hall.url + booking_path,
            "queue": None if figures is None else self._queue(figures, service),
        }

    def _queue(self, figures: Figures, service: str | None) -> Plain:
        told = figures.told
        lines = [line for line in told.services if service in (None, line.id)]
        waits = [line.expected_wait_s for line in lines if line.open and line.expected_wait_s is not None]
        wait_s = max(waits, default=None)
        is_open = told.open and (service is None or any(line.open for line in lines))
        return {
            "open": is_open,
            "waiting": told.waiting if service is None else sum(line.waiting for line in lines),
            "expected_wait_s": wait_s,
            "idle": is_open and wait_s is not None and wait_s <= self.idle_s,
            "age_s": figures.age_s(trio.current_time()),
        }
