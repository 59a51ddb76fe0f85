"""The messages of the live feed, as types: of these the AsyncAPI document is made.

What must stay true: what a client sends is read into `Op`, whose fields these spell out op by op; what the
hall sends has exactly these fields (tests hold real messages to the document). Instants are integer Unix
milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from somc.server.answers import HallAnswer
from somc.server.conversation import MOST_TOPICS
from somc.server.problems import Problem

__all__ = ["FROM_CLIENT", "FROM_HALL"]

Id = str | int
Topics = Annotated[list[Annotated[str, Meta(min_length=1, max_length=512)]], Meta(max_length=MOST_TOPICS)]


class After(msgspec.Struct, frozen=True):
    """What was seen last."""

    epoch: str
    seq: Annotated[int, Meta(ge=0)]


class Subscribe(msgspec.Struct, frozen=True):
    """Be told what happens to topics; without `after`, a snapshot comes first."""

    op: Literal["subscribe"]
    topics: Topics
    id: Id | None = None
    after: After | None = None


class Unsubscribe(msgspec.Struct, frozen=True):
    """Be told no more of these topics."""

    op: Literal["unsubscribe"]
    topics: Topics
    id: Id | None = None


class Command(msgspec.Struct, frozen=True):
    """Do or ask something by its name; `key` is the idempotency key."""

    op: Literal["command"]
    name: str
    args: dict[str, Any]
    id: Id | None = None
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Ping(msgspec.Struct, frozen=True):
    """Are you there?"""

    op: Literal["ping"]


class Welcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who you are, and the hall's time: the first message."""

    op: Literal["welcome"]
    subject: str
    role: str
    org: str
    now: int
    speed: float


class Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hall as it was after record `seq`."""

    op: Literal["snapshot"]
    epoch: str
    seq: int
    state: HallAnswer


class Records(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was recorded, in order. `through` is the last `seq` that was looked at for you."""

    op: Literal["records"]
    epoch: str
    through: int
    records: list[Any]


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is derived and never recorded; at most once a second, the newest only."""

    op: Literal["figures"]
    seq: int
    figures: dict[str, Any]


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to the message with this `id`: a result, or an error."""

    op: Literal["reply"]
    id: Id | None
    ok: bool
    result: Any = None
    error: Problem | None = None


class Resync(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What you know is void; a snapshot follows. The reason is for people."""

    op: Literal["resync"]
    reason: str


class Pong(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to `ping`."""

    op: Literal["pong"]
    now: int


FROM_CLIENT: tuple[type[msgspec.Struct], ...] = (Subscribe, Unsubscribe, Command, Ping)
FROM_HALL: tuple[type[msgspec.Struct], ...] = (Welcome, Snapshot, Records, Figures, Reply, Resync, Pong)
