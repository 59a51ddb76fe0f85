"""The way of an act over HTTP: who asks, with what, what came of it.

    POST /api/v1/counters/3/start ── find ──▶ act, {counter: 3} ── answer ──▶ Desk.do ──▶ Reply

Acts are what a hall answers all day, and the web framework's work for a request costs more than an act: so
a request that is spelt as in the catalogue is served here, as raw ASGI. The framework knows the same routes,
for other spellings and for requests of another method, and comes to the same `answer`.

What must stay true: a request gets the same answer both ways.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from werkzeug.exceptions import RequestEntityTooLarge

from somc.runtime.hall import Hall
from somc.server import replies
from somc.server.acts import ACTS, Act
from somc.server.desk import Acting
from somc.server.handlers import PeerGone
from somc.server.identity import Headers, changer_of
from somc.server.problems import Problem, of_validation
from somc.server.replies import Reply

__all__ = ["BASE", "LARGEST_BODY_BYTES", "ActRoutes"]

BASE = "/api/v1"
LARGEST_BODY_BYTES = 64 * 1024

Place = dict[str, Any]
"""The fields of an act's body that stand in the path."""

COUNTER = re.compile("[0-9]{1,3}")
PLACES = (4, 6)
"""Where a path of the catalogue names a ticket or a counter, and an offer of that ticket:
`/api/v1/tickets/ID/offers/ID` split at its slashes."""

decode_object = msgspec.json.Decoder(dict[str, Any]).decode

READ_HEADERS = frozenset((b"authorization", b"cookie", b"x-somc", b"idempotency-key", b"content-length"))


class ActRoutes:
    """The acts of the catalogue by method and path."""

    def __init__(self, hall: Hall, desk: Acting) -> None:
        self.hall = hall
        self.desk = desk
        self._acts: dict[tuple[str, ...], Act] = {}
        self._named: dict[tuple[str, str], Act] = {}
        """Acts on the hall's one policy and the like, by method and whole path."""
        for act in ACTS:
            if not act.parameters:
                self._named[act.method, BASE + act.path] = act
                continue
            key, names = _split(act.method, BASE + act.path)
            assert names == [f"{{{parameter}}}" for parameter in act.parameters], act.path
            self._acts[key] = act

    def find(self, method: str, path: str) -> tuple[Act, Place] | None:
        """The act that is asked for; `None` if it is none, or not spelt as in the catalogue."""
        named = self._named.get((method, path))
        if named is not None:
            return named, {}
        key, names = _split(method, path)
        act = self._acts.get(key)
        if act is None or not all(names):
            return None
        place: Place = dict(zip(act.parameters, names, strict=True))
        if "counter" in place:
            if not COUNTER.fullmatch(place["counter"]):
                return None
            place["counter"] = int(place["counter"])
        return act, place

    async def serve(self, act: Act, place: Place, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request as raw ASGI."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in reversed(scope["headers"])  # of several of one name the first counts
            if name in READ_HEADERS
        }

        async def read() -> bytes:
            return await read_body(headers.get("content-length"), receive)

        try:
            reply = await self.answer(act, place, headers, read)
        except PeerGone:
            raise
        except Exception as error:
            reply = replies.of_fault(error, scope["path"])
        await replies.send_reply(send, reply)

    async def answer(
        self, act: Act, place: Place, headers: Headers, read: Callable[[], Awaitable[bytes]]
    ) -> Reply:
        """Who asks, then the body, then the act. Raises what `read` and `Desk.do` raise."""
        principal = changer_of(self.hall, headers)
        if isinstance(principal, Problem):
            return replies.of_problem(principal)
        raw = await read()
        given: dict[str, Any] = {}
        try:
            given = {**(decode_object(raw) if raw else {}), **place}
            body = msgspec.convert(given, act.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return replies.of_problem(of_validation(error, given, act.body))
        answer = await self.desk.do(act, body, principal, headers.get("idempotency-key"))
        if isinstance(answer, Problem):
            return replies.of_problem(answer)
        if answer.view is None:
            return replies.NOTHING
        return replies.of_view(answer.status, answer.view, self.hall.state.zone)


def _split(method: str, path: str) -> tuple[tuple[str, ...], list[str]]:
    """Method and path without the parts that are names, and those parts."""
    parts = path.split("/")
    names = []
    for place in PLACES:
        if place < len(parts):
            names.append(parts[place])
            parts[place] = "*"
    return (method, *parts), names


async def read_body(length: str | None, receive: Callable[[], Awaitable[Any]]) -> bytes:
    """The request's body; `length` is its Content-Length.

    Raises `RequestEntityTooLarge`, and `PeerGone` when the client leaves before its end.
    """
    if length is not None and int(length) > LARGEST_BODY_BYTES:
        raise RequestEntityTooLarge
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise PeerGone("the client left before its request was whole")
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY_BYTES:
            raise RequestEntityTooLarge
        if not message.get("more_body", False):
            return bytes(body)
