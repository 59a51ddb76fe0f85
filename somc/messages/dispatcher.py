"""The dispatcher: takes from the outbox what may leave now, and gives it to the channels.

    outbox (state) ── due, by class ──▶ batch ──▶ the channel whose turn it is ──▶ outcomes, recorded once

What must stay true
- What waits is in the journal; here is only an order of it, made anew at each start. A crash between a
  channel's answer and its record sends a message again (at least once), and records it once.
- Nothing leaves in the quiet hours of its class, whatever delayed it; nothing after its time.
- What somebody waits for (a code, a receipt) goes before what the hall thought of itself.
- Several channels that are up share by weight; one that is down gets nothing, and loses nothing.
- Time is the hall's clock.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
import trio

from somc.api.channels import Outcome as ChannelOutcome
from somc.api.channels import Outgoing, Refused, Sent
from somc.domain import commands as c
from somc.domain.business_day import local
from somc.domain.messages import may_leave
from somc.domain.outbox import Message, MessageState
from somc.domain.templates import stamped
from somc.domain.values import MESSAGE_CLASSES
from somc.journal.messages import Letter
from somc.messages.gateways import Gateway, submitted
from somc.runtime.hall import Hall

__all__ = ["Dispatcher"]

log = structlog.get_logger(__name__)

PRIORITY = {name: place for place, name in enumerate(MESSAGE_CLASSES)}
"""The catalogue lists classes in the order in which they leave."""

CALM_S = 1.0
"""After a channel gave messages back untouched it is given none for so long."""

NEWS = frozenset(("message.queued", "message.failed", "message.requeued"))


class Dispatcher:
    """Sends what the outbox of one hall holds. `run` must be running."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.gateways: dict[str, Gateway] = {}
        self._later: list[tuple[int, str]] = []
        """A heap of (when it may leave, message)."""
        self._expiry: list[tuple[int, str]] = []
        self._ready: list[deque[str]] = [deque() for _ in PRIORITY]
        self._known: set[str] = set()
        """What waits here or is under way: a message stands in one place."""
        self._under_way: set[str] = set()
        self._changed = trio.Event()
        self._position = 0
        self._nursery: trio.Nursery | None = None
        self._stopping = False

    @property
    def busy(self) -> bool:
        """Whether it is behind the journal, or a batch is under way, or something could be given out now."""
        if self._position < self.hall.journal.head or self._under_way:
            return True
        if self._later and self._later[0][0] <= self.hall.now():
            return True
        return any(self._ready) and any(gateway.free for gateway in self.gateways.values())

    def changed(self) -> None:
        """A channel came, went, or has room again: look."""
        self._changed.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send until cancelled."""
        self._position = self.hall.state.seq
        await self.hall.journal.wait_durable(self._position)
        for message in self.hall.state.outbox.queued():
            self._add(message)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._follow)
            task_status.started()
            while True:
                self._changed = trio.Event()
                await self._expire()
                self._promote()
                self._give_out(nursery)
                await self._wait()

    async def finish(self, patience_s: float) -> None:
        """Give nothing more out, and return when what is under way is recorded, or patience is over."""
        self._stopping = True
        with trio.move_on_after(patience_s):
            while self._under_way:  # noqa: ASYNC110 - at the end of a process
                await trio.sleep(0.01)

    # -- what waits ---------------------------------------------------------------------------------

    async def _follow(self) -> None:
        journal = self.hall.journal
        while True:
            await journal.wait_beyond(self._position)
            for record in await journal.records_after(self._position):
                self._position = record.seq
                if record.type in NEWS:
                    message = self.hall.state.outbox.messages.get(record.topic.rsplit("/", 1)[1])
                    if message is not None and message.state is MessageState.QUEUED:
                        self._add(message)
            self._changed.set()

    def _add(self, message: Message) -> None:
        if message.id in self._known:
            return
        self._known.add(message.id)
        heapq.heappush(self._later, (message.ready_at, message.id))
        heapq.heappush(self._expiry, (message.expires_at, message.id))

    def _queued(self, name: str) -> Message | None:
        """The message, if it is still to be sent."""
        message = self.hall.state.outbox.messages.get(name)
        return message if message is not None and message.state is MessageState.QUEUED else None

    def _promote(self) -> None:
        now = self.hall.now()
        while self._later and self._later[0][0] <= now:
            _, name = heapq.heappop(self._later)
            message = self._queued(name)
            if message is None:
                self._known.discard(name)
            else:
                self._ready[PRIORITY[message.message_class]].append(name)

    async def _expire(self) -> None:
        now = self.hall.now()
        late: list[str] = []
        while self._expiry and self._expiry[0][0] <= now:
            _, name = heapq.heappop(self._expiry)
            message = self._queued(name)
            if message is None or name in self._under_way:
                continue
            if message.expires_at > now:  # queued again with more time
                heapq.heappush(self._expiry, (message.expires_at, name))
            else:
                late.append(name)
        if late:
            outcomes = tuple(c.MessageOutcome(message=name, outcome="expired") for name in late)
            self._known.difference_update(late)
            await submitted(self.hall, c.ReportMessages(by="deadline", gateway="", outcomes=outcomes))

    # -- giving out -----------------------------------------------------------------------------------

    def _give_out(self, nursery: trio.Nursery) -> None:
        while not self._stopping and any(self._ready):
            gateway = self._whose_turn()
            if gateway is None:
                return
            batch = self._take(max(1, gateway.channel.batch))
            if not batch:
                return
            gateway.credit -= len(batch)
            self._under_way.update(message.id for message in batch)
            nursery.start_soon(self._send, gateway, batch, gateway.begin())

    def _whose_turn(self) -> Gateway | None:
        """Of those that are up and have room the one to which most is owed by its weight."""
        up = [gateway for gateway in self.gateways.values() if gateway.status == "up"]
        weighted = [gateway for gateway in up if gateway.channel.weight > 0]
        sharing = weighted or up
        free = [gateway for gateway in sharing if gateway.free]
        if not free:
            return None
        if len(sharing) == 1:
            return free[0]
        if all(gateway.credit <= 0 for gateway in free):
            for gateway in sharing:
                gateway.credit = max(0.0, gateway.credit) + max(1, gateway.channel.weight)
        return max(free, key=lambda gateway: gateway.credit / max(1, gateway.channel.weight))

    def _take(self, most: int) -> list[Message]:
        state, now = self.hall.state, self.hall.now()
        batch: list[Message] = []
        for ready in self._ready:
            while ready and len(batch) < most:
                name = ready.popleft()
                message = self._queued(name)
                if message is None:
                    self._known.discard(name)
                    continue
                leaves = may_leave(state, message.message_class, now)
                if leaves > now:
                    heapq.heappush(self._later, (leaves, name))
                elif message.expires_at > now:
                    batch.append(message)
        return batch

    async def _send(self, gateway: Gateway, batch: Sequence[Message], recorded: trio.Event) -> None:
        names = [message.id for message in batch]
        try:
            outgoing, dead = await self._letters(batch)
            outcomes = await gateway.send(outgoing) if outgoing else ()
            facts = [*dead, *_facts(outcomes, set(names))]
            decided = {fact.message for fact in facts}
            again = [name for name in names if name not in decided]
            gateway.sent += sum(fact.outcome == "sent" for fact in facts)
            gateway.refused += sum(fact.outcome == "refused" for fact in facts)
            if facts:
                by = f"channel:{gateway.name}"
                await submitted(
                    self.hall, c.ReportMessages(by=by, gateway=gateway.name, outcomes=tuple(facts))
                )
            self._under_way.difference_update(decided)
            self._settle(decided)
            if again:
                if len(again) == len(names):
                    await trio.sleep(CALM_S)
                self._put_back(again)
        finally:
            self._under_way.difference_update(names)
            gateway.done(recorded)
            self._changed.set()

    def _settle(self, names: Iterable[str]) -> None:
        """These are recorded: what is to be tried again stands in line anew."""
        for name in names:
            self._known.discard(name)
            message = self._queued(name)
            if message is not None:
                self._add(message)

    def _put_back(self, names: Sequence[str]) -> None:
        """Given back untouched: first in line again, in their order."""
        for name in reversed(names):
            message = self._queued(name)
            if message is None:
                self._known.discard(name)
            else:
                self._ready[PRIORITY[message.message_class]].appendleft(name)
                heapq.heappush(self._expiry, (message.expires_at, name))

    async def _letters(self, batch: Sequence[Message]) -> tuple[list[Outgoing], list[c.MessageOutcome]]:
        """Words and numbers of a batch, and what cannot be sent because they are gone."""
        found = await self.hall.journal.letters([(message.id, message.person) for message in batch])
        outgoing: list[Outgoing] = []
        dead: list[c.MessageOutcome] = []
        for message in batch:
            letter = found[message.id]
            if letter.phone is None:
                dead.append(c.MessageOutcome(message=message.id, outcome="no_number"))
            elif letter.text is None:
                dead.append(c.MessageOutcome(message=message.id, outcome="no_text"))
            else:
                outgoing.append(self._outgoing(message, letter))
        return outgoing, dead

    def _outgoing(self, message: Message, letter: Letter) -> Outgoing:
        assert letter.phone is not None
        assert letter.text is not None
        state, now = self.hall.state, self.hall.now()
        text = letter.text
        # Kept back when it was made, or by quiet hours that began while it waited for a gateway.
        if message.held or may_leave(state, message.message_class, message.queued_at) > message.queued_at:
            text = stamped(text, message.language, local(message.queued_at, state.zone))
        life_s = max(1, (message.expires_at - now) // 1000)
        return Outgoing(message.id, letter.phone, text, life_s)

    # -- waiting --------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Return when something changed, or the next message may leave or expires."""
        instants = [heap[0][0] for heap in (self._later, self._expiry) if heap]
        changed = self._changed
        if changed.is_set():
            await trio.lowlevel.checkpoint()
            return
        if not instants:
            await changed.wait()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_wake_at, self.hall, min(instants), nursery.cancel_scope)
            await changed.wait()
            nursery.cancel_scope.cancel()


async def _wake_at(hall: Hall, at: int, scope: trio.CancelScope) -> None:
    await hall.clock.sleep_until(at)
    scope.cancel()


def _facts(outcomes: Iterable[ChannelOutcome], names: set[str]) -> Iterable[c.MessageOutcome]:
    """What is a fact of a channel's outcomes, each message once. A channel may be anybody's."""
    for outcome in outcomes:
        given: Any = outcome
        if getattr(given, "message", None) not in names:
            continue
        match outcome:
            case Sent(message, refs):
                names.discard(message)
                yield c.MessageOutcome(message=message, outcome="sent", refs=tuple(refs))
            case Refused(message, detail, permanent):
                names.discard(message)
                yield c.MessageOutcome(message=message, outcome="refused", detail=detail, permanent=permanent)
