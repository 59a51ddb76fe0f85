"""A plugin in the hall's process that cannot be ended does not keep the hall from ending in order."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import httpx

from tests.plugins.rogue_load import hall_with
from tests.server.rig import write_hall
from tests.system.process import SOMC

LIMIT_S = 60.0


def test_a_hall_ends_though_a_plugin_swallows_its_cancellation(tmp_path: Path) -> None:
    hall_toml = write_hall(tmp_path, hall_with(["swallows"], "in-process"))
    command = [*SOMC, "run", str(hall_toml), "--port", "0", "--data", str(tmp_path / "data")]
    command += ["--admin-token-file", str(tmp_path / "token")]
    with (
        open(tmp_path / "log", "w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as hall,
    ):
        try:
            assert hall.stdout is not None
            url = next(line for line in hall.stdout if line.startswith("ready ")).split()[1]
            headers = {"authorization": f"Bearer {(tmp_path / 'token').read_text().strip()}"}
            with httpx.Client(base_url=f"{url}/api/v1", headers=headers, verify=False, timeout=30) as client:
                assert client.post("/plugins/swallows/enable").status_code == 200
                begun = time.monotonic()
                body = {"service": "payment", "channel": "kiosk", "phone": "13911112222"}
                assert client.post("/tickets", json=body).status_code == 201
                assert time.monotonic() - begun < 5.0, "the ticket waited for the rogue"
            hall.send_signal(signal.SIGTERM)
            assert hall.wait(LIMIT_S) == 0
        finally:
            hall.kill()
        log.seek(0)
        assert "tasks of swallows did not end and were left" in log.read()
