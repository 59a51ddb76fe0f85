"""Nothing a peer sends ends the process, and nobody else notices.

Beside every hostile peer two others are served: one on a kept-alive HTTP connection, one on a WebSocket.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator

import pytest
import trio

from tests.server.serve.hostile_inputs import ALL
from tests.server.serve.rig import TEXT, ProbeApp, Raw, Served, client, frame, serving

LOOK_S = 0.02
"""How long a hostile peer listens before it goes; an answer to most inputs takes a tenth of that."""


@contextlib.asynccontextmanager
async def witnesses(served: Served) -> AsyncIterator[None]:
    """Two peers that are served before, throughout and after."""
    async with client(served) as http, client(served) as ws:
        assert (await ws.upgrade("/echo"))[0] == 101
        await _both_served(http, ws)
        yield
        await _both_served(http, ws)
        assert not served.ended.is_set()


async def _both_served(http: Raw, ws: Raw) -> None:
    assert (await http.get("/"))[2] == b"ok"
    await ws.send(frame(TEXT, b"alive"))
    assert await ws.frame() == (0x81, b"alive")


async def _say(served: Served, data: bytes, *, pieces: int = 1, ending: str = "close") -> None:
    """One hostile peer from connect to its end; the server may hang up on it at any time."""
    async with client(served) as peer:
        step = max(1, -(-len(data) // pieces))
        with contextlib.suppress(trio.BrokenResourceError), trio.move_on_after(1):
            for at in range(0, len(data), step):
                await peer.send(data[at : at + step])
        if ending == "eof":
            with contextlib.suppress(trio.BrokenResourceError):
                await peer.stream.send_eof()
        with trio.move_on_after(LOOK_S):
            await peer.read_to_end()
        if ending == "reset":
            peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("name", ALL)
async def test_a_hostile_peer_is_nobody_elses_trouble(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(ProbeApp(), server_names=()) as served, witnesses(served):
        for ending in ("close", "eof", "reset"):
            await _say(served, ALL[name], ending=ending)
        await _say(served, ALL[name], pieces=7)
    # Understood and refused, that is: not caught by the net that is there for our own mistakes.
    assert [r.getMessage() for r in caplog.records if "closed for a fault" in r.getMessage()] == []


async def test_host_names_are_judged_whatever_bytes_they_are() -> None:
    async with serving(ProbeApp(), server_names=("x",)) as served, witnesses(served):
        await _say(served, ALL["stopped Hypercorn: host that is not ascii"])


async def test_all_hostile_peers_at_once() -> None:
    async with serving(ProbeApp()) as served, witnesses(served), trio.open_nursery() as nursery:
        for data in ALL.values():
            nursery.start_soon(_say, served, data)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_mutated_inputs_are_nobody_elses_trouble(seed: int) -> None:
    chance = random.Random(seed)
    inputs = [data for data in ALL.values() if 0 < len(data) < 5000]
    async with serving(ProbeApp()) as served, witnesses(served):
        for _ in range(8):
            async with trio.open_nursery() as nursery:
                for _ in range(16):
                    data = bytearray(chance.choice(inputs) + chance.choice(inputs))
                    for _ in range(chance.randrange(1, 8)):
                        at = chance.randrange(len(data))
                        data[at : at + chance.randrange(2)] = chance.randbytes(chance.randrange(3))
                    nursery.start_soon(_say, served, bytes(data))


async def test_a_hundred_slow_peers_delay_nobody() -> None:
    async with serving(ProbeApp()) as served, witnesses(served), contextlib.AsyncExitStack() as stack:
        for _ in range(100):
            peer = await stack.enter_async_context(client(served))
            await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-")
        with trio.fail_after(3):
            async with witnesses(served):
                pass
