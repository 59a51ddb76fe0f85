"""A queue server as the usual ones are built: every request reads the table, decides, and writes it back.

    python read_then_write.py FOLDER

The same quart-trio as the yardstick, the standard library's sqlite3 in a thread, one transaction and one
sync a request (WAL, synchronous=FULL). It has the requests of a hall's ticket and nothing beside them: no
access, no policy, no history, no estimate. It is kinder than those it stands for, whose reads are outside
the transaction (so that two counters call the same customer). Prints its port when it takes connections.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import trio
from quart import request
from quart_trio import QuartTrio

from somc.server.serve import serve

TABLE = """
CREATE TABLE ticket (
  id INTEGER PRIMARY KEY, serial INTEGER NOT NULL, service TEXT NOT NULL, state TEXT NOT NULL,
  counter INTEGER, taken_at REAL NOT NULL, called_at REAL, started_at REAL, ended_at REAL
);
CREATE INDEX by_state ON ticket (state, id);
CREATE INDEX by_service ON ticket (service, serial);
CREATE INDEX by_counter ON ticket (counter, state);
"""

Row = dict[str, Any]


class Queue:
    """The table and its one connection, used from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.executescript(TABLE)
        self.one_at_a_time = trio.CapacityLimiter(1)

    async def run(self, act: Any, *given: Any) -> Row:
        """Carry `act` out in one transaction."""
        return await trio.to_thread.run_sync(partial(self._run, act, *given), limiter=self.one_at_a_time)

    def _run(self, act: Any, *given: Any) -> Row:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            done: Row = act(self, *given)
            self.connection.execute("COMMIT")
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        return done

    def take(self, service: str) -> Row:
        ahead = self._one("SELECT count(*) FROM ticket WHERE state = 'waiting' AND service = ?", service)[0]
        last = self._one("SELECT max(serial) FROM ticket WHERE service = ?", service)[0] or 0
        added = self.connection.execute(
            "INSERT INTO ticket (serial, service, state, taken_at) VALUES (?, ?, 'waiting', ?)",
            (last + 1, service, time.time()),
        )
        number = f"{service[0].upper()}{last + 1:03d}"
        return {"id": added.lastrowid, "number": number, "position": ahead + 1}

    def call(self, counter: int) -> Row:
        ticket = self._one("SELECT * FROM ticket WHERE state = 'waiting' ORDER BY id LIMIT 1")
        return {"ticket": self._move(ticket, "called", "called_at", counter)}

    def start(self, counter: int) -> Row:
        ticket = self._one("SELECT * FROM ticket WHERE counter = ? AND state = 'called'", counter)
        return {"ticket": self._move(ticket, "serving", "started_at", counter)}

    def finish(self, counter: int) -> Row:
        ticket = self._one("SELECT * FROM ticket WHERE counter = ? AND state = 'serving'", counter)
        return {"ticket": self._move(ticket, "finished", "ended_at", counter)}

    def _one(self, sql: str, *given: Any) -> sqlite3.Row:
        found: sqlite3.Row = self.connection.execute(sql, given).fetchone()
        return found

    def _move(self, ticket: sqlite3.Row, state: str, stamp: str, counter: int) -> Row:
        self.connection.execute(
            f"UPDATE ticket SET state = ?, counter = ?, {stamp} = ? WHERE id = ?",
            (state, counter, time.time(), ticket["id"]),
        )
        return dict(self._one("SELECT * FROM ticket WHERE id = ?", ticket["id"]))


def application(queue: Queue) -> QuartTrio:
    app = QuartTrio("peer")
    base = "/api/v1"

    @app.post(f"{base}/tickets")
    async def take() -> tuple[Row, int]:
        body = await request.get_json()
        return await queue.run(Queue.take, body["service"]), 201

    @app.post(f"{base}/counters/<int:counter>/call-next")
    async def call(counter: int) -> Row:
        return await queue.run(Queue.call, counter)

    @app.post(f"{base}/counters/<int:counter>/start")
    async def start(counter: int) -> Row:
        return await queue.run(Queue.start, counter)

    @app.post(f"{base}/counters/<int:counter>/finish")
    async def finish(counter: int) -> Row:
        return await queue.run(Queue.finish, counter)

    return app


async def main() -> None:
    app = application(Queue(Path(sys.argv[1]) / "queue.db"))
    async with trio.open_nursery() as nursery:
        urls = await nursery.start(partial(serve, app, sockets_or_binds=[("127.0.0.1", 0)]))
        print(urls[0].rpartition(":")[2], flush=True)


if __name__ == "__main__":
    trio.run(main)
