"""Clients of a queue server, as a process of their own: each takes one ticket after the other to its end.

    python load.py PORT CLIENTS SECONDS PLAN [--token T] [--keys]

Each client repeats its plan on one kept-alive connection with TCP_NODELAY, one `send` a request, the next
request when the answer is there. A wrong status, or a ticket called twice, ends the run with an error.

It warms up, prints `warm`, waits for a line on stdin, runs for SECONDS, lets every client finish the ticket
it is at, and prints one JSON object: tickets, seconds, latencies in ms (of requests by step, of tickets).
"""

from __future__ import annotations

import argparse
import collections
import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field

WARM_S = 0.4
SERVICES = ("payment", "business", "enquiry", "repair", "broadband")
TAKE = b'{"service":"%b","channel":"kiosk"}'


@dataclass(frozen=True)
class Step:
    """One request of a plan: name, path and body (`%d` is the client's counter), and the expected status."""

    name: str
    path: str
    body: bytes
    status: int


PLANS = {
    "hall": (
        Step("take", "/api/v1/tickets", TAKE, 201),
        Step("call", "/api/v1/counters/%d/call-next", b"", 200),
        Step("start", "/api/v1/counters/%d/start", b"", 200),
        Step("finish", "/api/v1/counters/%d/finish", b"", 200),
    ),
    "bare": tuple(Step(name, "/bare", TAKE, 200) for name in ("take", "call", "start", "finish")),
}


@dataclass
class Client:
    """One connection and where it is in its plan."""

    number: int
    sock: socket.socket
    step: int = 0
    buffer: bytes = b""
    sent_at: float = 0.0
    began_at: float = 0.0
    tickets: int = 0


@dataclass
class Seen:
    """What the clients measured."""

    requests: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    tickets: list[float] = field(default_factory=list)


class Load:
    """The clients of one run."""

    def __init__(self, port: int, clients: int, plan: str, token: str | None, keys: bool) -> None:
        self.plan = PLANS[plan]
        self.names_calls = plan == "hall"
        self.keys = keys
        self.token = "" if token is None else f"Authorization: Bearer {token}\r\n"
        self.called: set[object] = set()
        self.serial = 0
        self.selector = selectors.DefaultSelector()
        self.clients = []
        for number in range(1, clients + 1):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(number, sock)
            self.selector.register(sock, selectors.EVENT_READ, client)
            self.clients.append(client)

    def run(self, seconds: float) -> tuple[Seen, float]:
        """Drive every client for `seconds` and to the end of its ticket; what was seen and for how long."""
        seen = Seen()
        began = time.perf_counter()
        until = began + seconds
        busy = len(self.clients)
        for client in self.clients:
            self._send(client)
        while busy:
            for key, _ in self.selector.select():
                client = key.data
                data = client.sock.recv(65536)
                if not data:
                    raise SystemExit(f"client {client.number}: the server closed the connection")
                client.buffer += data
                if not self._answered(client, seen):
                    continue
                if client.step == 0 and time.perf_counter() >= until:
                    busy -= 1
                else:
                    self._send(client)
        return seen, time.perf_counter() - began

    def _send(self, client: Client) -> None:
        step = self.plan[client.step]
        path = step.path % client.number if "%d" in step.path else step.path
        service = SERVICES[(client.number + client.tickets) % len(SERVICES)].encode()
        body = step.body % service if step.body else b""
        key = ""
        if self.keys:
            self.serial += 1
            key = f"Idempotency-Key: {self.serial:08x}-{id(self):x}\r\n"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: hall\r\n{self.token}{key}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        client.sent_at = time.perf_counter()
        if client.step == 0:
            client.began_at = client.sent_at
        client.sock.sendall(head.encode() + body)

    def _answered(self, client: Client, seen: Seen) -> bool:
        """Whether the whole answer is there; then it is checked and counted, and the client moves on."""
        head, blank, body = client.buffer.partition(b"\r\n\r\n")
        if not blank:
            return False
        lowered = head.lower()
        length_at = lowered.index(b"content-length:") + len(b"content-length:")
        if len(body) < int(lowered[length_at:].split(b"\r\n", 1)[0]):
            return False
        now = time.perf_counter()
        step = self.plan[client.step]
        if int(head[9:12]) != step.status:
            raise SystemExit(f"{step.name} at {client.number}: {client.buffer.decode()}")
        if step.name == "call" and self.names_calls:
            ticket = json.loads(body)["ticket"]["id"]
            if ticket in self.called:
                raise SystemExit(f"ticket {ticket} was called twice")
            self.called.add(ticket)
        client.buffer = b""
        seen.requests[step.name].append((now - client.sent_at) * 1000)
        client.step = (client.step + 1) % len(self.plan)
        if client.step == 0:
            client.tickets += 1
            seen.tickets.append((now - client.began_at) * 1000)
        return True

    def close(self) -> None:
        for client in self.clients:
            client.sock.close()
        self.selector.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("clients", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("plan", choices=PLANS)
    parser.add_argument("--token")
    parser.add_argument(
        "--keys", action="store_true", help="an Idempotency-Key of its own with every request"
    )
    options = parser.parse_args()
    load = Load(options.port, options.clients, options.plan, options.token, options.keys)
    load.run(WARM_S)
    print("warm", flush=True)
    sys.stdin.readline()
    seen, took_s = load.run(options.seconds)
    load.close()
    print(
        json.dumps(
            {
                "tickets": len(seen.tickets),
                "seconds": took_s,
                "ticket_ms": seen.tickets,
                "request_ms": seen.requests,
            }
        )
    )


if __name__ == "__main__":
    main()
