"""Read receipts (阅读回执): who has read what, in a plugin's own store. For `scripts` and `handover`.

    read/WHAT/SUBJECT   when (Unix ms)

What must stay true: the first reading counts; reading again changes nothing.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from somc.api import Store
from somc_plugins.shelf import all_under, drop_unless

__all__ = ["forget", "has_read", "mark_read", "readers"]


def _key(what: str, subject: str = "") -> str:
    return f"read/{what}/{quote(subject, safe='')}"


async def mark_read(store: Store, what: str, subject: str, at: int) -> None:
    """The subject has read `what` (an id without a slash)."""
    if await store.get(_key(what, subject)) is None:
        await store.put(_key(what, subject), at)


async def has_read(store: Store, what: str, subject: str) -> bool:
    return await store.get(_key(what, subject)) is not None


async def readers(store: Store, what: str) -> dict[str, int]:
    """Subject → when it read."""
    return {unquote(subject): int(at) for subject, at in await all_under(store, _key(what))}


async def forget(store: Store, what: str) -> None:
    """What was read is gone."""
    await drop_unless(store, _key(what), lambda subject, at: False)
