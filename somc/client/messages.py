"""The messages of the live feed, typed, and their two encodings.

What must stay true: unknown fields and unknown ops are ignored, so that an older client understands a newer
hall; anything else that is no message of the protocol raises `NoMessage`. Nothing here touches a socket.
"""

from __future__ import annotations

from typing import Any

import msgspec

from somc.client.state import HallFigures, HallState

__all__ = [
    "Batch",
    "Codec",
    "Figures",
    "JsonCodec",
    "MsgpackCodec",
    "NoMessage",
    "Pong",
    "Position",
    "Problem",
    "Record",
    "Reply",
    "Resync",
    "ServerMessage",
    "Snapshot",
    "Welcome",
    "codec_named",
]


class NoMessage(Exception):
    """What came is no message of the live feed; the text says why."""


class Position(msgspec.Struct, frozen=True):
    """A place in a hall's journal: everything up to record `seq` of `epoch` was looked at."""

    epoch: str
    seq: int


class Problem(msgspec.Struct, frozen=True):
    """A problem document (RFC 9457) of a hall."""

    status: int = 0
    code: str = ""
    title: str = ""
    detail: str = ""
    type: str = ""
    words: dict[str, str] | None = None
    fields: dict[str, str] | None = None
    retry_after_s: float | None = None


class Record(msgspec.Struct, frozen=True):
    """One fact of the hall's journal. `at` is in Unix milliseconds; `data` has the fields of its type, and a
    field that has its default is left out."""

    seq: int
    at: int
    type: str
    topic: str
    data: dict[str, Any]
    v: int = 1


class Welcome(msgspec.Struct, frozen=True, tag_field="op", tag="welcome"):
    """Who the hall takes us for, what time it is there, and how fast time passes (hall seconds a second)."""

    role: str
    subject: str
    org: str
    now: int
    speed: float = 1.0


class Snapshot(msgspec.Struct, frozen=True, tag_field="op", tag="snapshot"):
    """The whole hall as of record `seq`; it replaces all that was known."""

    epoch: str
    seq: int
    state: HallState


class Batch(msgspec.Struct, frozen=True, tag_field="op", tag="records"):
    """Records that were ready together; `through` is the last that was looked at for this client."""

    epoch: str
    through: int
    records: list[Record]


class Figures(msgspec.Struct, frozen=True, tag_field="op", tag="figures"):
    """What is derived and never recorded, as of record `seq`."""

    seq: int
    figures: HallFigures


class Resync(msgspec.Struct, frozen=True, tag_field="op", tag="resync"):
    """What was known is void; a snapshot follows. `reason` is for people."""

    reason: str = ""


class Reply(msgspec.Struct, frozen=True, tag_field="op", tag="reply"):
    """The answer to what was asked with `id`."""

    ok: bool
    id: str | int | None = None
    result: Any = None
    error: Problem | None = None


class Pong(msgspec.Struct, frozen=True, tag_field="op", tag="pong"):
    """The hall is there."""

    now: int | None = None


ServerMessage = Welcome | Snapshot | Batch | Figures | Resync | Reply | Pong


class AnyOp(msgspec.Struct, frozen=True):
    """As much as every message has."""

    op: str


OPS = frozenset(("welcome", "snapshot", "records", "figures", "resync", "reply", "pong"))


class Codec:
    """One subprotocol. `decode` answers `None` for an op that this client does not know."""

    subprotocol: str
    binary: bool

    def encode(self, message: dict[str, Any]) -> bytes:
        raise NotImplementedError

    def decode(self, data: bytes) -> ServerMessage | None:
        try:
            return self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            try:
                op = self._peek(data).op
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                raise NoMessage(str(error)) from error
            if op in OPS:
                raise NoMessage(f"op '{op}': {error}") from error
            return None

    def _decode(self, data: bytes) -> ServerMessage:
        raise NotImplementedError

    def _peek(self, data: bytes) -> AnyOp:
        raise NotImplementedError


class MsgpackCodec(Codec):
    """`somc.v1.msgpack`: binary messages, smaller and faster."""

    subprotocol = "somc.v1.msgpack"
    binary = True

    def __init__(self) -> None:
        self._message = msgspec.msgpack.Decoder(ServerMessage)
        self._any = msgspec.msgpack.Decoder(AnyOp)

    def encode(self, message: dict[str, Any]) -> bytes:
        return msgspec.msgpack.encode(message)

    def _decode(self, data: bytes) -> ServerMessage:
        message: ServerMessage = self._message.decode(data)
        return message

    def _peek(self, data: bytes) -> AnyOp:
        return self._any.decode(data)


class JsonCodec(Codec):
    """`somc.v1.json`: text messages, readable on the wire."""

    subprotocol = "somc.v1.json"
    binary = False

    def __init__(self) -> None:
        self._message = msgspec.json.Decoder(ServerMessage)
        self._any = msgspec.json.Decoder(AnyOp)

    def encode(self, message: dict[str, Any]) -> bytes:
        return msgspec.json.encode(message)

    def _decode(self, data: bytes) -> ServerMessage:
        message: ServerMessage = self._message.decode(data)
        return message

    def _peek(self, data: bytes) -> AnyOp:
        return self._any.decode(data)


def codec_named(name: str) -> Codec:
    """`msgpack` or `json`."""
    kinds: dict[str, type[Codec]] = {"msgpack": MsgpackCodec, "json": JsonCodec}
    if name not in kinds:
        raise ValueError(f"there is no encoding '{name}'; allowed: {', '.join(kinds)}")
    return kinds[name]()
