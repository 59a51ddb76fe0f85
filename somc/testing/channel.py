"""A channel whose gateway is a list: for tests of whatever sends messages.

It does what a gateway does, and can be driven: taken down, made to refuse, to break off in the middle, to
write to the hall. Receipts come when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import trio

from somc.api.channels import ChannelHost, Inbound, Outcome, Outgoing, Receipt, Refused, Sent, Unsent

__all__ = ["MemoryChannel"]


class MemoryChannel:
    """Takes everything over at once, and keeps it in `taken`."""

    kinds = frozenset(("sms",))

    def __init__(self, name: str = "sms", *, weight: int = 1, batch: int = 8) -> None:
        self.name = name
        self.weight = weight
        self.batch = batch
        self.taken: list[Outgoing] = []
        self.batches: list[int] = []
        self.up = True
        self.refuse: Callable[[Outgoing], Refused | None] = lambda message: None
        self.break_off_after: int | None = None
        """So many more messages are taken over, and then the connection is gone: of the next nobody knows."""
        self.hold: trio.Event | None = None
        """While it is there, batches wait for it before they are answered."""
        self.host: ChannelHost | None = None
        self.starts = 0

    async def run(self, host: ChannelHost, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        self.starts += 1
        self.host = host
        task_status.started()
        host.report("up" if self.up else "down", "" if self.up else "told to be")
        await trio.sleep_forever()

    def set_up(self, up: bool, detail: str = "") -> None:
        """The gateway comes, or goes."""
        self.up = up
        if self.host is not None:
            self.host.report("up" if up else "down", detail)

    async def send(self, batch: Sequence[Outgoing]) -> Sequence[Outcome]:
        self.batches.append(len(batch))
        if self.hold is not None:
            await self.hold.wait()
        outcomes: list[Outcome] = []
        for message in batch:
            if self.break_off_after == 0 or not self.up:
                self.set_up(False, "the connection broke")
                outcomes.append(Unsent(message.id, "the connection broke"))
                continue
            refused = self.refuse(message)
            if refused is not None:
                outcomes.append(refused)
                continue
            if self.break_off_after is not None:
                self.break_off_after -= 1
            self.taken.append(message)
            outcomes.append(Sent(message.id, (self.ref_of(message.id),)))
        await trio.lowlevel.checkpoint()
        return outcomes

    def ref_of(self, message: str) -> str:
        """What the gateway calls a message."""
        return f"{self.name}-{message}"

    async def receipt(self, *messages: str, delivered: bool = True) -> None:
        """Receipts for these come in."""
        assert self.host is not None, "run is running"
        await self.host.receipts([Receipt(self.ref_of(message), delivered) for message in messages])

    async def write(self, sender: str, text: str, ref: str) -> None:
        """Somebody writes to the hall."""
        assert self.host is not None, "run is running"
        await self.host.inbound([Inbound(sender, "10086", text, ref)])
