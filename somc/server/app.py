"""The web application of one hall: quart-trio for HTTP, the live feed beside it as raw ASGI.

Every route comes from a catalogue (`acts`, `queries`) or is listed here; every error leaves as a
problem document; every request but health, pages and sign-in is somebody's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from somc.errors import SomcError
from somc.server import access, views
from somc.server.access import Principal, may
from somc.server.acts import ACTS, Act
from somc.server.admission import add_admission_routes
from somc.server.desk import Desk
from somc.server.identity import Caller, caller_of
from somc.server.live import LiveFeed, refuse
from somc.server.metrics import Metrics
from somc.server.openapi import document
from somc.server.pages import add_pages
from somc.server.problems import Problem, of_error, of_validation, problem
from somc.server.queries import QUERIES, Floor, Query

__all__ = ["Application"]

log = structlog.get_logger(__name__)

BASE = "/api/v1"
WS_PATH = f"{BASE}/ws"
LARGEST_BODY_BYTES = 64 * 1024

encode_json = msgspec.json.Encoder().encode


class Application:
    """The ASGI application. `ready` says whether the hall takes commands."""

    def __init__(self, floor: Floor, desk: Desk, *, ready: Callable[[], bool]) -> None:
        self.floor = floor
        self.hall = floor.hall
        self.desk = desk
        self.ready = ready
        self.feed = LiveFeed(floor, desk)
        self.ws_tickets = access.WsTickets()
        self.metrics = Metrics(floor.hall, self.feed)
        self.quart = QuartTrio("somc", static_folder=None)
        self.quart.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
        self._add_routes()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.quart(scope, receive, send)

    # -- who asks ---------------------------------------------------------------------------------

    def caller(self) -> Caller | Problem:
        """Whose request this is."""
        headers = request.headers
        return caller_of(
            self.hall.journal,
            self.hall.state.hall.org,
            self.hall.now(),
            headers.get("authorization"),
            headers.get("cookie"),
            headers.get("x-somc"),
        )

    def changer(self) -> Principal | Problem:
        """Whose request this is, if it may change anything: a cookie alone is not enough."""
        caller = self.caller()
        if isinstance(caller, Problem):
            return caller
        if caller.by_cookie and "x-somc" not in request.headers:
            return problem(403, "no_x_somc", "a request by cookie must carry the header X-SOMC")
        return caller.principal

    async def _websocket(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if scope["path"] != WS_PATH:
            await refuse(send, problem(404, "not_found", f"the live feed is at {WS_PATH}"))
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        ticket = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [None])[0]
        now = self.hall.now()
        if ticket is not None:
            principal = self.ws_tickets.redeem(ticket)
            if principal is None:
                await refuse(
                    send, problem(401, "bad_ticket", "this ticket was used or is too old: ask again")
                )
                return
        else:
            org = self.hall.state.hall.org
            caller = caller_of(self.hall.journal, org, now, headers.get("authorization"), None, None)
            if isinstance(caller, Problem):
                await refuse(send, caller)
                return
            principal = caller.principal
        await self.feed.serve(principal, scope, receive, send)

    # -- routes -----------------------------------------------------------------------------------

    def _add_routes(self) -> None:
        app = self.quart
        for act in ACTS:
            path = BASE + act.path.replace("{counter}", "<int:counter>").replace("{ticket}", "<ticket>")
            app.add_url_rule(path, act.name, self._act_route(act), methods=[act.method])
        for query in QUERIES:
            path = BASE + query.path.replace("{ticket}", "<ticket>")
            app.add_url_rule(path, query.name, self._query_route(query), methods=["GET"])
        openapi = encode_json(document())

        async def describe() -> Response:
            return Response(openapi, content_type="application/json")

        app.add_url_rule(f"{BASE}/openapi.json", "openapi", describe)
        add_admission_routes(self)
        add_pages(self)

        @app.get("/healthz")
        async def healthz() -> dict[str, str]:
            return {"status": "alive"}

        @app.get("/readyz")
        async def readyz() -> Response:
            if self.ready():
                return self.answer(200, {"status": "ready", "seq": self.hall.journal.head})
            return self.fail(problem(503, "not_ready", "the hall is starting or stopping", retry_after_s=1))

        @app.get("/metrics")
        async def metrics() -> Response:
            return Response(self.metrics.exposition(), content_type=Metrics.CONTENT_TYPE)

        @app.errorhandler(Exception)
        async def broken(error: Exception) -> Response:
            if isinstance(error, HTTPException):
                code = error.code or 500
                name = (error.name or "error").lower().replace(" ", "_")
                said = self.fail(problem(code, name, error.description or error.name or "no further detail"))
                if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                    said.headers["Connection"] = "close"  # the rest of the body will not be read
                if isinstance(error, MethodNotAllowed) and error.valid_methods:
                    said.headers["Allow"] = ", ".join(sorted(error.valid_methods))
                return said
            if isinstance(error, SomcError):
                return self.fail(of_error(error))
            log.exception("request failed", path=request.path, exc_info=error)
            return self.fail(problem(500, "internal", "an error of ours; the log has it"))

        @app.after_request
        async def harden(response: Response) -> Response:
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            response.headers.setdefault("Referrer-Policy", "no-referrer")
            if not response.headers.get("Cache-Control"):
                response.headers["Cache-Control"] = "no-store"
            return response

    def _act_route(self, act: Act) -> Callable[..., Awaitable[Response]]:
        async def route(**place: Any) -> Response:
            principal = self.changer()
            if isinstance(principal, Problem):
                return self.fail(principal)
            raw = await request.get_data()
            assert isinstance(raw, bytes), "quart gives bytes unless text is asked for"
            key = request.headers.get("idempotency-key")
            try:
                given = msgspec.json.decode(raw, type=dict[str, Any]) if raw else {}
                body = msgspec.convert({**given, **place}, act.body)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                return self.fail(of_validation(error))
            answer = await self.desk.do(act, body, principal, key)
            if isinstance(answer, Problem):
                return self.fail(answer)
            if answer.view is None:
                return self.nothing(answer.status)
            return self.answer(answer.status, answer.view)

        return route

    def _query_route(self, query: Query) -> Callable[..., Awaitable[Response]]:
        async def route(**place: Any) -> Response:
            caller = self.caller()
            if isinstance(caller, Problem):
                return self.fail(caller)
            if not may(caller.principal, query.roles):
                allowed = ", ".join(sorted(query.roles))
                why = f"{caller.principal.by} may not ask {query.name}; allowed: {allowed}"
                return self.fail(problem(403, "no_right", why))
            try:
                params = msgspec.convert({**request.args.to_dict(), **place}, query.params, strict=False)
            except msgspec.ValidationError as error:
                return self.fail(of_validation(error))
            found = await query.ask(self.floor, params, caller.principal)
            return self.fail(found) if isinstance(found, Problem) else self.answer(200, found)

        return route

    def answer(self, status: int, view: Any) -> Response:
        """A view as JSON, its instants as RFC 3339 with the hall's offset."""
        body = encode_json(views.rfc3339(view, self.hall.state.zone))
        return Response(body, status=status, content_type="application/json")

    def nothing(self, status: int = 204) -> Response:
        """An answer without content. The body is given: Quart's own empty one needs an asyncio loop."""
        response = Response(b"", status=status)
        del response.headers["Content-Type"]
        return response

    def fail(self, why: Problem) -> Response:
        """A problem document."""
        return Response(encode_json(why), status=why.status, headers=why.headers())
