"""Whoever asks twice is not kept waiting: a second signal ends the hall at once, and loses nothing."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import httpx
import pytest
import trio

from somc.cli.run import STOPPED_AT_ONCE
from tests.server.rig import HALL
from tests.system.process import PATIENCE_S, Process, started, verified

PRINTER = (
    HALL
    + """
[plugins]
enabled = ["standard_devices"]

[device.printer]
driver = "escpos"
url = "tcp://127.0.0.1:PORT"
"""
)


async def stopping(hall: Process, client: httpx.AsyncClient, sent: signal.Signals) -> None:
    """Send a first signal and return when it is heeded: nobody new is let in."""
    hall.process.send_signal(sent)
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                # Not for longer: who was let in at the last moment is answered by the end of the process.
                await client.get("/readyz", headers={"connection": "close"}, timeout=1.0)
            except httpx.TransportError:
                return


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_a_stop_that_takes_its_time(
    tmp_path: Path, second: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        # A printer that answers nothing: the slip waits for it, and an orderly stop for the slip.
        toml = PRINTER.replace("PORT", str(deaf.getsockname()[1]))
        async with started(tmp_path, toml) as hall, hall.client() as client:
            taken = await client.post("/api/v1/tickets", json={"service": "payment", "channel": "kiosk"})
            assert taken.status_code == 201, taken.text
            await stopping(hall, client, signal.SIGTERM)
            assert hall.process.returncode is None
            hall.process.send_signal(second)
            with trio.fail_after(PATIENCE_S):
                assert await hall.process.wait() == STOPPED_AT_ONCE
        assert "second signal" in hall.stderr
        assert "Traceback" not in hall.stderr
    await verified(tmp_path / "data")
    async with started(tmp_path) as hall, hall.client() as client:
        (ticket,) = (await client.get("/api/v1/tickets")).json()
        assert ticket["id"] == taken.json()["id"]
        assert await hall.stop() == 0


async def test_one_signal_ends_the_same_stop_in_order(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        toml = PRINTER.replace("PORT", str(deaf.getsockname()[1]))
        async with started(tmp_path, toml) as hall, hall.client() as client:
            await client.post("/api/v1/tickets", json={"service": "payment", "channel": "kiosk"})
            await stopping(hall, client, signal.SIGINT)
            with trio.fail_after(PATIENCE_S):
                assert await hall.process.wait() == 0
        assert "second signal" not in hall.stderr
