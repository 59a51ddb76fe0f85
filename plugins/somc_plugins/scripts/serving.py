"""The running library and what it serves.

    GET    /library                      every entry with its versions, and what is in force now
    PUT    /library                      many entries at once (admin)
    GET    /in-force?service=&customer_class=
    POST   /entries                      another version of a text
    DELETE /entries/{id}                 withdraw: the inherited one counts again
    POST   /entries/{id}/read            the agent has read what is in force
    GET    /entries/{id}/readers         who has

What must stay true: what is in memory is what is in the store; a change is in the store first, and one change
is made after the other, so that two managers' versions at one instant are two.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from importlib.resources import files
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import trio
from msgspec import Meta

from somc.api import Json, Note, PluginContext, Request, Response, Route, Words
from somc_plugins.receipts import has_read, mark_read, readers
from somc_plugins.scripts.library import (
    MOMENTS,
    Entry,
    InForce,
    Place,
    Version,
    in_force,
    levels_of,
    name_of,
)
from somc_plugins.shelf import all_under

__all__ = ["STAFF", "Library", "routes"]

STAFF = frozenset(("agent", "manager"))
MANAGERS = frozenset(("manager",))
MOST_ENTRIES = 5000
PAGE = {"index.html": "text/html; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


class Draft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to publish."""

    place: Place
    steps: Annotated[list[Words], Meta(min_length=1, max_length=20)]
    approved_on: date
    approved_by: Annotated[str, Meta(min_length=1, max_length=64)]


class Library:
    """The entries of one hall."""

    def __init__(self, context: PluginContext, org: str, timezone: str) -> None:
        self.context = context
        self.org = org
        self.timezone = timezone
        self.entries: dict[str, Entry] = {}
        self._changing = trio.Lock()

    @classmethod
    async def open(cls, context: PluginContext) -> Library:
        hall = await context.hall()
        library = cls(context, hall.org, hall.timezone)
        kept = await all_under(context.store, "entry/")
        library.entries = {name: msgspec.convert(entry, Entry) for name, entry in kept}
        return library

    def today(self) -> date:
        return datetime.fromtimestamp(self.context.now() / 1000, ZoneInfo(self.timezone)).date()

    def on(self, entry_id: str) -> Version | None:
        entry = self.entries.get(entry_id)
        return None if entry is None else entry.on(self.today())

    async def publish(self, draft: Draft, by: str) -> str:
        """Add a version; the id of its entry. What stands there already is no new one, so that a library
        which is loaded again does not ask everybody to read it again."""
        name = name_of(draft.place)
        async with self._changing:
            before = self.entries.get(name, Entry(place=draft.place, versions=[]))
            if before.ends_with(draft.steps, draft.approved_on, draft.approved_by):
                return name
            last = before.versions[-1].number if before.versions else 0
            version = Version(
                number=last + 1,
                steps=draft.steps,
                approved_on=draft.approved_on,
                approved_by=draft.approved_by,
                published_at=self.context.now(),
                published_by=by,
            )
            await self._keep(name, before.with_(version))
        place = msgspec.to_builtins(draft.place)
        note = {"id": name, "version": version.number, "place": place, "by": by}
        await self.context.do(Note(kind="script_published", data=note))
        return name

    async def withdraw(self, name: str, by: str) -> None:
        async with self._changing:
            await self._keep(name, msgspec.structs.replace(self.entries[name], withdrawn=True))
        await self.context.do(Note(kind="script_withdrawn", data={"id": name, "by": by}))

    async def _keep(self, name: str, entry: Entry) -> None:
        await self.context.store.put(f"entry/{name}", msgspec.to_builtins(entry))
        self.entries = {**self.entries, name: entry}  # a thread may be reading the one before
        self.context.announce_changed()

    def why_not(self, place: Place, request: Request) -> Response | None:
        """Why whoever asks may not change this place."""
        levels = levels_of(self.org)
        if place.level not in levels:
            return _no(422, f"level: '{place.level}' is not one of this hall's; allowed: {', '.join(levels)}")
        if place.level != self.org and "admin" not in request.roles:
            return _no(403, f"the level '{place.level}' is not yours to change; yours: {self.org}")
        if len(self.entries) >= MOST_ENTRIES and name_of(place) not in self.entries:
            return _no(409, f"the library holds {MOST_ENTRIES} entries, its limit: use one of them anew")
        return None


def routes(context: PluginContext) -> list[Route]:
    def library() -> Library:
        found: Library = context.state
        return found

    async def show(request: Request) -> Response:
        shelf = library()
        listed = [
            {"id": name, "now": None if (on := shelf.on(name)) is None else on.number, **_plain(entry)}
            for name, entry in shelf.entries.items()
        ]
        moments = {name: msgspec.to_builtins(words) for name, words in MOMENTS.items()}
        body = {"org": shelf.org, "levels": levels_of(shelf.org), "moments": moments, "entries": listed}
        return Response(body=body)

    async def load(request: Request) -> Response:
        drafts = request.body_as(list[Draft])
        for draft in drafts:
            if (no := library().why_not(draft.place, request)) is not None:
                return no
        ids = [await library().publish(draft, request.subject or "?") for draft in drafts]
        return Response(body={"ids": ids})

    async def counting(request: Request) -> Response:
        shelf, query = library(), request.query
        texts = in_force(
            shelf.entries, shelf.org, query.get("service", ""), query.get("customer_class", ""), shelf.today()
        )
        subject = request.subject or "?"
        return Response(body=[{**_plain(text), "read": await _read(text, subject)} for text in texts])

    async def _read(text: InForce, subject: str) -> bool:
        return await has_read(context.store, f"{text.id}-{text.version.number}", subject)

    async def publish(request: Request) -> Response:
        draft = request.body_as(Draft)
        if (no := library().why_not(draft.place, request)) is not None:
            return no
        return Response(status=201, body={"id": await library().publish(draft, request.subject or "?")})

    async def withdraw(request: Request) -> Response:
        entry = library().entries.get(request.params["id"])
        if entry is None:
            return _no(404, "there is no such entry")
        if (no := library().why_not(entry.place, request)) is not None:
            return no
        await library().withdraw(request.params["id"], request.subject or "?")
        return Response(status=204)

    async def read(request: Request) -> Response:
        name = request.params["id"]
        version = library().on(name)
        if version is None:
            return _no(404, "there is no such text in force")
        await mark_read(context.store, f"{name}-{version.number}", request.subject or "?", context.now())
        return Response(status=204)

    async def who_read(request: Request) -> Response:
        name = request.params["id"]
        version = library().on(name)
        if version is None:
            return _no(404, "there is no such text in force")
        found = await readers(context.store, f"{name}-{version.number}")
        return Response(body={"version": version.number, "readers": found})

    def page(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            body = files("somc_plugins.scripts").joinpath("page", name).read_bytes()
            return Response(body=body, content_type=PAGE[name])

        return handler

    return [
        Route("GET", "/", page("index.html"), STAFF),
        Route("GET", "/page.js", page("page.js"), STAFF),
        Route("GET", "/library", show, STAFF),
        Route("PUT", "/library", load, frozenset(("admin",)), body_limit=1_000_000),
        Route("GET", "/in-force", counting, STAFF),
        Route("POST", "/entries", publish, MANAGERS),
        Route("DELETE", "/entries/{id}", withdraw, MANAGERS),
        Route("POST", "/entries/{id}/read", read, STAFF),
        Route("GET", "/entries/{id}/readers", who_read, MANAGERS),
    ]


def _plain(value: msgspec.Struct) -> dict[str, Json]:
    plain: dict[str, Json] = msgspec.to_builtins(value)
    return plain


def _no(status: int, why: str) -> Response:
    return Response(status=status, body={"detail": why})
