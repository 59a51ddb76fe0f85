"""What is below `/plugins/NAME/`: one catch-all, as raw ASGI, that finds the plugin in a table.

    GET /plugins/care/list ──▶ who asks ──▶ may they ──▶ body, rate ──▶ the plugin's handler ──▶ answer

What must stay true
- A plugin that is disabled answers 404 from that moment on, and its sockets are closed with 1001.
- A plugin sees a whole request without cookie and token, and never a connection of the server's.
- A handler that raises or is late is a 500 or 504 that names the plugin, and costs nobody else anything.
- A page of a plugin cannot act with the session of whoever looks at it as a page of SOMC's could: a request
  by cookie that changes something needs the header `X-SOMC`, as everywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import structlog
import trio

from somc.api import PUBLIC, Request, Response, Route, SocketClosed, SocketRoute
from somc.runtime.plugins.host import PluginHost
from somc.runtime.plugins.ledger import HookFailed
from somc.runtime.plugins.routing import Match
from somc.server import replies
from somc.server.access import Principal, may
from somc.server.handlers import PeerGone
from somc.server.identity import Caller, asker_of, changer_of
from somc.server.problems import Problem, problem
from somc.server.replies import Reply

__all__ = ["PREFIX", "PluginDoors"]

PREFIX = "/plugins/"

HIDDEN = frozenset(("cookie", "authorization", "x-somc", "proxy-authorization"))
SAFE = frozenset(("GET", "HEAD"))

MOST_HEADER_CHARACTERS = 8_000
KEPT_HEADERS = frozenset(("content-length", "transfer-encoding", "connection", "set-cookie", "upgrade"))
"""Headers that a plugin may not set: framing is the server's, sessions are SOMC's."""

POLICY = "default-src 'self' 'unsafe-inline' data: blob:; frame-ancestors 'self'"
MOST_SOCKETS = 200
MOST_MESSAGE_BYTES = 65_536

log = structlog.get_logger(__name__)


class PluginDoors:
    """Serves what plugins serve."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._recent: dict[tuple[str, int, str], deque[float]] = {}
        self._sockets = 0

    # -- HTTP -------------------------------------------------------------------------------------

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        try:
            reply = await self._answer(scope, receive)
        except PeerGone:
            raise
        except Exception as error:
            reply = replies.of_fault(error, scope["path"])
        if scope["method"] == "HEAD":
            reply = msgspec.structs.replace(reply, body=b"")
        await replies.send_reply(send, reply)

    async def _answer(self, scope: Any, receive: Any) -> Reply:
        name, path = _place(scope["path"])
        found = self._find(name, scope["method"], path)
        if isinstance(found, Problem):
            return replies.of_problem(found)
        route = self._host.web.route_of(name, found)
        assert isinstance(route, Route)
        headers = _headers(scope)
        principal = self._admitted(route, headers, changes=scope["method"] not in SAFE)
        if isinstance(principal, Problem):
            return replies.of_problem(principal)
        address = (scope.get("client") or ("",))[0]
        wait_s = self._too_often(route, (name, found.number, principal.by if principal else address))
        if wait_s is not None:
            why = f"the plugin '{name}' takes {route.rate_per_min} of these a minute"
            return replies.of_problem(problem(429, "too_many", why, retry_after_s=wait_s))
        body = await _read(receive, route.body_limit)
        if body is None:
            return replies.of_problem(problem(413, "body_too_large", f"allowed: {route.body_limit} bytes"))
        request = _request(scope, path, found, headers, principal, address, body)
        try:
            response = await self._host.web.serve(name, found, request)
        except KeyError:
            return replies.of_problem(_none(name))
        except HookFailed as error:
            status, code = (504, "plugin_late") if error.kind == "late" else (500, "plugin_failed")
            if error.kind in ("down", "resting"):
                status, code = 503, "plugin_resting"
            after = 2 if status == 503 else None
            said = f"the plugin '{name}' has no answer now; the log says why"
            return replies.of_problem(problem(status, code, said, retry_after_s=after))
        return _reply(response)

    def _find(self, name: str, method: str, path: str) -> Match | Problem:
        try:
            found, allowed = self._host.web.find(name, method, path)
        except KeyError:
            return _none(name)
        if found is not None:
            return found
        if allowed:
            return problem(405, "method_not_allowed", f"allowed here: {', '.join(sorted(allowed))}")
        return problem(404, "not_found", f"the plugin '{name}' has nothing at {path}")

    def _admitted(
        self, route: Route | SocketRoute, headers: Mapping[str, str], *, changes: bool
    ) -> Principal | Problem | None:
        """Who asks, if the route wants to know; None: nobody known, and nobody need be."""
        hall = self._host.hall
        asked: Principal | Problem
        if changes:
            asked = changer_of(hall, headers, route.roles)
        else:
            caller: Caller | Problem = asker_of(hall, headers, route.roles)
            asked = caller if isinstance(caller, Problem) else caller.principal
        if route.roles == PUBLIC:
            return None if isinstance(asked, Problem) else asked
        if isinstance(asked, Problem):
            return asked
        if not may(asked, route.roles):
            allowed = ", ".join(sorted(route.roles))
            return problem(403, "no_right", f"{asked.by} may not; allowed: {allowed}")
        return asked

    def _too_often(self, route: Route, who: tuple[str, int, str]) -> int | None:
        """After how many seconds to come again, if this is one too many."""
        now = trio.current_time()
        recent = self._recent.setdefault(who, deque())
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) >= route.rate_per_min:
            return max(1, round(recent[0] + 60 - now))
        recent.append(now)
        if len(self._recent) > 10_000:
            self._recent = {key: times for key, times in self._recent.items() if times[-1] > now - 60}
        return None

    # -- WebSocket --------------------------------------------------------------------------------

    async def serve_socket(self, scope: Any, receive: Any, send: Any, refuse: Any) -> None:
        """Let a plugin have one WebSocket; its handshake has been received."""
        name, path = _place(scope["path"])
        found = self._find(name, "WEBSOCKET", path)
        if isinstance(found, Problem):
            await refuse(send, found)
            return
        route = self._host.web.route_of(name, found)
        headers = _headers(scope)
        principal = self._admitted(route, headers, changes=False)
        if isinstance(principal, Problem):
            await refuse(send, principal)
            return
        if principal is not None and not _same_origin(headers):
            await refuse(
                send, problem(403, "other_origin", "a socket by cookie is opened by the hall's own pages")
            )
            return
        if self._sockets >= MOST_SOCKETS:
            await refuse(send, problem(503, "overloaded", "too many sockets of plugins", retry_after_s=5))
            return
        await send({"type": "websocket.accept"})
        address = (scope.get("client") or ("",))[0]
        peer = _Peer(_request(scope, path, found, headers, principal, address, b""), receive, send)
        self._sockets += 1
        code, reason = 1000, ""
        try:
            await self._host.web.serve_socket(name, found, peer)
            if self._host.entries.get(name) is None or not self._host.entries[name].serving:
                code, reason = 1001, "the plugin was disabled"
        except (HookFailed, KeyError):
            code, reason = 1011, "the plugin failed"
        finally:
            self._sockets -= 1
        await peer.close(code, reason)


class _Peer:
    """One WebSocket as a plugin sees it."""

    def __init__(self, request: Request, receive: Any, send: Any) -> None:
        self.request = request
        self._receive = receive
        self._send = send
        self._closed = False

    async def receive(self) -> str | bytes:
        if self._closed:
            raise SocketClosed
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            raise SocketClosed
        text = message.get("text")
        return text if text is not None else (message.get("bytes") or b"")

    async def send(self, message: str | bytes) -> None:
        if self._closed:
            raise SocketClosed
        if len(message) > MOST_MESSAGE_BYTES:
            raise ValueError(f"a message has at most {MOST_MESSAGE_BYTES} characters or bytes")
        key = "text" if isinstance(message, str) else "bytes"
        try:
            await self._send({"type": "websocket.send", key: message})
        except PeerGone:
            self._closed = True
            raise SocketClosed from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._closed:
            return
        self._closed = True
        with suppress(PeerGone):
            await self._send({"type": "websocket.close", "code": code, "reason": reason[:100]})


def _place(path: str) -> tuple[str, str]:
    """The plugin that a path names, and what follows, with a slash in front."""
    name, _, rest = path.removeprefix(PREFIX).partition("/")
    return name, f"/{rest}"


def _none(name: str) -> Problem:
    return problem(404, "no_plugin", f"no plugin '{name}' is at work here")


def _headers(scope: Any) -> dict[str, str]:
    """By name in lower case; of several of one name the first counts."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(scope["headers"])
    }


def _same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser's page of this very host asks, or no browser at all."""
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host", "")


def _request(
    scope: Any,
    path: str,
    found: Match,
    headers: Mapping[str, str],
    principal: Principal | None,
    address: str,
    body: bytes,
) -> Request:
    query: dict[str, str] = {}
    for key, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        query.setdefault(key, value)
    return Request(
        method=scope.get("method", "GET"),
        path=path,
        params={name: unquote(value) for name, value in found.params.items()},
        query=query,
        headers={name: value for name, value in headers.items() if name not in HIDDEN},
        body=body,
        subject=None if principal is None else principal.subject,
        roles=[] if principal is None else list(principal.roles),
        address=address,
    )


async def _read(receive: Any, limit: int) -> bytes | None:
    """The body; None if it is larger than `limit`. `PeerGone` when the client leaves before its end."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise PeerGone("the client left before its request was whole")
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _reply(response: Response) -> Reply:
    """The plugin's answer as ours. Headers that are not its own are left out."""
    if isinstance(response.body, bytes):
        body, kind = response.body, "application/octet-stream"
    elif isinstance(response.body, str):
        body, kind = response.body.encode(), "text/html; charset=utf-8"
    else:
        body, kind = msgspec.json.encode(response.body), "application/json"
    headers = {"content-type": response.content_type or kind, "content-security-policy": POLICY}
    for name, value in response.headers.items():
        if name.lower() not in KEPT_HEADERS and len(name) + len(value) < MOST_HEADER_CHARACTERS:
            headers[name.lower()] = value
    if any("\r" in part or "\n" in part for pair in headers.items() for part in pair):
        return replies.of_problem(problem(500, "plugin_failed", "the plugin gave a header with a line break"))
    status = response.status if 200 <= response.status < 600 else 500
    return Reply(status, b"" if status in (204, 304) else body, headers)
