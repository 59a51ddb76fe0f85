"""What a session needs of a protocol, and what a protocol says of the bytes that came: no I/O on either side.

`SmppDialect` and `CmppDialect` are such dialects. `feed` never raises, whatever comes.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from somc_plugins.sms.text import Part

__all__ = [
    "Answered",
    "Dialect",
    "Event",
    "Incoming",
    "LinkAnswered",
    "LinkChecked",
    "LoggedIn",
    "Nonsense",
    "PartReceipt",
    "Submission",
    "TheyLeave",
]

Verdict = Literal["ok", "busy", "refused", "never"]
"""Of a submission: taken; not now (throttled, queue full); refused, perhaps not the next time; never."""


class Submission(msgspec.Struct, frozen=True):
    """One part on its way to a number. `life_s` is how long the gateway shall try."""

    to: str
    part: Part
    life_s: int


class LoggedIn(msgspec.Struct, frozen=True, gc=False):
    """The gateway answered the login. `warning`: it is let pass, but somebody should know."""

    ok: bool
    detail: str = ""
    warning: str = ""


class Answered(msgspec.Struct, frozen=True, gc=False):
    """The gateway answered the submission `sequence`. `ref` is its id of it."""

    sequence: int
    verdict: Verdict
    ref: str = ""
    detail: str = ""


class PartReceipt(msgspec.Struct, frozen=True, gc=False):
    """A receipt for `ref`; `delivered` None: it is still on its way. `ack` is what acknowledges it."""

    ref: str
    delivered: bool | None
    detail: str
    ack: bytes
    later: bytes


class Incoming(msgspec.Struct, frozen=True):
    """A part of what somebody writes. `ref` is the gateway's own id of it, if it has one."""

    sender: str
    receiver: str
    header: bytes
    text: str
    ref: str | None
    ack: bytes
    later: bytes


class LinkChecked(msgspec.Struct, frozen=True):
    """Are you there? `answer` says yes."""

    answer: bytes


class LinkAnswered(msgspec.Struct, frozen=True):
    """They are there."""


class TheyLeave(msgspec.Struct, frozen=True):
    """They end the session; `answer` says goodbye."""

    answer: bytes


class Nonsense(msgspec.Struct, frozen=True):
    """Something that is no message of this protocol. `fatal`: nothing after it can be read. `answer`: what
    the protocol says to it, if anything."""

    why: str
    fatal: bool = False
    answer: bytes = b""


Event = LoggedIn | Answered | PartReceipt | Incoming | LinkChecked | LinkAnswered | TheyLeave | Nonsense


class Dialect(Protocol):
    """One connection's protocol: state is what it needs to read a stream, no more."""

    name: str

    def login(self, sequence: int, now: int) -> bytes:
        """Ask to be let in; `now` is Unix seconds on the gateway's clock."""

    def submit(self, sequence: int, submission: Submission) -> bytes: ...

    def check_link(self, sequence: int) -> bytes: ...

    def leave(self, sequence: int) -> bytes: ...

    def feed(self, data: bytes) -> list[Event]:
        """What these bytes complete."""
