"""The records of a journal one after the other, for a command that has a process to itself.

What must stay true: reading changes nothing, works while the hall writes (it ends at the record that was
the newest when it began), and holds one bounded page of records at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw

from somc.errors import StoreError
from somc.journal import migrations, records
from somc.journal.connection import as_store_error, open_plainly_for_reading
from somc.journal.record import Record
from somc.journal.sql import value
from somc.journal.verify import database_in

__all__ = ["records_in"]

PAGE = 2_000


def records_in(
    directory: Path, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[Record]:
    """Every record of the journal in `directory` (its data folder, or the file itself), in its newest shape.

    `on_progress` gets the number of records read and of all. Raises UsageError when there is no journal,
    StoreError when it cannot be read.
    """
    path = database_in(directory)
    connection = open_plainly_for_reading(path)
    try:
        if not migrations.version_of(connection, str(path)):  # which refuses a newer SOMC's
            raise StoreError(f"{path} is empty: no journal was begun in it")
        head = int(value(connection, "SELECT coalesce(max(seq), 0) FROM record"))
        after = 0
        while page := records.page(connection, after, head, PAGE):
            yield from page
            after = page[-1].seq
            on_progress(after, head)
    except apsw.Error as error:
        raise as_store_error(error, connection.system_errno, str(path)) from error
    finally:
        connection.close()
