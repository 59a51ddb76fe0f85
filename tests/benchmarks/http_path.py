"""What an HTTP request costs: Hypercorn's serve as shipped against ours, with raw ASGI and with quart-trio.

    python tests/benchmarks/http_path.py [--rounds 5] [--seconds 2] [--connections 16]

Each server is a process of its own; one client process keeps every connection busy with one request at a
time (keep-alive, TCP_NODELAY). Rounds are interleaved, so that a noisy machine is noisy to all. CPU is the
server's user and system time from /proc. Printed: median and spread (lowest to highest) of the rounds.
"""

from __future__ import annotations

import argparse
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

REQUEST = b"GET /bench HTTP/1.1\r\nHost: bench\r\n\r\n"
END = b"hello, hall"
VARIANTS = [(server, app) for app in ("raw", "quart") for server in ("shipped", "ours")]


async def raw_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})
    else:
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(END)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": END})


def quart_app() -> Any:
    from quart_trio import QuartTrio

    app = QuartTrio("bench")

    @app.route("/bench")
    async def bench() -> bytes:
        return END

    return app


def serve_for_ever(server: str, app_name: str) -> None:
    import trio

    app = raw_app if app_name == "raw" else quart_app()

    def ready(urls: list[str]) -> None:
        print(urls[0].rpartition(":")[2], flush=True)

    async def shipped(task_status: trio.TaskStatus[list[str]]) -> None:
        from hypercorn.config import Config
        from hypercorn.trio import serve as hypercorn_serve

        config = Config()
        config.bind = ["127.0.0.1:0"]
        config.errorlog = None
        config.keep_alive_max_requests = 2**62
        await hypercorn_serve(app, config, task_status=task_status)

    async def ours(task_status: trio.TaskStatus[list[str]]) -> None:
        from somc.server.serve import serve

        await serve(app, sockets_or_binds=[("127.0.0.1", 0)], task_status=task_status)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            ready(await nursery.start(shipped if server == "shipped" else ours))

    trio.run(main)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drive(port: int, connections: int, seconds: float) -> int:
    """Keeps `connections` requests in flight for `seconds`; the number answered."""
    selector = selectors.DefaultSelector()
    waiting: dict[socket.socket, bytes] = {}
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ)
        waiting[sock] = b""
        sock.sendall(REQUEST)
    answered = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for key, _ in selector.select(0.1):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            data = waiting[sock] + sock.recv(65536)
            if data.endswith(END):
                assert data.startswith(b"HTTP/1.1 200")
                answered += 1
                data = b""
                sock.sendall(REQUEST)
            waiting[sock] = data
    for sock in waiting:
        sock.close()
    selector.close()
    return answered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--serve", nargs=2, metavar=("SERVER", "APP"), help="for the script itself")
    options = parser.parse_args()
    if options.serve:
        serve_for_ever(*options.serve)
        return
    root = Path(__file__).resolve().parents[2]
    servers = {}
    for variant in VARIANTS:
        command = [sys.executable, __file__, "--serve", *variant]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        servers[variant] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    rates: dict[tuple[str, str], list[float]] = {variant: [] for variant in VARIANTS}
    costs: dict[tuple[str, str], list[float]] = {variant: [] for variant in VARIANTS}
    try:
        ports = {}
        for variant, process in servers.items():
            assert process.stdout is not None
            ports[variant] = int(process.stdout.readline())
            drive(ports[variant], options.connections, 0.3)  # warm
        for _ in range(options.rounds):
            for variant, process in servers.items():
                before = cpu_s(process.pid)
                answered = drive(ports[variant], options.connections, options.seconds)
                rates[variant].append(answered / options.seconds)
                costs[variant].append((cpu_s(process.pid) - before) / answered * 1e6)
    finally:
        for process in servers.values():
            process.kill()
            process.wait()
    print(f"{'app':6} {'serve':8} {'requests/s':>10} {'spread':>15} {'CPU us each':>12} {'spread':>11}")
    for server, app in VARIANTS:
        rate, cost = rates[server, app], costs[server, app]
        print(
            f"{app:6} {server:8} {statistics.median(rate):10.0f} {min(rate):7.0f}-{max(rate):<7.0f}"
            f" {statistics.median(cost):12.0f} {min(cost):5.0f}-{max(cost):<5.0f}"
        )


if __name__ == "__main__":
    main()
