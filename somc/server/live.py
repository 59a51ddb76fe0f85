"""The live feed: `GET /api/v1/ws`, raw ASGI.

    handshake ──▶ listener ── what it says ──▶ conversation ──▶ desk
                     ▲
    journal ──▶ hub ─┘  records, figures, snapshots

What must stay true
- Authentication is settled before the upgrade is accepted; who has lost the right by which it came is closed
  within `TICK_S`.
- After the handshake no message passes the web framework or Hypercorn on its way out: the hub and the
  listeners write to the sockets (docs/explanations/fan-out.md).

The messages are those of the contract; `welcome` (who am I) and `figures` (what is derived and never
recorded, at most once a second) are added to them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import structlog
import trio

from somc.server import views
from somc.server.access import Admission, still_good
from somc.server.conversation import ENDED, Conversation, Receive
from somc.server.desk import Acting
from somc.server.fanout.hub import Hub
from somc.server.fanout.listener import TRY_AGAIN_LATER, Listener
from somc.server.fanout.snapshots import Snapshots
from somc.server.handlers import CONNECTION, PeerGone
from somc.server.problems import Problem, problem
from somc.server.queries import Floor
from somc.server.turnstile import Turnstile
from somc.server.wire import FORMATS

__all__ = ["LiveFeed", "refuse"]

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TICK_S = 1.0
"""Figures leave at most so often, and so often it is looked whose token has ended."""

FIGURES_AGE_MS = 30_000
"""Figures of a hall in which somebody waits are derived anew at least so often, in the hall's time."""

LAST_WORDS_S = 1.0
"""A client that is closed has so long to take the close frame; then it is reset."""

ANSWERS_S = 10.0
"""And so long, before that, for answers that wait for it."""


class LiveFeed:
    """Serves the WebSocket clients of one hall. `run` must be running beside the server."""

    def __init__(self, floor: Floor, desk: Acting) -> None:
        self.floor = floor
        self.hall = floor.hall
        self.desk = desk
        self.hub = Hub(self.hall.journal, Snapshots(floor))
        self.turnstile = Turnstile()
        self._figures_basis: tuple[Any, ...] | None = None
        """The head, the open flags, the stretch of time, the plugins' lines and the devices that the figures
        were derived from."""

    @property
    def clients(self) -> set[Listener]:
        """Who is connected."""
        return self.hub.listeners

    # -- what happens once a second ---------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the journal and the time for ever."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.hub.run)
            nursery.start_soon(self._tick)
            task_status.started()

    async def _tick(self) -> None:
        """The figures: once a second while somebody looks, if a record was written, time alone opened or
        closed something, plugins have other lines for displays or devices came or went; while somebody
        waits, every half minute anyway. A fault in them is told once; the old ones stay, and the feed goes
        on."""
        failed = False
        while True:
            await trio.sleep(TICK_S)
            if not self.clients:
                continue
            self._end_those_without_a_right()
            self.hub.tell_progress()
            try:
                await self._derive_if_stale()
            except Exception:
                if not failed:
                    log.exception("the figures cannot be derived: screens keep the old ones")
                failed = True
            else:
                failed = False

    def _end_those_without_a_right(self) -> None:
        now, journal = self.hall.now(), self.hall.journal
        admissions = {listener.admission for listener in self.clients}  # many screens share one
        ended = {admission for admission in admissions if not still_good(journal, admission, now)}
        for listener in self.clients if ended else ():
            if listener.admission in ended:
                self.hub.counts.ended += listener.end_code is None
                listener.end(ENDED, "your token has ended: get a new one")

    async def _derive_if_stale(self) -> None:
        hall = self.hall
        now = hall.now()
        # While somebody waits, time alone moves waits, places (an overflow, an appointment) and the advice.
        passing = now // FIGURES_AGE_MS if hall.state.by_key else 0
        basis = (hall.journal.head, views.open_flags(hall.state, now), passing, self.floor.beside())
        if basis != self._figures_basis:
            figures = await hall.read(self.floor.figures)
            self._figures_basis = basis
            self.hub.tell_figures(figures)

    # -- one client -------------------------------------------------------------------------------

    async def serve(self, admission: Admission, scope: Scope, receive: Receive, send: Send) -> None:
        """One authenticated connection, from its handshake to its end."""
        offered = scope.get("subprotocols") or []
        chosen = next((name for name in FORMATS if name in offered), None)
        if chosen is None and offered:
            await refuse(send, problem(400, "no_subprotocol", f"offer one of: {', '.join(FORMATS)}"))
            return
        if not await self.turnstile.pass_through():
            self.hub.counts.shed_busy += 1
            why = "too many screens are coming back at once: try again"
            await refuse(send, problem(503, "busy", why, retry_after_s=5))
            return
        await send({"type": "websocket.accept", "subprotocol": chosen})
        link = scope["extensions"][CONNECTION]["connection"]
        wire = FORMATS[chosen or "somc.v1.json"]
        listener = Listener(self.hub, admission.principal, admission.token, wire, link)
        if not self.clients:
            # The figures were last derived when somebody looked: too old for this one.
            listener.figures_seen = self.hub.figures_version
            self._figures_basis = None
        self.clients.add(listener)
        try:
            await self._converse(listener, receive, send)
        finally:
            self.clients.discard(listener)

    async def _converse(self, listener: Listener, receive: Receive, send: Send) -> None:
        await listener.answer(self._welcome(listener))
        code: int | None = None
        with listener.reading:
            code = await Conversation(self.floor, self.desk, listener).listen(receive)
        reason = ""
        if listener.end_code is not None:
            code, reason = listener.end_code, listener.end_reason
        if code is None:
            return
        if code != TRY_AGAIN_LATER:
            with trio.move_on_after(ANSWERS_S):  # the answer that says why leaves first
                await listener.wait_answered()
        with trio.move_on_after(LAST_WORDS_S) as patience:
            await send({"type": "websocket.close", "code": code, "reason": reason})
        if patience.cancelled_caught:
            listener.link.abort()
            raise PeerGone("the peer did not take the close frame")

    def _welcome(self, listener: Listener) -> dict[str, Any]:
        return {
            "op": "welcome",
            "subject": listener.principal.subject,
            "role": listener.principal.roles[0],
            "org": self.hall.state.hall.org,
            "now": self.hall.now(),
            "speed": self.hall.clock.speed,
        }


async def refuse(send: Send, why: Problem) -> None:
    """No socket: an HTTP answer to the handshake (the ASGI extension `websocket.http.response`)."""
    headers = [(name.encode(), value.encode()) for name, value in why.headers().items()]
    await send({"type": "websocket.http.response.start", "status": why.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": msgspec.json.encode(why)})
