"""A reading process's side of the local socket: it is woken, and passes on what only the hall may do.

What must stay true
- Without the hall's process everything that is read goes on, and everything else is answered with 503.
- An answer that was passed on is given out only when this process has seen what it did: who asks here after a
  command sees its effect.
- A request that may have reached the hall is never sent again by us: only the asker knows whether it may be.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import h11
import msgspec
import structlog
import trio

from somc.errors import StoreError
from somc.runtime.followed import FollowedHall
from somc.server.access import Admission, Principal
from somc.server.acts import Act
from somc.server.desk import Answer
from somc.server.local_door import SEQ_HEADER, TOKENS_HEADER, ActAnswer, ActAsked, Where
from somc.server.local_socket import connect
from somc.server.problems import Problem, problem

__all__ = ["LocalLink", "RemoteDesk"]

log = structlog.get_logger(__name__)

RETRY_S = (0.1, 0.2, 0.5, 1.0)
"""After each attempt to reach the hall's process; the last of them again and again."""

SILENCE_S = 5.0
"""The hall says each second where it is; after so long without a word it is gone."""

ANSWER_S = 30.0
SEEN_S = 5.0
"""So long an answer waits for this process to see what it did; then it is given out all the same."""

MOST_IDLE = 16
READ_BYTES = 65_536
HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"content-length"))

PLACES = frozenset((SEQ_HEADER, TOKENS_HEADER))

Headers = Sequence[tuple[bytes, bytes]]
Answered = tuple[int, Headers, bytes]
"""Status, headers, body."""


class HallAway(Exception):
    """The hall's process does not answer."""


AWAY = problem(
    503, "hall_away", "the hall's own process does not answer just now: try again soon", retry_after_s=1
)


class LocalLink:
    """The way to the hall's process. `run` must be running."""

    def __init__(self, folder: Path, hall: FollowedHall) -> None:
        self.hall = hall
        self.up = False
        self.on_where: Callable[[Where], None] = lambda where: None
        """Called with each line that tells what stands beside the journal: the first of each connection, and
        when that has changed."""
        self._folder = folder
        self._idle: list[_Connection] = []
        self._tokens_seen: int | None = None

    # -- being woken ------------------------------------------------------------------------------

    async def run(self) -> NoReturn:
        """Follow where the hall is, for ever. `StoreError` if another journal has taken this one's place."""
        attempt = 0
        while True:
            try:
                connection = await _Connection.open(self._folder)
                try:
                    await connection.follow("/local/wake", SILENCE_S, self._take)
                finally:
                    connection.close()
            except (OSError, HallAway, h11.ProtocolError, msgspec.MsgspecError) as error:
                if self.up:
                    log.warning("the hall's process is gone: screens go on, commands wait", why=str(error))
                attempt = 0
            self.up = False
            self._tokens_seen = None
            await trio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    async def _take(self, line: bytes) -> None:
        where = msgspec.json.decode(line, type=Where)
        if not self.up:
            self._found(where)
        if where.beside is not None:
            self.on_where(where)
        await self._catch_up(where.seq, where.tokens)

    def _found(self, where: Where) -> None:
        if where.epoch != self.hall.journal.epoch:
            raise StoreError(
                f"the hall's process has begun another journal ({where.epoch}): start this one again"
            )
        self.up = True
        log.info("the hall's process answers", seq=where.seq)

    async def _catch_up(self, seq: int, tokens: int | None) -> None:
        if tokens is not None and tokens != self._tokens_seen:
            await self.hall.journal.refresh_tokens()
            self._tokens_seen = tokens
        if seq > self.hall.journal.head:
            await self.hall.journal.refresh()

    async def _wait_seen(self, seq: int, tokens: int | None = None) -> None:
        with trio.move_on_after(SEEN_S):
            await self._catch_up(seq, tokens)
            await self.hall.wait_followed(seq)

    # -- passing on -------------------------------------------------------------------------------

    async def pass_on(self, method: str, target: bytes, headers: Headers, body: bytes) -> Answered:
        """A request as it came, and the hall's answer to it."""
        kept = [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]
        try:
            status, answered, data = await self._ask(method, target, kept, body)
        except HallAway:
            away = [(name.encode(), value.encode()) for name, value in AWAY.headers().items()]
            return AWAY.status, away, msgspec.json.encode(AWAY)
        places = {name: int(value) for name, value in answered if name in PLACES}
        await self._wait_seen(places.get(SEQ_HEADER, 0), places.get(TOKENS_HEADER))
        given = [(name, value) for name, value in answered if name not in HOP_BY_HOP | PLACES]
        return status, given, data

    async def act(self, asked: ActAsked) -> Answer | Problem:
        """An act for somebody whom this process has authenticated."""
        try:
            _, _, data = await self._ask("POST", b"/local/act", [], msgspec.json.encode(asked))
        except HallAway:
            return AWAY
        found = msgspec.json.decode(data, type=ActAnswer)
        await self._wait_seen(found.seq)
        outcome = found.problem or found.answer
        assert outcome is not None
        return outcome

    async def redeem(self, ticket: str) -> Admission | Problem | None:
        """Who came by a WebSocket ticket; tickets live in the hall's process."""
        try:
            body = msgspec.json.encode({"ticket": ticket})
            _, _, data = await self._ask("POST", b"/local/ticket", [], body)
        except HallAway:
            return AWAY
        return msgspec.json.decode(data, type=Admission | None)

    async def _ask(self, method: str, target: bytes, headers: Headers, body: bytes) -> Answered:
        """One request and its answer. `HallAway` if there is none."""
        try:
            with trio.fail_after(ANSWER_S):
                connection = self._taken_from_idle() or await _Connection.open(self._folder)
                try:
                    answer = await connection.ask(method, target, headers, body)
                except BaseException:
                    connection.close()
                    raise
        except (OSError, trio.TooSlowError, trio.BrokenResourceError, h11.ProtocolError) as error:
            raise HallAway(str(error)) from error
        if connection.reusable and len(self._idle) < MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _taken_from_idle(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.alive():
                return connection
            connection.close()
        return None


class RemoteDesk:
    """A desk whose acts are done by the hall's process; what this one has authenticated is passed along."""

    def __init__(self, link: LocalLink) -> None:
        self._link = link

    async def do(self, act: Act, body: Any, principal: Principal, key: str | None = None) -> Answer | Problem:
        """As `Desk.do`."""
        args = msgspec.to_builtins(body)
        return await self._link.act(ActAsked(act.name, args, principal, key))


class _Connection:
    """One HTTP/1.1 connection to the hall's process."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, folder: Path) -> _Connection:
        return cls(await connect(folder))

    def close(self) -> None:
        self._stream.socket.close()

    @property
    def reusable(self) -> bool:
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def alive(self) -> bool:
        """Whether the other side has not closed it while nobody asked anything."""
        ours = socket.socket(fileno=self._stream.socket.fileno())
        try:
            return ours.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            ours.detach()

    async def ask(self, method: str, target: bytes, headers: Headers, body: bytes) -> Answered:
        await self._send(method, target, headers, body)
        response = await self._next()
        while isinstance(response, h11.InformationalResponse):
            response = await self._next()
        assert isinstance(response, h11.Response)
        data = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            data += event.data
        return response.status_code, list(response.headers), bytes(data)

    async def follow(self, path: str, silence_s: float, take: Callable[[bytes], Awaitable[None]]) -> NoReturn:
        """Hands on the lines of an answer that does not end. `HallAway` after so long without one, or when it
        ends after all."""
        await self._send("GET", path.encode(), [], b"")
        waiting = b""
        while True:
            event: Any = None
            with trio.move_on_after(silence_s):
                event = await self._next()
            if event is None:
                raise HallAway(f"it said nothing for {silence_s:g} s")
            if isinstance(event, h11.Data):
                *lines, waiting = (waiting + bytes(event.data)).split(b"\n")
                for line in lines:
                    await take(line)
            elif not isinstance(event, h11.Response) or event.status_code != 200:
                raise HallAway("it has closed the connection")

    async def _send(self, method: str, target: bytes, headers: Headers, body: bytes) -> None:
        hosted = any(name.lower() == b"host" for name, _ in headers)
        more: list[tuple[bytes, bytes]] = [] if hosted else [(b"host", b"hall")]
        more.append((b"content-length", str(len(body)).encode()))
        data = self._http.send(h11.Request(method=method, target=target, headers=[*headers, *more]))
        data = (data or b"") + (self._http.send(h11.Data(body)) or b"" if body else b"")
        await self._stream.send_all(data + (self._http.send(h11.EndOfMessage()) or b""))

    async def _next(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            try:
                data = await self._stream.receive_some(READ_BYTES)
            except trio.BrokenResourceError as error:
                raise HallAway(str(error)) from error
            self._http.receive_data(data)
        if isinstance(event, h11.ConnectionClosed):
            raise HallAway("it has closed the connection")
        return event
