"""A hall that does what a test says, to see what a client makes of it: real sockets, real frames, no rules.

What must stay true
- It speaks `somc.v1.msgpack` or `somc.v1.json`, whichever the client offers first, and gives out one-time
  tickets, so that clients of programs and of browsers come in as they always do.
- Nothing happens on a line but what the test does; a client's pings are answered unless the test says no.
- A client that asks for something is heard in order, and every contact is counted with its time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import h11
import msgspec
import trio
import wsproto
from wsproto.connection import Connection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

__all__ = ["Door", "LineGone", "ScriptedHall", "ServerLine", "plain_state", "scripted_hall"]

READ_BYTES = 65_536
MOST_HEARD = 1_000
TOKEN = "a-token-of-the-tests"
ORG = "east/city/north/hall1"
SUBPROTOCOLS = ("somc.v1.msgpack", "somc.v1.json")

Plain = dict[str, Any]


class LineGone(Exception):
    """The client has left this line."""


@dataclass(slots=True)
class Door:
    """What whoever knocks gets instead of a line. `cut`: the connection ends without a word."""

    status: int = 0
    code: str = ""
    retry_after_s: int | None = None
    cut: bool = False


@dataclass(slots=True)
class Contact:
    """Somebody tried to come in, at this instant of Trio's time."""

    at: float
    admitted: bool


@dataclass(slots=True)
class ServerLine:
    """One WebSocket as the hall has it."""

    stream: trio.abc.Stream
    wire: Connection
    binary: bool
    heard_in: trio.MemorySendChannel[Plain]
    heard_out: trio.MemoryReceiveChannel[Plain]
    over: trio.Event = field(default_factory=trio.Event)
    sending: trio.Lock = field(default_factory=trio.Lock)
    answer_pings: bool = True
    pings: int = 0
    """Messages `{op: "ping"}` of the client."""
    pongs: int = 0
    """Frames that answered ours."""
    closed_with: int | None = None
    """The client's close code."""

    def encoded(self, message: Plain) -> bytes:
        return msgspec.msgpack.encode(message) if self.binary else msgspec.json.encode(message)

    def frame(self, data: bytes, *, finished: bool = True) -> bytes:
        """Bytes of one frame, or of a part of a message."""
        event = (
            BytesMessage(data=data, message_finished=finished)
            if self.binary
            else TextMessage(data=data.decode(), message_finished=finished)
        )
        frame: bytes = self.wire.send(event)
        return frame

    async def say(self, op: str, **fields: Any) -> None:
        await self.say_bytes(self.encoded({"op": op, **fields}))

    async def say_bytes(self, data: bytes) -> None:
        """Any payload as one message."""
        await self.write(self.frame(data))

    async def write(self, data: bytes) -> None:
        """Bytes as they are."""
        await self.write_pieces(data)

    async def write_pieces(self, *pieces: bytes) -> None:
        """Bytes in several packets, with nothing else between them."""
        async with self.sending:
            try:
                for piece in pieces:
                    await self.stream.send_all(piece)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise LineGone from error

    def ping_frame(self) -> bytes:
        return self.wire.send(Ping(payload=b"there?"))

    async def next_message(self) -> Plain:
        """What the client says next, pings aside."""
        try:
            return await self.heard_out.receive()
        except trio.EndOfChannel:
            raise LineGone("the client left this line") from None

    async def hear(self, op: str) -> Plain:
        """The client's next message with this op; others are passed over."""
        while (message := await self.next_message())["op"] != op:
            pass
        return message

    async def welcome(self, **more: Any) -> None:
        said = {"role": "agent", "subject": "test", "org": ORG, "now": 1_700_000_000_000, "speed": 1.0}
        await self.say("welcome", **{**said, **more})

    async def snapshot(self, epoch: str, seq: int) -> None:
        await self.say("snapshot", epoch=epoch, seq=seq, state=plain_state(epoch, seq))

    async def records(self, epoch: str, *seqs: int, through: int | None = None) -> None:
        last = max(seqs, default=0) if through is None else through
        await self.say("records", epoch=epoch, through=last, records=[plain_record(seq) for seq in seqs])

    async def accept_subscription(self) -> Plain:
        """Hear `subscribe`, say that it holds, and answer it."""
        asked = await self.hear("subscribe")
        await self.say("reply", id=asked["id"], ok=True, result={"topics": asked["topics"]})
        return asked

    async def close(self, code: int) -> None:
        with suppress(LocalProtocolError):
            await self.write(self.wire.send(CloseConnection(code=code)))
        await self.cut()

    async def cut(self) -> None:
        """The connection ends without a word."""
        await trio.aclose_forcefully(self.stream)
        self.over.set()

    async def wait_left(self) -> None:
        """Until the client has gone."""
        await self.over.wait()

    async def _listen(self) -> None:
        parts: list[bytes] = []
        async with self.heard_in:
            try:
                while True:
                    for event in self.wire.events():
                        match event:
                            case TextMessage() | BytesMessage():
                                data = event.data.encode() if isinstance(event.data, str) else event.data
                                parts.append(bytes(data))
                                if event.message_finished:
                                    await self._take(b"".join(parts))
                                    parts.clear()
                            case Ping():
                                await self.write(self.wire.send(event.response()))
                            case Pong():
                                self.pongs += 1
                            case CloseConnection(code=code):
                                self.closed_with = int(code)
                                with suppress(LineGone, LocalProtocolError):
                                    await self.write(self.wire.send(event.response()))
                                return
                    data = await self.stream.receive_some(READ_BYTES)
                    if not data:
                        return
                    self.wire.receive_data(bytes(data))
            except (trio.BrokenResourceError, trio.ClosedResourceError, LineGone):
                pass
            finally:
                self.over.set()

    async def _take(self, data: bytes) -> None:
        message = msgspec.msgpack.decode(data) if self.binary else msgspec.json.decode(data)
        if message["op"] != "ping":
            with suppress(trio.WouldBlock):
                self.heard_in.send_nowait(message)
            return
        self.pings += 1
        if self.answer_pings:
            with suppress(LocalProtocolError):
                await self.say("pong", now=1_700_000_000_000)


class ScriptedHall:
    """Where clients come in. The test takes each line with `line()`."""

    def __init__(self) -> None:
        self.url = ""
        self.token = TOKEN
        self.door: Door | None = None
        """What those who knock get now, instead of a line."""
        self.tickets_are_void = False
        """As after a start: no ticket is known, whenever it was given out."""
        self.contacts: list[Contact] = []
        self._knocked = trio.Event()
        self._tickets: set[str] = set()
        self._lines_in, self._lines_out = trio.open_memory_channel[ServerLine](MOST_HEARD)

    async def wait_contacts(self, count: int) -> None:
        """Until somebody has knocked so many times in all."""
        while len(self.contacts) < count:
            await self._knocked.wait()

    async def line(self) -> ServerLine:
        """The next line that a client opens, with nothing said on it."""
        return await self._lines_out.receive()

    async def welcomed(self, **more: Any) -> ServerLine:
        line = await self.line()
        await line.welcome(**more)
        return line

    async def following(self, epoch: str, seq: int) -> ServerLine:
        """A line of a client that has no position yet and has its first snapshot now."""
        line = await self.welcomed()
        asked = await line.accept_subscription()
        assert not asked.get("after"), f"it knows of no record and asked after {asked['after']}"
        await line.snapshot(epoch, seq)
        return line

    async def resumed(self, epoch: str, seq: int) -> ServerLine:
        """The line of a client that comes back and must say where it stood."""
        line = await self.welcomed()
        asked = await line.accept_subscription()
        told = {"epoch": epoch, "seq": seq}
        assert asked.get("after") == told, f"it stood at {told} and asked after {asked.get('after')}"
        return line

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection."""
        try:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError, RemoteProtocolError, LineGone):
                await self._serve(stream)
        finally:
            await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.abc.Stream) -> None:
        http = h11.Connection(h11.SERVER)
        request = await self._request(http, stream)
        if request is None:
            return
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        path, _, query = request.target.decode("latin-1").partition("?")
        ticket = query.removeprefix("ticket=") if query.startswith("ticket=") else None
        knocks = ticket is None  # who has a ticket knocked when it asked for it
        if knocks:
            self.contacts.append(Contact(trio.current_time(), self.door is None))
            self._knocked.set()
            self._knocked = trio.Event()
            if self.door is not None:
                await self._turn_away(http, stream, self.door)
                return
            if headers.get("authorization") != f"Bearer {TOKEN}":
                await self._answer(http, stream, 401, problem(401, "bad_token"))
                return
        if path == "/api/v1/ws-ticket":
            ticket = f"ticket-{len(self.contacts)}"
            self._tickets.add(ticket)
            await self._answer(http, stream, 200, {"ticket": ticket, "expires_in_s": 30})
        elif path == "/api/v1/ws":
            if ticket is not None and (self.tickets_are_void or ticket not in self._tickets):
                await self._answer(http, stream, 401, problem(401, "bad_ticket"))
                return
            self._tickets.discard(ticket or "")
            await self._upgrade(request, headers, stream)
        else:
            await self._answer(http, stream, 404, problem(404, "not_found"))

    async def _request(self, http: h11.Connection, stream: trio.abc.Stream) -> h11.Request | None:
        request: h11.Request | None = None
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                data = await stream.receive_some(READ_BYTES)
                if not data and request is None:
                    return None
                http.receive_data(bytes(data))
            elif isinstance(event, h11.Request):
                request = event
                if any(name == b"upgrade" for name, _ in event.headers):
                    return request
            elif isinstance(event, h11.EndOfMessage):
                return request
            elif not isinstance(event, h11.Data):
                return None

    async def _turn_away(self, http: h11.Connection, stream: trio.abc.Stream, door: Door) -> None:
        if door.cut:
            return
        body = problem(door.status, door.code)
        extra = []
        if door.retry_after_s is not None:
            extra.append(("retry-after", str(door.retry_after_s)))
            body["retry_after_s"] = door.retry_after_s
        await self._answer(http, stream, door.status, body, extra)

    async def _answer(
        self,
        http: h11.Connection,
        stream: trio.abc.Stream,
        status: int,
        body: Plain,
        extra: list[tuple[str, str]] | None = None,
    ) -> None:
        data = msgspec.json.encode(body)
        kind = "application/json" if status < 400 else "application/problem+json"
        headers = [("content-type", kind), ("content-length", str(len(data))), ("connection", "close")]
        response = h11.Response(status_code=status, headers=headers + (extra or []))
        parts = (http.send(response), http.send(h11.Data(data=data)), http.send(h11.EndOfMessage()))
        await stream.send_all(b"".join(part or b"" for part in parts))

    async def _upgrade(self, request: h11.Request, headers: dict[str, str], stream: trio.abc.Stream) -> None:
        socket = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        socket.initiate_upgrade_connection(list(request.headers), request.target)
        offered = [each.strip() for each in headers.get("sec-websocket-protocol", "").split(",")]
        chosen = next((each for each in offered if each in SUBPROTOCOLS), None)
        for _ in socket.events():
            await stream.send_all(socket.send(AcceptConnection(subprotocol=chosen)))
        heard_in, heard_out = trio.open_memory_channel[Plain](MOST_HEARD)
        wire = Connection(wsproto.ConnectionType.SERVER)
        line = ServerLine(stream, wire, chosen == SUBPROTOCOLS[0], heard_in, heard_out)
        self._lines_in.send_nowait(line)
        await line._listen()


@asynccontextmanager
async def scripted_hall() -> AsyncIterator[ScriptedHall]:
    """A scripted hall on a free port of this machine."""
    hall = ScriptedHall()
    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(_listen, hall.serve)
        hall.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield hall
        nursery.cancel_scope.cancel()


async def _listen(
    serve: Callable[[trio.abc.Stream], Any],
    task_status: trio.TaskStatus[list[trio.SocketListener]],
) -> None:
    await trio.serve_tcp(serve, 0, host="127.0.0.1", task_status=task_status)


def problem(status: int, code: str) -> Plain:
    """A problem document."""
    type_ = f"urn:somc:problem:{code}"
    return {"type": type_, "title": "no", "status": status, "detail": "as scripted", "code": code}


def plain_record(seq: int) -> Plain:
    """A record that changes nothing of what a screen shows."""
    data = {"by": "test", "ticket": f"t{seq}", "number": f"A{seq:03}", "copy": 1}
    topic = f"{ORG}/ticket/t{seq}"
    return {
        "seq": seq,
        "at": 1_700_000_000_000 + seq,
        "type": "ticket.printed",
        "topic": topic,
        "data": data,
        "v": 1,
    }


def plain_state(epoch: str, seq: int) -> Plain:
    """A hall in which there is nothing, whole enough for every client."""
    sums: Plain = dict.fromkeys(("mean_wait_s", "mean_service_s", "within_target"))
    today = dict.fromkeys(
        ("taken", "waiting", "held", "at_counters", "finished", "no_show", "cancelled", "expired"), 0
    )
    return {
        "epoch": epoch,
        "seq": seq,
        "at": 1_700_000_000_000,
        "now": 1_700_000_000_000,
        "speed": 1.0,
        "org": ORG,
        "name": {"zh": "一号厅", "en": "Hall one"},
        "timezone": "Asia/Shanghai",
        "day": "2023-11-15",
        "open": True,
        "services": [],
        "classes": [],
        "counters": [],
        "waiting": {},
        "tickets": [],
        "recent_calls": [],
        "policy": {"kind": "fifo", "max_wait_s": None},
        "alerts": [],
        "places": {},
        "advice": None,
        "devices": [],
        "today": {**today, **sums, "by_class": {}, "by_half_hour": []},
    }
