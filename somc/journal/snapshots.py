"""Snapshots of the hall's state, so that a start replays only what came after.

What must stay true: a snapshot is only a saving of time; one that does not check out is skipped with a
warning and the journal is replayed from an older one, or from its beginning.
"""

from __future__ import annotations

import hashlib
import logging

import apsw

from somc.journal.sql import row, rows

__all__ = ["checksum", "load_newest", "save"]

KEPT = 3
"""One to use, one should that be bad, one for luck; each is some hundred kilobytes."""

_log = logging.getLogger("somc.journal")


def checksum(seq: int, at: int, state: bytes) -> bytes:
    """SHA-256 over the place, the time and the state."""
    return hashlib.sha256(b"%d %d " % (seq, at) + state).digest()


def save(connection: apsw.Connection, seq: int, at: int, state: bytes) -> None:
    """Write the state as it is after record `seq`; all but the newest few are removed."""
    connection.execute(
        "INSERT OR REPLACE INTO snapshot (seq, at, state, sha256) VALUES (?, ?, ?, ?)",
        (seq, at, state, checksum(seq, at, state)),
    )
    connection.execute(
        "DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT ?)", (KEPT,)
    )


def load_newest(connection: apsw.Connection, through: int) -> tuple[int, int, bytes] | None:
    """Seq, time and state of the newest snapshot that checks out and is not beyond `through`."""
    for (place,) in rows(connection, "SELECT seq FROM snapshot ORDER BY seq DESC LIMIT 10"):
        found = row(connection, "SELECT seq, at, state, sha256 FROM snapshot WHERE seq = ?", (place,))
        if found is None:
            continue  # made room for a newer one between the two reads
        seq, at, state, sha256 = found
        if seq > through:
            _log.warning("snapshot at record %d is beyond the journal's head %d: skipped", seq, through)
        elif checksum(seq, at, state) != sha256:
            _log.warning("snapshot at record %d does not match its checksum: skipped", seq)
        else:
            return seq, at, state
    return None
