"""The two encodings of the live feed: the same messages as msgpack and as JSON.

Records of one message are encoded apart, once for all clients, and joined as bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from somc.journal.record import Record

__all__ = ["FORMATS", "JsonWire", "MsgpackWire", "Wire"]

T = TypeVar("T")


class Wire(ABC):
    """One subprotocol: its name, whether its messages are binary, and how they are made."""

    name: str
    binary: bool

    @abstractmethod
    def encode(self, message: Any) -> bytes:
        """One message."""

    @abstractmethod
    def decode(self, data: bytes, kind: type[T]) -> T:
        """`msgspec.MsgspecError` if `data` is no message of this kind."""

    @abstractmethod
    def record(self, record: Record) -> bytes:
        """One record, to be joined by `records`."""

    @abstractmethod
    def records(self, epoch: str, through: int, encoded: Sequence[bytes]) -> bytes:
        """The message `{op: "records", epoch, through, records}`."""


class JsonWire(Wire):
    """`somc.v1.json`: text messages."""

    name = "somc.v1.json"
    binary = False

    def encode(self, message: Any) -> bytes:
        return msgspec.json.encode(message)

    def decode(self, data: bytes, kind: type[T]) -> T:
        return msgspec.json.decode(data, type=kind)

    def record(self, record: Record) -> bytes:
        return msgspec.json.encode(record)

    def records(self, epoch: str, through: int, encoded: Sequence[bytes]) -> bytes:
        head = msgspec.json.encode({"op": "records", "epoch": epoch, "through": through})
        return head[:-1] + b',"records":[' + b",".join(encoded) + b"]}"


class MsgpackWire(Wire):
    """`somc.v1.msgpack`: binary messages."""

    name = "somc.v1.msgpack"
    binary = True

    def encode(self, message: Any) -> bytes:
        return msgspec.msgpack.encode(msgspec.to_builtins(message, str_keys=True))

    def decode(self, data: bytes, kind: type[T]) -> T:
        return msgspec.msgpack.decode(data, type=kind)

    def record(self, record: Record) -> bytes:
        # The journal keeps `data` as JSON bytes; here it becomes a map of its own.
        return msgspec.msgpack.encode(
            {
                "seq": record.seq,
                "at": record.at,
                "type": record.type,
                "topic": record.topic,
                "data": msgspec.json.decode(record.data),
                "v": record.v,
            }
        )

    def records(self, epoch: str, through: int, encoded: Sequence[bytes]) -> bytes:
        # A map of four whose last value is an array of bytes encoded before: the array's header is
        # 0xdc and a 16-bit count (msgpack specification, "array format family").
        head = msgspec.msgpack.encode({"op": "records", "epoch": epoch, "through": through})
        count = len(encoded).to_bytes(2, "big")
        key = msgspec.msgpack.encode("records")
        return b"\x84" + head[1:] + key + b"\xdc" + count + b"".join(encoded)


FORMATS: dict[str, Wire] = {wire.name: wire for wire in (MsgpackWire(), JsonWire())}
"""Subprotocol → encoding; the first that a client offers too is taken."""
