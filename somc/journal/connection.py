"""SQLite connections to the journal's file, and its errors in our words.

What must stay true: one connection writes, in one process (`WriterLock`); every other is read-only
and never checkpoints; work on a connection runs in that connection's own thread, so that no cursor
is open across an await; only apsw opens the file (a second SQLite library in the same process would
break the locks of the first).
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

import apsw
import apsw.aio
import trio

from somc.errors import StoreCorrupt, StoreError, StoreFull, StoreLocked

__all__ = [
    "Connection",
    "WriterLock",
    "as_store_error",
    "open_for_reading",
    "open_for_writing",
    "open_plainly_for_reading",
    "sync_folder",
    "system_errors",
]

BUSY_MS = 5_000
"""How long to wait for another program that holds the file: longer than any page of a reader."""

WAL_KEPT_BYTES = 64 * 2**20
"""The WAL is cut back to this after a checkpoint, should a slow reader have let it grow."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

P = ParamSpec("P")
T = TypeVar("T")


def as_store_error(error: apsw.Error, system_errno: int, path: str) -> StoreError:
    """The error of SQLite as one of the tree in `somc.errors`, with what to do."""
    if isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and system_errno in _FULL):
        return StoreFull(
            f"no space left for {path}: nothing of the last batch was kept; "
            "free space on that disk and start again"
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return StoreCorrupt(f"{path} is damaged ({error}): restore it from the newest copy")
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return StoreLocked(f"{path} is held by another program for more than {BUSY_MS // 1000} s ({error})")
    cause = f": {os.strerror(system_errno)}" if system_errno else ""
    return StoreError(f"{path}: {error}{cause}")


@contextmanager
def system_errors(doing: str) -> Iterator[None]:
    """Errors of the operating system as ours: StoreFull without space, else StoreError."""
    try:
        yield
    except OSError as error:
        kind = StoreFull if error.errno in _FULL else StoreError
        raise kind(f"{doing}: {error}") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a synced file without a name is lost in a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class Connection:
    """One apsw connection in its Trio mode: a worker thread that runs what is handed to it."""

    def __init__(self, raw: apsw.Connection, path: str) -> None:
        self._raw = raw
        self._path = path

    async def run(
        self, work: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(connection, …)` in the connection's thread.

        Cancelling the caller interrupts the SQL that runs. Raises StoreError (or one of its kind) for
        errors of SQLite; other exceptions pass through.
        """

        def guarded() -> T:
            try:
                return work(self._raw, *args, **kwargs)
            except apsw.Error as error:
                raise as_store_error(error, self._raw.system_errno, self._path) from error

        # apsw would take the caller's deadline as its own and raise TooSlowError when it saw it pass
        # before Trio did; so it is told of none, and cancellation alone ends the work.
        token = apsw.aio.deadline.set(math.inf)
        try:
            return cast(T, await cast("apsw.AsyncConnection", self._raw).async_run(guarded))
        finally:
            apsw.aio.deadline.reset(token)

    async def aclose(self) -> None:
        """Close, also while cancelled: an open connection's thread would keep the process alive."""
        with trio.CancelScope(shield=True):
            await cast("apsw.AsyncConnection", self._raw).aclose()


async def _open(path: Path, flags: int, target: str | None = None) -> Connection:
    # Named outright, because apsw's own guess takes AnyIO when a caller of ours was started by it.
    # The variable takes the class, though its type says an object of it.
    token = apsw.async_controller.set(cast("apsw.AsyncConnectionController", apsw.aio.Trio))
    try:
        opened = await apsw.Connection.as_async(target or str(path), flags=flags)
    except apsw.Error as error:
        raise as_store_error(error, 0, str(path)) from error
    finally:
        apsw.async_controller.reset(token)
    return Connection(cast(apsw.Connection, opened), str(path))


def _settle(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)


def _settle_reader(connection: apsw.Connection) -> None:
    """Make a freshly opened connection one that only reads."""
    _settle(connection)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("query_only", True)


def _settle_writer(connection: apsw.Connection) -> None:
    _settle(connection)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")  # NORMAL lost acknowledged records in simulated power cuts
    connection.pragma("journal_size_limit", WAL_KEPT_BYTES)
    connection.pragma("secure_delete", True)  # an erased person is overwritten, not only unlinked


async def open_for_writing(path: Path) -> Connection:
    """The writing connection; creates the file. The caller holds the `WriterLock`."""
    # SQLite gives the WAL and the shared memory the mode of the file, so the file comes first.
    with system_errors("the journal cannot be opened for writing"):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)
    connection = await _open(path, apsw.SQLITE_OPEN_READWRITE)
    try:
        await connection.run(_settle_writer)
    except BaseException:
        await connection.aclose()
        raise
    return connection


def _reading_target(path: Path) -> tuple[str, int]:
    """Name and flags to open for reading: a copy on a read-only disk has no room for shared memory."""
    wal = path.with_name(path.name + "-wal")
    if os.access(path.parent, os.W_OK) or wal.exists():
        return str(path), apsw.SQLITE_OPEN_READONLY
    return f"{path.absolute().as_uri()}?immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI


def open_plainly_for_reading(path: Path) -> apsw.Connection:
    """A connection that only reads, for tools that have a process to themselves. Raises StoreError."""
    target, flags = _reading_target(path)
    try:
        connection = apsw.Connection(target, flags=flags)
        _settle_reader(connection)
    except apsw.Error as error:
        raise as_store_error(error, 0, str(path)) from error
    return connection


async def open_for_reading(path: Path) -> Connection:
    """A connection that only reads, beside the writing one or in another process."""
    target, flags = _reading_target(path)
    connection = await _open(path, flags, target)
    try:
        await connection.run(_settle_reader)
    except BaseException:
        await connection.aclose()
        raise
    return connection


class WriterLock:
    """The right to write a journal: an exclusive `flock` on `journal.lock`, kept while it is open.

    The system gives it up when the process ends, however it ends, so no stale lock is possible.
    Raises StoreLocked with the other process's id when it is taken.
    """

    def __init__(self, path: Path) -> None:
        with system_errors("the journal cannot be locked for writing"):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise StoreError(f"{path}: cannot be locked: {error}") from error
            raise StoreLocked(
                f"{path.parent} is written by another process (id {holder}): "
                "stop that one first, or give this one a data folder of its own"
            ) from error
        # The id is a help in the other process's message and nothing more: a full disk may refuse it.
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give up the lock. The file stays: removing it would let two processes lock two files."""
        os.close(self._file)
