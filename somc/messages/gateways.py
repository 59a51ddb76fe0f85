"""Channels while they run: each with a life of its own, and what the hall knows of it.

What must stay true
- A channel that raises is started again after a growing pause; another one goes on as if nothing were.
- A receipt is acknowledged only when it is on disk, and none is lost because it was faster than our own
  record of the message: it waits until the batches that were under way are recorded.
- The state of a channel reaches the journal only when it changes, the newest last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import structlog
import trio

from somc.api.channels import Channel, Inbound, Outgoing, Receipt
from somc.api.channels import Outcome as ChannelOutcome
from somc.domain import commands as c
from somc.domain.commands import Command
from somc.errors import Overloaded, RuleFailed, ShuttingDown
from somc.runtime.hall import Hall

__all__ = ["AT_ONCE", "Gateway", "submitted"]

log = structlog.get_logger(__name__)

AT_ONCE = 2
"""Batches under way in one channel: while one is answered the next is on its way."""

PAUSE_S = (1.0, 60.0)
"""The first pause before a channel that failed is started again, and the longest."""

Inward = Callable[["Gateway", Inbound], Awaitable[None]]


async def submitted(hall: Hall, command: Command) -> bool:
    """Have `command` carried out however long the door is full; False if the hall is stopping.

    What a gateway did has happened: it may be recorded late, never not at all.
    """
    while True:
        try:
            await hall.submit(command, lambda state, events, now: None)
        except Overloaded:
            await trio.sleep(0.05)
        except RuleFailed:
            return True  # logged by the decider; the same again would fail the same
        except ShuttingDown:
            return False
        else:
            return True


class Gateway:
    """One channel of a plugin. It is the `ChannelHost` that the channel sees."""

    def __init__(
        self, hall: Hall, channel: Channel, plugin: str, inward: Inward, changed: Callable[[], None]
    ) -> None:
        self.hall = hall
        self.channel = channel
        self.plugin = plugin
        self.name = channel.name
        self.status: Literal["up", "down"] = "down"
        self.detail = ""
        self.since = hall.now()
        self._under_way: set[trio.Event] = set()
        """For each batch under way: set when what came of it is recorded."""
        self.sent = 0
        self.refused = 0
        self.receipted = 0
        self.received = 0
        self.faults = 0
        self.credit = 0.0
        """How much is owed to it of what several channels share; see `Dispatcher`."""
        self._inward = inward
        self._changed = changed
        self._news = trio.Event()
        self._sending: set[trio.CancelScope] = set()
        self._scope = trio.CancelScope()
        self.ended = trio.Event()

    @property
    def free(self) -> bool:
        """Whether it may be given another batch."""
        room = len(self._under_way) < AT_ONCE
        return self.status == "up" and room and not self._scope.cancel_called

    # -- life -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live until `stop`."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._tell)
                    await self._live()
        finally:
            with trio.CancelScope(shield=True):
                self.status = "down"
                self._changed()
                await submitted(
                    self.hall, c.ReportChannel(by=f"channel:{self.name}", channel=self.name, status="off")
                )
                self.ended.set()

    def stop(self) -> None:
        """End its life; what it has not answered goes to others."""
        self._scope.cancel()
        for scope in self._sending:
            scope.cancel()

    async def _live(self) -> None:
        pause_s = PAUSE_S[0]
        while True:
            begun_s = trio.current_time()
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(self._run_channel)
            except Exception as error:  # anybody's code: it costs this channel, never the hall
                self.faults += 1
                log.exception("a channel failed: it is started again", channel=self.name)
                self.report("down", f"failed: {error!r}"[:120])
            else:
                self.report("down", "ended by itself")
            if trio.current_time() - begun_s > PAUSE_S[1]:
                pause_s = PAUSE_S[0]
            await trio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S[1])

    async def _run_channel(self, task_status: trio.TaskStatus[Any]) -> None:
        await self.channel.run(self, task_status=task_status)

    # -- what the channel says ----------------------------------------------------------------------

    def report(self, status: Literal["up", "down"], detail: str = "") -> None:
        if (status, detail) == (self.status, self.detail) and not self._news.is_set():
            self._news.set()  # the first word is always told
            return
        if status != self.status:
            self.since = self.hall.now()
        self.status, self.detail = status, detail
        self._news.set()
        self._changed()

    async def _tell(self) -> None:
        """Bring each new state into the journal; of several that come together only the last."""
        self._news.set()
        while True:
            await self._news.wait()
            self._news = trio.Event()
            command = c.ReportChannel(
                by=f"channel:{self.name}", channel=self.name, status=self.status, detail=self.detail
            )
            await submitted(self.hall, command)

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        known = self.hall.state.outbox.by_ref
        if any((self.name, receipt.ref) not in known for receipt in receipts):
            for recorded in tuple(self._under_way):
                await recorded.wait()
        parts = tuple(
            c.PartReceipt(ref=receipt.ref, delivered=receipt.delivered, detail=receipt.detail)
            for receipt in receipts
        )
        self.receipted += len(parts)
        command = c.ReportReceipts(by=f"channel:{self.name}", gateway=self.name, receipts=parts)
        if not await submitted(self.hall, command):
            raise ShuttingDown("the hall is stopping: the receipt was not taken")

    async def inbound(self, messages: Sequence[Inbound]) -> None:
        self.received += len(messages)
        for message in messages:
            await self._inward(self, message)

    # -- what the hall gives it ---------------------------------------------------------------------

    async def send(self, batch: Sequence[Outgoing]) -> Sequence[ChannelOutcome]:
        """The channel's outcomes; empty if it fails or is stopped: then nobody knows, and all are tried
        again."""
        with trio.CancelScope() as scope:
            self._sending.add(scope)
            try:
                return await self.channel.send(batch)
            except Exception:
                self.faults += 1
                log.exception("a channel failed to send", channel=self.name, messages=len(batch))
            finally:
                self._sending.discard(scope)
        return ()

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def begin(self) -> trio.Event:
        """A batch is given to it."""
        recorded = trio.Event()
        self._under_way.add(recorded)
        return recorded

    def done(self, recorded: trio.Event) -> None:
        """What came of that batch is recorded."""
        self._under_way.discard(recorded)
        recorded.set()
