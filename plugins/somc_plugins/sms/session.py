"""One session with one gateway over TCP: connect, log in, submit within a window, answer, connect again.

    parts ──▶ queue ──▶ window ──▶ socket            socket ──▶ dialect.feed ──▶ answers · receipts · incoming

It is the same for every dialect, and written for little work a message: bytes of many messages leave in one
write, many answers are read in one read, and nobody is woken for a single one.

What must stay true
- Every part that was given gets exactly one verdict: of the gateway, or `None` when nobody knows (the link
  broke, no answer in time). Nothing is kept across connections.
- Never more than `window` parts are unanswered, and no more a second than `rate_per_s`.
- A gateway that says it is too busy is left alone for a growing while, and the part tried again.
- Receipts and incoming messages are acknowledged after `inward` has returned, in order; what it does not
  take is left to the gateway to tell again. Reading goes on meanwhile, and what waits is bounded.
- The reading task never waits for the socket to take bytes: a peer that reads slowly cannot stop it.
"""

from __future__ import annotations

import socket as stdlib_socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

import trio

from somc_plugins.sms.dialect import (
    Answered,
    Dialect,
    Incoming,
    LinkAnswered,
    LinkChecked,
    LoggedIn,
    Nonsense,
    PartReceipt,
    Submission,
    TheyLeave,
)

__all__ = ["LoginFailed", "Session", "Settings", "Slot"]

NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket says that has nothing, or no room: plain or under TLS."""

READ_BYTES = 256 * 1024
MOST_INWARD = 2000
"""Receipts and incoming messages that may wait to be written down; beyond that the gateway is told: later."""

BUSY_PAUSE_S = (0.1, 5.0)
"""How long a gateway that is too busy is left alone at first, and at most."""

QUEUE_PATIENCE_S = 60.0
"""A part that could not even be submitted for so long (a gateway that is always busy) is given back."""

LOOK_S = 0.25
"""How often what is overdue is looked for."""


class LoginFailed(Exception):
    """The gateway does not let us in; the message is its word."""


class Settings(Protocol):
    """What a session needs to know of its gateway."""

    @property
    def window(self) -> int: ...
    @property
    def rate_per_s(self) -> float | None: ...
    @property
    def check_s(self) -> float: ...
    @property
    def answer_s(self) -> float: ...


class Slot:
    """One part on its way. `settle` is called once with the gateway's verdict, or with None."""

    __slots__ = ("queued_s", "settle", "submission", "submitted_s")

    def __init__(self, submission: Submission, settle: Callable[[Slot, Answered | None], None]) -> None:
        self.submission = submission
        self.settle = settle
        self.queued_s = 0.0
        self.submitted_s = 0.0


Inward = Callable[[Sequence[PartReceipt | Incoming]], Awaitable[None]]


class Session:
    """A connection from its login to its end. `run` lives through one; make another for the next."""

    def __init__(self, dialect: Dialect, settings: Settings, inward: Inward, log: Any) -> None:
        self._dialect = dialect
        self._settings = settings
        self._inward = inward
        self._log = log
        self._sequence = 0
        self._queue: deque[Slot] = deque()
        self._unanswered: dict[int, Slot] = {}
        self._out = bytearray()
        self._socket: stdlib_socket.socket | None = None
        self._writable_wanted = trio.Event()
        self._inbox: list[PartReceipt | Incoming] = []
        self._inbox_news = trio.Event()
        self._logged_in: LoggedIn | None = None
        self._open = False
        self._ended: str | None = None
        """Why the session is over, once it is."""
        self._quiet_until_s = 0.0
        self._pause_s = BUSY_PAUSE_S[0]
        self._heard_s = 0.0
        self._tokens = 1.0
        self._tokens_at_s = 0.0
        self.throttled = 0

    @property
    def open(self) -> bool:
        """Whether parts can be given now."""
        return self._open

    @property
    def unanswered(self) -> int:
        return len(self._unanswered)

    # -- giving parts ---------------------------------------------------------------------------------

    def give(self, slots: Iterable[Slot]) -> None:
        """Queue these; each gets its verdict. Without a session, at once: nobody knows."""
        if not self._open:
            for slot in slots:
                slot.settle(slot, None)
            return
        now_s = trio.current_time()
        for slot in slots:
            slot.queued_s = now_s
            self._queue.append(slot)
        self._pump(now_s)

    def take_back(self, slots: Iterable[Slot]) -> None:
        """Those of them that were not submitted yet are not submitted any more, and get no verdict."""
        gone = set(slots)
        self._queue = deque(slot for slot in self._queue if slot not in gone)

    # -- life -----------------------------------------------------------------------------------------

    async def run(self, sock: stdlib_socket.socket, wall_s: int, opened: Callable[[LoggedIn], None]) -> str:
        """Log in and serve until the connection ends; why it did. `sock` does not block, and is closed at the
        end. `opened` is called when parts can be given.

        Raises `LoginFailed`. Cancelled, it says goodbye if that takes no time.
        """
        self._socket = sock
        self._heard_s = trio.current_time()
        try:
            self._write(self._dialect.login(self._next(), wall_s))
            await self._log_in()
            assert self._logged_in is not None
            self._open = True
            opened(self._logged_in)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._writer)
                nursery.start_soon(self._keep)
                nursery.start_soon(self._carry_inward)
                await self._read_until_the_end()
                nursery.cancel_scope.cancel()
            return self._ended or "closed"
        finally:
            self._open = False
            if self._ended is None:  # cancelled: the last word, if it costs nothing
                self._out += self._dialect.leave(self._next())
                self._flush()
            self._give_up()
            sock.close()

    async def _log_in(self) -> None:
        with trio.move_on_after(self._settings.answer_s):
            while self._logged_in is None and self._ended is None:
                await self._read()
        if self._logged_in is None:
            raise LoginFailed(self._ended or f"no answer to the login within {self._settings.answer_s:g} s")
        if not self._logged_in.ok:
            self._ended = "not let in"
            raise LoginFailed(self._logged_in.detail or "the gateway refused the login")

    async def _read_until_the_end(self) -> None:
        while self._ended is None:
            await self._read()

    def _end(self, why: str) -> None:
        if self._ended is None:
            self._ended = why
        self._open = False

    def _give_up(self) -> None:
        """Nobody knows of what is under way."""
        left = [*self._unanswered.values(), *self._queue]
        self._unanswered.clear()
        self._queue.clear()
        for slot in left:
            slot.settle(slot, None)

    # -- reading --------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Wait for bytes, and do all that is in them."""
        sock = self._socket
        assert sock is not None
        await trio.lowlevel.wait_readable(sock)
        try:
            data = sock.recv(READ_BYTES)
        except NOT_NOW:
            return
        except OSError as error:
            self._end(f"the connection broke: {error.strerror or error}")
            return
        if not data:
            self._end("the gateway closed the connection")
            return
        now_s = self._heard_s = trio.current_time()
        unanswered = self._unanswered
        for event in self._dialect.feed(data):
            match event:
                case Answered():
                    slot = unanswered.pop(event.sequence, None)
                    if slot is not None:
                        self._answered(slot, event, now_s)
                case PartReceipt() | Incoming():
                    self._take_in(event)
                case LinkChecked(answer):
                    self._out += answer
                case LoggedIn():
                    self._logged_in = event
                case TheyLeave(answer):
                    self._out += answer
                    self._flush()
                    self._end("the gateway ended the session")
                    return
                case Nonsense(why, fatal, answer):
                    self._log.warning("the gateway sent what is no message", what=why, fatal=fatal)
                    self._out += answer
                    if fatal:
                        self._end(f"it cannot be understood any more: {why}")
                        return
                case LinkAnswered():
                    pass
        self._pump(now_s)

    def _answered(self, slot: Slot, answer: Answered, now_s: float) -> None:
        if answer.verdict == "busy":
            self.throttled += 1
            if now_s >= self._quiet_until_s:  # of many that come together the first counts
                self._quiet_until_s = now_s + self._pause_s
                self._pause_s = min(2 * self._pause_s, BUSY_PAUSE_S[1])
            self._queue.appendleft(slot)
            return
        if now_s > self._quiet_until_s + self._pause_s:
            self._pause_s = BUSY_PAUSE_S[0]
        slot.settle(slot, answer)

    def _take_in(self, event: PartReceipt | Incoming) -> None:
        if len(self._inbox) >= MOST_INWARD:
            self._out += event.later
            return
        self._inbox.append(event)
        self._inbox_news.set()

    async def _carry_inward(self) -> None:
        """What came, written down by the hall; then acknowledged, all at once."""
        while True:
            await self._inbox_news.wait()
            self._inbox_news = trio.Event()
            batch, self._inbox = self._inbox, []
            try:
                await self._inward(batch)
            except Exception:
                # Not acknowledged: the gateway tells it again.
                self._log.exception("what a gateway said could not be taken", count=len(batch))
                self._write(b"".join(event.later for event in batch))
            else:
                self._write(b"".join(event.ack for event in batch))

    # -- writing --------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._sequence = self._sequence % 0x7FFF_FFFF + 1
        return self._sequence

    def _pump(self, now_s: float) -> None:
        """Submit what the window, the rate and the gateway's mood allow; write all that is to be written."""
        queue, unanswered = self._queue, self._unanswered
        if queue and self._open and now_s >= self._quiet_until_s:
            room = min(self._settings.window - len(unanswered), len(queue))
            if self._settings.rate_per_s is not None:
                room = min(room, self._allowed(now_s, self._settings.rate_per_s))
            submit, out = self._dialect.submit, self._out
            for _ in range(room):
                slot = queue.popleft()
                slot.submitted_s = now_s
                sequence = self._next()
                unanswered[sequence] = slot
                out += submit(sequence, slot.submission)
            if room > 0 and self._settings.rate_per_s is not None:
                self._tokens -= room
        if self._out:
            self._flush()

    def _allowed(self, now_s: float, rate: float) -> int:
        self._tokens = min(max(1.0, rate / 4), self._tokens + (now_s - self._tokens_at_s) * rate)
        self._tokens_at_s = now_s
        return int(self._tokens)

    def _write(self, data: bytes) -> None:
        self._out += data
        self._flush()

    def _flush(self) -> None:
        """Give the socket what it takes; the rest is the writer's."""
        sock = self._socket
        assert sock is not None
        try:
            sent = sock.send(self._out)
        except NOT_NOW:
            sent = 0
        except OSError as error:
            self._end(f"the connection broke: {error.strerror or error}")
            self._out.clear()
            return
        if sent == len(self._out):
            self._out.clear()
        else:
            del self._out[:sent]
            self._writable_wanted.set()

    async def _writer(self) -> None:
        """Only when the socket is full."""
        sock = self._socket
        assert sock is not None
        while True:
            await self._writable_wanted.wait()
            self._writable_wanted = trio.Event()
            await trio.lowlevel.wait_writable(sock)
            if self._out:
                self._flush()

    # -- time -----------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Look for what time alone changes: overdue answers, a silent link, the end of a pause."""
        settings = self._settings
        checked_s: float | None = None
        while True:
            wait_s = LOOK_S
            if self._queue and self._settings.rate_per_s is not None:
                wait_s = min(wait_s, 1 / self._settings.rate_per_s)
            await trio.sleep(wait_s)
            now_s = trio.current_time()
            self._give_back_overdue(now_s)
            silent_s = now_s - self._heard_s
            if silent_s < settings.check_s:
                checked_s = None
            elif checked_s is None:
                checked_s = now_s
                self._write(self._dialect.check_link(self._next()))
            elif now_s - checked_s > settings.answer_s:
                self._end(f"nothing has come for {silent_s:.0f} s, though it was asked")
                # The reader waits for bytes that will not come.
                sock = self._socket
                assert sock is not None
                sock.shutdown(stdlib_socket.SHUT_RDWR)
                return
            self._pump(now_s)

    def _give_back_overdue(self, now_s: float) -> None:
        answer_s = self._settings.answer_s
        # In the order of their submission: the first that is in time ends the search.
        late = []
        for sequence, slot in self._unanswered.items():
            if now_s - slot.submitted_s <= answer_s:
                break
            late.append(sequence)
        for sequence in late:
            slot = self._unanswered.pop(sequence)
            slot.settle(slot, None)
        while self._queue and now_s - self._queue[0].queued_s > QUEUE_PATIENCE_S:
            slot = self._queue.popleft()
            slot.settle(slot, None)
