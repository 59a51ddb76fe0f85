"""An HTTP answer as a value: made in one place, sent by the web framework or as raw ASGI.

What must stay true: every error becomes a problem document here, whichever way its request came; every
answer carries `SAFE_HEADERS` unless its route says otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import tzinfo
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from somc.errors import SomcError
from somc.server.problems import Problem, of_error, problem
from somc.server.views import rfc3339

__all__ = ["NOTHING", "SAFE_HEADERS", "Reply", "of_fault", "of_problem", "of_view", "send_reply"]

log = structlog.get_logger(__name__)

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

encode_json = msgspec.json.Encoder().encode


class Reply(msgspec.Struct, frozen=True):
    """Status, body and the headers that are this answer's own."""

    status: int
    body: bytes
    headers: Mapping[str, str]


JSON = {"content-type": "application/json"}
NOTHING = Reply(204, b"", {})
"""An answer without content."""


def of_view(status: int, view: Any, zone: tzinfo) -> Reply:
    """A view as JSON, its instants as RFC 3339 with the hall's offset."""
    return Reply(status, encode_json(rfc3339(view, zone)), JSON)


def of_problem(why: Problem) -> Reply:
    """A problem document."""
    return Reply(why.status, encode_json(why), why.headers())


def of_fault(error: Exception, path: str) -> Reply:
    """What a handler raised, as a problem document; what is our own fault goes to the log."""
    if isinstance(error, HTTPException):
        code = error.code or 500
        name = (error.name or "error").lower().replace(" ", "_")
        reply = of_problem(problem(code, name, error.description or error.name or "no further detail"))
        more = {}
        if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            more["connection"] = "close"  # the rest of the body will not be read
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            more["allow"] = ", ".join(sorted(error.valid_methods))
        return Reply(reply.status, reply.body, {**reply.headers, **more})
    if isinstance(error, SomcError):
        return of_problem(of_error(error))
    log.exception("request failed", path=path, exc_info=error)
    return of_problem(problem(500, "internal", "an error of ours; the log has it"))


async def send_reply(send: Callable[[dict[str, Any]], Awaitable[None]], reply: Reply) -> None:
    """The reply as raw ASGI."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    if reply is not NOTHING:  # RFC 9110 section 8.6: an answer of status 204 has no Content-Length
        headers.append((b"content-length", b"%d" % len(reply.body)))
    headers += _SAFE
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})


_SAFE = [(name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
