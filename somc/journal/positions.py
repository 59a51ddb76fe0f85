"""How far each follower of the journal has come.

What must stay true: a stored position may lag behind the follower (it then sees records again), but
never runs ahead of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from somc.journal.sql import rows

__all__ = ["load_all", "save"]


def save(connection: apsw.Connection, moved: Mapping[str, int]) -> None:
    for follower, seq in moved.items():
        connection.execute(
            "INSERT INTO position (follower, seq) VALUES (?1, ?2) "
            "ON CONFLICT (follower) DO UPDATE SET seq = ?2",
            (follower, seq),
        )


def load_all(connection: apsw.Connection) -> dict[str, int]:
    return dict(rows(connection, "SELECT follower, seq FROM position"))
