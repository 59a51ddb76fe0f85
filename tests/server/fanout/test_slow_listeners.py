"""Clients that read slowly, not at all, or come and go: what they are owed, and that nobody else feels it."""

from __future__ import annotations

import json
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from somc.server.fanout.listener import MOST_ANSWER_BYTES, Listener
from tests.server.live_rig import live
from tests.server.rig import ORG, Running
from tests.server.serve.rig import Raw, frame

pytestmark = pytest.mark.usefixtures("small_send_buffers")

SMALL = 4096
SIP = 256
TEXT = 0x1


@pytest.fixture
def small_send_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps as little for a client as it may, so that few messages fill it."""
    made = Listener.__init__

    def init(self: Listener, *args: Any) -> None:
        made(self, *args)
        keep_little(self)

    monkeypatch.setattr(Listener, "__init__", init)


def keep_little(listener: Listener) -> None:
    """From here on, the kernel keeps as little for this client as it may."""
    listener.link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)


class Deaf(Raw):
    """A client by hand, that reads only when told to."""

    async def say(self, **message: Any) -> None:
        await self.send(frame(TEXT, json.dumps(message).encode()))

    async def message(self) -> dict[str, Any]:
        """The next message, its frame checked to be whole text; pings are passed over."""
        while True:
            first, payload = await self.frame()
            if first == 0x89:
                continue
            assert first == 0x81, (hex(first), payload[:80])
            message: dict[str, Any] = json.loads(payload)
            return message

    async def until(self, op: str) -> dict[str, Any]:
        while (message := await self.message())["op"] != op:
            pass
        return message


@asynccontextmanager
async def connected(
    hall: Running, token: str, buffer_bytes: int | None = SMALL
) -> AsyncIterator[tuple[Deaf, Listener]]:
    """One that has been welcomed and has said nothing yet; and the server's side of it. The kernel keeps
    `buffer_bytes` or so that it has not read; `None` for as much as is usual."""
    host, port = hall.url.removeprefix("http://").split(":")
    raw = trio.socket.socket()
    if buffer_bytes is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    await raw.connect((host, int(port)))
    before = set(hall.node.app.feed.clients)
    async with trio.SocketStream(raw) as stream:
        client = Deaf(stream)
        status, _ = await client.upgrade("/api/v1/ws", f"Authorization: Bearer {token}\r\n")
        assert status == 101
        assert (await client.message())["op"] == "welcome"
        [listener] = hall.node.app.feed.clients - before
        yield client, listener


@asynccontextmanager
async def deaf(hall: Running, token: str, *topics: str) -> AsyncIterator[tuple[Deaf, Listener]]:
    """One that has heard its snapshot and then stops reading; and the server's side of it."""
    async with connected(hall, token) as (client, listener):
        await client.say(op="subscribe", id=1, topics=list(topics or ("#",)))
        await client.until("snapshot")
        yield client, listener


async def wait_behind(hall: Running, listener: Listener) -> None:
    """Write records until the client's socket is full and stays so: what is on its way makes room again."""
    in_a_row = 0
    while in_a_row < 5:
        await hall.take("business")
        in_a_row = in_a_row + 1 if listener.behind else 0
    assert listener.group is None


async def wait_level(listener: Listener) -> None:
    with trio.fail_after(10):
        while listener.group is None:  # noqa: ASYNC110 - what it waits for has no event in the product
            await trio.sleep(0.005)


async def test_who_was_behind_gets_every_record_once_and_is_level_again(hall: Running) -> None:
    async with deaf(hall, hall.admin) as (client, listener):
        await wait_behind(hall, listener)
        for _ in range(30):
            await hall.take("business")
        head = hall.node.hall.journal.head
        got: list[int] = []
        while not got or got[-1] < head:
            message = await client.message()
            if message["op"] == "records":
                got += [record["seq"] for record in message["records"]]
                assert message["through"] >= got[-1]
        assert got == list(range(got[0], head + 1))
        await wait_level(listener)
        assert listener.buffered_bytes == 0


async def test_figures_are_conflated_for_who_is_behind(hall: Running) -> None:
    async with deaf(hall, hall.admin) as (client, listener):
        await wait_behind(hall, listener)
        hub = hall.node.app.feed.hub
        for number in range(50):
            hub.tell_figures({"number": number, "alerts": []})
        told = [message async for message in _through_figures(client, 49)]
        assert [each["figures"]["number"] for each in told][-1] == 49
        assert len(told) <= 3, "figures that something newer stood for were sent"
        assert hub.counts.conflated >= 47


async def _through_figures(client: Deaf, last: int) -> AsyncIterator[dict[str, Any]]:
    while True:
        message = await client.until("figures")
        if "number" in message["figures"]:
            yield message
            if message["figures"]["number"] == last:
                return


async def test_who_is_too_far_behind_gets_a_resync_and_the_newest_state(hall: Running) -> None:
    async with deaf(hall, hall.admin) as (client, listener):
        journal = hall.node.hall.journal
        while not listener.behind or listener.position == journal.head:  # room may have come meanwhile
            await wait_behind(hall, listener)
        real, lost_through = journal.recent_after, journal.head
        journal.recent_after = (  # type: ignore[method-assign]  # a ring that has moved on
            lambda seq, limit=500: None if seq < lost_through else real(seq, limit)
        )
        assert "too slow" in (await client.until("resync"))["reason"]
        snapshot = await client.message()
        assert (snapshot["op"], snapshot["seq"]) == ("snapshot", journal.head)
        await wait_level(listener)
        await hall.take()
        assert (await client.until("records"))["records"][0]["seq"] == snapshot["seq"] + 1


async def test_the_public_is_told_of_settings_by_a_snapshot_also_while_behind(hall: Running) -> None:
    async with deaf(hall, await hall.token("display"), "#") as (client, listener):
        await wait_behind(hall, listener)
        await hall.as_admin.put("/api/v1/policy", json={"kind": "fifo"})
        await hall.take("business")
        assert (await client.until("resync"))["reason"] == "settings changed"
        assert (await client.message())["op"] == "snapshot"


async def test_who_takes_nothing_is_reset(hall: Running) -> None:
    async with deaf(hall, hall.admin) as (client, listener):
        listener.link.settings = settings_with(listener, send_s=0.3)
        with trio.fail_after(10):
            while not listener.left:
                await hall.take("business")
        assert await client.was_reset()
        assert hall.node.app.feed.hub.counts.shed_slow == 1


async def test_who_is_behind_for_too_long_is_closed_with_1013(hall: Running) -> None:
    hub = hall.node.app.feed.hub
    hub.congested_s = 0.5
    async with deaf(hall, hall.admin) as (client, listener), trio.open_nursery() as nursery:
        hub.congested_s = 0.5
        await wait_behind(hall, listener)

        async def go_on() -> None:
            while True:
                await hall.take("business")

        nursery.start_soon(go_on)
        with trio.fail_after(10):
            code = await _sip_to_the_close(client, lambda: hub.counts.shed_slow > 0)
        nursery.cancel_scope.cancel()
    assert code == 1013
    assert hub.counts.shed_slow == 1


async def _sip_to_the_close(client: Deaf, shed: Callable[[], bool]) -> int:
    """Read some bytes now and then, too few ever to catch up; when the hall has had enough, all the rest to
    the close frame. Frames are whole to the last."""
    while not shed():
        client.buffer += await client.stream.receive_some(SIP)
        await trio.sleep(0.02)
    while True:
        first, payload = await client.frame()
        if first == 0x88:
            return int.from_bytes(payload[:2], "big")
        json.loads(payload) if first == 0x81 else None


async def test_answers_are_bounded_and_further_commands_wait(hall: Running) -> None:
    for _ in range(40):
        await hall.take("business")
    async with deaf(hall, hall.admin) as (client, listener), trio.open_nursery() as nursery:

        async def flood() -> None:
            for id in range(300):
                await client.say(op="command", id=id, name="hall")

        nursery.start_soon(flood)
        with trio.fail_after(10):
            while listener.buffered_bytes < MOST_ANSWER_BYTES:  # noqa: ASYNC110 - as above
                await trio.sleep(0.005)
        one = listener.buffered_bytes // max(1, len(listener._answers))
        assert listener.buffered_bytes < MOST_ANSWER_BYTES + 3 * one
        answers = []
        while len(answers) < 300:
            message = await client.message()
            if message["op"] == "reply" and message["id"] != 1:
                answers.append(message["id"])
            elif message["op"] == "reply":
                answers.append(1)
        assert answers[-1] == 299


async def test_an_answer_of_ping_inside_a_frame_that_was_begun_waits_for_its_end(hall: Running) -> None:
    """A pong and a close frame are written by others than the hub: frames stay whole."""
    async with deaf(hall, hall.admin) as (client, listener):
        await wait_behind(hall, listener)
        await client.send(frame(0x9, b"are you there"))
        for _ in range(5):
            await hall.take("business")
        head = hall.node.hall.journal.head
        seen = pong = 0
        while not (pong and seen >= head):
            first, payload = await client.frame()
            if first == 0x8A:
                assert payload == b"are you there"
                pong += 1
            elif first == 0x81:
                seen = max(seen, json.loads(payload).get("through", 0))


async def test_a_client_that_breaks_off_while_behind_leaves_nothing(hall: Running) -> None:
    async with deaf(hall, hall.admin) as (client, listener):
        await wait_behind(hall, listener)
        client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    feed = hall.node.app.feed
    with trio.fail_after(10):
        while listener in feed.clients or listener.behind:  # noqa: ASYNC110 - as above
            await trio.sleep(0.005)
    await hall.take()
    assert not list(feed.hub._groups)


async def test_a_sockets_number_that_is_used_again_gets_nothing_of_who_had_it(hall: Running) -> None:
    """Clients for one counter each come and break off while records flow: nobody hears of another's."""
    await hall.open_counter(1)
    await hall.open_counter(2)
    chance = random.Random(3)
    numbers: list[int] = []
    feed = hall.node.app.feed
    async with trio.open_nursery() as nursery:

        async def records_for_ever() -> None:
            while True:
                for counter in (1, 2):
                    await hall.at(counter, "pause", reason="tea")
                    await hall.at(counter, "resume")

        async def come_and_go(counter: int) -> None:
            for _ in range(25):
                async with live(hall, hall.admin) as client:
                    await client.subscribe(f"{ORG}/counter/{counter}")
                    await client.op("snapshot")
                    numbers.extend(each.fd for each in feed.clients)
                    for _ in range(chance.randrange(3)):
                        message = await client.op("records")
                        assert {r["topic"] for r in message["records"]} == {f"{ORG}/counter/{counter}"}
                    if chance.random() < 0.5:
                        await client.socket.stream.aclose()

        nursery.start_soon(records_for_ever)
        async with trio.open_nursery() as clients:
            for counter in (1, 2, 1, 2):
                clients.start_soon(come_and_go, counter)
        nursery.cancel_scope.cancel()
    assert len(set(numbers)) < len(numbers) / 3, "no number was used again: this test shows nothing"


def settings_with(listener: Listener, **changes: Any) -> Any:
    import dataclasses

    return dataclasses.replace(listener.link.settings, **changes)
