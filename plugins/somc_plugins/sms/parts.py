"""Long messages that come in parts, put together on disk.

    part ── add ──▶ store (sealed) ──▶ all there? ── Whole ──▶ the hall ── told ──▶ done, forgotten later
                                    deadline passed? ── Whole, as far as it came

What must stay true
- `add` returns when the part is on disk: then it may be acknowledged, and a hall that dies loses nothing.
- A message keeps its id from its first part on, also over a restart: told twice, it is the same to the hall.
- A message that has been told stays known until its deadline: a part that the gateway tells again begins no
  new one.
- What does not become whole is given out as far as it came, when its own deadline passes, whether or not
  anything else comes; and at once where more than `MOST` are open.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import trio

from somc.api import Store
from somc_plugins.sms.dialect import Incoming
from somc_plugins.sms.text import concatenation

__all__ = ["Parts", "Whole"]

PATIENCE_S = 300.0
"""So long the other parts may take from the first one on."""

MOST = 200
"""Messages that may be open at once."""


class Whole(msgspec.Struct, frozen=True):
    """A message of several parts, whole or as far as it came."""

    id: str
    sender: str
    receiver: str
    text: str


class _Set:
    """The parts of one message."""

    def __init__(self, id: str, begun_s: float) -> None:
        self.id = id
        self.begun_s = begun_s
        self.parts: dict[int, str] = {}
        self.told = False


Key = tuple[str, str, int, int]
"""Sender, receiver, reference, how many."""


class Parts:
    """The open messages of one gateway. `restore` before anything else; one caller at a time."""

    def __init__(self, gateway: str, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._prefix = f"parts/{gateway}/"
        self._store = store
        self._clock = clock
        self._open: dict[Key, _Set] = {}
        self._changed = trio.Event()

    async def restore(self) -> None:
        """What is on disk from before."""
        self._open.clear()
        after = ""
        while found := await self._store.scan(self._prefix, after):
            for name, value in found:
                after = name
                self._restored(name, value)
        self._news()

    def _restored(self, name: str, value: Any) -> None:
        id, _, number = name.removeprefix(self._prefix).partition("/")
        key = (value["sender"], value["receiver"], value["reference"], value["total"])
        # A clock that was set back meanwhile makes nobody wait longer than from now on.
        begun_s = min(float(value["begun"]), self._clock())
        known = self._open.get(key)
        if known is None or known.id != id:
            known = self._open[key] = _Set(id, begun_s)
        known.begun_s = min(known.begun_s, begun_s)
        known.parts[int(number)] = value["text"]

    async def add(self, part: Incoming) -> list[Whole]:
        """What this part makes whole; it has a place among several. On return the part is on disk."""
        place = concatenation(part.header)
        assert place is not None
        reference, total, number = place
        key = (part.sender, part.receiver, reference, total)
        known = self._open.get(key)
        if known is not None and known.told:
            if known.parts.get(number) == part.text:
                return []  # told again, after the whole was
            await self._forget(key)  # another message by the same reference
            known = None
        if known is None:
            known = self._open[key] = _Set(secrets.token_hex(8), self._clock())
        value = {
            "sender": part.sender,
            "receiver": part.receiver,
            "reference": reference,
            "total": total,
            "text": part.text,
            "begun": known.begun_s,
        }
        await self._store.put(f"{self._prefix}{known.id}/{number:03}", value, sealed=True)
        known.parts[number] = part.text
        self._news()
        wholes = [_whole(key, known)] if len(known.parts) == total else []
        waiting = [each for each, open_ in self._open.items() if not open_.told and each != key]
        return wholes + [
            _whole(each, self._open[each]) for each in waiting[: max(0, len(waiting) + 1 - MOST)]
        ]

    def overdue(self) -> list[Whole]:
        """Those whose deadline has passed, and that were not told."""
        now_s = self._clock()
        return [
            _whole(key, open_)
            for key, open_ in self._open.items()
            if not open_.told and now_s - open_.begun_s >= PATIENCE_S
        ]

    async def told(self, wholes: Iterable[Whole]) -> None:
        """The hall has these on disk. What is past its deadline is forgotten."""
        ids = {whole.id for whole in wholes}
        now_s = self._clock()
        for key, open_ in list(self._open.items()):
            open_.told = open_.told or open_.id in ids
            if open_.told and now_s - open_.begun_s >= PATIENCE_S:
                await self._forget(key)

    async def wait_overdue(self) -> None:
        """Return when the deadline of one has passed, told or not."""
        while True:
            due_s = min((each.begun_s for each in self._open.values()), default=float("inf")) + PATIENCE_S
            left_s = due_s - self._clock()
            if left_s <= 0:
                return
            with trio.move_on_after(left_s):
                await self._changed.wait()

    async def _forget(self, key: Key) -> None:
        gone = self._open.pop(key)
        for number in gone.parts:
            await self._store.delete(f"{self._prefix}{gone.id}/{number:03}")
        self._news()

    def _news(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _whole(key: Key, open_: _Set) -> Whole:
    return Whole(open_.id, key[0], key[1], "".join(open_.parts[each] for each in sorted(open_.parts)))
