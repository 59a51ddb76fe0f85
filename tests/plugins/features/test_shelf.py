"""Everything below a prefix, over more entries than the store gives at once."""

from __future__ import annotations

from pathlib import Path

from somc.runtime.plugins.store import FileStore
from somc_plugins.receipts import forget, has_read, mark_read, readers
from somc_plugins.shelf import all_under, drop_unless


async def test_all_entries_are_found_and_those_that_are_not_kept_go(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "s.sqlite", b"k" * 32)
    for number in range(1100):
        await store.put(f"a/{number:04d}", number)
    await store.put("b/0", "another shelf")
    assert await all_under(store, "a/") == [(f"{number:04d}", number) for number in range(1100)]
    assert await drop_unless(store, "a/", lambda key, value: int(key) % 2 == 0) == 550
    assert [value for _, value in await all_under(store, "a/")] == list(range(0, 1100, 2))
    assert await all_under(store, "b/") == [("0", "another shelf")]
    await store.close()


async def test_the_first_reading_counts(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "s.sqlite", b"k" * 32)
    await mark_read(store, "n1", "li/2", 5)
    await mark_read(store, "n1", "li/2", 9)
    await mark_read(store, "n10", "wang", 7)
    assert await readers(store, "n1") == {"li/2": 5}
    assert await has_read(store, "n1", "li/2")
    assert not await has_read(store, "n1", "wang")
    await forget(store, "n1")
    assert await readers(store, "n1") == {}
    assert await readers(store, "n10") == {"wang": 7}
    await store.close()
