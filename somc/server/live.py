"""The live feed: `GET /api/v1/ws`, raw ASGI, one reader and one writer a client.

What must stay true
- The journal is the bus: a client has a position in it and no queue. One that reads slowly is merely
  behind; when the ring of recent records no longer reaches back to it, it gets a new snapshot
  (`resync`). Memory per client is bounded.
- A record is encoded once per format and audience and shared by all clients; what is shared carries no
  person, and for the public's screens nobody's name.
- What a client folds its records onto is what the hall is: a change of settings that a client may not
  see is told as a new snapshot.
- Authentication is settled before the upgrade is accepted.

The messages are those of the contract; `welcome` (who am I) and `figures` (what is derived and never
recorded, at most once a second) are added to them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import structlog
import trio

from somc.domain.events import TYPE_OF, ConfigChanged, PolicyChanged
from somc.errors import SomcError
from somc.journal.record import Record
from somc.server import views
from somc.server.access import Principal, may
from somc.server.acts import BY_NAME
from somc.server.audience import is_public, public_figures, public_record, without_person
from somc.server.desk import Desk
from somc.server.problems import Problem, of_error, of_validation, problem
from somc.server.queries import QUERIES, Floor, hall_for
from somc.server.topics import Interest, public_topic
from somc.server.wire import FORMATS, Wire

__all__ = ["LiveFeed"]

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FIGURES_EVERY_S = 1.0
FIGURES_AGE_MS = 30_000
"""Figures of a hall in which somebody waits are derived anew at least so often, in the hall's time."""
MOST_RECORDS = 500
"""Records in one message: some 100 KB."""

MOST_REPLIES = 32
"""Replies that may wait for a client; its further commands wait with it."""

FIRST_SNAPSHOT = ""
"""A snapshot that the client expects: no `resync` announces it."""

MOST_TOPICS = 64
POLICY_VIOLATION = 1008
PROTOCOL_ERROR = 1002

SETTINGS_CHANGED = frozenset((TYPE_OF[ConfigChanged], TYPE_OF[PolicyChanged]))

MOST_FORMS = 2 * len(FORMATS)
"""In which one record may be wanted: each format, for staff and for the public."""

LIVE_QUERIES = {query.name: query for query in QUERIES if query.live}


class Op(msgspec.Struct, frozen=True):
    """Any message from a client; each op reads the fields that it needs, unknown ones are ignored."""

    op: str
    id: str | int | None = None
    topics: list[str] = []
    after: dict[str, Any] | None = None
    name: str = ""
    args: dict[str, Any] = {}
    key: str | None = None


class Client:
    """One open socket."""

    def __init__(self, principal: Principal, wire: Wire) -> None:
        self.principal = principal
        self.wire = wire
        self.interest = Interest()
        self.public = is_public(principal)
        """A kiosk or a display: it sees tickets, counters and days, without the names of people."""
        self.position: int | None = None
        """The last `seq` looked at; `None` before the first subscription."""
        self.resync_why: str | None = None
        """Why a snapshot is owed: a reason to tell, `FIRST_SNAPSHOT`, or `None` if none is."""
        self.figures_seen = 0
        self.wake = trio.Event()
        self.replies_in, self.replies_out = trio.open_memory_channel[bytes | int](MOST_REPLIES)
        """Encoded replies; an integer closes the connection with that code after those before it."""

    def sees(self, record: Record) -> bool:
        return self.interest.matches(record.topic) and (not self.public or public_topic(record.topic))


class LiveFeed:
    """Serves the WebSocket clients of one hall. `run` must be running beside the server."""

    def __init__(self, floor: Floor, desk: Desk) -> None:
        self.floor = floor
        self.hall = floor.hall
        self.desk = desk
        self.clients: set[Client] = set()
        self._encoded: OrderedDict[tuple[str, bool, int], bytes] = OrderedDict()
        self._figures: dict[str, Any] = {}
        self._figures_version = 0
        self._figures_basis: tuple[int, tuple[bool, ...], int] | None = None
        """The head, the open flags and the stretch of time that the figures were derived from."""
        self.sent_messages = 0
        self.resyncs = 0

    # -- following the journal --------------------------------------------------------------------

    async def run(self) -> None:
        """Wake the clients when there is something for them."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            nursery.start_soon(self._derive)

    async def _follow(self) -> None:
        seen = self.hall.journal.head
        while True:
            await self.hall.journal.wait_beyond(seen)
            seen = self.hall.journal.head
            self._wake_all()

    async def _derive(self) -> None:
        """The figures: once a second while somebody looks, if a record was written or time alone opened or
        closed something; while somebody waits, every half minute anyway. A fault in them is told once; the
        old ones stay, and the feed goes on."""
        failed = False
        while True:
            await trio.sleep(FIGURES_EVERY_S)
            if not self.clients:
                continue
            try:
                changed = await self._derive_if_stale()
            except Exception:
                if not failed:
                    log.exception("the figures cannot be derived: screens keep the old ones")
                failed = True
                continue
            failed = False
            if changed:
                self._wake_all()

    async def _derive_if_stale(self) -> bool:
        """Whether there are new figures."""
        hall = self.hall
        now = hall.now()
        # While somebody waits, time alone moves waits, places (an overflow, an appointment) and the advice.
        passing = now // FIGURES_AGE_MS if hall.state.by_key else 0
        basis = (hall.journal.head, views.open_flags(hall.state, now), passing)
        if basis == self._figures_basis:
            return False
        self._figures = await hall.read(self.floor.figures)
        self._figures_basis = basis
        self._figures_version += 1
        return True

    def _wake_all(self) -> None:
        for client in self.clients:
            client.wake.set()

    # -- one client -------------------------------------------------------------------------------

    async def serve(self, principal: Principal, scope: Scope, receive: Receive, send: Send) -> None:
        """One authenticated connection, from its handshake to its end."""
        offered = scope.get("subprotocols") or []
        chosen = next((name for name in FORMATS if name in offered), None)
        if chosen is None and offered:
            await refuse(send, problem(400, "no_subprotocol", f"offer one of: {', '.join(FORMATS)}"))
            return
        client = Client(principal, FORMATS[chosen or "somc.v1.json"])
        await send({"type": "websocket.accept", "subprotocol": chosen})
        if not self.clients:
            # The figures were last derived when somebody looked: too old for this one.
            client.figures_seen = self._figures_version
            self._figures_basis = None
        self.clients.add(client)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, client, send)
                client.replies_in.send_nowait(client.wire.encode(self._welcome(client)))
                client.wake.set()
                code = await self._read(client, receive)
                if code is None:
                    nursery.cancel_scope.cancel()
                else:
                    # Through the writer, so that the reply which says why leaves first.
                    await client.replies_in.send(code)
                    client.wake.set()
        finally:
            self.clients.discard(client)

    def _welcome(self, client: Client) -> dict[str, Any]:
        return {
            "op": "welcome",
            "subject": client.principal.subject,
            "role": client.principal.roles[0],
            "org": self.hall.state.hall.org,
            "now": self.hall.now(),
            "speed": self.hall.clock.speed,
        }

    async def _read(self, client: Client, receive: Receive) -> int | None:
        """Take the client's messages until it leaves (`None`) or breaks the protocol (a close code)."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            if message["type"] != "websocket.receive":
                continue
            data = message.get("bytes")
            data = (message.get("text") or "").encode() if data is None else data
            try:
                op = client.wire.decode(data, Op)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                await self._reply(client, None, of_validation(error))
                return PROTOCOL_ERROR
            code = await self._obey(client, op)
            if code is not None:
                return code

    async def _obey(self, client: Client, op: Op) -> int | None:
        match op.op:
            case "ping":
                await client.replies_in.send(client.wire.encode({"op": "pong", "now": self.hall.now()}))
            case "subscribe":
                return await self._subscribe(client, op)
            case "unsubscribe":
                client.interest.remove(op.topics)
                await self._reply(client, op.id, {"topics": client.interest.topics})
            case "command":
                await self._reply(client, op.id, await self._command(client, op))
            case _:
                why = f"there is no op '{op.op}'; allowed: subscribe, unsubscribe, command, ping"
                await self._reply(client, op.id, problem(422, "unknown_op", why))
                return PROTOCOL_ERROR
        client.wake.set()
        return None

    async def _subscribe(self, client: Client, op: Op) -> int | None:
        if len(client.interest.topics) + len(op.topics) > MOST_TOPICS:
            await self._reply(client, op.id, problem(422, "too_many_topics", f"at most {MOST_TOPICS} topics"))
            return POLICY_VIOLATION
        try:
            client.interest.add(op.topics)
        except ValueError as error:
            await self._reply(
                client, op.id, problem(422, "wrong_input", str(error), fields={"topics": str(error)})
            )
            return None
        await self._reply(client, op.id, {"topics": client.interest.topics})
        journal = self.hall.journal
        after = op.after or {}
        seq = after.get("seq")
        if (
            after.get("epoch") == journal.epoch
            and isinstance(seq, int)
            and 0 <= seq <= journal.head
            and journal.recent_after(seq, 1) is not None
        ):
            client.position = seq
        elif op.after is not None:
            client.position = None
            if after.get("epoch") != journal.epoch:
                client.resync_why = "another epoch"
            elif isinstance(seq, int) and seq > journal.head:
                client.resync_why = "beyond this journal's end"
            else:
                client.resync_why = "too far back"
        elif client.position is None:
            client.resync_why = FIRST_SNAPSHOT
        client.wake.set()
        return None

    async def _command(self, client: Client, op: Op) -> Any:
        query = LIVE_QUERIES.get(op.name)
        act = BY_NAME.get(op.name)
        if act is None and query is None:
            return problem(404, "unknown_command", f"there is no command '{op.name}'")
        form: Any = act.body if act is not None else query.params if query is not None else None
        try:
            if query is not None:
                if not may(client.principal, query.roles):
                    return problem(403, "no_right", f"{client.principal.by} may not ask {query.name}")
                return await query.ask(self.floor, msgspec.convert(op.args, query.params), client.principal)
            assert act is not None
            body = msgspec.convert(op.args, act.body)
            answer = await self.desk.do(act, body, client.principal, op.key)
        except msgspec.ValidationError as error:
            return of_validation(error, op.args, form)
        except SomcError as error:
            return of_error(error)
        if isinstance(answer, Problem):
            return answer
        return answer.view

    async def _reply(self, client: Client, id: Any, result: Any) -> None:
        reply: dict[str, Any] = {"op": "reply", "id": id, "ok": not isinstance(result, Problem)}
        reply["error" if isinstance(result, Problem) else "result"] = result
        await client.replies_in.send(client.wire.encode(reply))
        client.wake.set()

    # -- writing ----------------------------------------------------------------------------------

    async def _write(self, client: Client, send: Send) -> None:
        """The one task that sends to this client: replies first, then what it is behind by.

        It ends when it has closed the connection.
        """
        while True:
            await client.wake.wait()
            client.wake = trio.Event()
            while True:
                try:
                    reply = client.replies_out.receive_nowait()
                except trio.WouldBlock:
                    break
                if isinstance(reply, int):
                    await send({"type": "websocket.close", "code": reply})
                    return
                await self._send(client, send, reply)
            await self._catch_up(client, send)
            if client.position is not None and client.figures_seen != self._figures_version:
                client.figures_seen = self._figures_version
                shown = public_figures(self._figures) if client.public else self._figures
                figures = {"op": "figures", "seq": client.position, "figures": shown}
                await self._send(client, send, client.wire.encode(figures))

    async def _catch_up(self, client: Client, send: Send) -> None:
        if client.position is None:
            if client.resync_why is None:
                return
            await self._snapshot(client, send)
        while client.position is not None:
            records = self.hall.journal.recent_after(client.position, MOST_RECORDS)
            if records is None:
                client.resync_why = "too slow: newer records have replaced those not sent"
                await self._snapshot(client, send)
                continue
            if not records:
                return
            through = records[-1].seq
            seen = [self._encode(client, record) for record in records if client.sees(record)]
            client.position = through
            if seen:
                frame = client.wire.records(self.hall.journal.epoch, through, seen)
                await self._send(client, send, frame)
            if client.public and any(record.type in SETTINGS_CHANGED for record in records):
                client.resync_why = "settings changed"
                await self._snapshot(client, send)

    async def _snapshot(self, client: Client, send: Send) -> None:
        if client.resync_why:
            self.resyncs += 1
            note = {"op": "resync", "reason": client.resync_why}
            await self._send(client, send, client.wire.encode(note))
        client.resync_why = None
        state = await hall_for(self.floor, client.principal)
        client.position = state["seq"]
        message = {"op": "snapshot", "epoch": state["epoch"], "seq": state["seq"], "state": state}
        await self._send(client, send, client.wire.encode(message))

    async def _send(self, client: Client, send: Send, data: bytes) -> None:
        self.sent_messages += 1
        if client.wire.binary:
            await send({"type": "websocket.send", "bytes": data})
        else:
            await send({"type": "websocket.send", "text": data.decode()})

    def _encode(self, client: Client, record: Record) -> bytes:
        """The record in this client's format and form, encoded once for all who share them."""
        place = (client.wire.name, client.public, record.seq)
        encoded = self._encoded.get(place)
        if encoded is None:
            shown = public_record(record) if client.public else without_person(record)
            encoded = self._encoded[place] = client.wire.record(shown)
            if len(self._encoded) > 2 * MOST_RECORDS * MOST_FORMS:
                self._encoded.popitem(last=False)
        return encoded


async def refuse(send: Send, why: Problem) -> None:
    """No socket: an HTTP answer to the handshake (the ASGI extension `websocket.http.response`)."""
    headers = [(name.encode(), value.encode()) for name, value in why.headers().items()]
    await send({"type": "websocket.http.response.start", "status": why.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": msgspec.json.encode(why)})
