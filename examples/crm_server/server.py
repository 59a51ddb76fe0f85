"""A small CRM to demonstrate and test with: JSON over HTTP/1.1, with knobs to make it slow, wrong and dead.

    python examples/crm_server/server.py --port 8900

It is a program of the *operator's* side: it imports nothing of SOMC. h11 speaks HTTP and Trio carries it,
because a CRM that is to hang up in the middle of a request must have its hands on the socket.

What must stay true: a knob takes effect with the next request, and never on `/_knobs` itself.
"""

from __future__ import annotations

import argparse
import hmac
import json
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import h11
import trio

sys.path.insert(0, str(Path(__file__).parent))
from book import Book  # its neighbour: this folder is no package, so that it can be copied anywhere

__all__ = ["MODES", "CrmServer", "Knobs", "main"]

MODES = ("ok", "slow", "error", "wrong", "dead", "hang")
"""As it should be · answers late · 500 · 200 with what is no JSON · hangs up · never answers."""

TOKEN = "demo-crm-token"  # a demo's; a real CRM's stands in its own configuration
LARGEST_BODY_BYTES = 64 * 1024
IDLE_S = 60.0
HISTORY = {"/complaints": "complaints", "/outbound": "calls", "/hotline": "contacts", "/orders": "orders"}


@dataclass
class Knobs:
    """How it behaves; `only` limits it to paths that begin so."""

    mode: str = "ok"
    delay_ms: int = 2000
    only: str = "/"


@dataclass
class Seen:
    """What was asked, for whoever wants to know that it was (or was not)."""

    requests: dict[str, int] = field(default_factory=dict)


class CrmServer:
    """Serves one book."""

    def __init__(self, book: Book | None = None, token: str = TOKEN) -> None:
        self.book = book or Book()
        self.token = token
        self.knobs = Knobs()
        self.seen = Seen()

    async def serve(
        self, host: str, port: int, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; `started` tells the port (0 asks for a free one)."""
        listeners = await trio.open_tcp_listeners(port, host=host)
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(self._connection, listeners)

    async def _connection(self, stream: trio.SocketStream) -> None:
        http = h11.Connection(h11.SERVER)
        try:
            while await self._request(http, stream):
                http.start_next_cycle()
        except (trio.BrokenResourceError, trio.TooSlowError, h11.RemoteProtocolError):
            pass  # the peer's own fault, or it went away
        finally:
            await trio.aclose_forcefully(stream)

    async def _request(self, http: h11.Connection, stream: trio.SocketStream) -> bool:
        """One request and its answer; whether another may follow."""
        request: h11.Request | None = None
        body = b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                with trio.fail_after(IDLE_S):
                    http.receive_data(await stream.receive_some(16384))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LARGEST_BODY_BYTES:
                    return False
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False  # closed
        assert request is not None
        target = urlsplit(request.target.decode("ascii"))
        mode = await self._behave(target.path)
        if mode == "dead":
            return False
        if mode == "wrong":
            status, content_type, answer = 200, "application/json", b'{"name": "hal'
        elif mode == "error":
            status, content_type, answer = 500, "text/plain", b"ORA-00600: internal error"
        else:
            status, content_type, answer = self._answer(request, target.path, target.query, body)
        await stream.send_all(_response(http, status, content_type, answer))
        return http.our_state is h11.DONE and http.their_state is h11.DONE

    async def _behave(self, path: str) -> str:
        """Wait as the knobs say, and how to answer."""
        if path == "/_knobs":
            return "ok"
        self.seen.requests[path] = self.seen.requests.get(path, 0) + 1
        mode, delay_ms = self.knobs.mode, self.knobs.delay_ms
        if not path.startswith(self.knobs.only):
            return "ok"
        if mode == "slow":
            await trio.sleep(delay_ms / 1000)
        elif mode == "hang":
            await trio.sleep_forever()
        return mode

    # -- routes -----------------------------------------------------------------------------------

    def _answer(self, request: h11.Request, path: str, query: str, body: bytes) -> tuple[int, str, bytes]:
        method = request.method.decode("ascii")
        given = {key: values[0] for key, values in parse_qs(query).items()}
        if path == "/page":
            return 200, "text/html; charset=utf-8", self._page(given).encode()
        headers = dict(list(request.headers))
        if path != "/_knobs" and not self._knows(headers.get(b"authorization", b"")):
            return _json(401, {"error": "a bearer token, please"})
        try:
            return self._route(method, path, given, json.loads(body) if body else {})
        except (ValueError, TypeError, KeyError) as why:
            return _json(422, {"error": repr(why)})

    def _route(self, method: str, path: str, given: dict[str, str], body: Any) -> tuple[int, str, bytes]:
        parts = [unquote(part) for part in path.split("/")[1:]]
        match method, *parts:
            case "GET", "customers", phone:
                customer = self.book.customer(phone)
                return _json(404, {"error": "unknown"}) if customer is None else _json(200, customer)
            case "GET", _ if path in HISTORY:
                kind = HISTORY[path]
                return _json(200, {kind: self.book.history(kind, given["phone"])})
            case "GET", "offers":
                return _json(200, self.book.offers(given["phone"]))
            case "POST", "offers", offer, "outcomes":
                self.book.told(offer, dict(body))
                return _json(200, {"kept": True})
            case "GET", "outcomes":
                return _json(200, {"outcomes": list(self.book.outcomes.values())})
            case "GET", "_knobs":
                return _json(200, {**vars(self.knobs), "requests": self.seen.requests})
            case "POST", "_knobs":
                if body.get("mode", "ok") not in MODES:
                    return _json(422, {"error": f"mode is one of {', '.join(MODES)}"})
                self.knobs = Knobs(**{**vars(Knobs()), **body})
                return _json(200, vars(self.knobs))
        return _json(404, {"error": f"no {method} {path} here"})

    def _knows(self, authorization: bytes) -> bool:
        return hmac.compare_digest(authorization, f"Bearer {self.token}".encode())

    def _page(self, given: dict[str, str]) -> str:
        """The operator's own page, opened by the counter with the number already filled in."""
        phone, service = given.get("phone", ""), given.get("service", "")
        customer = self.book.customer(phone) or {"name": "?"}
        return (
            f"<!doctype html><title>CRM</title><h1>{escape(customer['name'])} · {escape(service)}</h1>"
            f"<form><label>号码 <input name=phone value='{escape(phone, quote=True)}'></label></form>"
        )


def _json(status: int, value: Any) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(value, ensure_ascii=False).encode()


def _response(http: h11.Connection, status: int, content_type: str, body: bytes) -> bytes:
    headers = [("content-type", content_type), ("content-length", str(len(body)))]
    events = (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage())
    return b"".join(http.send(event) or b"" for event in events)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A CRM to demonstrate SOMC's crm plugin with.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900, help="0 picks a free one")
    parser.add_argument("--token", default=TOKEN)
    given = parser.parse_args()
    server = CrmServer(token=given.token)

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            port = await nursery.start(server.serve, given.host, given.port)
            print(f"ready http://{given.host}:{port}", flush=True)

    with suppress(KeyboardInterrupt):
        trio.run(run)


if __name__ == "__main__":
    main()
