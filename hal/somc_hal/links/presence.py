"""Whether what a URL names is plugged in, without opening it.

What must stay true: only what this machine knows by itself is answered (a device's file, a name in this
process). Nothing is sent, and a network is not asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import trio

from somc_hal.links.memory import is_listening

__all__ = ["wait_unplugged"]

GRACE_S = 0.1
"""The kernel hangs a line up a little before it takes its file away."""

LOOK_S = 0.01


def absence(scheme: str, path: str, name: str) -> Callable[[], bool] | None:
    """What says whether the device is not there; `None` where only opening can say it."""
    match scheme:
        case "serial" | "serial+aio" | "pty" | "device":
            return lambda: not os.path.exists(path)
        case "memory":
            return lambda: not is_listening(name)
    return None


async def wait_unplugged(scheme: str, path: str, name: str) -> bool:
    """After a line broke: whether its device is gone, which is waited for at most `GRACE_S`."""
    absent = absence(scheme, path, name)
    if absent is None:
        return False
    until = trio.current_time() + GRACE_S
    while not absent():
        if trio.current_time() >= until:
            return False
        await trio.sleep(LOOK_S)
    return True
