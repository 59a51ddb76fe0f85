"""The application of a process that only reads: what it can answer itself, and what it passes on.

feeds, reads, pages, health      here, from this process's own state
acts                             checked here, done by the hall's process
everything else                  passed on as it came: sign-in, tickets, tokens, settings, devices, media
"""

from __future__ import annotations

import re
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge

from somc.server import replies
from somc.server.act_routes import BASE
from somc.server.app import Application
from somc.server.handlers import PeerGone
from somc.server.local_link import LocalLink
from somc.server.pages import PAGES
from somc.server.queries import QUERIES

__all__ = ["ReadingApplication"]

MOST_BODY_BYTES = 64 * 1024 * 1024
"""More than any route takes: the hall's process refuses what is too much for the route."""

COUNTED = frozenset(("appointment",))
"""Reads that are passed on too: the hall counts tries in vain (codes that somebody guesses) in one place."""

HERE = (
    *(re.escape(BASE) + re.sub(r"{\w+}", "[^/]+", q.path) for q in QUERIES if q.name not in COUNTED),
    re.escape(BASE) + "/(openapi|asyncapi).json",
    "/(healthz|readyz|metrics)",
    *(f"/{name}" for name in PAGES),
    "/(counter|second|assets)/.*",
)
ANSWERED_HERE = re.compile("|".join(f"({each})" for each in HERE))


class ReadingApplication:
    """The ASGI application."""

    def __init__(self, app: Application, link: LocalLink) -> None:
        self.app = app
        self.link = link

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or self._here(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            await self._pass_on(scope, receive, send)
        except PeerGone:
            raise
        except Exception as error:
            await replies.send_reply(send, replies.of_fault(error, scope["path"]))

    def _here(self, method: str, path: str) -> bool:
        if self.app.acts.find(method, path) is not None:
            return True
        return method in ("GET", "HEAD") and ANSWERED_HERE.fullmatch(path) is not None

    async def _pass_on(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _whole_body(receive)
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        status, headers, data = await self.link.pass_on(scope["method"], target, scope["headers"], body)
        if status not in (204, 304):
            headers = [*headers, (b"content-length", b"%d" % len(data))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data, "more_body": False})


async def _whole_body(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise PeerGone("the client left before its request was whole")
        body += message.get("body", b"")
        if len(body) > MOST_BODY_BYTES:
            raise RequestEntityTooLarge
        if not message.get("more_body", False):
            return bytes(body)
