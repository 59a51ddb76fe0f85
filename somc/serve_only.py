"""A server process beside the hall's own: it reads the same journal and serves screens, and decides nothing.

    hall's process ── journal (SQLite, read-only here) ──▶ state, feed
          ▲   └────── local socket: "there is more" ─────▶ wake
          └────────── local socket ◀── acts, sign-in, tickets

What must stay true: nothing is written here, and no checkpoint of the journal is made; without the hall's
process, screens stay as they are and commands are answered with 503; it comes back by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from somc.composition import Options
from somc.config import HallConfig
from somc.journal.opening import open_journal
from somc.runtime.followed import FollowedClock, FollowedHall
from somc.runtime.plugins import Plugins
from somc.runtime.replay import replay
from somc.scheduler.choose import factory
from somc.server.app import Application
from somc.server.local_door import Where
from somc.server.local_link import LocalLink, RemoteDesk
from somc.server.queries import Floor
from somc.server.reading_app import ReadingApplication
from somc.server.serve import ServeSettings, serve

__all__ = ["Reader", "run_reader"]

LOOKED_EVERY_S = 1.0
"""The hall says when there is more; looked all the same, in case that goes astray."""


@dataclass(slots=True)
class Reader:
    """A running process that only reads, as the command line and tests see it."""

    hall: FollowedHall
    app: Application
    link: LocalLink
    urls: list[str] = field(default_factory=list)


async def run_reader(
    config: HallConfig,
    plugins: Plugins,
    options: Options,
    *,
    shutdown: trio.Event,
    task_status: trio.TaskStatus[Reader] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve from the journal in `options.data_dir` until `shutdown` is set; `started` is given the reader.

    Raises `StoreError` if there is no journal or another one takes its place, `OSError` for a port that is
    taken.
    """
    clock = FollowedClock()
    async with open_journal(
        options.data_dir, new_epoch=str, clock_ms=clock.now_ms, read_only=True
    ) as journal:
        journal.looked_every_s = LOOKED_EVERY_S
        state, _ = await replay(journal, factory(), plugins.policies())
        hall = FollowedHall(state, journal, clock)
        link = LocalLink(options.data_dir, hall)
        floor = Floor(hall, {})

        def heed(where: Where) -> None:
            clock.follow(where.now, where.speed)
            if where.beside is not None:
                floor.devices.clear()
                floor.devices.update(where.beside.devices)
                lines = where.beside.lines
                floor.lines = lambda: lines

        link.on_where = heed
        app = Application(floor, RemoteDesk(link), ready=lambda: True, public_url=config.server.public_url)
        app.redeem = link.redeem
        app.metrics.hall_link = lambda: link.up
        reader = Reader(hall, app, link)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hall.follow)
            nursery.start_soon(link.run)
            await nursery.start(app.feed.run)

            async def serve_until(task_status: trio.TaskStatus[list[str]]) -> None:
                await serve(
                    ReadingApplication(app, link),
                    sockets_or_binds=[(options.host, options.port)],
                    settings=ServeSettings(),
                    shutdown=shutdown,
                    task_status=task_status,
                )
                nursery.cancel_scope.cancel()

            reader.urls = await nursery.start(serve_until)
            task_status.started(reader)
