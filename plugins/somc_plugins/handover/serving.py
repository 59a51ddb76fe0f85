"""What `handover` serves.

GET    /board                         what counts for whoever asks, and the open notes
POST   /notices                       an announcement (manager)
DELETE /notices/{id}                  it counts no more (manager)
POST   /notices/{id}/read             I have read it
GET    /notices/{id}/readers          who has (manager)
POST   /notes    POST /notes/{id}/done
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib.resources import files
from typing import Annotated

import msgspec
from msgspec import Meta

from somc.api import PluginContext, Request, Response, Route, Words
from somc_plugins.handover.board import Audience, Board, Note, Notice, Text
from somc_plugins.receipts import has_read, mark_read, readers

__all__ = ["STAFF", "routes"]

STAFF = frozenset(("agent", "floor", "manager"))
MANAGERS = frozenset(("manager",))
MOST = 2000
"""Of announcements and of notes; more is an archive, not a board."""

PAGE = {"index.html": "text/html; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
Instant = Annotated[datetime, Meta(tz=True)]


class NoticeDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: Words
    text: Words
    from_: Instant = msgspec.field(name="from")
    until: Instant
    to: Annotated[tuple[Audience, ...], Meta(min_length=1)] = ("agent", "floor")
    urgent: bool = False
    public: bool = False

    def __post_init__(self) -> None:
        if self.until <= self.from_:
            raise ValueError("until: it ends before it begins")


class NoteDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: Text


def routes(context: PluginContext) -> list[Route]:
    store = context.store

    def board() -> Board:
        found: Board = context.state
        return found

    async def show(request: Request) -> Response:
        subject = request.subject or "?"
        everything = bool({"manager", "admin"} & set(request.roles))
        notices = [
            {**msgspec.to_builtins(notice), "read": await has_read(store, notice.id, subject)}
            for notice in board().counting(context.now())
            if everything or set(notice.to) & set(request.roles)
        ]
        notes = [msgspec.to_builtins(note) for note in board().notes.values() if note.done_at is None]
        return Response(body={"notices": notices, "notes": notes, "manager": everything})

    async def announce(request: Request) -> Response:
        draft = request.body_as(NoticeDraft)
        await board().tidy()
        if len(board().notices) >= MOST:
            return _no(409, f"the board holds {MOST} announcements, its limit")
        notice = Notice(
            id=secrets.token_hex(6),
            title=draft.title,
            text=draft.text,
            from_=round(draft.from_.timestamp() * 1000),
            until=round(draft.until.timestamp() * 1000),
            to=draft.to,
            urgent=draft.urgent,
            public=draft.public,
            by=request.subject or "?",
            at=context.now(),
        )
        await board().put_notice(notice)
        return Response(status=201, body={"id": notice.id})

    async def withdraw(request: Request) -> Response:
        notice = board().notices.get(request.params["id"])
        if notice is None:
            return _no(404, "there is no such announcement")
        await board().put_notice(msgspec.structs.replace(notice, withdrawn=True))
        return Response(status=204)

    async def read(request: Request) -> Response:
        if request.params["id"] not in board().notices:
            return _no(404, "there is no such announcement")
        await mark_read(store, request.params["id"], request.subject or "?", context.now())
        return Response(status=204)

    async def who_read(request: Request) -> Response:
        if request.params["id"] not in board().notices:
            return _no(404, "there is no such announcement")
        return Response(body={"readers": await readers(store, request.params["id"])})

    async def write_note(request: Request) -> Response:
        draft = request.body_as(NoteDraft)
        await board().tidy()
        if len(board().notes) >= MOST:
            return _no(409, f"the board holds {MOST} notes, its limit")
        note = Note(id=secrets.token_hex(6), text=draft.text, by=request.subject or "?", at=context.now())
        await board().put_note(note)
        return Response(status=201, body={"id": note.id})

    async def done(request: Request) -> Response:
        note = board().notes.get(request.params["id"])
        if note is None:
            return _no(404, "there is no such note")
        if note.done_at is None:
            finished = msgspec.structs.replace(note, done_by=request.subject or "?", done_at=context.now())
            await board().put_note(finished)
        return Response(status=204)

    def page(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            body = files("somc_plugins.handover").joinpath("page", name).read_bytes()
            return Response(body=body, content_type=PAGE[name])

        return handler

    return [
        Route("GET", "/", page("index.html"), STAFF),
        Route("GET", "/page.js", page("page.js"), STAFF),
        Route("GET", "/board", show, STAFF),
        Route("POST", "/notices", announce, MANAGERS),
        Route("DELETE", "/notices/{id}", withdraw, MANAGERS),
        Route("POST", "/notices/{id}/read", read, STAFF),
        Route("GET", "/notices/{id}/readers", who_read, MANAGERS),
        Route("POST", "/notes", write_note, STAFF),
        Route("POST", "/notes/{id}/done", done, STAFF),
    ]


def _no(status: int, why: str) -> Response:
    return Response(status=status, body={"detail": why})
