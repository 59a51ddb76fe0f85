"""The hall as a snapshot, made once for all who ask at the same time.

After a restart every screen asks within seconds, and in a large hall a snapshot takes milliseconds to make.
"""

from __future__ import annotations

from typing import Any

import msgspec
import trio

from somc.server.fanout.frames import BINARY, TEXT, frame
from somc.server.fanout.groups import Form
from somc.server.queries import hall_snapshot
from somc.server.query import Floor

__all__ = ["Snapshots"]

KEPT_S = 1.0
"""A snapshot holds what time alone moves (waits, estimates): after so long it is made anew."""


class _Made(msgspec.Struct, frozen=True):
    seq: int
    beside: tuple[Any, ...]
    at_s: float
    data: bytes


class Snapshots:
    """Snapshots as frames, the newest of each form kept."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._made: dict[Form, _Made] = {}
        self._making: dict[Form, trio.Lock] = {}

    async def take(self, form: Form) -> tuple[int, bytes]:
        """The `seq` of the hall as it is now, and the message that says so. What it shows is on disk."""
        async with self._making.setdefault(form, trio.Lock()):
            made = self._made.get(form)
            now_s = trio.current_time()
            now = (self._floor.hall.state.seq, self._floor.beside())
            if made is None or (made.seq, made.beside) != now or made.at_s + KEPT_S <= now_s:
                state = await hall_snapshot(self._floor, public=form.public)
                message = {"op": "snapshot", "epoch": state["epoch"], "seq": state["seq"], "state": state}
                data = frame(BINARY if form.wire.binary else TEXT, form.wire.encode(message))
                made = self._made[form] = _Made(state["seq"], now[1], now_s, data)
            return made.seq, made.data
