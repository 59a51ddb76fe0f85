"""`somc journal tail --url`: the records of a hall that runs elsewhere, over its live feed.

What must stay true: every record once and in order, also when the feed could not bring them (`resync`): then
they come from `GET /records`.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from somc.client import HallHttp, Position, Record, Resync, Snapshot, open_client, open_http
from somc.errors import HallUnreachable

__all__ = ["tail_hall"]

PAGE = 500
REACH_S = 10.0
"""A hall that does not answer within this is told as not there."""

encode = msgspec.json.Encoder().encode


async def tail_hall(url: str, token: str, count: int, follow: bool) -> None:
    """Print the newest `count` records, a line of JSON each, and those that come if `follow`."""
    async with open_http(url, token=token, timeout_s=REACH_S) as http:
        hall = await http.get("/hall")
        printed = await _print_pages(http, Position(hall["epoch"], max(0, hall["seq"] - count)))
        if not follow:
            return
        # It was there a moment ago: from now on it is waited for.
        async with open_client(url, token=token, after=printed) as client:
            async for message in client.messages():
                match message:
                    case Record():
                        _print(message)
                        printed = Position(printed.epoch, message.seq)
                    case Resync():
                        print(f"resync: {message.reason}", file=sys.stderr)
                    case Snapshot(epoch=epoch, seq=seq):
                        printed = await _catch_up(http, printed, Position(epoch, seq))
                sys.stdout.buffer.flush()


async def _catch_up(http: HallHttp, printed: Position, upto: Position) -> Position:
    """What the feed passed over. A journal that was begun anew is printed from its start."""
    if printed.epoch != upto.epoch:
        printed = Position(upto.epoch, 0)
    try:
        return await _print_pages(http, printed, upto.seq)
    except HallUnreachable as error:
        print(f"records {printed.seq + 1} to {upto.seq} are missing: {error}", file=sys.stderr)
        return upto


async def _print_pages(http: HallHttp, after: Position, upto: float = float("inf")) -> Position:
    """The records after `after`, at most up to `upto`; the position of the last."""
    seq = after.seq
    while seq < upto:
        page: Any = await http.get("/records", {"epoch": after.epoch, "after": seq, "limit": PAGE})
        records = [r for r in msgspec.convert(page["records"], list[Record]) if r.seq <= upto]
        if not records:
            break
        for record in records:
            _print(record)
        seq = records[-1].seq
    sys.stdout.buffer.flush()
    return Position(after.epoch, seq)


def _print(record: Record) -> None:
    sys.stdout.buffer.write(encode(record) + b"\n")
