"""One PC's devices over TCP: the same conformance, and nobody without the token."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from somc_hal import driver_spec
from somc_hal.agent import STRANGERS, Agent
from somc_hal.links import check_url, open_link
from somc_hal.links.agent import proof
from somc_hal.simulators import SimulatorHost, StripDisplaySimulator, hosted
from somc_hal.simulators.base import Simulator
from somc_hal.testing import Check, checks_for, simulated

TOKEN = "an-agents-token-of-the-hall"
SPEC = driver_spec("reference-keypad")


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.token"
    path.write_text(TOKEN + "\n")
    return path


class AgentHost:
    """A simulator on a pty of "another PC", behind an agent; its cable is pulled there."""

    token_file: Path

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._host = SimulatorHost(simulator, "pty")

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            url = await nursery.start(self._host.run)
            agent = Agent({"device": url}, TOKEN)
            listeners = await nursery.start(agent.serve, "127.0.0.1", 0)
            port = listeners[0].socket.getsockname()[1]
            task_status.started(f"agent://127.0.0.1:{port}/device?token-file={self.token_file}")

    async def unplug(self) -> None:
        await self._host.unplug()

    async def replug(self) -> None:
        await self._host.replug()


@pytest.mark.parametrize("check", checks_for(SPEC), ids=lambda check: str(getattr(check, "__name__", "")))
async def test_a_device_behind_an_agent_conforms(check: Check, token_file: Path) -> None:
    class Host(AgentHost):
        pass

    Host.token_file = token_file
    await check(simulated(SPEC, host=Host))


async def _agent(nursery: trio.Nursery, url: str) -> tuple[Agent, int]:
    agent = Agent({"strip": url}, TOKEN)
    listeners = await nursery.start(agent.serve, "127.0.0.1", 0)
    return agent, listeners[0].socket.getsockname()[1]


async def test_a_wrong_token_gets_nothing_and_is_logged(
    token_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = tmp_path / "wrong.token"
    wrong.write_text("quite-another-token")
    async with hosted(StripDisplaySimulator(), "pty") as host, trio.open_nursery() as nursery:
        agent, port = await _agent(nursery, host.url)
        with caplog.at_level(logging.INFO), pytest.raises(OSError, match="wrong token"):
            await open_link(f"agent://127.0.0.1:{port}/strip?token-file={wrong}")
        assert "without the right token" in caplog.text
        assert agent.in_use == ()
        with pytest.raises(OSError, match="no such device; there are: strip"):
            await open_link(f"agent://127.0.0.1:{port}/printer?token-file={token_file}")
        nursery.cancel_scope.cancel()


async def test_an_agent_that_does_not_know_the_token_is_no_agent(token_file: Path) -> None:
    async def impostor(stream: trio.SocketStream) -> None:
        await stream.send_all(b"SOMC-AGENT/1 " + b"a" * 64 + b"\n")
        await stream.receive_some(500)
        await stream.send_all(b"OK " + b"b" * 64 + b"\n")

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, impostor, 0)
        port = listeners[0].socket.getsockname()[1]
        with pytest.raises(OSError, match="does not know the token"):
            await open_link(f"agent://127.0.0.1:{port}/strip?token-file={token_file}")
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "said", [b"", b"x" * 2000, b"\xff\xfe\n", b"strip\n", b"strip a b\n", b"GET / HTTP/1.1\r\n\r\n"]
)
async def test_hostile_visitors_end_with_their_connection(said: bytes, token_file: Path) -> None:
    async with hosted(StripDisplaySimulator(), "pty") as host, trio.open_nursery() as nursery:
        agent, port = await _agent(nursery, host.url)
        with trio.fail_after(10):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            async with stream:
                await stream.send_all(said)
                await stream.send_eof()
                with suppress(trio.BrokenResourceError):  # closed with bytes of ours unread
                    while await stream.receive_some(1000):
                        pass
            async with await open_link(f"agent://127.0.0.1:{port}/strip?token-file={token_file}"):
                assert agent.in_use == ("strip",)
        nursery.cancel_scope.cancel()


async def test_strangers_are_few(token_file: Path) -> None:
    async with hosted(StripDisplaySimulator(), "pty") as host, trio.open_nursery() as nursery:
        _, port = await _agent(nursery, host.url)
        waiting = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(STRANGERS)]
        for stream in waiting:
            assert (await stream.receive_some(100)).startswith(b"SOMC-AGENT/1")
        one_more = await trio.open_tcp_stream("127.0.0.1", port)
        with trio.fail_after(3):
            assert await one_more.receive_some(100) == b""
        for stream in (*waiting, one_more):
            await stream.aclose()
        nursery.cancel_scope.cancel()


async def test_the_newest_user_gets_the_device(token_file: Path) -> None:
    async with hosted(StripDisplaySimulator(), "pty") as host, trio.open_nursery() as nursery:
        _, port = await _agent(nursery, host.url)
        url = f"agent://127.0.0.1:{port}/strip?token-file={token_file}"
        with trio.fail_after(10):
            first = await open_link(url)
            second = await open_link(url)
            with suppress(trio.BrokenResourceError):  # a reset is an end, too
                assert await first.receive_some(10) == b""
            await second.send_all(b"x")
            await first.aclose()
            await second.aclose()
        nursery.cancel_scope.cancel()


async def test_a_restarted_agent_needs_no_hand(token_file: Path) -> None:
    async with hosted(StripDisplaySimulator(), "pty") as host:
        port = 0
        strip: Any = None
        async with trio.open_nursery() as hall:
            for number in range(2):
                async with trio.open_nursery() as pc:
                    agent = Agent({"strip": host.url}, TOKEN)
                    listeners = await pc.start(agent.serve, "127.0.0.1", port)
                    port = listeners[0].socket.getsockname()[1]
                    if strip is None:
                        url = f"agent://127.0.0.1:{port}/strip?token-file={token_file}"
                        strip = driver_spec("reference-strip").make("s", url, {"backoff_cap_s": 0.1})
                        await hall.start(strip.run)
                    with trio.fail_after(10):
                        await strip.wait_online()
                        await strip.show([f"A{number}"], wait_s=5.0)
                    assert host.simulator.shown.lines == (f"A{number}",)  # type: ignore[attr-defined]
                    pc.cancel_scope.cancel()
                with trio.fail_after(10):
                    await strip.wait_not_online()
            hall.cancel_scope.cancel()


def test_a_recorded_proof_is_worth_nothing_later() -> None:
    assert proof(TOKEN, "host", "a", "b", "strip") != proof(TOKEN, "host", "c", "b", "strip")
    assert proof(TOKEN, "host", "a", "b", "strip") != proof(TOKEN, "agent", "a", "b", "strip")
    assert proof(TOKEN, "host", "a", "b", "strip") != proof(TOKEN, "host", "a", "b", "printer")


async def test_a_short_or_missing_token_says_so(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("secret")
    with pytest.raises(OSError, match="at least 16 characters"):
        await open_link(f"agent://127.0.0.1:9/strip?token-file={short}")
    with pytest.raises(OSError, match="nowhere"):
        await open_link("agent://127.0.0.1:9/strip?token-file=/nowhere")
    for url in ("agent://127.0.0.1:9/strip", "agent://h/strip?token-file=x", "agent://h:1/a/b?token-file=x"):
        with pytest.raises(ValueError, match=r"write agent://host:port/DEVICE\?token-file=FILE"):
            check_url(url)
    with pytest.raises(ValueError, match="device name 'a b'"):
        Agent({"a b": "pty:///x"}, TOKEN)
