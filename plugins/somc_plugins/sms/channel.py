"""A gateway as a channel of the hall: texts become parts, verdicts become outcomes.

What must stay true
- A message is `Sent` when all its parts were taken; `Refused` when the gateway refused one of them; and
  `Unsent` when of one nobody knows, whatever became of the others: then all of it is sent again.
- What comes is acknowledged when it is on disk: a whole message as a record of the hall, a part of one in the
  plugin's store.
- It connects, and connects again, for ever; what is wrong is said in the channel's state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import trio

from somc.api import ChannelHost, Inbound, Outcome, Outgoing, Receipt, Refused, Sent, Store, Unsent
from somc_plugins.sms.config import Gateway
from somc_plugins.sms.dialect import Answered, Dialect, Incoming, LoggedIn, PartReceipt, Submission
from somc_plugins.sms.parts import Parts, Whole
from somc_plugins.sms.session import LoginFailed, Session, Slot
from somc_plugins.sms.sockets import plain_socket, secured
from somc_plugins.sms.text import concatenation, parts_of

__all__ = ["SmsChannel"]

LONGEST_PAUSE_S = 60.0
CONNECT_S = 15.0

MakeDialect = Callable[[str], Dialect]
"""A dialect for one connection, from the password."""


class _Letter:
    """One message of a batch while its parts are under way."""

    __slots__ = ("batch", "left", "message", "parts", "refs", "slots", "worst")

    def __init__(self, message: str, parts: int, batch: _Batch) -> None:
        self.message = message
        self.parts = parts
        self.left = parts
        self.refs: list[str] = []
        self.worst: Answered | None = None
        self.slots: list[Slot] = []
        self.batch = batch


class _Batch:
    """The messages that were given at once."""

    __slots__ = ("done", "left", "outcomes")

    def __init__(self) -> None:
        self.left = 0
        self.outcomes: list[Outcome] = []
        self.done = trio.Event()


class SmsChannel:
    """One gateway. `run` must be running."""

    kinds = frozenset(("sms",))

    def __init__(
        self, name: str, settings: Gateway, make_dialect: MakeDialect, store: Store, log: Any
    ) -> None:
        self.name = name
        self.weight = settings.weight
        self.batch = max(8, settings.window)
        self._settings = settings
        self._make_dialect = make_dialect
        self._log = log.bind(channel=name)
        self._session: Session | None = None
        self._host: ChannelHost | None = None
        self._parts = Parts(name, store)
        self._parts_lock = trio.Lock()
        self._received = 0
        self.connections = 0

    # -- life -----------------------------------------------------------------------------------------

    async def run(self, host: ChannelHost, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        self._host = host
        host.report("down", "connecting")
        task_status.started()
        await self._parts.restore()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._give_out_overdue, host)
            await self._connect(host)

    async def _connect(self, host: ChannelHost) -> None:
        """Connect, for ever."""
        pause_s = self._settings.reconnect_s
        while True:
            begun_s = trio.current_time()
            why = await self._one_session(host)
            host.report("down", why)
            self._log.warning("no session with the gateway", why=why)
            if trio.current_time() - begun_s > LONGEST_PAUSE_S:
                pause_s = self._settings.reconnect_s
            await trio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _one_session(self, host: ChannelHost) -> str:
        """Connect, log in, serve; why it ended."""
        settings = self._settings
        try:
            dialect = self._make_dialect(settings.secret())
        except ValueError as error:
            return str(error)
        try:
            with trio.fail_after(CONNECT_S):
                sock = plain_socket(await trio.open_tcp_stream(settings.host, self._port))
                if settings.tls:
                    sock = await secured(sock, settings)
        except (OSError, trio.TooSlowError) as error:
            return f"cannot connect to {settings.host}:{self._port}: {_words(error)}"
        session = Session(dialect, settings, self._take_in, self._log)

        def opened(login: LoggedIn) -> None:
            self.connections += 1
            self._session = session
            if login.warning:
                self._log.warning("logged in, but", warning=login.warning)
            host.report("up", login.warning)

        try:
            return await session.run(sock, int(time.time()), opened)
        except LoginFailed as error:
            return f"{dialect.name}: not let in: {error}"
        finally:
            self._session = None

    @property
    def _port(self) -> int:
        port: int = self._settings.port  # type: ignore[attr-defined] # of each dialect's own settings
        return port

    # -- sending ----------------------------------------------------------------------------------------

    async def send(self, batch: Sequence[Outgoing]) -> Sequence[Outcome]:
        session = self._session
        if session is None:
            await trio.lowlevel.checkpoint()
            return [Unsent(message.id, "no session with the gateway") for message in batch]
        pile = _Batch()
        slots: list[Slot] = []
        for message in batch:
            parts = parts_of(message.text)
            letter = _Letter(message.id, len(parts), pile)
            pile.left += 1
            letter.slots = [
                Slot(Submission(message.to, part, message.life_s), _settler(letter)) for part in parts
            ]
            slots += letter.slots
        session.give(slots)
        try:
            await pile.done.wait()
        except trio.Cancelled:
            session.take_back(slots)
            raise
        return pile.outcomes

    # -- what comes in ----------------------------------------------------------------------------------

    async def _take_in(self, events: Sequence[PartReceipt | Incoming]) -> None:
        host = self._host
        assert host is not None
        receipts = [
            Receipt(event.ref, event.delivered, event.detail)
            for event in events
            if isinstance(event, PartReceipt) and event.delivered is not None
        ]
        if receipts:
            await host.receipts(receipts)
        incoming = [event for event in events if isinstance(event, Incoming)]
        single = [event for event in incoming if not _one_of_several(event)]
        if single:
            await host.inbound([self._inbound(event) for event in single])
        for event in incoming:
            if _one_of_several(event):
                async with self._parts_lock:
                    await self._tell(host, await self._parts.add(event))

    async def _give_out_overdue(self, host: ChannelHost) -> None:
        """Messages of which a part never came."""
        while True:
            await self._parts.wait_overdue()
            try:
                async with self._parts_lock:
                    await self._tell(host, self._parts.overdue())
            except Exception:
                self._log.exception("what has come of a message could not be taken: it is tried again")
                await trio.sleep(LONGEST_PAUSE_S)

    async def _tell(self, host: ChannelHost, wholes: Sequence[Whole]) -> None:
        if wholes:
            await host.inbound([Inbound(each.sender, each.receiver, each.text, each.id) for each in wholes])
        await self._parts.told(wholes)

    def _inbound(self, event: Incoming) -> Inbound:
        ref = event.ref
        if ref is None:  # the gateway has no id for it: it is never the same as another
            self._received += 1
            ref = f"{time.time_ns():x}-{self._received}"
        return Inbound(event.sender, event.receiver, event.text, ref)


def _one_of_several(event: Incoming) -> bool:
    place = concatenation(event.header)
    return place is not None and place[1] > 1


def _settler(letter: _Letter) -> Callable[[Slot, Answered | None], None]:
    def settle(slot: Slot, answer: Answered | None) -> None:
        _settle(letter, answer)

    return settle


def _settle(letter: _Letter, answer: Answered | None) -> None:
    """One part has its verdict; with the last the message has its outcome, and with the last the batch."""
    letter.left -= 1
    if answer is None:
        letter.parts = 0  # of one part nobody knows: so of the message
    elif answer.verdict == "ok":
        letter.refs.append(answer.ref)
    elif letter.worst is None or answer.verdict == "never":
        letter.worst = answer
    if letter.left:
        return
    batch = letter.batch
    if letter.worst is not None:
        worst = letter.worst
        outcome: Outcome = Refused(letter.message, worst.detail, worst.verdict == "never")
    elif letter.parts:
        outcome = Sent(letter.message, tuple(letter.refs))
    else:
        outcome = Unsent(letter.message, "no answer of the gateway")
    batch.outcomes.append(outcome)
    batch.left -= 1
    if not batch.left:
        batch.done.set()


def _words(error: BaseException) -> str:
    if isinstance(error, trio.TooSlowError):
        return f"no answer within {CONNECT_S:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
