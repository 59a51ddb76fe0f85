"""The hash chain: what makes a changed record visible.

Each record is hashed in its contract form, one line of JSON without the line end:

    {"seq":7,"at":1760000000000,"type":"ticket.taken","topic":"…","data":{…},"v":1}

    chain(0)   = SHA-256("somc journal " + epoch)
    chain(seq) = SHA-256(chain(seq - 1) + line(seq))

What must stay true: the line hashed is byte for byte the line that `somc journal export` writes, so
that whoever holds an export and the epoch can check the chain with nothing but SHA-256. Hence the
rules of `check_shape`: a type and a topic need no escaping, and `data` is kept as the bytes given.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from somc.errors import UsageError
from somc.journal.record import Record

__all__ = ["check_shape", "genesis", "line_of", "line_of_fields", "link"]

_PLAIN = re.compile(r'[^\x00-\x1f"\\\ud800-\udfff]+')


def genesis(epoch: str) -> bytes:
    """The hash before the first record; it binds the records to their epoch."""
    return hashlib.sha256(b"somc journal " + epoch.encode()).digest()


def line_of(record: Record) -> bytes:
    """The record as one line of JSON without line end: what is hashed and what is exported."""
    return line_of_fields(
        record.seq, record.at, record.type.encode(), record.topic.encode(), bytes(record.data), record.v
    )


def line_of_fields(seq: int, at: int, type: bytes, topic: bytes, data: bytes, v: int) -> bytes:
    """The same from what the disk holds, which need not even be text any more."""
    return b'{"seq":%d,"at":%d,"type":"%b","topic":"%b","data":%b,"v":%d}' % (seq, at, type, topic, data, v)


def link(previous: bytes, line: bytes) -> bytes:
    """The hash of the record whose line is `line`, after the one whose hash is `previous`."""
    return hashlib.sha256(previous + line).digest()


def check_shape(record: Record) -> None:
    """Refuse a record that could not be exported byte for byte.

    Raises UsageError when type or topic are empty or would need escaping in JSON, or `data` is not one
    JSON object on one line in UTF-8.
    """
    for field, text in (("type", record.type), ("topic", record.topic)):
        if not _PLAIN.fullmatch(text):
            raise UsageError(
                f"record {record.seq}: {field} is {text!r}; it must not be empty nor hold a quote, "
                "a backslash or a control character"
            )
    data = bytes(record.data)
    try:
        data.decode()
        msgspec.json.decode(data, type=msgspec.Raw)  # parses the text without building objects
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise UsageError(f"record {record.seq} ({record.type}): data is not JSON: {error}") from error
    if not data.startswith(b"{") or b"\n" in data or b"\r" in data:
        raise UsageError(f"record {record.seq} ({record.type}): data must be one JSON object on one line")
