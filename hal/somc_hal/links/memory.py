"""Links inside one process: a name, a listener and pairs of streams without any descriptor.

What must stay true: names live within one Trio run (a `RunVar`), so nothing is left for the next
one; a send waits until the other side has read, so no queue grows.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

import trio
from trio.testing import lockstep_stream_pair

__all__ = ["is_listening", "listen_memory", "open_memory", "unlisten_memory"]

Connected = Callable[[trio.abc.Stream], None]

_listeners: trio.lowlevel.RunVar[dict[str, Connected]] = trio.lowlevel.RunVar("somc_hal memory listeners")


def _table() -> dict[str, Connected]:
    try:
        return _listeners.get()
    except LookupError:
        table: dict[str, Connected] = {}
        _listeners.set(table)
        return table


def listen_memory(name: str, connected: Connected) -> None:
    """From now on `memory://name` can be opened; `connected` gets the other end at once, in the
    opener's task. `OSError` (EADDRINUSE) if the name is taken."""
    if name in _table():
        raise OSError(errno.EADDRINUSE, f"memory://{name} is taken")
    _table()[name] = connected


def unlisten_memory(name: str) -> None:
    """No new connection from now on; those that are open stay."""
    _table().pop(name, None)


def is_listening(name: str) -> bool:
    """Whether `memory://name` could be opened now."""
    return name in _table()


async def open_memory(name: str) -> trio.abc.Stream:
    """Connect. `OSError` (ENOENT) if nobody listens."""
    await trio.lowlevel.checkpoint()
    connected = _table().get(name)
    if connected is None:
        raise OSError(errno.ENOENT, f"memory://{name}: nobody listens")
    near, far = lockstep_stream_pair()
    connected(far)
    return near
