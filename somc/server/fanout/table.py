"""Tables of sockets that get the same bytes, and the loop that sends to them: in C, or in Python.

What must stay true
- A socket is in a table only while it is open: whoever closes it takes its member out first. The system gives
  a closed socket's number to the next connection, which would get this member's messages.
- A member is in one table at most. Adding, removing and finding it cost the same however long the table is.
- There is no silent fallback: Python's loop costs about twice the CPU a message and runs under `SOMC_PURE=1`.
"""

from __future__ import annotations

import errno
import os
from array import array
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Member", "NativeTable", "PureTable", "Table", "table_kind"]

FULL = (errno.EAGAIN, errno.EWOULDBLOCK)


class Member(Protocol):
    """Somebody with a socket."""

    place: int
    """Its place in the table; the table's own."""

    @property
    def fd(self) -> int:
        """The number of its non-blocking socket."""


M = TypeVar("M", bound=Member)


class Table(Generic[M]):
    """Members and their sockets, in the same order."""

    implementation: str

    def __init__(self) -> None:
        self.members: list[M] = []
        self._fds = array("i")

    def __len__(self) -> int:
        return len(self.members)

    def add(self, member: M) -> None:
        """`member` gets what is sent from now on."""
        member.place = len(self.members)
        self.members.append(member)
        self._fds.append(member.fd)

    def remove(self, member: M) -> None:
        """`member`, which is here, gets nothing more. The last one takes its place."""
        last, fd = self.members.pop(), self._fds.pop()
        if last is not member:
            self.members[member.place], self._fds[member.place] = last, fd
            last.place = member.place

    def send(self, data: bytes) -> list[tuple[M, int]]:
        """Tries once to send `data` to every member, without waiting.

        Returns those who did not take all of it, with the bytes that they took: 0 when the socket's buffer is
        full, negative (-errno) when the connection is broken. They stay in the table.
        """
        raise NotImplementedError


class PureTable(Table[M]):
    """The loop in Python."""

    implementation = "python"

    def send(self, data: bytes) -> list[tuple[M, int]]:
        failed = []
        size, write = len(data), os.write
        for member, fd in zip(self.members, self._fds, strict=True):
            try:
                taken = write(fd, data)
            except OSError as error:
                taken = 0 if error.errno in FULL else -(error.errno or errno.EIO)
            if taken != size:
                failed.append((member, taken))
        return failed


def table_kind() -> type[Table[Any]]:
    """The kind of table that this process is to use. `ImportError` if the C loop is missing and `SOMC_PURE=1`
    is not set; its message says both remedies."""
    if os.environ.get("SOMC_PURE") == "1":
        return PureTable
    try:
        from somc._fanout import ffi, lib
    except ImportError as error:
        raise ImportError(
            "the C loop of the live feed (somc._fanout) is not installed. Either install SOMC again with a C "
            "compiler, Python's headers and SOMC_PURE unset (Debian: apt install gcc python3-dev), or set "
            f"SOMC_PURE=1 to run everything in pure Python. [{error}]",
            name="somc._fanout",
        ) from error
    NativeTable.bind(ffi, lib)
    return NativeTable


class NativeTable(Table[M]):
    """The loop in C (`native/fanout`): one call for the whole table, without the interpreter's lock."""

    implementation = "native"
    _ffi: Any = None
    _lib: Any = None

    @classmethod
    def bind(cls, ffi: Any, lib: Any) -> None:
        cls._ffi, cls._lib = ffi, lib

    def __init__(self) -> None:
        super().__init__()
        self._room = 0

    def send(self, data: bytes) -> list[tuple[M, int]]:
        count = len(self._fds)
        if count > self._room:
            self._room = 2 * count
            self._places = self._ffi.new("int[]", self._room)
            self._taken = self._ffi.new("long[]", self._room)
        fds = self._ffi.from_buffer("int[]", self._fds)
        failed = self._lib.fan_send(fds, count, data, len(data), self._places, self._taken) if count else 0
        self._ffi.release(fds)  # an array that is looked into cannot grow
        members = self.members
        return [(members[self._places[at]], self._taken[at]) for at in range(failed)]
