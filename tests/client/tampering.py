"""Somebody between a hall and its clients who spoils one thing that the hall says: faults that the checks of
`somc.testing.server_checks` must find."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
import trio
import wsproto
from wsproto.connection import Connection
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage

__all__ = ["TAMPERS", "Tamper", "tampered"]

Plain = dict[str, Any]
Spoil = Callable[[Plain], list[Plain]]
"""A message of the hall → what is passed on instead."""


@dataclass(frozen=True, slots=True)
class Tamper:
    spoil: Spoil
    caught_by: str
    """The check that must fail."""


def _records(change: Callable[[list[Plain]], list[Plain]]) -> Spoil:
    def spoil(message: Plain) -> list[Plain]:
        if message["op"] == "records":
            return [{**message, "records": change(message["records"])}]
        return [message]

    return spoil


def _of(op: str, change: Callable[[Plain], list[Plain]]) -> Spoil:
    return lambda message: change(message) if message["op"] == op else [message]


LOSES_EVERY = 3

TAMPERS = {
    "a record is lost": Tamper(
        _records(lambda records: [r for r in records if r["seq"] % LOSES_EVERY]),
        "records_follow_once_and_in_order",
    ),
    "a record is lost on resumption": Tamper(
        _records(lambda records: [r for r in records if r["seq"] % LOSES_EVERY]),
        "a_resumption_brings_exactly_what_was_missed",
    ),
    "records come twice": Tamper(
        _of("records", lambda m: [m, m]), "a_resumption_brings_exactly_what_was_missed"
    ),
    "records come twice over reconnects": Tamper(
        _of("records", lambda m: [m, m]), "every_record_once_over_reconnects"
    ),
    "records count backwards": Tamper(
        _of("records", lambda m: [{**m, "records": [{**r, "seq": -r["seq"]} for r in m["records"]]}]),
        "records_follow_once_and_in_order",
    ),
    "a record is changed": Tamper(
        _records(lambda records: [{**r, "at": r["at"] + 1} for r in records]),
        "records_follow_once_and_in_order",
    ),
    "through is too small": Tamper(
        _of("records", lambda m: [{**m, "through": m["through"] - 1}]), "through_covers_and_never_falls"
    ),
    "a snapshot is of another epoch": Tamper(
        _of("snapshot", lambda m: [{**m, "epoch": "other"}]), "the_first_subscription_brings_a_snapshot"
    ),
    "a snapshot lacks something": Tamper(
        _of("snapshot", lambda m: [{**m, "state": {k: v for k, v in m["state"].items() if k != "tickets"}}]),
        "the_first_subscription_brings_a_snapshot",
    ),
    "a snapshot comes unasked": Tamper(
        _of("welcome", lambda m: [m, {"op": "snapshot", "epoch": "e", "seq": 1, "state": {}}]),
        "nothing_is_told_to_who_asked_for_nothing",
    ),
    "welcome is not first": Tamper(_of("welcome", lambda m: [{"op": "pong"}, m]), "welcome_comes_first"),
    "resync is silent": Tamper(_of("resync", lambda m: []), "a_position_that_cannot_be_served_is_a_resync"),
    "replies have other ids": Tamper(
        _of("reply", lambda m: [{**m, "id": str(m["id"])}]), "a_reply_has_the_id_of_its_question"
    ),
    "a refusal looks like success": Tamper(
        _of("reply", lambda m: [{**m, "ok": True}]), "an_error_is_a_problem_document"
    ),
    "pong does not come": Tamper(
        _of(
            "pong", lambda m: [{**m, "op": "records", "epoch": "e", "through": 0, "records": [], "now": None}]
        ),
        "ping_is_answered",
    ),
}


@asynccontextmanager
async def tampered(url: str, fault: str) -> AsyncIterator[str]:
    """The URL of the hall at `url` with this fault."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    host, port = parts.hostname, parts.port
    spoil = TAMPERS[fault].spoil

    async def pass_on(client: trio.SocketStream) -> None:
        try:
            async with client, await trio.open_tcp_stream(host, port) as hall, trio.open_nursery() as nursery:
                nursery.start_soon(_copy, client, hall, nursery.cancel_scope)
                await _spoiling(hall, client, spoil)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # who is between two passes the end of the one on to the other

    async def listen(task_status: trio.TaskStatus[list[trio.SocketListener]]) -> None:
        await trio.serve_tcp(pass_on, 0, host="127.0.0.1", task_status=task_status)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(listen)
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def _copy(source: trio.abc.Stream, sink: trio.abc.Stream, scope: trio.CancelScope) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async for piece in source:
            await sink.send_all(piece)
    scope.cancel()


async def _spoiling(hall: trio.abc.Stream, client: trio.abc.Stream, spoil: Spoil) -> None:
    """HTTP passes as it is; after an upgrade every message is spoilt."""
    frames: Connection | None = None
    ours = Connection(wsproto.ConnectionType.SERVER)
    head = b""
    async for piece in hall:
        data = bytes(piece)
        if frames is None:
            head += data
            if not head.startswith(b"HTTP/1.1 101"[: len(head)]):
                await client.send_all(data)
                head = b""
                continue
            before, end, data = head.partition(b"\r\n\r\n")
            if not end:
                continue
            await client.send_all(before + end)
            frames = Connection(wsproto.ConnectionType.CLIENT)
        frames.receive_data(data)
        for event in frames.events():
            match event:
                case TextMessage(data=text):
                    for message in spoil(msgspec.json.decode(text)):
                        spoilt = TextMessage(data=msgspec.json.encode(message).decode())
                        await client.send_all(ours.send(spoilt))
                case Ping() | Pong() | CloseConnection():
                    await client.send_all(ours.send(event))
                case Message():
                    raise AssertionError("the checks of a spoilt hall are in JSON, unfragmented")
