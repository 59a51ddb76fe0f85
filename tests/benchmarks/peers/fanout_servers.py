"""Servers that send the same message to every WebSocket client, each as a process of its own.

    python fanout_servers.py somc|starlette|websockets|uvloop|floor FOLDER

Prints `{"port": …, "headers": …, "path": …, "say": …}` when it takes connections. Then each line on stdin is
`RATE SECONDS`: publish so many messages a second for so long, or with the rate 0 the next one as soon as the
one before is with every socket; it answers with `done N`. A message carries `T:` and 16 hexadecimal digits,
the nanoseconds of the monotonic clock at which it was published.

SOMC runs whole: a real command, journal, sync, hub. The peers send its bytes (`PAYLOAD`) and do nothing else;
the floor does not even read: one `send` a socket from a loop in C, which is what the kernel takes for itself.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

MARK = "T:{:016x}"
COUNTERS = (1, 2, 3)
"""One of them acts at a given rate; when it is as many as go, all do: counters do not wait for each other."""

PAYLOAD = (
    '{{"op":"records","epoch":"e-1234567890abcdef","through":123456,"records":[{{"seq":123456,"at":1700000000000,'
    '"type":"counter.resumed","topic":"somc/shoudu/xicheng/xidan/counter/1",'
    '"data":{{"by":"agent:{mark}","counter":1}},"v":1}}]}}'
)
"""What SOMC says of one record, as JSON."""


def marked() -> str:
    return MARK.format(time.monotonic_ns())


def payload() -> str:
    return PAYLOAD.format(mark=marked())


def announce(port: int, path: str = "/", headers: str = "", say: Any = None) -> None:
    print(json.dumps({"port": port, "path": path, "headers": headers, "say": say}), flush=True)


# -- SOMC --------------------------------------------------------------------------------------------


def run_somc(folder: Path) -> None:
    import trio

    from somc.composition import Options, load_config, run_node
    from somc.domain import commands as c
    from somc.domain.refusals import Refusal
    from somc.runtime.garbage import keep_collecting
    from somc.server.access import admin_token

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.server.rig import write_hall

    async def main() -> None:
        config, plugins = load_config(write_hall(folder))
        token = admin_token(folder / "admin.token")
        options = Options(data_dir=folder / "data", host="127.0.0.1", port=0, admin=token)
        shutdown = trio.Event()
        async with trio.open_nursery() as nursery:

            async def run(task_status: Any) -> None:
                await run_node(config, plugins, options, shutdown=shutdown, task_status=task_status)

            node = await nursery.start(run)
            hall = node.hall
            nursery.start_soon(keep_collecting, lambda: len(node.app.feed.clients), lambda: not hall.busy)

            async def do(command: Any) -> None:
                outcome = await hall.submit(command, lambda state, events, now: None)
                if isinstance(outcome, Refusal):
                    raise SystemExit(f"refused: {outcome.words.en}")

            for counter in COUNTERS:
                await do(c.OpenCounter(by="agent:bench", counter=counter, agent=f"bench-{counter}"))

            async def publish(counter: int, rate: float, seconds: float, counts: list[int]) -> None:
                """The counter pauses and goes on; how often, is added to `counts`."""
                begun, count = trio.current_time(), 0
                while trio.current_time() < begun + seconds or count % 2:
                    if rate:
                        await trio.sleep_until(begun + count / rate)
                    if count % 2:
                        await do(c.ResumeCounter(by=f"agent:{marked()}", counter=counter))
                    else:
                        await do(c.PauseCounter(by=f"agent:{marked()}", counter=counter, reason="tea"))
                    count += 1
                counts.append(count)

            secret = (folder / "admin.token").read_text().strip()
            say = {"op": "subscribe", "id": 1, "topics": ["somc/shoudu/xicheng/xidan/counter/+"]}
            headers = f"Authorization: Bearer {secret}\r\nSec-WebSocket-Protocol: somc.v1.json\r\n"
            announce(int(node.urls[0].rpartition(":")[2]), "/api/v1/ws", headers, say)
            while line := await trio.to_thread.run_sync(sys.stdin.readline):
                rate, seconds = map(float, line.split())
                counts: list[int] = []
                async with trio.open_nursery() as publishers:
                    for counter in COUNTERS[:1] if rate else COUNTERS:
                        publishers.start_soon(publish, counter, rate, seconds, counts)
                print(f"done {sum(counts)}", flush=True)
            shutdown.set()

    trio.run(main)


# -- the floor ----------------------------------------------------------------------------------------


def run_floor() -> None:
    import select
    import socket

    from somc.server.fanout.frames import TEXT, frame
    from somc.server.fanout.table import Member, Table, table_kind

    class Peer(Member):
        def __init__(self, connection: socket.socket) -> None:
            self.connection = connection
            self.place = 0

        @property
        def fd(self) -> int:
            return self.connection.fileno()

    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    announce(listener.getsockname()[1])
    table: Table[Peer] = table_kind()()
    accept = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if listener in ready:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.recv(65_536)
            connection.sendall(accept)
            table.add(Peer(connection))
            continue
        rate, seconds = map(float, sys.stdin.readline().split())
        begun, count = time.monotonic(), 0
        while time.monotonic() < begun + seconds:
            if rate:
                time.sleep(max(0.0, begun + count / rate - time.monotonic()))
            for peer, _ in table.send(frame(TEXT, payload().encode())):
                select.select([], [peer.connection], [])  # full: what it missed is not counted
            count += 1
        print(f"done {count}", flush=True)


# -- peers on asyncio ---------------------------------------------------------------------------------


async def publish_on_lines(broadcast: Any) -> None:
    """The publisher of the asyncio peers. `broadcast` takes a message and returns when more may follow."""
    import asyncio

    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        rate, seconds = map(float, line.split())
        begun, count = loop.time(), 0
        while loop.time() < begun + seconds:
            wait_s = begun + count / rate - loop.time() if rate else 0
            await asyncio.sleep(max(0, wait_s))
            await broadcast(payload())
            count += 1
        print(f"done {count}", flush=True)


def run_websockets(uvloop: bool) -> None:
    import asyncio

    from websockets.asyncio.server import broadcast, serve

    async def main() -> None:
        clients = set()

        async def handler(connection: Any) -> None:
            clients.add(connection)
            try:
                await connection.wait_closed()
            finally:
                clients.discard(connection)

        async def send(message: str) -> None:
            broadcast(clients, message)
            while clients and next(iter(clients)).transport.get_write_buffer_size() > 2**20:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.001)

        async with serve(handler, "127.0.0.1", 0, compression=None) as server:
            announce(next(iter(server.sockets)).getsockname()[1])
            await publish_on_lines(send)

    if uvloop:
        import uvloop as fast

        fast.run(main())
    else:
        asyncio.run(main())


def run_starlette() -> None:
    import asyncio
    import contextlib
    import socket

    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket, WebSocketDisconnect

    clients: set[WebSocket] = set()

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        clients.add(websocket)
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.receive_text()
        clients.discard(websocket)

    async def send(message: str) -> None:
        for client in list(clients):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await client.send_text(message)

    async def main() -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        app = Starlette(routes=[WebSocketRoute("/", endpoint)])
        config = uvicorn.Config(app, log_level="error", ws_per_message_deflate=False, backlog=4096)
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        announce(listener.getsockname()[1])
        await publish_on_lines(send)
        server.should_exit = True
        await serving

    try:
        import uvloop

        uvloop.run(main())
    except ImportError:
        asyncio.run(main())


if __name__ == "__main__":
    kind, place = sys.argv[1], Path(sys.argv[2])
    if kind == "somc":
        run_somc(place)
    elif kind == "floor":
        run_floor()
    elif kind == "starlette":
        run_starlette()
    else:
        run_websockets(kind == "uvloop")
