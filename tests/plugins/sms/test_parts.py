"""Long messages put together on disk: in any order, over a restart, by their own deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from somc.runtime.plugins.store import FileStore
from somc_plugins.sms.dialect import Incoming
from somc_plugins.sms.parts import MOST, PATIENCE_S, Parts
from somc_plugins.sms.text import decoded, parts_of

TEXT = "请" * 140


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def shelf(folder: Path) -> AsyncIterator[FileStore]:
    store = FileStore(folder / "store.sqlite3", bytes(32))
    try:
        yield store
    finally:
        await store.close()


async def told(parts: Parts, sender: str, number: int, reference: int = 7, text: str = TEXT) -> Sequence[str]:
    """The texts that become whole by this part; the hall takes them."""
    part = parts_of(text, reference)[number]
    piece = decoded(part.octets, part.coding)
    wholes = await parts.add(Incoming(sender, "10086", part.header, piece, None, b"", b""))
    await parts.told(wholes)
    return [each.text for each in wholes]


async def test_parts_come_in_any_order_and_their_like_from_others_do_not_mix(tmp_path: Path) -> None:
    clock = Clock()
    async with shelf(tmp_path) as store:
        parts = Parts("gw", store, clock)
        assert await told(parts, "a", 2) == []
        assert await told(parts, "b", 0) == []
        assert await told(parts, "a", 0) == []
        assert await told(parts, "a", 0) == []
        assert await told(parts, "a", 1) == [TEXT]
        assert await told(parts, "a", 1) == []  # told again
        assert parts.overdue() == []
        clock.now_s += PATIENCE_S
        assert [(each.sender, each.text) for each in parts.overdue()] == [("b", "请" * 67)]
        await parts.told(parts.overdue())
        assert await store.scan("") == []


async def test_another_message_by_the_same_reference_is_another(tmp_path: Path) -> None:
    async with shelf(tmp_path) as store:
        parts = Parts("gw", store, Clock())
        for number in range(3):
            await told(parts, "a", number)
        other = "查" * 140
        assert [await told(parts, "a", number, text=other) for number in range(3)] == [[], [], [other]]


async def test_a_restart_keeps_what_came_with_its_name_and_deadline(tmp_path: Path) -> None:
    clock = Clock()
    async with shelf(tmp_path) as store:
        before = Parts("gw", store, clock)
        await told(before, "a", 0)
        await told(before, "b", 0)
        clock.now_s += PATIENCE_S / 2
        after, other = Parts("gw", store, clock), Parts("gw2", store, clock)
        await after.restore()
        await other.restore()
        assert await told(after, "a", 2) == []
        assert await told(after, "a", 1) == [TEXT]
        clock.now_s += PATIENCE_S / 2
        (left,) = after.overdue()
        assert (left.sender, left.id) == ("b", before.overdue()[-1].id)
        assert other.overdue() == []


async def test_what_was_whole_but_not_told_is_told_after_a_restart_as_the_same(tmp_path: Path) -> None:
    clock = Clock()
    async with shelf(tmp_path) as store:
        before = Parts("gw", store, clock)
        pieces = parts_of(TEXT, 7)
        wholes = []
        for part in pieces:
            piece = decoded(part.octets, part.coding)
            wholes += await before.add(Incoming("a", "10086", part.header, piece, None, b"", b""))
        after = Parts("gw", store, clock)
        await after.restore()
        clock.now_s += PATIENCE_S
        assert after.overdue() == wholes


async def test_a_number_and_a_text_lie_sealed(tmp_path: Path) -> None:
    async with shelf(tmp_path) as store:
        await told(Parts("gw", store, Clock()), "13800138000", 0, text="x" * 200)
    on_disk = (tmp_path / "store.sqlite3").read_bytes()
    assert b"parts/gw/" in on_disk
    assert b"13800138000" not in on_disk
    assert b"xxxx" not in on_disk


async def test_of_more_than_may_be_open_the_oldest_is_given_out_and_none_lost(tmp_path: Path) -> None:
    async with shelf(tmp_path) as store:
        parts = Parts("gw", store, Clock())
        given = [await told(parts, f"s{n}", 0) for n in range(MOST + 3)]
        assert [len(each) for each in given] == [0] * MOST + [1] * 3


async def test_waiting_ends_with_the_deadline_of_the_first(tmp_path: Path, autojump_clock: object) -> None:
    async with shelf(tmp_path) as store:
        parts = Parts("gw", store, trio.current_time)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(parts.wait_overdue)
            await told(parts, "a", 0)
        assert len(parts.overdue()) == 1
