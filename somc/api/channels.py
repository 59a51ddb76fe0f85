"""Channels: how messages leave to customers and come back (SMS now).

    hall ── send(batch) ──▶ channel ──▶ gateway
         ◀── outcomes ─────          (accepted with the gateway's ids, refused, or not known)
         ◀── receipts, inbound ────  (through `ChannelHost`)

What must stay true
- At least once: a channel that does not know whether a message was taken over answers `Unsent`, and the
  message is given out again, to it or to another channel. The hall's record has each sent once.
- A receipt or an incoming message is acknowledged to the gateway only after the host's call has returned:
  then it is on disk.
- A channel never decides when a message may leave, or to whom: quiet hours, limits, retries, order and the
  choice among several channels are the hall's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

__all__ = [
    "Channel",
    "ChannelHost",
    "Inbound",
    "Outcome",
    "Outgoing",
    "Receipt",
    "Refused",
    "Sent",
    "SimulatedGateway",
    "Unsent",
]


class Outgoing(msgspec.Struct, frozen=True):
    """One message to be sent: `to` is a number of digits, `text` whole however long. After `life_s` it is of
    no use to anybody."""

    id: str
    to: str
    text: str
    life_s: int


class Sent(msgspec.Struct, frozen=True, tag=True):
    """The gateway took it over. `refs` are its own ids of the parts, which receipts name; empty if there will
    be no receipts."""

    message: str
    refs: tuple[str, ...] = ()


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The gateway said no to this message; `permanent` if it always will (a number that is none)."""

    message: str
    detail: str
    permanent: bool = False


class Unsent(msgspec.Struct, frozen=True, tag=True):
    """It was not sent, or nobody knows: the connection broke, the gateway is busy. Tried again soon, and not
    counted as an attempt."""

    message: str
    detail: str = ""


Outcome = Sent | Refused | Unsent


class Receipt(msgspec.Struct, frozen=True):
    """What became of the part that the gateway called `ref`."""

    ref: str
    delivered: bool
    detail: str = ""


class Inbound(msgspec.Struct, frozen=True):
    """Somebody wrote to the hall: from which number, to which of the hall's, what. `ref` names it for good:
    the same gateway and `ref` again is the same message."""

    sender: str
    receiver: str
    text: str
    ref: str


class ChannelHost(Protocol):
    """The hall as a channel sees it."""

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        """Receipts have come. On return they are on disk."""

    async def inbound(self, messages: Sequence[Inbound]) -> None:
        """Somebody wrote. On return what it led to is on disk."""

    def report(self, status: Literal["up", "down"], detail: str = "") -> None:
        """Whether messages can be taken now. `down` from the beginning; said again as often as one likes."""


class Channel(Protocol):
    """One way out for messages.

    `kinds` says what it carries (`"sms"`). Of several that are up, messages go to each in proportion to its
    `weight`; one of weight 0 is used only while no other is up. `batch` is how many it likes to be given at
    once; it is given two batches at a time, so that there is always work while an answer is under way.
    """

    name: str
    kinds: frozenset[str]
    weight: int
    batch: int

    async def run(self, host: ChannelHost, *, task_status: Any) -> None:
        """Be connected, and connect again, until cancelled. `started()` at once: a gateway that is not there
        is no fault. What it raises ends the channel; it is started again after a while."""

    async def send(self, batch: Sequence[Outgoing]) -> Sequence[Outcome]:
        """Send these; one outcome for each, in any order. Cancelled, all that is not answered counts as
        `Unsent`. What it raises counts as `Unsent` for all."""


class SimulatedGateway(Protocol):
    """The other end of a channel, simulated: `somc channel simulate` runs it, tests drive it.

    The knobs are set before `run` or while it runs: every `throttle`-th message is answered with "too fast",
    every `drop`-th never, each after `delay_s`; `lie`: receipts that are not so.
    """

    throttle: int
    drop: int
    delay_s: float
    lie: bool
    password: str
    told: Callable[[str], None]
    """Is called with what happens, in words."""

    async def run(self, port: int = 0, host: str = "127.0.0.1", *, task_status: Any) -> None:
        """Serve until cancelled; `started` is given the port."""

    async def do(self, order: str) -> str:
        """Carry out an order in words (`cut`, `down`, `up`, `write NUMBER TEXT`, …); what came of it."""
