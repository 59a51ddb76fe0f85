"""Queries fetched whole: no cursor outlives a function, so none can be open across an await.

What SQLite hands back is typed by the table's STRICT columns, which a type checker cannot see: hence
`Any` here, and a declared type where the value is used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import apsw

__all__ = ["row", "rows", "transaction", "value"]

Parameters: TypeAlias = "Sequence[apsw.SQLiteValue]"  # quoted: apsw has the name for type checkers only


def rows(connection: apsw.Connection, sql: str, parameters: Parameters = ()) -> list[Any]:
    """Every row, as tuples; bound the query."""
    return connection.execute(sql, parameters).fetchall()


def row(connection: apsw.Connection, sql: str, parameters: Parameters = ()) -> Any:
    """The one row of a query by key, None if there is none."""
    return connection.execute(sql, parameters).fetchone()


def value(connection: apsw.Connection, sql: str, parameters: Parameters = ()) -> Any:
    """The one value of a query, None if there is no row."""
    found = connection.execute(sql, parameters).fetchone()
    return None if found is None else found[0]


@contextlib.contextmanager
def transaction(connection: apsw.Connection, kind: Literal["IMMEDIATE", "DEFERRED"]) -> Iterator[None]:
    """All or nothing: commit at the end, roll back on any exception.

    `IMMEDIATE` to write, `DEFERRED` to read several things of one moment.
    """
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back by itself after some errors
            with contextlib.suppress(apsw.Error):  # the first error is the one to tell
                connection.execute("ROLLBACK")
        raise
