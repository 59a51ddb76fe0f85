"""Checking a journal from end to end, from outside: what `somc journal verify` does.

What must stay true: verifying only reads, and works while a hall writes (it looks at the records that
were there when it began); it names the first record that does not hold and goes on, so that one damaged
record is told apart from a damaged disk.

What it cannot see: a journal cut off after some record. Whoever wants that noted keeps the head's hash
elsewhere and compares it; positions or snapshots beyond the head are taken as a sign of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec

from somc.errors import StoreError, UsageError
from somc.journal import migrations, snapshots
from somc.journal.chain import check_shape, genesis, line_of_fields, link
from somc.journal.connection import as_store_error, open_plainly_for_reading
from somc.journal.opening import DATABASE_NAME
from somc.journal.records import COLUMNS, as_record
from somc.journal.sql import rows, transaction, value

__all__ = ["Problem", "Report", "database_in", "verify"]

PAGE = 2_000
PROBLEMS_MOST = 20
"""Past this the disk is gone, and a longer list tells nobody more."""


class Problem(msgspec.Struct, frozen=True):
    """What does not hold; `seq` names the record, None when it is not one record's fault."""

    seq: int | None
    what: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying found. `chain` is the hash of record `head` in hex; `at` are Unix milliseconds."""

    path: str
    ok: bool
    epoch: str | None
    store_version: int
    records: int
    head: int
    chain: str
    first_at: int | None
    last_at: int | None
    snapshots: int
    problems: tuple[Problem, ...]


def database_in(directory: Path) -> Path:
    """The database of a data folder (or the file itself). Raises UsageError when there is none."""
    path = directory / DATABASE_NAME if directory.is_dir() else directory
    if not path.is_file():
        raise UsageError(f"{directory} holds no journal: name the data folder, the one with {DATABASE_NAME}")
    return path


def verify(directory: Path, on_progress: Callable[[int, int], None] | None = None) -> Report:
    """Check sequence, chain, times, JSON, snapshots and the file itself.

    `on_progress` gets the number of records done and of all. Raises UsageError when there is no
    journal, StoreError when the file cannot be opened at all; whatever else is wrong is in the report.
    """
    path = database_in(directory)
    connection = open_plainly_for_reading(path)
    check = _Check(connection, path)
    try:
        check.frame()
        check.records(on_progress or (lambda done, total: None))
    except apsw.Error as error:
        after = f"after record {check.seq}: " if check.seq else ""
        check.problem(None, after + str(as_store_error(error, connection.system_errno, str(path))))
    finally:
        connection.close()
    return check.report()


class _Check:
    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._problems: list[Problem] = []
        self._epoch: str | None = None
        self._version = 0
        self._snapshots = 0
        self._head = 0
        self._records = 0
        self._chain = b""
        self._first_at: int | None = None
        self._last_at: int | None = None
        self.seq = 0

    def problem(self, seq: int | None, what: str) -> None:
        if len(self._problems) < PROBLEMS_MOST:
            self._problems.append(Problem(seq, what))

    def frame(self) -> None:
        """Everything but the records, as of one moment."""
        connection = self._connection
        with transaction(connection, "DEFERRED"):
            self._version = migrations.version_of(connection, str(self._path))
            if not self._version:
                raise StoreError(f"{self._path} is empty: no journal was begun in it")
            self._head = int(value(connection, "SELECT coalesce(max(seq), 0) FROM record"))
            self._epoch = value(connection, "SELECT value FROM meta WHERE key = 'epoch'")
            if self._epoch is None:
                self.problem(None, "the journal has lost its epoch")
            for (said,) in rows(connection, f"PRAGMA quick_check({PROBLEMS_MOST})"):
                if said != "ok":
                    self.problem(None, f"SQLite: {said}")
            for follower, seq in rows(
                connection, "SELECT follower, seq FROM position WHERE seq > ?", (self._head,)
            ):
                self.problem(
                    None, f"follower {follower} stands at record {seq}, beyond the last one {self._head}"
                )
            if value(connection, "SELECT 1 FROM sqlite_schema WHERE name = 'snapshot'"):
                self._check_snapshots()

    def _check_snapshots(self) -> None:
        connection = self._connection
        for (seq,) in rows(connection, "SELECT seq FROM snapshot ORDER BY seq"):
            at, state, sha256 = rows(
                connection, "SELECT at, state, sha256 FROM snapshot WHERE seq = ?", (seq,)
            )[0]
            self._snapshots += 1
            if snapshots.checksum(seq, at, state) != sha256:
                self.problem(None, f"the snapshot at record {seq} does not match its checksum")
            if seq > self._head:
                self.problem(None, f"the snapshot at record {seq} is beyond the last record {self._head}")

    def records(self, on_progress: Callable[[int, int], None]) -> None:
        chain = genesis(self._epoch or "")
        for row, kept in self._rows():
            seq, at = row[0], row[1]
            whole = seq == self.seq + 1
            if not whole:
                gap = f"record {self.seq + 1}" + ("" if seq == self.seq + 2 else f" to {seq - 1}")
                self.problem(self.seq + 1, f"{gap} is missing")
            self._check_row(row)
            # After a gap the chain cannot be followed: it is taken up again from what this record keeps.
            if whole and link(chain, line_of_fields(*row)) != kept:
                self.problem(seq, f"record {seq} is not what was written: its hash does not follow")
            if self._last_at is not None and at < self._last_at:
                self.problem(seq, f"record {seq} is of {at}, before the one before it")
            chain = kept
            self.seq, self._last_at = seq, at
            self._first_at = at if self._first_at is None else self._first_at
            self._records += 1
            if self._records % PAGE == 0 or seq == self._head:
                on_progress(seq, self._head)
        self._chain = chain

    def _check_row(self, row: tuple[Any, ...]) -> None:
        try:
            check_shape(as_record(row))
        except (StoreError, UsageError) as error:
            self.problem(row[0], str(error))

    def _rows(self) -> Iterator[tuple[tuple[Any, ...], bytes]]:
        after = 0
        while page := rows(
            self._connection,
            f"SELECT {COLUMNS}, chain FROM record WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (after, self._head, PAGE),
        ):
            for *row, kept in page:
                yield tuple(row), kept
            after = page[-1][0]

    def report(self) -> Report:
        named = [problem for problem in self._problems if problem.seq is not None]
        others = [problem for problem in self._problems if problem.seq is None]
        return Report(
            path=str(self._path),
            ok=not self._problems,
            epoch=self._epoch,
            store_version=self._version,
            records=self._records,
            head=self._head,
            chain=self._chain.hex(),
            first_at=self._first_at,
            last_at=self._last_at,
            snapshots=self._snapshots,
            problems=(*named, *others),
        )
