"""Every record once and in order, however often a client comes back: strangers that know only the documents
(npm's `ws`, Python's `websockets`), and our own two clients over a network that cuts. In the middle the hall
is killed and begun again.

`SOMC_CAMPAIGN=1` makes it a thousand reconnects each.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from somc.client import ClientError, ClientSettings, Record, Resync, open_client, open_http
from somc.testing.client_cases import Program
from somc.testing.client_protocol import starting
from tests.client.cutting import Cutting, cutting
from tests.client.serving import Serving, serving
from tests.node import MODULES

RECONNECTS = 1_000 if os.environ.get("SOMC_CAMPAIGN") == "1" else 40
PATIENCE_S = 60.0 + 0.5 * RECONNECTS
FOREIGN = Path(__file__).parent / "foreign"
QUICK = ClientSettings(first_backoff_s=0.005, most_backoff_s=0.05, silence_s=2.0, ping_s=0.5)


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path) as found:
        yield found


@asynccontextmanager
async def busy(hall: Serving) -> AsyncIterator[None]:
    """Somebody takes tickets and gives them up; it goes on through a restart."""

    async def visit() -> None:
        async with open_http(hall.url, token=hall.token, timeout_s=5.0) as http:
            while True:
                with suppress(ClientError):
                    ticket = await http.post("/tickets", {"service": "payment", "channel": "kiosk"})
                    await http.post(f"/tickets/{ticket['id']}/cancel", {})
                await trio.sleep(0.005)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(visit)
        yield
        nursery.cancel_scope.cancel()


async def head(hall: Serving) -> int:
    async with open_http(hall.url, token=hall.token) as http:
        return int((await http.get("/hall"))["seq"])


class Seen:
    """The records that a client has told of."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self._more = trio.Event()

    def add(self, seq: int) -> None:
        self.seqs.append(seq)
        self._more.set()
        self._more = trio.Event()

    async def wait_beyond(self, seq: int) -> None:
        while not self.seqs or self.seqs[-1] < seq:
            await self._more.wait()

    def has_each_once(self) -> None:
        assert self.seqs == list(range(self.seqs[0], self.seqs[-1] + 1))


async def killed_and_begun_again(hall: Serving) -> None:
    await trio.to_thread.run_sync(hall.kill)
    await trio.to_thread.run_sync(hall.start)


@pytest.mark.parametrize("stranger", ["npm's ws", "Python's websockets"])
async def test_a_strangers_client(stranger: str, hall: Serving, seed: int, request: Any) -> None:
    if stranger == "npm's ws":
        command = [request.getfixturevalue("node"), str(FOREIGN / "ws_client.cjs")]
    else:
        command = [sys.executable, str(FOREIGN / "websockets_client.py")]
    with trio.fail_after(PATIENCE_S):
        process = await trio.lowlevel.open_process(
            [*command, hall.url, hall.token, str(RECONNECTS), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(MODULES)},
        )
        try:
            async with busy(hall):
                await trio.sleep(RECONNECTS * 0.02)
                await killed_and_begun_again(hall)
                assert await _line(process) == b"enough"
            last = await head(hall)
            assert process.stdin is not None
            await process.stdin.send_all(f"{last}\n".encode())
            told = msgspec.json.decode(await _line(process))
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
    seen = Seen()
    seen.seqs = told["seen"]
    seen.has_each_once()
    assert seen.seqs[-1] >= last
    assert told["resyncs"] == []
    assert told["lines"] > RECONNECTS


async def _line(process: trio.Process) -> bytes:
    assert process.stdout is not None
    said = b""
    while not said.endswith(b"\n"):
        piece = await process.stdout.receive_some()
        assert piece, f"it ended: {said!r}"
        said += piece
    return said.strip()


async def _cut_and_killed(hall: Serving, network: Cutting, seen: Seen) -> None:
    """Half of the cuts, a kill, the other half; then the network holds, and all must come."""
    async with busy(hall):
        await network.wait_cuts(RECONNECTS // 2)
        await killed_and_begun_again(hall)
        await network.wait_cuts(RECONNECTS)
        network.enough = True
        await seen.wait_beyond(await head(hall))


async def test_the_python_client_over_a_network_that_cuts(hall: Serving, seed: int) -> None:
    seen = Seen()

    async def follow(url: str) -> None:
        async with open_client(url, token=hall.token, settings=QUICK) as client:
            async for message in client.messages():
                assert not isinstance(message, Resync), message
                if isinstance(message, Record):
                    seen.add(message.seq)

    with trio.fail_after(PATIENCE_S):
        async with cutting(hall.url, seed) as network, trio.open_nursery() as nursery:
            nursery.start_soon(follow, network.url)
            await _cut_and_killed(hall, network, seen)
            nursery.cancel_scope.cancel()
    seen.has_each_once()


async def test_the_client_of_the_pages_over_a_network_that_cuts(
    hall: Serving, seed: int, pages_client: list[str]
) -> None:
    seen = Seen()

    async def follow(program: Program) -> None:
        snapshots = 0
        while True:
            said = await program.heard()
            snapshots += said["event"] == "snapshot"
            assert snapshots <= 1, "nothing was lost: one snapshot is enough"
            if said["event"] == "record":
                seen.add(said["seq"])

    with trio.fail_after(PATIENCE_S):
        async with (
            cutting(hall.url, seed) as network,
            starting(pages_client)(network.url, hall.token, "msgpack") as program,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(follow, program)
            await _cut_and_killed(hall, network, seen)
            nursery.cancel_scope.cancel()
    seen.has_each_once()
