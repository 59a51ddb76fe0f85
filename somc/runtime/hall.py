"""One running hall: the door, the one task that decides, and reads of what is on disk.

    submit ──door──▶ decider: decide, evolve, enqueue ──▶ journal's committer ──▶ answers leave

What must stay true
- One task decides, in the order of the door; so two counters that press next get two customers.
- An answer leaves only when the records of its command are on disk; a read leaves only when all that
  it saw is. If the disk fails, nothing more is answered and the process stops.
- The door is bounded: when it is full, `submit` raises `Overloaded` at once.
- Identical commands (same idempotency key) have one effect and one answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import structlog
import trio

from somc.domain import commands as c
from somc.domain.decide import decide
from somc.domain.events import Event
from somc.domain.evolve import evolve
from somc.domain.follow_ups import DUE, FOLLOW_UPS, Look
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.errors import IdempotencyConflict, Overloaded, RuleFailed, ShuttingDown
from somc.journal.entry import Entry, MessageText, Person, StoredAnswer
from somc.journal.journal import Journal
from somc.journal.record import Record
from somc.runtime.clock import Clock
from somc.runtime.records import record_of

__all__ = ["Decided", "Hall", "Key", "Replayed"]

log = structlog.get_logger(__name__)

DOOR_SIZE = 256
"""Commands that may wait. At 10,000 a second that is a wait of 25 ms; more is refused, not collected."""

MOST_FOLLOW_UPS = 1000
"""Acts that time or one command may call for at once. What is left is due before the next command: the
deadline task sees to it soon."""

T = TypeVar("T")


class Key(msgspec.Struct, frozen=True):
    """An idempotency key: who used it on which route, with which body."""

    principal: str
    route: str
    key: str
    body_digest: bytes


class Decided(msgspec.Struct, Generic[T], frozen=True):
    """A command that was carried out: its events, and what `view` made of the state after them."""

    events: tuple[Event, ...]
    view: T
    seq: int


class Replayed(msgspec.Struct, frozen=True):
    """The answer that the same command got before."""

    status: int
    answer: bytes


View = Callable[[HallState, "tuple[Event, ...]", int], T]
"""Makes the answer's view from the state right after the command; the last argument is `now`."""

Encode = Callable[[T], "tuple[int, bytes]"]
"""Makes status and bytes of a view, to be remembered under an idempotency key."""


class _Asked(Generic[T]):
    """One command on its way through the door; none: only what is due."""

    __slots__ = ("command", "decided", "encode", "key", "outcome", "person", "texts", "view")

    def __init__(
        self,
        command: c.Command | None,
        view: View[T],
        person: Person | None,
        key: Key | None,
        encode: Encode[T] | None,
        texts: tuple[MessageText, ...] = (),
    ) -> None:
        self.texts = texts
        self.command = command
        self.view = view
        self.person = person
        self.key = key
        self.encode = encode
        self.decided = trio.Event()
        self.outcome: Decided[T] | Refusal | Exception | None = None

    def resolve(self, outcome: Decided[T] | Refusal | Exception) -> None:
        self.outcome = outcome
        self.decided.set()


class Hall:
    """The runtime of one hall over one journal."""

    def __init__(self, state: HallState, journal: Journal, clock: Clock) -> None:
        self.state = state
        self.journal = journal
        self.clock = clock
        self._door_in, self._door_out = trio.open_memory_channel[_Asked[Any]](DOOR_SIZE)
        self._under_way: dict[tuple[str, str, str], trio.Event] = {}
        self._deciding: _Asked[Any] | None = None
        self._looked_at = 0
        """Until then nothing was due that is not recorded."""
        self._due = state.next_due()
        self.due_changed = trio.Event()
        """Set, and replaced, whenever `next_due()` moves."""
        self.refused = 0
        self.decided = 0

    # -- asking -----------------------------------------------------------------------------------

    async def submit(
        self,
        command: c.Command,
        view: View[T],
        *,
        person: Person | None = None,
        key: Key | None = None,
        encode: Encode[T] | None = None,
        text: MessageText | None = None,
        codes: tuple[MessageText, ...] = (),
    ) -> Decided[T] | Replayed | Refusal:
        """Carry `command` out and return when its records are on disk.

        `person`, `text` (a message's words) and `codes` (of appointments: `code_id`) are kept in the same
        transaction, the last two only if the command did something. With `key` and `encode` the answer is
        remembered for 48 hours; a status of 204 or a refusal is not.
        Raises `Overloaded`, `ShuttingDown`, `IdempotencyConflict`, `StoreError`.
        """
        texts = (*(() if text is None else (text,)), *codes)
        if key is None:
            return await self._through_door(_Asked(command, view, person, None, None, texts))
        place = (key.principal, key.route, key.key)
        while (first := self._under_way.get(place)) is not None:
            await first.wait()
        done = self._under_way[place] = trio.Event()
        try:
            stored = await self.journal.answer_for(*place)
            if stored is not None:
                if stored.body_digest != key.body_digest:
                    raise IdempotencyConflict(
                        f"the idempotency key '{key.key}' was used before on {key.route} with another body"
                    )
                return Replayed(stored.status, stored.answer)
            # Shielded: a requester that hangs up must not free the key while its command is still
            # on the way, or a repetition would be carried out twice. It takes one commit.
            outcome: Decided[T] | Refusal | None = None
            with trio.CancelScope(shield=True):
                outcome = await self._through_door(_Asked(command, view, person, key, encode, texts))
            assert outcome is not None
            return outcome
        finally:
            del self._under_way[place]
            done.set()

    async def read(self, view: Callable[[HallState, int], T]) -> T:
        """What `view` makes of the state now, given out only when all of it is on disk."""
        answer = view(self.state, self.now())
        await self.journal.wait_durable(self.state.seq)
        return answer

    async def carry_out_due(self) -> None:
        """Have the deciding task carry out what is due, and return when that is on disk.

        Raises `Overloaded`, `ShuttingDown`, `StoreError`, and `RuleFailed` if a rule of something due failed.
        """
        await self._through_door(_Asked(None, _no_view, None, None, None))

    def next_due(self) -> int | None:
        """When something will be due by itself (Unix ms); it is due if that is past. `None`: nothing will."""
        return self.state.next_due(self._looked_at)

    def now(self) -> int:
        """The hall's time: the later of the clock and the last record (Unix ms)."""
        return max(self.clock.now_ms(), self.state.at)

    @property
    def busy(self) -> bool:
        """Whether a command is in the door, being decided or not on disk yet."""
        waiting = self._door_out.statistics().current_buffer_used
        return bool(waiting) or self._deciding is not None or self.journal.busy

    # -- deciding ---------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The deciding task. Returns when the door is closed and everything inside is decided."""
        try:
            task_status.started()
            async for asked in self._door_out:
                self._deciding = asked
                await self._decide(asked)
                self._deciding = None
        finally:
            self._turn_away()

    async def close_door(self) -> None:
        """Take no further command; what is inside is still carried out."""
        await self._door_in.aclose()

    def _turn_away(self) -> None:
        """Nobody is left waiting for a decision that will not come."""
        left = [self._deciding] if self._deciding is not None else []
        with contextlib.suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                left.append(self._door_out.receive_nowait())
        self._door_out.close()
        for asked in left:
            asked.resolve(ShuttingDown("the hall stopped before this command was carried out"))

    async def _through_door(self, asked: _Asked[T]) -> Decided[T] | Refusal:
        try:
            self._door_in.send_nowait(asked)
        except trio.WouldBlock:
            raise Overloaded(retry_after_s=1) from None
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise ShuttingDown("the hall is stopping: no command is taken any more") from None
        await asked.decided.wait()
        outcome = asked.outcome
        assert outcome is not None
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, Decided):
            await self.journal.wait_durable(outcome.seq)
        return outcome

    async def _decide(self, asked: _Asked[Any]) -> None:
        now = self.now()
        # Before any other command: what was due while nobody looked belongs to the past.
        records, fault = self._follow(DUE, now)
        if records:
            await self.journal.enqueue(Entry(records=tuple(records)))
        if asked.command is None:
            asked.resolve(fault if fault is not None else Decided((), None, self.state.seq))
        else:
            await self._carry_out(asked, asked.command, now)
        due = self.next_due()
        if due != self._due:
            self._due = due
            self.due_changed.set()
            self.due_changed = trio.Event()

    async def _carry_out(self, asked: _Asked[Any], command: c.Command, now: int) -> None:
        try:
            outcome = decide(self.state, command, now)
        except Exception as error:
            # Deciding has no effects, so a fault in one rule must not stop the calling of tickets.
            asked.resolve(_failed(command, error))
            return
        if isinstance(outcome, Refusal):
            self.refused += 1
            asked.resolve(outcome)
            return
        self.decided += 1
        records = self._write(outcome, now)
        events = tuple(outcome)
        # The answer is made before anything follows: it tells what this command did, and no more.
        decided = Decided(events, asked.view(self.state, events, now), self.state.seq)
        answer = _answer(asked, decided.view, now)
        records += self._follow(FOLLOW_UPS, now)[0]
        if records or answer is not None:
            people = () if asked.person is None else (asked.person,)
            texts = asked.texts if events else ()
            await self.journal.enqueue(
                Entry(records=tuple(records), people=people, answer=answer, texts=texts)
            )
        asked.resolve(decided)

    def _follow(self, looks: Sequence[Look], now: int) -> tuple[list[Record], RuleFailed | None]:
        """Carry out what the looks find until they find nothing more: the records, and the first fault.

        A look or a rule that fails is passed over this time; the others are heard.
        """
        records: list[Record] = []
        fault: RuleFailed | None = None
        heard = list(looks)
        for _ in range(MOST_FOLLOW_UPS):
            for look in heard:
                command: c.Command | None = None
                try:
                    command = look(self.state, now)
                    if command is None:
                        continue
                    outcome = decide(self.state, command, now)
                    if isinstance(outcome, Refusal) or not outcome:
                        raise RuntimeError(f"due, but it came to {outcome!r}")
                except Exception as error:
                    fault = fault or _failed(command or look, error)
                    heard.remove(look)
                else:
                    self.decided += 1
                    records += self._write(outcome, now)
                break
            else:
                # A fault is due still: it is not forgotten that it was not looked at.
                if fault is None:
                    self._looked_at = now
                break
        return records, fault

    def _write(self, events: Sequence[Event], now: int) -> list[Record]:
        records = []
        for event in events:
            evolve(self.state, event, now)
            records.append(record_of(event, self.state.seq, now, self.state.hall.org))
        return records


def _failed(what: c.Command | Look, error: Exception) -> RuleFailed:
    name = type(what).__name__ if isinstance(what, c.Command) else what.__name__
    log.exception("rule failed", rule=name, by=what.by if isinstance(what, c.Command) else "deadline")
    return RuleFailed(f"{name} was not carried out: its rule failed with {error!r}")


def _no_view(state: HallState, events: tuple[Event, ...], now: int) -> None:
    return None


def _answer(asked: _Asked[Any], view: object, now: int) -> StoredAnswer | None:
    """The answer to remember; one without content is not worth remembering."""
    key = asked.key
    if key is None or asked.encode is None:
        return None
    status, body = asked.encode(view)
    if status == 204:
        return None
    return StoredAnswer(
        principal=key.principal,
        route=key.route,
        key=key.key,
        body_digest=key.body_digest,
        status=status,
        answer=body,
        at=now,
    )
