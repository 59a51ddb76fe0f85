"""A program's line to a hall: connects, follows, asks, and comes back by itself.

    async with open_client("http://127.0.0.1:8080", token=token) as hall:
        async for record in hall.records():
            print(record.seq, record.type)

What must stay true
- Every record of the subscribed topics comes once and in order, through broken lines and restarts of either
  side; where the hall no longer has them at hand, `Resync` and a `Snapshot` say so.
- One task owns the line; a fault of the line never reaches the program, which sees only that nothing comes.
  What cannot be cured by trying again (`NotAdmitted`) is raised where the program reads or asks next.
- Memory is bounded whatever the hall sends and however slowly the program reads (see `inbox`).
- Time is Trio's, chance is handed in.
"""

from __future__ import annotations

import random
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
import structlog
import trio

from somc.client.address import WS_PATH, Address
from somc.client.asking import Command, Commands, refusal
from somc.client.backoff import Backoff
from somc.client.http import open_http
from somc.client.inbox import Full, Inbox, Message
from somc.client.messages import (
    Figures,
    NoMessage,
    Pong,
    Position,
    Problem,
    Record,
    Reply,
    Resync,
    ServerMessage,
    Snapshot,
    Welcome,
    codec_named,
)
from somc.client.topics import check_topics
from somc.client.websocket import (
    HandshakeFailed,
    HandshakeRejected,
    WebSocket,
    WebSocketClosed,
    open_websocket,
)
from somc.errors import ClientError, HallRefused, HallUnreachable, NoAnswer, NotAdmitted, UsageError

__all__ = ["ClientSettings", "HallClient", "Reader", "open_client", "ticket_by"]

M = TypeVar("M", bound=Snapshot | Record | Figures | Resync)

log = structlog.get_logger(__name__)

MESSAGES_A_TURN = 1_000
"""Messages that a program may take before other tasks must have had a turn: more than one read brings."""

LARGEST_COMMAND_BYTES = 256 * 1024
"""A larger message ends the connection: a hall takes no larger one."""

TEMPORARY = frozenset((408, 425, 429))
"""Answers below 500 that another attempt may change."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How patient a client is. The defaults suit a hall's own network and the internet alike."""

    ping_s: float = 10.0
    """How often the hall is asked whether it is there."""
    silence_s: float = 25.0
    """A line on which nothing came for so long is dead: a peer that lost power says nothing at all."""
    handshake_s: float = 10.0
    """A hall that does not say `welcome` within this is not there."""
    patience_s: float = 60.0
    """How long a command may stay unanswered, reconnects included."""
    first_backoff_s: float = 0.25
    most_backoff_s: float = 10.0
    """The wait before an attempt is any time up to a limit, which doubles from the first to the most."""
    steady_s: float = 5.0
    """A line that has stood so long makes the back-off begin small again."""
    inbox_bytes: int = 4 * 1024 * 1024
    """What may wait to be read, as it came over the wire."""
    message_bytes: int = 16 * 1024 * 1024
    """The largest message that is taken: a snapshot of a very large hall."""
    random: Callable[[], float] = field(default=random.random)
    """Chance, in [0, 1)."""


class LineLost(Exception):
    """The line is over and another may be tried, not before `wait_s`; the text says why."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        self.wait_s = wait_s
        super().__init__(why)


class Crowded(Exception):
    """The line was given up by us: the program reads more slowly than the hall speaks."""


class Subscription(NamedTuple):
    """A `subscribe` or `unsubscribe` that was said."""

    version: int
    """The version of the topics that it brings about."""
    new: tuple[str, ...]
    """Topics that it adds to a line that follows others already."""


class Line:
    """One connection and what is to be said on it."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.since = trio.current_time()
        self.wake = trio.Event()
        self.ping_due = False
        self.following = False
        """`subscribe` was said: records may come."""
        self.topics: tuple[str, ...] = ()
        """What the hall was told to tell us."""
        self.asked: dict[str, Subscription] = {}
        """What waits for its reply, by id."""


class Reader(Generic[M]):
    """What `async for` goes through; it may be left and begun again at any time, nothing is lost."""

    def __init__(self, next_message: Callable[[], Awaitable[Message]], kinds: tuple[type[M], ...]) -> None:
        self._next_message = next_message
        self._kinds = kinds

    def __aiter__(self) -> Reader[M]:
        return self

    async def __anext__(self) -> M:
        """The next message of these kinds; others are passed over."""
        while True:
            message = await self._next_message()
            if isinstance(message, self._kinds):
                return message


class HallClient:
    """The program's end; `open_client` makes one. One task reads it at a time, any may ask."""

    def __init__(
        self,
        address: Address,
        *,
        credential: Callable[[], Awaitable[tuple[str, list[tuple[str, str]]]]],
        one_time: bool,
        topics: Iterable[str],
        encoding: str,
        after: Position | None,
        tls: ssl.SSLContext | None,
        settings: ClientSettings,
    ) -> None:
        self.address = address
        self.settings = settings
        self._credential = credential
        self._one_time = one_time
        self._codec = codec_named(encoding)
        self._tls = tls
        self._inbox = Inbox(settings.inbox_bytes, after)
        self._commands = Commands(settings.random)
        self._backoff = Backoff(settings.first_backoff_s, settings.most_backoff_s, settings.random)
        self._topics = check_topics(topics)
        self._topics_version = 0
        self._topics_known = 0
        """The version of the topics that the hall has confirmed."""
        self._topics_refused: tuple[int, ClientError] | None = None
        """The last version that it did not like, and why."""
        self._line: Line | None = None
        self._changed = trio.Event()
        """Set, and made anew, whenever somebody who waits should look again."""
        self._failure: ClientError | None = None
        self._reading = False
        self._taken = 0
        self._now_at = (0, 0.0)
        self.welcome: Welcome | None = None
        """What the hall said of us last; `None` before the first line."""
        self.trouble: str | None = None
        """Why there is no line; `None` while there is one."""
        self.lines = 0
        """Lines that stood, the present one included."""

    # -- what a program asks ----------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether a line stands now, as far as anybody can know."""
        return self._line is not None

    @property
    def position(self) -> Position | None:
        """The place up to which messages were taken: hand it to `open_client(after=…)` to go on from there.
        Keep it when what came is dealt with, not before."""
        return self._inbox.position

    @property
    def topics(self) -> tuple[str, ...]:
        return self._topics

    def now_ms(self) -> int:
        """The hall's present instant, Unix milliseconds; it passes at the hall's speed."""
        if self.welcome is None:
            raise UsageError("no line has stood yet: the hall's time is not known")
        then, at = self._now_at
        return then + int((trio.current_time() - at) * 1000 * self.welcome.speed)

    async def wait_connected(self) -> Welcome:
        """Until a line stands."""
        while not self.connected or self.welcome is None:
            await self._wait_changed()
        return self.welcome

    def messages(self) -> Reader[Message]:
        """All that comes, for ever: `Snapshot`, `Record`, `Figures`, `Resync`."""
        return Reader(self._next, (Snapshot, Record, Figures, Resync))

    def records(self) -> Reader[Record]:
        """Of all that comes, the records."""
        return Reader(self._next, (Record,))

    def snapshots(self) -> Reader[Snapshot]:
        """Of all that comes, the snapshots: the first state, and the new one after each `Resync`."""
        return Reader(self._next, (Snapshot,))

    def figures(self) -> Reader[Figures]:
        """Of all that comes, the figures; of those that were not read in time, the newest."""
        return Reader(self._next, (Figures,))

    async def _next(self) -> Message:
        if self._reading:
            raise UsageError("another task reads this client: one at a time")
        self._reading = True
        try:
            # Others have their turn now and then only: one turn a message, and a reader of the socket that
            # takes hundreds in its turn would always be ahead of a program however fast.
            self._taken += 1
            if self._taken % MESSAGES_A_TURN == 0:
                await trio.lowlevel.checkpoint()
            else:
                await trio.lowlevel.checkpoint_if_cancelled()
            while (message := self._inbox.take()) is None:
                await self._wait_changed()
        finally:
            self._reading = False
        if self._line is not None and not self._line.following:
            self._line.wake.set()  # there may be room for more now
        return message

    async def command(
        self,
        name: str,
        args: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        patience_s: float | None = None,
    ) -> Any:
        """Do `name` and answer its result, as the HTTP interface gives it with instants in milliseconds.

        It is sent again, with the same key, until it is answered: it has one effect. `HallRefused` if the
        hall said no, `NotAdmitted` if we may not, `NoAnswer` when patience is over.
        """
        if self._failure is not None:
            raise self._failure
        key = secrets.token_hex(16) if key is None else key
        patience_s = self.settings.patience_s if patience_s is None else patience_s
        id = self._commands.new_id()
        message = {"op": "command", "id": id, "name": name, "args": args or {}, "key": key}
        try:
            encoded = self._codec.encode(message)
        except (TypeError, msgspec.EncodeError) as error:
            raise UsageError(f"the arguments of {name} cannot be sent: {error}") from error
        if len(encoded) > LARGEST_COMMAND_BYTES:
            raise UsageError(f"{name}: {len(encoded)} bytes; a hall takes at most {LARGEST_COMMAND_BYTES}")
        command = Command(id, encoded)
        self._commands.add(command)
        self._say_what_is_due()
        try:
            with trio.move_on_after(patience_s):
                await command.done.wait()
        finally:
            self._commands.drop(command)
        if command.error is not None:
            raise command.error
        if not command.done.is_set():
            raise NoAnswer(name, key, patience_s)
        return command.result

    async def subscribe(self, *topics: str) -> None:
        """Follow these topics too, from now on; returns when the hall knows. `UsageError` for what is no
        topic."""
        await self._change_topics((*self._topics, *topics))

    async def unsubscribe(self, *topics: str) -> None:
        """Follow these topics no more; returns when the hall knows."""
        await self._change_topics(topic for topic in self._topics if topic not in topics)

    async def _change_topics(self, topics: Iterable[str]) -> None:
        self._topics = check_topics(topics)
        self._topics_version += 1
        version = self._topics_version
        self._say_what_is_due()
        while self._topics_known < version:
            if self._topics_refused is not None and self._topics_refused[0] == version:
                raise self._topics_refused[1]
            await self._wait_changed()

    async def _wait_changed(self) -> None:
        if self._failure is not None:
            raise self._failure
        await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _say_what_is_due(self) -> None:
        if self._line is not None:
            self._line.wake.set()

    # -- the line ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a line until cancelled, or until no line can ever be. `open_client` runs this."""
        while True:
            try:
                await self._hold_a_line()
            except Crowded:
                wait_s = 0.0
            except LineLost as lost:
                self.trouble = str(lost)
                # On top of what the hall asks for: else all whom it sent away come back at one moment.
                wait_s = lost.wait_s + self._backoff.next_s()
                log.debug("no line to the hall", hall=str(self.address), why=self.trouble, wait_s=wait_s)
            except ClientError as error:
                self.trouble = str(error)
                self._failure = error
                self._commands.fail(error)
                self._tell()
                return
            await trio.sleep(wait_s)

    async def _hold_a_line(self) -> None:
        socket = await self._connect()
        line = Line(socket)
        reader_failed: Exception | None = None
        try:
            self._inbox.begin_line()
            self._commands.begin_line()
            self._line = line
            self.lines += 1
            self.trouble = None
            self._tell()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, line)
                nursery.start_soon(self._listen_for_silence, line)
                try:
                    await self._read(line)
                except (LineLost, Crowded, ClientError) as error:
                    reader_failed = error
                nursery.cancel_scope.cancel()
        finally:
            self._line = None
            if trio.current_time() - line.since >= self.settings.steady_s:
                self._backoff.reset()
            self._tell()
            if reader_failed is None:
                await socket.close()
            else:
                await socket.drop()
        if reader_failed is not None:
            raise reader_failed

    async def _connect(self) -> WebSocket:
        """A socket on which the hall has said `welcome`."""
        with trio.move_on_after(self.settings.handshake_s):
            query, headers = await self._credential_now()
            try:
                socket = await open_websocket(
                    self.address,
                    f"{self.address.prefix}{WS_PATH}{query}",
                    subprotocols=[self._codec.subprotocol],
                    headers=headers,
                    tls=self._tls,
                    max_message_bytes=self.settings.message_bytes,
                )
            except OSError as error:
                if isinstance(error, ssl.SSLCertVerificationError) and not self.lines:
                    raise HallUnreachable(f"{self.address}: {error}") from error
                raise LineLost(f"{self.address}: {error}") from error
            except HandshakeRejected as rejected:
                raise self._rejected(rejected) from rejected
            except HandshakeFailed as error:
                raise LineLost(f"{self.address}: {error}") from error
            try:
                await self._take_welcome(socket)
            except BaseException:
                await socket.drop()
                raise
            return socket
        raise LineLost(f"{self.address}: no welcome within {self.settings.handshake_s:g} s")

    async def _credential_now(self) -> tuple[str, list[tuple[str, str]]]:
        try:
            return await self._credential()
        except (HallUnreachable, NoAnswer) as error:
            raise LineLost(str(error)) from error
        except HallRefused as error:
            raise self._refused(error) from error

    async def _take_welcome(self, socket: WebSocket) -> None:
        if socket.subprotocol != self._codec.subprotocol:
            raise LineLost(f"{self.address} does not speak {self._codec.subprotocol}")
        first = await self._receive(socket)
        if not isinstance(first[0], Welcome):
            raise LineLost(f"{self.address}: the first message was no welcome")
        self.welcome = first[0]
        self._now_at = (first[0].now, trio.current_time())

    def _rejected(self, rejected: HandshakeRejected) -> Exception:
        try:
            problem = msgspec.json.decode(rejected.body, type=Problem)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            problem = Problem()
        detail = problem.detail or f"{self.address} answered {rejected.status} to the WebSocket"
        after = rejected.headers.get("retry-after", "")
        wait_s = float(after) if after.isdecimal() else problem.retry_after_s or 0.0
        if rejected.status in (401, 403):
            if self._one_time and problem.code == "bad_ticket":
                # The hall was started anew since it gave the ticket out: the next one will do.
                return LineLost(detail)
            return NotAdmitted(rejected.status, detail)
        refused = HallRefused(rejected.status, problem.code, detail, retry_after_s=wait_s)
        return self._refused(refused)

    def _refused(self, error: HallRefused) -> Exception:
        """An HTTP answer on the way to a line. At first a wrong address is likelier than a hall that is being
        changed; later the other way round."""
        temporary = error.status >= 500 or error.status in TEMPORARY
        if temporary or self.lines:
            return LineLost(str(error), error.retry_after_s or 0.0)
        return HallUnreachable(f"{self.address}: {error}")

    # -- hearing ----------------------------------------------------------------------------------

    async def _receive(self, socket: WebSocket) -> tuple[ServerMessage | None, int]:
        try:
            data = await socket.receive()
            return self._codec.decode(data), len(data)
        except WebSocketClosed as closed:
            raise LineLost(f"{self.address}: {closed}") from closed
        except NoMessage as error:
            raise LineLost(f"{self.address}: what came is no message: {error}") from error

    async def _read(self, line: Line) -> None:
        while True:
            message, size = await self._receive(line.socket)
            match message:
                case None | Welcome():
                    continue
                case Reply():
                    self._answered(line, message)
                case Pong(now=now):
                    if now is not None:
                        self._now_at = (now, trio.current_time())
                case _:
                    try:
                        self._inbox.put(message, size)
                    except Full:
                        raise Crowded from None
                    except NoMessage as error:
                        raise LineLost(f"{self.address}: {error}") from error
                    self._tell()

    def _answered(self, line: Line, reply: Reply) -> None:
        asked = line.asked.pop(str(reply.id), None)
        if asked is None:
            self._commands.answered(reply, trio.current_time())
            self._say_what_is_due()
        elif reply.ok:
            self._topics_known = max(self._topics_known, asked.version)
            self._tell()
        elif asked.new:
            # What was followed before is followed still.
            self._topics_refused = (asked.version, refusal(reply.error or Problem()))
            self._topics = tuple(topic for topic in self._topics if topic not in asked.new)
            line.topics = tuple(topic for topic in line.topics if topic not in asked.new)
            self._tell()
        else:
            raise refusal(reply.error or Problem())

    # -- speaking ---------------------------------------------------------------------------------

    async def _write(self, line: Line) -> None:
        """The one task that speaks. A line that breaks is the reader's affair: it hears of it too."""
        with suppress(WebSocketClosed):
            while True:
                line.wake = trio.Event()
                if line.ping_due:
                    line.ping_due = False
                    await self._say(line, self._codec.encode({"op": "ping"}))
                for message in self._interest(line):
                    await self._say(line, self._codec.encode(message))
                now = trio.current_time()
                for command in self._commands.due(now):
                    await self._say(line, command.message)
                with trio.move_on_at(self._commands.next_due(now)):
                    await line.wake.wait()

    async def _say(self, line: Line, message: bytes) -> None:
        """Send, and take a hall that does not read for one that is not there."""
        with trio.move_on_after(self.settings.silence_s) as patience:
            await line.socket.send(message, binary=self._codec.binary)
        if patience.cancelled_caught:
            await line.socket.drop()

    def _interest(self, line: Line) -> list[dict[str, Any]]:
        """What to say so that the hall tells what we follow."""
        wanted, told = self._topics, line.topics
        version = self._topics_version
        said: list[dict[str, Any]] = []
        if not line.following and not self._inbox.roomy:
            wanted = told  # what is here is read first; meanwhile the hall keeps what comes
        gone = [topic for topic in told if topic not in wanted]
        new = [topic for topic in wanted if topic not in told]
        if gone:
            said.append({"op": "unsubscribe", "id": f"u{version}", "topics": gone})
            line.asked[f"u{version}"] = Subscription(version if not new else 0, ())
        if new:
            said.append({"op": "subscribe", "id": f"s{version}", "topics": new})
            line.asked[f"s{version}"] = Subscription(version, tuple(new) if line.following else ())
            if not line.following and self._inbox.accepted is not None:
                after = self._inbox.accepted
                said[-1]["after"] = {"epoch": after.epoch, "seq": after.seq}
            line.following = True
        line.topics = wanted
        if not said and version > self._topics_known:
            self._topics_known = version
            self._tell()
        return said

    async def _listen_for_silence(self, line: Line) -> None:
        """Ask whether the hall is there; a line on which nothing comes is closed under the reader."""
        while True:
            quiet_s = trio.current_time() - line.socket.heard_at
            if quiet_s >= self.settings.silence_s:
                await line.socket.drop()
                return
            line.ping_due = True
            line.wake.set()
            await trio.sleep(min(self.settings.ping_s, self.settings.silence_s - quiet_s))


@asynccontextmanager
async def open_client(
    url: str,
    *,
    token: str | None = None,
    ticket: Callable[[], Awaitable[str]] | None = None,
    topics: Iterable[str] = ("#",),
    after: Position | None = None,
    encoding: str = "msgpack",
    tls: ssl.SSLContext | None = None,
    connect_within_s: float | None = None,
    settings: ClientSettings | None = None,
) -> AsyncIterator[HallClient]:
    """A line to the hall at `url`, open until the block ends.

    `token` is an API token. Instead of it `ticket` may be a function that gets a new one-time ticket for each
    line; `ticket_by(url, token)` makes one. `topics` are followed from the start, `()` for none; `after` is
    where an earlier program stood. `tls` is for halls whose certificate the system does not know.

    The block begins once a line stands. That may take for ever, or `connect_within_s` (`HallUnreachable`).
    """
    if (token is None) == (ticket is None):
        raise UsageError("open_client takes a token or a ticket function, and one of them")
    address = Address.of(url)

    async def credential() -> tuple[str, list[tuple[str, str]]]:
        if ticket is not None:
            return f"?ticket={quote(await ticket(), safe='')}", []
        return "", [("authorization", f"Bearer {token}")]

    client = HallClient(
        address,
        credential=credential,
        one_time=ticket is not None,
        topics=topics,
        encoding=encoding,
        after=after,
        tls=tls,
        settings=settings or ClientSettings(),
    )
    problem: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        try:
            with trio.move_on_after(float("inf") if connect_within_s is None else connect_within_s) as wait:
                await client.wait_connected()
            if wait.cancelled_caught:
                why = client.trouble or f"{address}: it does not answer"
                raise HallUnreachable(f"{why} (waited {connect_within_s:g} s)")
            yield client
        except Exception as error:
            # Raised outside of the nursery, which would put it into a group.
            problem = error
        nursery.cancel_scope.cancel()
    if problem is not None:
        raise problem


def ticket_by(url: str, token: str, *, tls: ssl.SSLContext | None = None) -> Callable[[], Awaitable[str]]:
    """A function for `open_client(ticket=…)` that asks the hall for a one-time ticket, as a browser does."""

    async def ticket() -> str:
        async with open_http(url, token=token, tls=tls) as http:
            answer = await http.post("/ws-ticket")
        return str(answer["ticket"])

    return ticket
