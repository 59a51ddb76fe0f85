"""The yardstick: a bare quart-trio route that reads JSON and answers JSON, and does nothing else.

    python bare.py ours|shipped

`ours` serves it as the hall is served (`somc.server.serve`), `shipped` with Hypercorn's own `serve`. Prints
its port when it takes connections.
"""

from __future__ import annotations

import sys
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve
from quart import request
from quart_trio import QuartTrio

from somc.server.serve import serve

ANY_NUMBER = 2**62
"""Requests on one connection: closing it after 1,000, as Hypercorn does, is not what is measured."""


def application() -> QuartTrio:
    app = QuartTrio("bare")

    @app.post("/bare")
    async def bare() -> dict[str, Any]:
        body = await request.get_json()
        return {"service": body["service"], "channel": body["channel"]}

    return app


async def shipped(app: Any, task_status: trio.TaskStatus[list[str]]) -> None:
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    config.keep_alive_max_requests = ANY_NUMBER
    await hypercorn_serve(app, config, task_status=task_status)


async def ours(app: Any, task_status: trio.TaskStatus[list[str]]) -> None:
    await serve(app, sockets_or_binds=[("127.0.0.1", 0)], task_status=task_status)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        urls = await nursery.start({"ours": ours, "shipped": shipped}[sys.argv[1]], application())
        print(urls[0].rpartition(":")[2], flush=True)


if __name__ == "__main__":
    trio.run(main)
