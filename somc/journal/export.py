"""Writing a journal out: JSON Lines, byte for byte what was hashed, or Parquet for analysis.

What must stay true: the same journal gives the same bytes, on any machine; an export holds records only,
so never a phone or a name; it is written from a process of its own while a hall runs.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import apsw

from somc.errors import UsageError
from somc.journal.chain import line_of_fields
from somc.journal.connection import as_store_error, open_plainly_for_reading
from somc.journal.records import COLUMNS
from somc.journal.sql import rows, value
from somc.journal.verify import database_in

__all__ = ["export_json_lines", "export_parquet"]

PAGE = 2_000

Progress = Callable[[int, int], None]


def _lines(directory: Path, after: int, on_progress: Progress) -> Iterator[bytes]:
    path = database_in(directory)
    connection = open_plainly_for_reading(path)
    try:
        head = int(value(connection, "SELECT coalesce(max(seq), 0) FROM record"))
        while page := rows(
            connection,
            f"SELECT {COLUMNS} FROM record WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (after, head, PAGE),
        ):
            for row in page:
                yield line_of_fields(*row) + b"\n"
            after = page[-1][0]
            on_progress(after, head)
    except apsw.Error as error:
        raise as_store_error(error, connection.system_errno, str(path)) from error
    finally:
        connection.close()


def export_json_lines(
    directory: Path, output: BinaryIO, after: int = 0, on_progress: Progress = lambda done, total: None
) -> int:
    """Write the records after `after`, one a line, as they were recorded; how many there were.

    A line is `{"seq","at","type","topic","data","v"}` in this order, in UTF-8, without spaces of our own.
    Raises UsageError when there is no journal, StoreError when it cannot be read.
    """
    count = 0
    for line in _lines(directory, after, on_progress):
        output.write(line)
        count += 1
    return count


def export_parquet(
    directory: Path, output: Path, after: int = 0, on_progress: Progress = lambda done, total: None
) -> int:
    """Write the records after `after` as Parquet (zstd), `data` as JSON text; how many there were.

    DuckDB never sees the journal itself, only an export of it: a second SQLite library in this process
    would break the first one's locks. Raises UsageError when DuckDB is not installed.
    """
    try:
        duckdb: Any = importlib.import_module("duckdb")
    except ModuleNotFoundError as error:
        raise UsageError(
            "Parquet is written by DuckDB, which is not installed: pip install 'somc[analytics]', "
            "or take --format jsonl"
        ) from error
    with tempfile.TemporaryDirectory(dir=output.absolute().parent, prefix=".export-") as scratch:
        lines, parquet = Path(scratch, "records.jsonl"), Path(scratch, "records.parquet")
        with lines.open("wb") as file:
            count = export_json_lines(directory, file, after, on_progress)
        with duckdb.connect() as database:
            records = database.read_json(
                str(lines),
                format="newline_delimited",
                columns={
                    "seq": "BIGINT",
                    "at": "BIGINT",
                    "type": "VARCHAR",
                    "topic": "VARCHAR",
                    "data": "JSON",
                    "v": "INTEGER",
                },
            )
            records.write_parquet(str(parquet), compression="zstd")
        parquet.replace(output)
    return count
