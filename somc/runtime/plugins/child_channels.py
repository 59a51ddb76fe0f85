"""The channels of one plugin in its own process: run and asked as the hall says.

What must stay true
- What a gateway told is acknowledged to it only after the hall has it on disk: `receipts` and `inbound` wait
  for the hall's answer.
- The newest state of a channel is told, and the last one always; what changes faster than it can be told is
  passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from somc.api.channels import Channel, Inbound, Outgoing, Receipt, Refused, Sent, Unsent
from somc.runtime.plugins import device_wire as wire
from somc.runtime.plugins.answers import WrongAnswer
from somc.runtime.plugins.remote_channel import MOST_BYTES, About
from somc.runtime.plugins.tasks import harmless, said

if TYPE_CHECKING:
    from somc.runtime.plugins.child import Child

__all__ = ["ChildChannels", "about_of"]

AT_ONCE = 8
"""Packs of receipts and messages on their way to the hall's disk; they never wait behind other questions."""

_batch = msgspec.msgpack.Decoder(list[Outgoing])


def about_of(channel: Channel) -> About:
    """What a channel says of itself. `WrongAnswer`."""
    told = {
        "name": channel.name,
        "kinds": list(channel.kinds),
        "weight": channel.weight,
        "batch": channel.batch,
    }
    try:
        return msgspec.convert(told, About)
    except msgspec.ValidationError as error:
        raise WrongAnswer(f"'somc_channels' gave {channel!r}: {error}") from error


class ChildChannels:
    """Every channel of the plugin. `take` is given each frame about one."""

    def __init__(self, child: Child, channels: Sequence[Channel], nursery: trio.Nursery) -> None:
        self.child = child
        self.inward = trio.CapacityLimiter(AT_ONCE)
        self._channels = channels
        self._nursery = nursery

    def take(self, kind: str, id: int, rest: list[Any]) -> None:
        """One frame; what it asks is known at once, so that it can be cancelled by the next."""
        scope = self.child.calls[id] = trio.CancelScope()
        channel = self._channels[rest[0]]
        if kind == "channel_run":
            self._nursery.start_soon(self._work, scope, id, self._run, channel, rest[0])
        else:
            self._nursery.start_soon(self._work, scope, id, self._send, channel, rest[1])

    async def _work(self, scope: trio.CancelScope, id: int, work: Any, *given: Any) -> None:
        answer = b""
        try:
            with scope:
                answer = await work(*given)
        except WrongAnswer as error:
            await self.child.send("failed", id, "wrong", str(error))
        except BaseException as error:
            await self.child.send("failed", id, "raised", said(harmless(error)))
        else:
            if scope.cancelled_caught:
                await self.child.send("failed", id, "down", "it was cancelled")
            else:
                await self.child.send("done", id, answer)
        finally:
            del self.child.calls[id]

    async def _run(self, channel: Channel, number: int) -> bytes:
        host = _Host(self, number)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(host.tell)
            await channel.run(host, task_status=trio.TASK_STATUS_IGNORED)
            nursery.cancel_scope.cancel()
        return b""

    async def _send(self, channel: Channel, batch: bytes) -> bytes:
        outcomes = list(await channel.send(_batch.decode(batch)))
        for outcome in outcomes:
            if not isinstance(outcome, Sent | Refused | Unsent):
                raise WrongAnswer(f"it gave {outcome!r}, which is no outcome of a message")
        return wire.bounded("its outcomes", outcomes, MOST_BYTES)


class _Host:
    """The hall, as a channel sees it."""

    def __init__(self, channels: ChildChannels, number: int) -> None:
        self._channels = channels
        self._number = number
        self._newest = ("down", "")
        self._news = trio.Event()

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        await self._took("receipts", receipts)

    async def inbound(self, messages: Sequence[Inbound]) -> None:
        await self._took("inbound", messages)

    def report(self, status: str, detail: str = "") -> None:
        self._newest = (status, detail)
        self._news.set()

    async def _took(self, what: str, values: Sequence[Any]) -> None:
        values_told = wire.bounded(f"its {what}", list(values), MOST_BYTES)
        ask = self._channels.child.ask
        await ask(what, over=self._channels.inward, channel=self._number, values=values_told)

    async def tell(self) -> None:
        """Tell the newest state whenever there is one."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            await self._channels.child.send("channel", self._number, *self._newest)
