"""The supervisor of one port: connect, session, ready, back-off. It is the port's only writer.

    open_link ──▶ hello (the dialect's polls, answered) ──▶ ONLINE ──▶ serve ─┐
        ▲                                                                     │ hang-up, silence,
        └────────── back-off: first, ×2, … cap, each ± jitter ◀───────────────┘ contradiction

What must stay true
- One conversation writes, frame by frame, and it is the supervisor's. While the supervisor has nothing to do
  and the line is free, a display's content goes out in the task that gives it (`_begin`), which spares two
  changes of task. Everything else, and all that becomes of that content but its answer, is the supervisor's.
- ONLINE is said when the device answered, never because a port opened. The back-off starts anew
  only after that.
- Order on the wire: acknowledgements, commands with an answer, one-way commands, contents, polls.
- An outage is told once, with what was known when it began (`is_news`).
- A silent peer is noticed within `heartbeat_s` plus the answer's time: every link needs a heartbeat,
  because a peer that lost power says nothing.
- Writing one frame is shielded from cancellation and bounded by `frame_timeout_s`; cancellation
  takes effect between frames.
- Nobody but the supervisor waits for a dead device.
"""

from __future__ import annotations

import errno
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import trio

from somc_hal.conversation import Conversation, Gone
from somc_hal.errors import DeviceOffline, DeviceTimeout, OutcomeUnknown, ProtocolFault
from somc_hal.exchange import Exchange
from somc_hal.links import open_link, unplugged
from somc_hal.outbox import Outbox, Slot
from somc_hal.status import DeviceState
from somc_hal.turn import Turn

__all__ = ["MISSING_CAP_S", "Dialect", "LinkReport", "Port", "Timing", "ending", "is_news", "opened_link"]

FrameT = TypeVar("FrameT")

MISSING_CAP_S = 2.0
"""Longest pause while the port does not exist: looking costs nothing, and whoever plugs it in is waiting."""

_CONTRADICTIONS = 5  # rounds of polls that may disagree before the peer is taken for broken


@dataclass(frozen=True, slots=True)
class Timing:
    """All the port's times, in seconds. `jitter` is the share by which a back-off is varied (0 to 1)."""

    answer_timeout_s: float = 0.5
    attempts: int = 3
    heartbeat_s: float = 5.0
    connect_timeout_s: float = 5.0
    frame_timeout_s: float = 2.0
    backoff_first_s: float = 0.2
    backoff_cap_s: float = 15.0
    jitter: float = 0.25


@dataclass(frozen=True, slots=True)
class LinkReport:
    """How the connection stands: `up` once the session was answered; else a state and its reason."""

    up: bool
    state: DeviceState
    detail: str = ""


class Dialect(Protocol[FrameT]):
    """A protocol as the port needs it: a codec, the polls, and what to do with unasked frames."""

    def opened(self) -> None:
        """A new connection: forget half frames and whatever belongs to the old one."""

    def feed(self, data: bytes) -> Sequence[FrameT]:
        """Decode. Never raises."""

    def polls(self) -> Sequence[Exchange[FrameT]]:
        """What to ask to know that the device serves; empty on a one-way line."""

    def settled(self) -> bool:
        """After a round of polls: whether the answers can be believed, or must be asked again.

        Raises `ProtocolFault` if the peer is not what it should be.
        """

    def unasked(self, frame: FrameT) -> bytes:
        """A frame that answers nothing: act on it, and give what to answer (empty: nothing)."""


async def opened_link(url: str, timeout_s: float) -> trio.abc.Stream:
    """The link behind `url`. Raises `Gone` with the state to report if it cannot be opened now."""
    try:
        with trio.fail_after(timeout_s):
            return await open_link(url)
    except trio.TooSlowError:
        raise Gone(DeviceState.OFFLINE, f"{url}: could not be opened in time") from None
    except OSError as error:
        missing = error.errno in MISSING
        state = DeviceState.NO_DEVICE if missing else DeviceState.OFFLINE
        raise Gone(state, f"{url}: {error}") from None


MISSING = (errno.ENOENT, errno.ENXIO, errno.ENODEV)


async def ending(url: str, gone: Gone) -> Gone:
    """Why a connection ended, as it is to be told: a line that broke because the device was pulled is told as
    that at once, and not first as a broken line."""
    pulled = isinstance(gone.root, OSError) and gone.root.errno in MISSING
    if gone.state is DeviceState.OFFLINE and (pulled or await unplugged(url)):
        return Gone(DeviceState.NO_DEVICE, f"{url}: unplugged")
    return gone


def is_news(told: DeviceState | None, state: DeviceState) -> bool:
    """Whether an outage that was told as `told` has to be told again. Other words are no news, nor that what
    did not answer is not even there; that what was not there is there now and does not answer is."""
    return told is None or state not in (told, DeviceState.NO_DEVICE)


class Port(Generic[FrameT]):
    """One port and its supervisor. `on_link` is called in the supervisor's task and must not raise."""

    def __init__(
        self,
        device: str,
        url: str,
        dialect: Dialect[FrameT],
        timing: Timing,
        *,
        queue_limit: int,
        on_link: Callable[[LinkReport], None],
        random_source: Callable[[], float] = random.random,
    ) -> None:
        self._device = device
        self._url = url
        self._dialect = dialect
        self._timing = timing
        self._on_link = on_link
        self._random = random_source
        self._turn = Turn()  # for those who wait for a state
        self._work = Turn()  # for the supervisor alone
        self._outbox: Outbox[FrameT] = Outbox(device, queue_limit, self._turn, self._more)
        self._talk: Conversation[FrameT] | None = None
        self._alarm: trio.CancelScope | None = None  # what the supervisor waits in while it has nothing to do
        self._begun: tuple[Exchange[FrameT], Slot[FrameT]] | None = None
        self._heard_at = -math.inf
        self.online = False

    # --- for drivers ---------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether anything is queued or unanswered at a port that is online."""
        talking = self._talk is not None and self._talk.busy
        return self.online and (talking or self._outbox.waiting)

    def slot(self) -> Slot[FrameT]:
        """A place for content of which only the newest matters."""
        return self._outbox.slot()

    def again(self) -> None:
        """The device was restarted behind an open port: send its contents again."""
        self._outbox.again()

    def submit(self, exchange: Exchange[FrameT], *, urgent: bool = False) -> None:
        """Queue a command. Raises `DeviceOffline` or `DeviceBusy` without sending a byte."""
        if not self.online:
            raise DeviceOffline(self._device, f"{exchange.what}: not online")
        self._outbox.submit(exchange, urgent=urgent)

    async def wait_online(self) -> None:
        """Return when the session is answered."""
        await trio.lowlevel.checkpoint()
        while not self.online:
            await self._turn.wait()

    async def wait_idle(self) -> None:
        """Return when nothing is queued or unanswered, or the port is offline."""
        await trio.lowlevel.checkpoint()
        while self.busy:
            await self._turn.wait()

    # --- supervisor ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the port connected until cancelled."""
        timing = self._timing
        delay_s = timing.backoff_first_s
        told: DeviceState | None = None
        while True:
            gone, was_online = await self._connection()
            if was_online:
                delay_s = timing.backoff_first_s
                told = None
            if is_news(told, gone.state):
                told = gone.state
                self._on_link(LinkReport(False, gone.state, str(gone)))
            pause_s = min(delay_s, MISSING_CAP_S) if gone.state is DeviceState.NO_DEVICE else delay_s
            await trio.sleep(pause_s * (1 + timing.jitter * (2 * self._random() - 1)))
            delay_s = min(delay_s * 2, timing.backoff_cap_s)

    async def _connection(self) -> tuple[Gone, bool]:
        """One connection from opening to its end: why it ended, and whether it ever served."""
        try:
            stream = await opened_link(self._url, self._timing.connect_timeout_s)
        except Gone as closed:
            return closed, False
        was_online = False
        self._dialect.opened()
        talk = self._talk = Conversation(
            stream,
            self._work,
            self._turn,
            feed=self._dialect.feed,
            unasked=self._dialect.unasked,
            frame_timeout_s=self._timing.frame_timeout_s,
        )
        gone = Gone(DeviceState.OFFLINE, "stopped")
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk.read)
                try:
                    await self._poll(talk)
                    was_online = self.online = True
                    self._on_link(LinkReport(True, DeviceState.ONLINE))
                    self._turn.turn()
                    await self._serve(talk)
                except Gone as reason:
                    gone = reason
                nursery.cancel_scope.cancel()
        finally:
            self.online = False
            self._talk = self._begun = None
            self._outbox.lost(str(gone))
            await trio.aclose_forcefully(stream)
        return (await ending(self._url, gone) if was_online else gone), was_online

    async def _serve(self, talk: Conversation[FrameT]) -> None:
        """Write what there is to write, in order of rank, until the session is gone."""
        self._heard_at = trio.current_time()
        while True:
            taken: tuple[Exchange[FrameT], Slot[FrameT] | None] | None
            taken, self._begun = self._begun, None
            if taken is None:
                await talk.reply()
                if self._heard_at > -math.inf:
                    taken = self._outbox.next()
            if taken is not None:
                exchange, slot = taken
                await self._perform(talk, exchange, slot)
                if isinstance(exchange.outcome, DeviceTimeout | OutcomeUnknown):
                    self._heard_at = -math.inf  # is it still there? ask before the next command
                elif exchange.answers:
                    self._heard_at = trio.current_time()
            elif trio.current_time() >= self._heard_at + self._timing.heartbeat_s:
                await self._poll(talk)
                self._heard_at = trio.current_time()
            else:
                await self._wait_for_work()

    async def _wait_for_work(self) -> None:
        """Return when there is something for the supervisor to do, or the device was silent for long."""
        deadline = self._heard_at + self._timing.heartbeat_s
        try:
            with trio.CancelScope(deadline=deadline) as self._alarm:
                await self._work.wait()
        finally:
            self._alarm = None

    def _more(self) -> None:
        """There is something new to send: what can go out at once wakes nobody."""
        if not self._begin():
            self._work.turn()

    def _begin(self) -> bool:
        """Send a content at once, if the supervisor has nothing to do. It takes over what is not answered in
        time, or when it is needed for something else before that."""
        talk, alarm = self._talk, self._alarm
        if talk is None or alarm is None or self._begun is not None or not talk.free:
            return False
        taken = self._outbox.next_content()
        if taken is None:
            return False
        self._begun = taken
        until = talk.begin(taken[0], self._landed)
        if until < alarm.deadline:
            alarm.deadline = until
        return True

    def _landed(self) -> None:
        """What was begun at once has ended without the supervisor."""
        assert self._begun is not None
        (exchange, slot), self._begun = self._begun, None
        if exchange.answers:
            self._heard_at = trio.current_time()
        slot.landed(exchange)
        self._turn.turn()
        self._begin()

    async def _poll(self, talk: Conversation[FrameT]) -> None:
        """Ask until the answers can be believed."""
        for _ in range(_CONTRADICTIONS):
            for exchange in self._dialect.polls():
                await self._perform(talk, exchange, None)
            try:
                if self._dialect.settled():
                    return
            except ProtocolFault as fault:
                raise Gone(DeviceState.HARDWARE_ERROR, fault.what) from None
        raise Gone(DeviceState.HARDWARE_ERROR, "the device contradicts itself")

    async def _perform(
        self, talk: Conversation[FrameT], exchange: Exchange[FrameT], slot: Slot[FrameT] | None
    ) -> None:
        """Carry out one exchange to its end. Raises `Gone` if the peer turns out to be gone."""
        try:
            answered = await talk.perform(exchange)
        finally:
            if slot is not None:
                slot.landed(exchange)
            self._turn.turn()
        if not answered and exchange.ends_session:
            raise Gone(DeviceState.OFFLINE, f"{exchange.what}: no answer")
