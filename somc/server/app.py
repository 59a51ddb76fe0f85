"""The web application of one hall: quart-trio for HTTP, the live feed beside it as raw ASGI.

Every route comes from a catalogue (`acts`, `queries`) or is listed here; every error leaves as a
problem document; every request but health, pages and sign-in is somebody's.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
from quart import Response, request
from quart_trio import QuartTrio

from somc.config.hall_config import PublicSettings
from somc.config.halls import Directory
from somc.runtime.plugins.host import PluginHost
from somc.server import access, replies
from somc.server.access import may
from somc.server.act_routes import BASE, LARGEST_BODY_BYTES, ActRoutes
from somc.server.acts import ACTS, Act
from somc.server.admission import add_admission_routes
from somc.server.appointment_actions import add_appointment_actions
from somc.server.asyncapi import asyncapi_document
from somc.server.desk import Acting
from somc.server.device_routes import Reload, Still, add_device_routes, add_still_route
from somc.server.edge import Edge, read_body, response_of
from somc.server.identity import caller_of
from somc.server.live import LiveFeed, refuse
from somc.server.media import add_media_route
from somc.server.metrics import Metrics
from somc.server.openapi import document
from somc.server.pages import add_pages
from somc.server.plugin_doors import PREFIX, PluginDoors
from somc.server.plugin_routes import add_plugin_routes
from somc.server.problems import Problem, of_validation, problem
from somc.server.public_routes import PublicDesk, add_public_routes
from somc.server.queries import QUERIES, Floor, Query
from somc.server.replies import SAFE_HEADERS
from somc.server.user_routes import add_user_routes
from somc.server.what_if import add_what_if_route
from somc.simulate.model import LoopFactory

__all__ = ["Application"]

WS_PATH = f"{BASE}/ws"

encode_json = msgspec.json.Encoder().encode

Redeem = Callable[[str], Awaitable[access.Admission | Problem | None]]


class Application:
    """The ASGI application. `ready` says whether the hall takes commands."""

    def __init__(
        self, floor: Floor, desk: Acting, *, ready: Callable[[], bool], public_url: str | None = None
    ) -> None:
        self.floor = floor
        self.hall = floor.hall
        self.desk = desk
        self.ready = ready
        self.acts = ActRoutes(self.hall, desk)
        self.feed = LiveFeed(floor, desk)
        self.ws_tickets = access.WsTickets()
        self.redeem: Redeem = self._redeem_here
        """Who came by a WebSocket ticket; a process that only reads asks the hall's."""
        self.metrics = Metrics(floor.hall, self.feed)
        self.quart = QuartTrio("somc", static_folder=None)
        self.edge = Edge(floor.hall, self.quart, public_url)
        self.quart.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
        self.doors: PluginDoors | None = None
        self._add_routes()

    def add_reload(self, reload: Reload) -> None:
        """Serve `POST /devices/reload`; before the first request."""
        add_device_routes(self.edge, reload)

    def add_public(self, settings: PublicSettings, directory: Directory) -> None:
        """Serve what anybody may see; before the first request."""
        self.public = PublicDesk(self.floor, settings, directory)
        add_public_routes(self.edge, self.public)

    def add_plugins(self, host: PluginHost) -> None:
        """Serve the hall's plugins, and what they serve; before the first request."""
        self.doors = PluginDoors(host)
        add_plugin_routes(self.edge, host)
        add_appointment_actions(host.actions, self.desk, self.floor)

    def add_media(self, folder: Path) -> None:
        """Serve the hall display's pictures and videos; before the first request."""
        add_media_route(self.edge, folder)

    def add_what_if(self, make_loop: LoopFactory) -> None:
        """Serve `POST /policy/what-if`; before the first request."""
        add_what_if_route(self.edge, make_loop)

    def add_stills(self, still: Still) -> None:
        """Serve `GET /devices/{name}/still`; before the first request."""
        add_still_route(self.edge, still)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        if self.doors is not None and scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self.doors.serve(scope, receive, send)
            return
        found = self.acts.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is not None:
            await self.acts.serve(*found, scope, receive, send)
        else:
            await self.quart(scope, receive, send)

    async def _websocket(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if self.doors is not None and scope["path"].startswith(PREFIX):
            await self.doors.serve_socket(scope, receive, send, refuse)
            return
        if scope["path"] != WS_PATH:
            await refuse(send, problem(404, "not_found", f"the live feed is at {WS_PATH}"))
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        ticket = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [None])[0]
        now = self.hall.now()
        if ticket is not None:
            admission = await self.redeem(ticket)
            if isinstance(admission, Problem):
                await refuse(send, admission)
                return
            if admission is None or not access.still_good(self.hall.journal, admission.token, now):
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
            admission = caller.admission
        await self.feed.serve(admission, scope, receive, send)

    async def _redeem_here(self, ticket: str) -> access.Admission | None:
        return self.ws_tickets.redeem(ticket)

    # -- routes -----------------------------------------------------------------------------------

    def _add_routes(self) -> None:
        app, edge = self.quart, self.edge
        for act in ACTS:
            path = BASE + re.sub(r"{(\w+)}", r"<\1>", act.path.replace("{counter}", "<int:counter>"))
            app.add_url_rule(path, act.name, self._act_route(act), methods=[act.method])
        for query in QUERIES:
            path = BASE + re.sub(r"{(\w+)}", r"<\1>", query.path)
            app.add_url_rule(path, query.name, self._query_route(query), methods=["GET"])
        openapi, asyncapi = encode_json(document()), encode_json(asyncapi_document())

        async def describe() -> Response:
            return Response(openapi, content_type="application/json")

        async def describe_feed() -> Response:
            return Response(asyncapi, content_type="application/json")

        app.add_url_rule(f"{BASE}/openapi.json", "openapi", describe)
        app.add_url_rule(f"{BASE}/asyncapi.json", "asyncapi", describe_feed)
        add_admission_routes(edge, self.ws_tickets)
        add_user_routes(edge)
        add_pages(edge)

        @app.get("/healthz")
        async def healthz() -> dict[str, str]:
            return {"status": "alive"}

        @app.get("/readyz")
        async def readyz() -> Response:
            if self.ready():
                return edge.answer(200, {"status": "ready", "seq": self.hall.journal.head})
            return edge.fail(problem(503, "not_ready", "the hall is starting or stopping", retry_after_s=1))

        @app.get("/metrics")
        async def metrics() -> Response:
            return Response(self.metrics.exposition(), content_type=Metrics.CONTENT_TYPE)

        @app.errorhandler(Exception)
        async def broken(error: Exception) -> Response:
            return response_of(replies.of_fault(error, request.path))

        @app.after_request
        async def harden(response: Response) -> Response:
            for name, value in SAFE_HEADERS.items():
                response.headers.setdefault(name, value)
            return response

    def _act_route(self, act: Act) -> Callable[..., Awaitable[Response]]:
        async def route(**place: Any) -> Response:
            return response_of(await self.acts.answer(act, place, request.headers, read_body))

        return route

    def _query_route(self, query: Query) -> Callable[..., Awaitable[Response]]:
        edge = self.edge

        async def route(**place: Any) -> Response:
            caller = edge.caller()
            if isinstance(caller, Problem):
                return edge.fail(caller)
            if not may(caller.principal, query.roles):
                allowed = ", ".join(sorted(query.roles))
                why = f"{caller.principal.by} may not ask {query.name}; allowed: {allowed}"
                return edge.fail(problem(403, "no_right", why))
            try:
                params = msgspec.convert({**request.args.to_dict(), **place}, query.params, strict=False)
            except msgspec.ValidationError as error:
                return edge.fail(of_validation(error))
            found = await query.ask(self.floor, params, caller.principal)
            return edge.fail(found) if isinstance(found, Problem) else edge.answer(200, found)

        return route
