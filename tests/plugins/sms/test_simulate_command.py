"""`somc channel simulate` in a process of its own, driven by its stdin."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
import trio

from somc.api import Outgoing, Sent
from somc.runtime.plugins.store import FileStore
from somc_plugins.sms_cmpp import channel_of
from somc_plugins.sms_cmpp.config import CmppGateway
from tests.plugins.sms.test_channel import Host

SOMC = [sys.executable, "-c", "from somc.cli import main; main()"]


async def test_a_gateway_is_played_driven_and_ended(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    process = await trio.lowlevel.open_process(
        [*SOMC, "channel", "simulate", "cmpp", "--throttle", "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with trio.fail_after(60):
        line = (await process.stdout.receive_some(200)).decode()
        port = re.fullmatch(r"ready 127\.0\.0\.1:(\d+)\n", line)
        assert port is not None, line
        settings = CmppGateway(
            host="127.0.0.1", port=int(port[1]), sp_id="900001", source="10086", password="secret"
        )
        store = FileStore(tmp_path / "store.sqlite3", bytes(32))
        channel, host = channel_of("gw", settings, store, structlog.get_logger()), Host()
        async with trio.open_nursery() as nursery:
            await nursery.start(channel.run, host)
            while not host.up:  # noqa: ASYNC110 - it connects in its own time
                await trio.sleep(0.01)
            outcomes = await channel.send([Outgoing(f"m{n}", "13800138000", "您好", 60) for n in range(3)])
            assert all(isinstance(each, Sent) for each in outcomes)
            await process.stdin.send_all(b"write 13800138000 CX\ndance\n")
            while not host.written:  # noqa: ASYNC110 - as above
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        await store.close()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    told = capfd.readouterr().err
    assert "login of 900001: let in" in told
    assert "to 13800138000: 您好" in told
    assert "there is no order 'dance'" in told


async def test_a_kind_that_nobody_brings_is_a_wrong_usage() -> None:
    done = await trio.run_process(
        [*SOMC, "channel", "simulate", "cmp"], check=False, capture_stderr=True, capture_stdout=True
    )
    assert done.returncode == 2
    assert b"did you mean 'cmpp'?" in done.stderr
