"""The hall's side of the local socket: what `somc run --serve-only` processes ask of the hall's own.

    GET  /local/wake     a line of JSON after each commit and each second: where the hall is
    POST /local/act      {name, args, principal, key} → {answer: {status, view}, seq} or {problem}
    POST /local/ticket   {ticket} → who came by this WebSocket ticket, or null
    everything else      as from outside, by the same application; the answer says where the hall is then

What must stay true: these routes are served on the local socket only. A principal is taken at the word of the
process that has authenticated it: it could read the tokens itself.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import msgspec
import structlog
import trio

from somc.domain.values import Words
from somc.errors import SomcError
from somc.server.access import Admission, Principal
from somc.server.act_routes import read_body
from somc.server.acts import BY_NAME
from somc.server.app import Application
from somc.server.desk import Answer
from somc.server.local_socket import SOCKET_NAME, listen
from somc.server.problems import Problem, of_error, of_validation, problem
from somc.server.replies import JSON, Reply, send_reply
from somc.server.serve import ServeSettings, serve

__all__ = ["SEQ_HEADER", "TOKENS_HEADER", "ActAnswer", "ActAsked", "LocalDoor", "Where", "serve_locally"]

SEQ_HEADER, TOKENS_HEADER = b"x-somc-seq", b"x-somc-tokens"
"""On answers passed on: the last record on disk then, and the version of the tokens."""

HEARTBEAT_S = 1.0

GRACE_S = 0.5
"""Processes that are woken stay connected for ever: a stop does not wait for them."""

log = structlog.get_logger(__name__)

encode = msgspec.json.Encoder().encode


class Beside(msgspec.Struct, frozen=True):
    """What views show of the hall and no journal holds."""

    devices: dict[str, dict[str, Any]]
    lines: tuple[Words, ...]


class Where(msgspec.Struct, frozen=True):
    """Where the hall is: a line of `/local/wake`."""

    epoch: str
    seq: int
    tokens: int
    now: int
    speed: float
    beside: Beside | None
    """Told first and when it has changed."""


class ActAsked(msgspec.Struct, frozen=True):
    """One act for somebody who was authenticated by the asking process."""

    name: str
    args: dict[str, Any]
    principal: Principal
    key: str | None = None


class ActAnswer(msgspec.Struct, frozen=True):
    """What came of it; `seq` is the last record on disk then."""

    seq: int
    answer: Answer | None = None
    problem: Problem | None = None


class TicketAsked(msgspec.Struct, frozen=True):
    ticket: str


class LocalDoor:
    """The ASGI application of the local socket."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.hall = app.hall

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                await send({"type": (await receive())["type"] + ".complete"})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        match scope["path"]:
            case "/local/wake":
                await self._wake(send)
            case "/local/act":
                await send_reply(send, Reply(200, encode(await self._act(receive)), JSON))
            case "/local/ticket":
                asked = msgspec.json.decode(await self._body(receive), type=TicketAsked)
                found: Admission | None = self.app.ws_tickets.redeem(asked.ticket)
                await send_reply(send, Reply(200, encode(found), JSON))
            case _:
                await self._pass_on(scope, receive, send)

    def _beside(self) -> Beside:
        return Beside(dict(self.app.floor.devices), self.app.floor.lines())

    def _where(self, beside: Beside | None) -> bytes:
        journal = self.hall.journal
        where = Where(
            epoch=journal.epoch,
            seq=journal.head,
            tokens=journal.tokens_version,
            now=self.hall.now(),
            speed=self.hall.clock.speed,
            beside=beside,
        )
        return encode(where) + b"\n"

    async def _wake(self, send: Any) -> None:
        """Says where the hall is until the other side goes. One that does not read is told less often."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        told: Beside | None = None
        while True:
            beside = self._beside()
            line = self._where(None if beside == told else beside)
            told = beside
            await send({"type": "http.response.body", "body": line, "more_body": True})
            with trio.move_on_after(HEARTBEAT_S):
                await self.hall.journal.wait_changed()

    async def _act(self, receive: Any) -> ActAnswer:
        asked = msgspec.json.decode(await self._body(receive), type=ActAsked)
        act = BY_NAME.get(asked.name)
        outcome: Answer | Problem
        if act is None:
            why = f"the hall's process knows no act '{asked.name}': is it of another version?"
            outcome = problem(404, "unknown_command", why)
        else:
            try:
                body = msgspec.convert(asked.args, act.body)
                outcome = await self.app.desk.do(act, body, asked.principal, asked.key)
            except msgspec.ValidationError as error:
                outcome = of_validation(error, asked.args, act.body)
            except SomcError as error:
                outcome = of_error(error)
        seq = self.hall.journal.head
        if isinstance(outcome, Problem):
            return ActAnswer(seq, problem=outcome)
        return ActAnswer(seq, answer=outcome)

    async def _body(self, receive: Any) -> bytes:
        return await read_body(None, receive)

    async def _pass_on(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_place(message: Any) -> None:
            if message["type"] == "http.response.start":
                journal = self.hall.journal
                place = [
                    (SEQ_HEADER, b"%d" % journal.head),
                    (TOKENS_HEADER, b"%d" % journal.tokens_version),
                ]
                message = {**message, "headers": [*message["headers"], *place]}
            await send(message)

        await self.app(scope, receive, send_with_place)


async def serve_locally(
    app: Application,
    folder: Path,
    shutdown: trio.Event,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the local socket of `folder` until `shutdown` is set. Where none can be made, there is none."""
    try:
        listener = listen(folder)
    except OSError as error:
        log.warning("no local socket: `somc run --serve-only` cannot be used here", why=str(error))
        task_status.started()
        return
    try:
        async with trio.open_nursery() as nursery:

            async def serve_until(task_status: trio.TaskStatus[list[str]]) -> None:
                settings = ServeSettings(grace_s=GRACE_S)
                await serve(
                    LocalDoor(app),
                    sockets_or_binds=[listener],
                    settings=settings,
                    shutdown=shutdown,
                    task_status=task_status,
                )

            await nursery.start(serve_until)
            task_status.started()
    finally:
        with contextlib.suppress(OSError):
            (folder / SOCKET_NAME).unlink()
