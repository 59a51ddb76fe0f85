"""Character devices as the kernel gives them, without a line discipline: `/dev/input/event*`, `/dev/usb/lp*`.

What must stay true
- Opening happens in a thread and never waits for a peer (`O_NONBLOCK`), a pipe included.
- A node that can only be read is opened for reading; writing to it raises.
- `grab` takes an input device away from everybody else, so that its digits do not also land on a console.
"""

from __future__ import annotations

import errno
import fcntl
import os

import trio

from somc_hal.links.serial_port import SerialStream

__all__ = ["open_device_node"]

_OPENING = trio.CapacityLimiter(4)
EVIOCGRAB = 0x40044590
"""`_IOW('E', 0x90, int)` of linux/input.h."""


def _opened(path: str, grab: bool) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if grab:
            fcntl.ioctl(fd, EVIOCGRAB, 1)
    except BaseException:
        os.close(fd)
        raise
    return fd


async def open_device_node(path: str, *, grab: bool) -> trio.abc.Stream:
    """Open a node. Raises `OSError`, also if it cannot be grabbed."""
    fd = await trio.to_thread.run_sync(_opened, path, grab, limiter=_OPENING)
    return SerialStream(fd)
