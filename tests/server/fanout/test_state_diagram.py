"""The diagram of docs/reference/websocket.md is the server's: real clients go along every edge of it.

A state is read at the server's side, after every step of any task of the hall; what is neither here nor there
(the task that catches up has yet to run, and the socket is free) is no state. An edge is put down with what
led to it, in the words of the page.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from somc.journal.record import Record
from somc.server.connection import ServeSettings
from somc.server.fanout.groups import Form
from somc.server.fanout.hub import CONGESTED_S
from somc.server.fanout.listener import Listener
from somc.server.live import LiveFeed
from somc.server.turnstile import Turnstile
from somc.server.wire import FORMATS
from tests.server.fanout.test_slow_listeners import SMALL, Deaf, connected, keep_little, settings_with
from tests.server.live_rig import JSON
from tests.server.rig import Running
from tests.server.serve.rig import Raw, close_frame

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "websocket.md").read_text()

Edge = tuple[str, str, str]

NOWHERE, CONNECTING, OPEN, OWED = "[*]", "connecting", "open", "owed"
FOLLOWING, BEHIND, GONE = "following", "behind", "[*]"

ANSWERS = 12
"""Questions whose answers are more than a small socket takes, and fewer than the hall lets wait."""

TICKETS = 40
"""Taken before: a snapshot, and what was missed, are more than a small socket takes."""

TAKES_NO_MORE = "its socket takes no more"
AGAIN = ((BEHIND, TAKES_NO_MORE), (FOLLOWING, "takes all that it missed"))
"""How a snapshot reaches one whose socket takes little."""

AT_HAND = "subscribe with after"
AT_HAND_AND_MORE = f"{AT_HAND} and {TAKES_NO_MORE}"
BY_AFTER = f" ({AT_HAND}, resync)"

WAIT_S = 0.3
"""In the place of 10 s and 60 s."""


def edges_of(page: str) -> list[Edge]:
    """The edges of the page's diagram, every line of it understood: one for each cause of a label, which are
    parted by commas and share what stands in brackets. A label may hold no `:` and no `;`: mermaid would not
    draw it."""
    [diagram] = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", page, re.DOTALL)
    found = []
    for line in diagram.splitlines():
        edge = re.fullmatch(r" {4}(\S+) --> (\S+?)(?:: ([^:;(]+?)( \([^:;]+\))?)?", line)
        assert edge, f"the diagram has a line that is no edge: {line!r}"
        found += [(edge[1], edge[2], cause + (edge[4] or "")) for cause in (edge[3] or "").split(", ")]
    return found


def reasons_of(page: str) -> set[str]:
    """Why there is a `resync`, by the page."""
    [told] = re.findall(r"^\| `resync` \|.*The reason, for people: (.*) \|$", page, re.MULTILINE)
    return set(re.sub(r" \(.*?\)", "", told).split(", "))


class Life:
    """The states that one listener has been seen in."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.state = CONNECTING
        self.path = [CONNECTING]
        self.told: set[str] = set()
        """What it was told while it was level: records, figures."""
        self.moved = trio.Event()
        self._level: tuple[int, int] | None = None

    def look(self) -> None:
        """See how it is now."""
        listener, hub = self.listener, self.listener.hub
        level = (hub.position, hub.figures_version) if listener.group is not None else None
        if level is not None and self._level is not None:
            self.told |= {"records"} if level[0] > self._level[0] else set()
            self.told |= {"figures"} if level[1] > self._level[1] else set()
        self._level = level
        if listener.left:
            state = GONE
        elif listener.resync_why is not None:
            state = OWED
        elif listener.group is not None:
            state = FOLLOWING
        elif listener.position is None:
            state = OPEN
        elif listener.link.busy_writing:
            state = BEHIND
        else:
            return
        if state != self.state:
            self.state = state
            self.path.append(state)
            moved, self.moved = self.moved, trio.Event()
            moved.set()

    async def wait(self, state: str) -> None:
        """Return when it is in that state."""
        with trio.fail_after(10):
            while self.state != state:
                await self.moved.wait()


class Watch(trio.abc.Instrument):
    """Every listener of a feed, looked at after every step of any task; and the edges gone along."""

    def __init__(self, feed: LiveFeed) -> None:
        self.feed = feed
        self.lives: dict[Listener, Life] = {}
        self.edges: set[Edge] = set()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        for listener in self.feed.clients:
            if listener not in self.lives:
                self.lives[listener] = Life(listener)
        for life in self.lives.values():
            life.look()

    def went(self, life: Life, *steps: tuple[str, str]) -> None:
        """Next it went from state to state, for these reasons. A socket that takes no more may take a little
        more: going to and fro between two states counts once."""
        path: list[str] = []
        for state in life.path:
            path.append(state)
            if len(path) > 3 and path[-4:-2] == path[-2:]:
                del path[-2:]
        assert path[1 : len(steps) + 1] == [state for state, _ in steps], (path, steps)
        for before, (after, why) in zip(path, steps, strict=False):
            self.edges.add((before, after, why))
        life.path = path[len(steps) :]


@pytest.fixture
async def watch(hall: Running) -> AsyncIterator[Watch]:
    found = Watch(hall.node.app.feed)
    trio.lowlevel.add_instrument(found)
    yield found
    trio.lowlevel.remove_instrument(found)


class Drive:
    """Clients of one hall, and what is done to them."""

    def __init__(self, hall: Running, watch: Watch, patch: pytest.MonkeyPatch) -> None:
        self.hall, self.watch, self.patch = hall, watch, patch
        self.feed = hall.node.app.feed
        self.journal = hall.node.hall.journal
        self.reasons: set[str] = set()
        self.kinds = itertools.cycle(("fifo", "strict"))

    @asynccontextmanager
    async def client(self, token: str = "", *, small: bool = False) -> AsyncIterator[tuple[Deaf, Life]]:
        """A new one, open; at last it leaves, if it is not gone. A `small` one's socket takes little."""
        buffer_bytes = SMALL if small else None
        async with connected(self.hall, token or self.hall.admin, buffer_bytes) as (client, listener):
            life = self.watch.lives[listener]
            self.watch.edges.add((NOWHERE, CONNECTING, ""))
            self.watch.went(life, (OPEN, "101 and welcome"))
            if small:
                keep_little(listener)
            yield client, life
            if life.state != GONE:
                await client.send(close_frame(1000))
                await life.wait(GONE)
                self.watch.went(life, (GONE, "closed"))

    @asynccontextmanager
    async def follower(self, token: str = "", *, small: bool = False) -> AsyncIterator[tuple[Deaf, Life]]:
        """One that has heard its snapshot and everything else so far."""
        async with self.client(token, small=small) as (client, life):
            await subscribe(client)
            await client.until("snapshot")
            await level(client, life)
            way = AGAIN if small else ((FOLLOWING, "snapshot"),)
            self.watch.went(life, (OWED, "subscribe"), *way)
            yield client, life

    async def fill(self, client: Deaf, life: Life) -> None:
        """Ask for more than the socket takes, and do not read it."""
        for id in range(ANSWERS):
            await client.say(op="command", id=id, name="hall")
        await life.wait(BEHIND)
        self.watch.went(life, (BEHIND, TAKES_NO_MORE))

    async def resync(self, client: Deaf, life: Life) -> str:
        """The reason that the client is told; it reads on until it is level."""
        reason: str = (await client.until("resync"))["reason"].split(":")[0]
        await client.until("snapshot")
        await level(client, life)
        self.reasons.add(reason)
        return reason

    async def refused(self, path: str, headers: str) -> int:
        """The status with which a handshake is answered that opens no socket."""
        host, port = self.hall.url.removeprefix("http://").split(":")
        async with await trio.open_tcp_stream(host, int(port)) as stream:
            status, _ = await Raw(stream).upgrade(path, headers)
        assert not self.feed.clients
        return status

    def after(self, seq: int) -> dict[str, Any]:
        return {"epoch": self.journal.epoch, "seq": seq}

    # -- why a snapshot is owed to who has subscribed ------------------------------------------------

    @asynccontextmanager
    async def more_than_is_at_hand(self) -> AsyncIterator[None]:
        with self.ring_moved_on(self.journal.head + 1):
            await self.hall.take("business")
            yield

    @asynccontextmanager
    async def settings_change(self) -> AsyncIterator[None]:
        answer = await self.hall.as_admin.put("/api/v1/policy", json={"kind": next(self.kinds)})
        assert answer.status_code == 200, answer.text
        yield

    @asynccontextmanager
    async def untellable(self) -> AsyncIterator[None]:
        wire = FORMATS[JSON]
        real, bad = wire.record, self.journal.head + 1

        def record(value: Record) -> bytes:
            if value.seq == bad:
                raise OverflowError("no integer of this format")
            return real(value)

        with self.patch.context() as patch:
            patch.setattr(wire, "record", record)
            await self.hall.take("business")
            yield

    @contextmanager
    def ring_moved_on(self, lost_through: int) -> Iterator[None]:
        """The journal keeps at hand only what follows that `seq`."""
        real = self.journal.recent_after

        def recent_after(seq: int, limit: int = 500) -> list[Record] | None:
            return None if seq < lost_through else real(seq, limit)

        with self.patch.context() as patch:
            patch.setattr(self.journal, "recent_after", recent_after)
            yield

    @property
    def out_of_reach(self) -> list[dict[str, Any]]:
        """Places that nobody can go on from while the ring has moved on to the journal's head."""
        head = self.journal.head
        return [{"epoch": "another", "seq": head}, self.after(head - 1), self.after(head + 1)]


async def subscribe(client: Deaf, **more: Any) -> None:
    await client.say(op="subscribe", id=1, topics=["#"], **more)


async def level(client: Deaf, life: Life) -> None:
    """Let the client take whatever comes until it is level; it is kept to be read."""
    async with trio.open_nursery() as nursery:

        async def take() -> None:
            while True:
                client.buffer += await client.stream.receive_some(65536)

        nursery.start_soon(take)
        await life.wait(FOLLOWING)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def drive(hall: Running, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Drive:
    return Drive(hall, watch, monkeypatch)


async def test_clients_go_along_every_edge_of_the_diagram_and_no_other(drive: Drive) -> None:
    for _ in range(TICKETS):
        await drive.hall.take("business")
    await refused_handshakes(drive)
    await before_the_first_subscription(drive)
    await while_a_snapshot_is_owed(drive)
    await while_level(drive)
    await while_behind(drive)
    watch = drive.watch
    assert all(len(life.path) == 1 for life in watch.lives.values()), "a client went where it was not driven"
    page = edges_of(PAGE)
    assert len(page) == len(set(page))
    assert watch.edges == set(page)
    assert drive.reasons == reasons_of(PAGE)


async def refused_handshakes(drive: Drive) -> None:
    hall = drive.hall
    admin = f"Authorization: Bearer {hall.admin}\r\n"
    elsewhere = await hall.token("admin", scope="somc/other")
    statuses = []
    for path, headers in (
        ("/api/v1/ws", admin + "Sec-WebSocket-Protocol: graphql-ws\r\n"),
        ("/api/v1/ws", ""),
        ("/api/v1/ws", f"Authorization: Bearer {elsewhere}\r\n"),
        ("/api/v1/no-feed", admin),
    ):
        statuses.append(await drive.refused(path, headers))
    with drive.patch.context() as patch:
        full = Turnstile(rate_per_s=0.1, burst=1, patience_s=0.1)
        assert await full.pass_through()
        patch.setattr(drive.feed, "turnstile", full)
        statuses.append(await drive.refused("/api/v1/ws", admin))
    drive.watch.edges |= {(CONNECTING, GONE, f"{status} (no socket)") for status in statuses}


async def before_the_first_subscription(drive: Drive) -> None:
    watch = drive.watch
    async with drive.client():
        pass  # it asks for nothing
    async with drive.client() as (client, life):
        await subscribe(client, after=drive.after(drive.journal.head))
        await life.wait(FOLLOWING)
        watch.went(life, (FOLLOWING, AT_HAND))
    async with drive.client(small=True) as (client, life):
        await subscribe(client, after=drive.after(0))
        await life.wait(BEHIND)
        watch.went(life, (BEHIND, AT_HAND_AND_MORE))
    with drive.ring_moved_on(drive.journal.head):
        for place in drive.out_of_reach:
            async with drive.client() as (client, life):
                await subscribe(client, after=place)
                reason = await drive.resync(client, life)
                watch.went(life, (OWED, reason + BY_AFTER), (FOLLOWING, "snapshot"))


async def while_a_snapshot_is_owed(drive: Drive) -> None:
    """It is held back: nothing else shows what is between a question and its answer."""
    watch, snapshots = drive.watch, drive.feed.hub.snapshots
    real, go = snapshots.take, trio.Event()

    async def take(form: Form) -> tuple[int, bytes]:
        await go.wait()
        return await real(form)

    with drive.patch.context() as patch:
        patch.setattr(snapshots, "take", take)
        async with drive.client() as (client, life):
            await subscribe(client)
            await life.wait(OWED)
            watch.went(life, (OWED, "subscribe"))
        async with drive.client() as (client, life), drive.client(small=True) as (other, behind):
            for each, its in ((client, life), (other, behind)):
                await subscribe(each)
                await its.wait(OWED)
                watch.went(its, (OWED, "subscribe"))
            await subscribe(client, after=drive.after(drive.journal.head))
            await subscribe(other, after=drive.after(0))
            with trio.fail_after(10):
                while None in (life.listener.position, behind.listener.position):  # noqa: ASYNC110 - no event
                    await trio.sleep(0.005)
            go.set()
            await life.wait(FOLLOWING)
            watch.went(life, (FOLLOWING, AT_HAND))
            await behind.wait(BEHIND)
            watch.went(behind, (BEHIND, AT_HAND_AND_MORE))
    async with drive.client(small=True) as (client, life):
        await subscribe(client)
        await life.wait(BEHIND)
        watch.went(life, (OWED, "subscribe"), (BEHIND, TAKES_NO_MORE))


async def while_level(drive: Drive) -> None:
    watch = drive.watch
    async with drive.follower() as (client, life):
        life.told.clear()
        await drive.hall.take("business")
        for told in ("records", "figures"):
            await client.until(told)
        watch.edges |= {(FOLLOWING, FOLLOWING, told) for told in life.told}
        with drive.ring_moved_on(drive.journal.head):
            for place in drive.out_of_reach:
                await subscribe(client, after=place)
                reason = await drive.resync(client, life)
                watch.went(life, (OWED, reason + BY_AFTER), (FOLLOWING, "snapshot"))
    async with drive.follower(await drive.hall.token("display")) as (client, life):
        for act in (drive.more_than_is_at_hand, drive.settings_change, drive.untellable):
            async with act():
                reason = await drive.resync(client, life)
            watch.went(life, (OWED, f"{reason} (resync)"), (FOLLOWING, "snapshot"))


async def while_behind(drive: Drive) -> None:
    watch, hub = drive.watch, drive.feed.hub
    async with drive.follower(await drive.hall.token("display"), small=True) as (client, life):
        await drive.fill(client, life)
        await level(client, life)
        watch.went(life, AGAIN[-1])
        for act in (drive.more_than_is_at_hand, drive.settings_change, drive.untellable):
            await drive.fill(client, life)
            async with act():
                reason = await drive.resync(client, life)
            watch.went(life, (OWED, f"{reason} (resync)"), *AGAIN)
        with drive.ring_moved_on(drive.journal.head):
            for place in drive.out_of_reach:
                await drive.fill(client, life)
                await subscribe(client, after=place)
                reason = await drive.resync(client, life)
                watch.went(life, (OWED, reason + BY_AFTER), *AGAIN)
        await drive.fill(client, life)
    async with drive.follower(small=True) as (client, life):
        life.listener.link.settings = settings_with(life.listener, send_s=WAIT_S)
        await drive.fill(client, life)
        await life.wait(GONE)
        assert await client.was_reset()
        watch.went(life, (GONE, f"reset when it takes nothing for {ServeSettings().send_s:.0f} s"))
    with drive.patch.context() as patch:
        patch.setattr(hub, "congested_s", WAIT_S)
        async with drive.follower(small=True) as (client, life):
            await drive.fill(client, life)
            await life.wait(GONE)
            watch.went(life, (GONE, f"{await client.close_code()} after {CONGESTED_S:.0f} s"))
