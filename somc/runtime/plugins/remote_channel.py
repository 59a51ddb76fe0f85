"""A channel for messages that works in its plugin's own process, as the hall's post office sees it.

What must stay true
- While there is no process the channel is down, and says why.
- Of a batch that was handed over when the process ended nobody knows: all of it is `Unsent`, and given out
  again. So messages leave at least once, as they do through any channel.
- A receipt or an incoming message is answered there only when it is on disk here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import trio

from somc.api.channels import ChannelHost, Inbound, Outcome, Outgoing, Receipt, Unsent
from somc.runtime.plugins.board import STARTING
from somc.runtime.plugins.device_wire import within
from somc.runtime.plugins.ledger import HookFailed
from somc.runtime.plugins.pipe import Child, Late, Lost, NotSent
from somc_hal.turn import Turn

__all__ = ["About", "ChannelFailed", "Presence", "RemoteChannel"]

SEND_S = 300.0
"""How long a batch may take: gateways of a few messages a second, and their own timeouts, stay far below."""

MOST_BYTES = 2**20
"""Of one answer, one pack of receipts, one of incoming messages."""

MOST_DETAIL = 120

_encode = msgspec.msgpack.Encoder().encode
_outcomes = msgspec.msgpack.Decoder(list[Outcome])
_receipts = msgspec.msgpack.Decoder(list[Receipt])
_inbound = msgspec.msgpack.Decoder(list[Inbound])


class ChannelFailed(Exception):
    """The channel raised in its process; the text says what."""


class Presence:
    """The process of one plugin, while there is one, for what outlives it."""

    def __init__(self) -> None:
        self.child: Child | None = None
        self.why = STARTING
        self.told = True
        """Whether anybody is to be told that it is away: at the end of a hall nobody is."""
        self._turn = Turn()

    def set(self, child: Child | None, why: str = "") -> None:
        """It is there, or it is not, and why."""
        self.child = child
        self.why = why
        self._turn.turn()

    async def wait(self) -> None:
        """Return when something has changed."""
        await self._turn.wait()


class About(msgspec.Struct, frozen=True):
    """What a channel says of itself."""

    name: str
    kinds: frozenset[str]
    weight: int
    batch: int


class RemoteChannel:
    """The plugin's `number`-th channel, as `somc.api.Channel`."""

    def __init__(self, about: About, number: int, presence: Presence) -> None:
        self.about = about
        self.name = about.name
        self.kinds = about.kinds
        self.weight = about.weight
        self.batch = about.batch
        self._number = number
        self._presence = presence
        self._host: ChannelHost | None = None

    async def run(self, host: ChannelHost, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Let it run in every process, one after the other. `ChannelFailed` for what it raises there."""
        self._host = host
        task_status.started()
        presence = self._presence
        try:
            while True:
                child = presence.child
                if child is None:
                    if presence.told:
                        host.report("down", presence.why[:MOST_DETAIL])
                    await presence.wait()
                    continue
                try:
                    await child.question(f"run of '{self.name}'", math.inf, "channel_run", self._number)
                    return
                except (NotSent, Lost):
                    while presence.child is child:  # it is ending
                        await presence.wait()
                except HookFailed as error:
                    raise ChannelFailed(error.why) from None
        finally:
            self._host = None

    async def send(self, batch: Sequence[Outgoing]) -> Sequence[Outcome]:
        """Its outcomes; `Unsent` for all that nobody knows of."""
        child = self._presence.child
        try:
            if child is None:
                raise NotSent(self._presence.why)
            hook = f"send of '{self.name}'"
            answer = await child.question(hook, SEND_S, "channel_send", self._number, _encode(list(batch)))
            return _outcomes.decode(within(answer, MOST_BYTES))
        except (NotSent, Lost) as error:
            why = str(error)
        except Late:
            why = f"no answer within {SEND_S:g} s"
        except HookFailed as error:
            if error.kind == "wrong" and child is not None:
                child.plugin.ledger.fault("somc_channels", "wrong", error.why)
            raise ChannelFailed(error.why) from None
        except (msgspec.MsgspecError, ValueError) as error:
            assert child is not None  # it has answered
            why = child.nonsense(error)
        return [Unsent(message.id, why[:MOST_DETAIL]) for message in batch]

    # -- from its process -------------------------------------------------------------------------

    def reported(self, status: Any, detail: Any) -> None:
        """What it says of its gateway. `ValueError` for what is no status."""
        if status not in ("up", "down"):
            raise ValueError(f"{status!r} is no status of a channel")
        if self._host is not None:
            self._host.report(status, str(detail)[:MOST_DETAIL])

    async def took(self, what: str, values: bytes) -> None:
        """Receipts or messages that have come; on return they are on disk. `RuntimeError` while it does not
        run."""
        if self._host is None:
            raise RuntimeError(f"the channel '{self.name}' does not run")
        if what == "receipts":
            await self._host.receipts(_receipts.decode(within(values, MOST_BYTES)))
        else:
            await self._host.inbound(_inbound.decode(within(values, MOST_BYTES)))
