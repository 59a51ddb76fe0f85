"""A simulated gateway: the other end of the line, for tests, demonstrations and installers.

It does what gateways do, good and bad, and can be driven: throttle, delay, drop, lie, break off, go away and
come back, write as a customer. It is the same for every protocol; a *side* is the protocol's part of it.

What must stay true: it keeps what it was given as it was given (`taken`), so that a test compares the two
ends; one connection never disturbs another.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import msgspec
import trio

__all__ = ["ClientAck", "ClientLogin", "ClientNoise", "ClientSubmit", "ClientWord", "Gate", "Side", "Taken"]

READ_BYTES = 64 * 1024


class ClientLogin(msgspec.Struct, frozen=True):
    """A client wants in: who, and what is answered either way."""

    who: str
    right: bool
    yes: bytes
    no: bytes


class ClientSubmit(msgspec.Struct, frozen=True):
    """A client submits one part. `answer(verdict, ref)` answers it: `ok`, `busy`, `refused`, `never`."""

    to: str
    source: str
    text: str
    header: bytes
    coding: int
    wants_receipt: bool
    answer: Callable[[str, str], bytes]


class ClientAck(msgspec.Struct, frozen=True):
    """A client acknowledges what was delivered under `sequence`; `ok` or not now."""

    sequence: int
    ok: bool


class ClientWord(msgspec.Struct, frozen=True):
    """Whatever is answered with `answer` (a link check) and, if `leaves`, ends the session."""

    answer: bytes
    leaves: bool = False


class ClientNoise(msgspec.Struct, frozen=True):
    """It cannot be read; the session ends."""

    why: str


ClientEvent = ClientLogin | ClientSubmit | ClientAck | ClientWord | ClientNoise


class Side(Protocol):
    """The gateway's side of a protocol for one connection. No I/O."""

    def __init__(self, password: str, lie: Callable[[], bool]) -> None: ...

    def feed(self, data: bytes) -> list[ClientEvent]: ...

    def receipt(self, sequence: int, taken: Taken, stat: str) -> bytes: ...

    def incoming(
        self, sequence: int, sender: str, receiver: str, text: str, ref: str, reference: int | None = None
    ) -> list[bytes]:
        """What a customer writes, in as many parts as it takes (their sequences follow one another)."""

    def check_link(self, sequence: int) -> bytes: ...


class Taken(msgspec.Struct, frozen=True):
    """One part that was taken over, with the id that it was given."""

    ref: str
    to: str
    source: str
    text: str
    header: bytes
    coding: int


class _Client:
    """One connection."""

    def __init__(self, stream: trio.SocketStream, side: Side) -> None:
        self.stream = stream
        self.side = side
        self.in_ = False
        self.sequence = 0
        self.unacknowledged: dict[int, bytes] = {}
        self.lock = trio.Lock()

    async def say(self, data: bytes) -> None:
        async with self.lock:
            await self.stream.send_all(data)


class Gate:
    """A gateway on a TCP port of this machine. Make one, set what it shall be like, `run` it."""

    def __init__(self, side: type[Side], *, password: str = "secret") -> None:
        self._side = side
        self.password = password
        self.throttle = 0
        """Every so many-th submission is answered with "too fast"; 0: none."""
        self.delay_s = 0.0
        """How long an answer takes."""
        self.drop = 0
        """Every so many-th submission is never answered (though it was taken); 0: none."""
        self.lie = False
        """Receipts name states and ids that are not so, each comes twice, and the login proves nothing."""
        self.refuse: Callable[[str], str | None] = lambda to: None
        """The verdict for a number (`refused`, `never`), or None."""
        self.receipts = True
        self.receipt_delay_s = 0.0
        self.stat = "DELIVRD"
        self.taken: list[Taken] = []
        self.submissions = 0
        self.logins = 0
        self.acknowledged = 0
        self.told: Callable[[str], None] = lambda words: None
        """Is told what happens, in words."""
        self.port = 0
        self._clients: set[_Client] = set()
        self._nursery: trio.Nursery | None = None
        self._listeners: list[trio.SocketListener] = []
        self._listen_scope: trio.CancelScope | None = None
        self._prefix = "0"

    # -- being there ----------------------------------------------------------------------------------

    async def run(
        self, port: int = 0, host: str = "127.0.0.1", *, task_status: Any = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; `started` is given the port."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self.port = await nursery.start(self._listen, port, host)
            task_status.started(self.port)
            await trio.sleep_forever()

    async def _listen(self, port: int, host: str, task_status: trio.TaskStatus[int]) -> None:
        with trio.CancelScope() as scope:
            self._listen_scope = scope
            listeners = await trio.open_tcp_listeners(port, host=host)
            async with trio.open_nursery() as nursery:
                for listener in listeners:
                    nursery.start_soon(self._accept, listener)
                task_status.started(listeners[0].socket.getsockname()[1])

    async def _accept(self, listener: trio.SocketListener) -> None:
        async with listener:
            while True:
                stream = await listener.accept()
                assert self._nursery is not None
                self._nursery.start_soon(self._serve, stream)

    async def go_away(self) -> None:
        """Break every connection off in the middle, and listen no more."""
        if self._listen_scope is not None:
            self._listen_scope.cancel()
        self.cut()
        await trio.lowlevel.checkpoint()

    async def come_back(self, host: str = "127.0.0.1") -> None:
        """Listen again on the same port."""
        assert self._nursery is not None
        await self._nursery.start(self._listen, self.port, host)

    def cut(self) -> None:
        """Break every connection off."""
        for client in list(self._clients):
            client.stream.socket.close()

    @property
    def sessions(self) -> int:
        """How many clients are in."""
        return sum(client.in_ for client in self._clients)

    # -- one client -----------------------------------------------------------------------------------

    async def _serve(self, stream: trio.SocketStream) -> None:
        client = _Client(stream, self._side(self.password, lambda: self.lie))
        self._clients.add(client)
        try:
            async with stream, trio.open_nursery() as nursery:
                while True:
                    data = await stream.receive_some(READ_BYTES)
                    if not data or not await self._heard(client, data, nursery):
                        nursery.cancel_scope.cancel()
                        return
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self._clients.discard(client)

    async def _heard(self, client: _Client, data: bytes, nursery: trio.Nursery) -> bool:
        """Do what these bytes say; False ends the session."""
        out = bytearray()
        for event in client.side.feed(data):
            match event:
                case ClientLogin(who, right):
                    self.told(f"login of {who}: {'let in' if right else 'refused'}")
                    out += event.yes if right else event.no
                    client.in_ = right
                    self.logins += right
                case ClientSubmit():
                    if client.in_:
                        self._submitted(client, event, out, nursery)
                case ClientAck(sequence, ok):
                    self.acknowledged += client.unacknowledged.pop(sequence, None) is not None and ok
                case ClientWord(answer, leaves):
                    out += answer
                    if leaves:
                        await client.say(bytes(out))
                        return False
                case ClientNoise(why):
                    self.told(f"cannot read: {why}")
                    return False
        if out:
            await client.say(bytes(out))
        return True

    def _submitted(self, client: _Client, event: ClientSubmit, out: bytearray, nursery: trio.Nursery) -> None:
        self.submissions += 1
        verdict = self.refuse(event.to)
        if verdict is None and self.throttle and self.submissions % self.throttle == 0:
            verdict = "busy"
        if verdict is not None:
            self._answer(client, event.answer(verdict, ""), out, nursery)
            return
        ref = f"{self.submissions + (1 << 40)}"
        taken = Taken(ref, event.to, event.source, event.text, event.header, event.coding)
        self.taken.append(taken)
        self.told(f"taken {ref} to {event.to}: {event.text}")
        if self.drop and self.submissions % self.drop == 0:
            return
        self._answer(client, event.answer("ok", ref), out, nursery)
        if event.wants_receipt and self.receipts:
            nursery.start_soon(self._receipt, client, taken)

    def _answer(self, client: _Client, data: bytes, out: bytearray, nursery: trio.Nursery) -> None:
        if self.delay_s:
            nursery.start_soon(self._later, client, data)
        else:
            out += data

    async def _later(self, client: _Client, data: bytes) -> None:
        await trio.sleep(self.delay_s)
        await client.say(data)

    async def _receipt(self, client: _Client, taken: Taken) -> None:
        await trio.sleep(self.receipt_delay_s)
        told: Sequence[tuple[Taken, str]] = [(taken, self.stat)]
        if self.lie:
            other = msgspec.structs.replace(taken, ref=f"9{taken.ref}")
            told = [(other, "DELIVRD"), (taken, "ACCEPTD"), (taken, self.stat), (taken, self.stat)]
        for whose, stat in told:
            client.sequence += 1
            data = client.side.receipt(client.sequence, whose, stat)
            client.unacknowledged[client.sequence] = data
            await client.say(data)

    # -- being driven ---------------------------------------------------------------------------------

    async def write(
        self,
        sender: str,
        text: str,
        receiver: str = "10086",
        ref: str = "",
        parts: Collection[int] | None = None,
    ) -> None:
        """A customer writes: to one of the clients that are in. Of a long text only these `parts` come; then
        the same text again is the same message."""
        for client in self._clients:
            if client.in_:
                reference = None if parts is None else zlib.crc32(text.encode())
                told = client.side.incoming(client.sequence + 1, sender, receiver, text, ref, reference)
                for number, data in enumerate(told):
                    client.sequence += 1
                    if parts is not None and number not in parts:
                        continue
                    client.unacknowledged[client.sequence] = data
                    await client.say(data)
                return
        raise ValueError("nobody is logged in to whom it could be told")

    async def do(self, order: str) -> str:
        """Carry out one order of a line of text; what to say of it."""
        word, _, rest = order.strip().partition(" ")
        orders: dict[str, Callable[[str], None]] = {
            "throttle": lambda said: setattr(self, "throttle", int(said)),
            "drop": lambda said: setattr(self, "drop", int(said)),
            "delay": lambda said: setattr(self, "delay_s", float(said)),
            "lie": lambda said: setattr(self, "lie", said != "off"),
            "stat": lambda said: setattr(self, "stat", said.upper()[:7]),
        }
        try:
            match word:
                case "":
                    return ""
                case "cut":
                    self.cut()
                case "down":
                    await self.go_away()
                case "up":
                    await self.come_back()
                case "write":
                    sender, _, text = rest.partition(" ")
                    await self.write(sender, text)
                case "status":
                    return f"{self.sessions} in, {self.submissions} submitted, {len(self.taken)} taken"
                case _ if word in orders:
                    orders[word](rest.strip())
                case _:
                    known = ", ".join((*orders, "cut", "down", "up", "write NUMBER TEXT", "status"))
                    return f"there is no order '{word}'; known: {known}"
        except (ValueError, OSError) as error:
            return f"not done: {error}"
        return "done"
