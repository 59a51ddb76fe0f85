"""A plugin's message is sent once, though the hall is killed between the message and whatever notes it."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.server.rig import HALL
from tests.system.process import PATIENCE_S, started
from tests.system.test_crowd import records_of

CARE = """
[plugins]
enabled = ["care"]

[plugin.care]
follow_up = { default = "after_service" }

[template.after_service]
text = { zh = "{number} 号，感谢光临", en = "{number}, thank you" }
"""

EVALUATION = """
[plugins]
enabled = ["evaluation"]

[plugin.evaluation]
template = "how_was_it"
link = "https://hall.example/plugins/evaluation/r/{code}"

[template.how_was_it]
text = { zh = "{number} 号，请评价：{link}", en = "{number}, how was it? {link}" }
"""

DIES_AFTER_A_MESSAGE = """
import os, signal, sys
from somc.cli import main
from somc.messages.messenger import Messenger

send = Messenger.send

async def send_and_die(self, *args, **more):
    outcome = await send(self, *args, **more)  # it is on disk
    os.kill(os.getpid(), signal.SIGKILL)

Messenger.send = send_and_die
sys.exit(main())
"""
"""`somc` that is killed at the one instant that no signal from outside hits."""


async def serve_one(client: httpx.AsyncClient, phone: str) -> str:
    taken = (await client.post("/api/v1/tickets", json={"service": "payment", "phone": phone})).json()
    for act in ("call-next", "start", "finish"):
        answer = await client.post(f"/api/v1/counters/1/{act}", json={})
        assert answer.status_code == 200, answer.text
    ticket: str = taken["id"]
    return ticket


@pytest.mark.parametrize("plugin", [CARE, EVALUATION], ids=["care", "evaluation"])
async def test_a_kill_between_a_message_and_its_note_sends_no_second_one(tmp_path: Path, plugin: str) -> None:
    async def messages(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        return [one["data"] for one in await records_of(client) if one["type"] == "message.queued"]

    dying = (sys.executable, "-c", DIES_AFTER_A_MESSAGE)
    async with started(tmp_path, HALL + plugin, somc=dying) as hall, hall.client() as client:
        await client.post("/api/v1/counters/1/open", json={"agent": "li"})
        with suppress(httpx.TransportError):  # it may be killed before it has answered
            await serve_one(client, "13911112222")
        with trio.fail_after(PATIENCE_S):
            assert await hall.process.wait() == -signal.SIGKILL
    async with started(tmp_path, HALL + plugin) as hall, hall.client() as client:
        assert await messages(client), "the message was on disk"
        second = await serve_one(client, "13911113333")
        with trio.fail_after(PATIENCE_S):
            while second not in (about := [one["ticket"] for one in await messages(client)]):  # noqa: ASYNC110 # it is on the other side of HTTP
                await trio.sleep(0.02)
        assert len(about) == 2, "the record that came again sent nothing"
        assert await hall.stop() == 0
