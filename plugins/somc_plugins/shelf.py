"""Whole shelves of a plugin's store: everything below a prefix, what is to go from it, many in few entries.

The store gives pages of at most a thousand entries; these go through all of them. It takes 64 KB an entry and
a million entries: what is kept for each of many tickets or offers lies in buckets, to reach neither.
Plugins share them; this is none.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from somc.api import Json, Store

__all__ = ["all_under", "bucket_of", "drop_unless"]

PAGE = 500


def bucket_of(name: str, digits: int) -> str:
    """The bucket of a name, one of `16 ** digits`; the same for ever."""
    return sha256(name.encode()).hexdigest()[:digits]


async def all_under(store: Store, prefix: str) -> list[tuple[str, Json]]:
    """Every entry whose key begins with `prefix`, by key, the prefix taken off; for what is few."""
    found: list[tuple[str, Json]] = []
    after = ""
    while page := await store.scan(prefix, after, PAGE):
        found += [(key.removeprefix(prefix), value) for key, value in page]
        after = page[-1][0]
    return found


async def drop_unless(store: Store, prefix: str, keeps: Callable[[str, Json], bool]) -> int:
    """Delete every entry below `prefix` that `keeps(rest of the key, value)` says no to; how many went."""
    dropped = 0
    after = ""
    while page := await store.scan(prefix, after, PAGE):
        for key, value in page:
            if not keeps(key.removeprefix(prefix), value):
                await store.delete(key)
                dropped += 1
        after = page[-1][0]
    return dropped
