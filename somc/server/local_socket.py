"""The local socket of a hall's data folder, by which processes of the same machine and owner reach it.

What must stay true: the folder is the owner's only (0700) and so is the socket (0600): whoever can connect
could read the journal and its key as well, and is trusted as the hall itself.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import trio

__all__ = ["SOCKET_NAME", "connect", "listen"]

SOCKET_NAME = "hall.sock"

LONGEST_PATH = 100
"""A socket's address has room for some 107 bytes of path; beyond, it is reached through its open folder."""


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    path = folder.absolute() / SOCKET_NAME
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET_NAME}"
    finally:
        os.close(fd)


def listen(folder: Path) -> socket.socket:
    """The socket, bound and not yet listening. Only the process that holds the journal's lock calls this, so
    a socket that is there already is what a killed one has left."""
    with contextlib.suppress(FileNotFoundError):
        (folder / SOCKET_NAME).unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(folder) as address:
            listener.bind(address)
        (folder / SOCKET_NAME).chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener


async def connect(folder: Path) -> trio.SocketStream:
    """A connection to the hall of this folder. `OSError` if none is there."""
    ours = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(folder) as address:
            await ours.connect(address)
    except BaseException:
        ours.close()
        raise
    return trio.SocketStream(ours)
