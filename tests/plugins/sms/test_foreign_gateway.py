"""npm's `smpp` as the gateway: messages with receipts through two restarts of it and a `kill -9` of the hall.

    SOMC_CAMPAIGN=1 pytest tests/plugins/sms/test_foreign_gateway.py -s      10,000 messages

Each message is sent at least once, none twice by our record, none is lost, and each is delivered.
"""

from __future__ import annotations

import collections
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.plugins.sms import npm
from tests.server.rig import HALL, write_hall
from tests.system.process import Process, started, verified

CAMPAIGN = os.environ.get("SOMC_CAMPAIGN") == "1"
MESSAGES = 10_000 if CAMPAIGN else 300
AT_ONCE = 20
PATIENCE_S = 600.0 if CAMPAIGN else 90.0

SMS = """
[plugins]
enabled = ["sms_smpp"]

[plugin.sms_smpp.gateway.npm]
host = "127.0.0.1"
port = {port}
system_id = "hall"
password = "secret"
source = "10086"
window = 20
reconnect_s = 0.1
check_s = 1.0
answer_s = 5.0

[template.numbered]
text = {{ zh = "您好，请于今日到厅办理业务😀 {{number}}", en = "Hello {{number}}" }}
class = "receipt"

[messages]
gateway_down_s = 0
"""

pytestmark = pytest.mark.skipif(
    npm.find_node() is None and os.environ.get("CI") != "true", reason=npm.WITHOUT
)


def phone(number: int) -> str:
    return f"138{number:08}"


class Campaign:
    """The hall and the gateway, each of which comes and goes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "gateway.log"
        self.data = folder / "data"
        self.toml = ""
        self.queued: dict[int, str] = {}
        """Number → message, of those that the hall has acknowledged."""

    async def queue(self, hall: Process, upto: int) -> None:
        """Queue all messages below `upto` that are not acknowledged yet, several at once. If the hall dies
        meanwhile, the rest is left for its next life: the same keys make each of them one message."""
        numbers = iter([number for number in range(upto) if number not in self.queued])
        async with hall.client() as client, trio.open_nursery() as nursery:

            async def some() -> None:
                for number in numbers:
                    body = {
                        "phone": phone(number),
                        "template": "numbered",
                        "values": {"number": f"{number:05}"},
                    }
                    key = {"idempotency-key": f"n{number}"}
                    try:
                        answer = await client.post("/api/v1/messages", json=body, headers=key)
                    except httpx.TransportError:
                        return  # killed: whether it has it, its next life will say
                    assert answer.status_code == 201, answer.text
                    self.queued[number] = answer.json()["id"]

            for _ in range(AT_ONCE):
                nursery.start_soon(some)

    async def wait_counts(self, hall: Process, least: dict[str, int]) -> dict[str, int]:
        """Until so many messages are in each state."""
        async with hall.client() as client:
            with trio.fail_after(PATIENCE_S):
                while True:
                    answer = (await client.get("/api/v1/channels")).json()
                    counts: dict[str, int] = answer["messages"]
                    if all(counts[state] >= number for state, number in least.items()):
                        return counts
                    await trio.sleep(0.05)  # another process works in its own time

    async def records(self, hall: Process) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async with hall.client() as client:
            while True:
                after = found[-1]["seq"] if found else 0
                params = {"after": after, "limit": 1000}
                page = (await client.get("/api/v1/records", params=params)).json()["records"]
                if not page:
                    return found
                found += page


async def test_nothing_is_lost_and_nothing_recorded_twice_whoever_dies(tmp_path: Path) -> None:
    assert npm.bring(), npm.WITHOUT
    run = Campaign(tmp_path)
    quarter = MESSAGES // 4
    async with npm.server(run.log) as gateway:
        toml = HALL + SMS.format(port=gateway.port)
        write_hall(tmp_path, toml)
        async with started(tmp_path, toml) as hall, trio.open_nursery() as nursery:
            nursery.start_soon(run.queue, hall, MESSAGES)
            await run.wait_counts(hall, {"delivered": quarter})
            await gateway.kill()
            async with npm.server(run.log, gateway.port) as gateway:
                await run.wait_counts(hall, {"delivered": 2 * quarter})
                await hall.kill()
        async with npm.server(run.log, gateway.port) as gateway, started(tmp_path, toml) as hall:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run.queue, hall, MESSAGES)
                await run.wait_counts(hall, {"delivered": 3 * quarter})
                await gateway.kill()
            async with npm.server(run.log, gateway.port):
                counts = await run.wait_counts(hall, {"delivered": MESSAGES})
                records = await run.records(hall)
                assert await hall.stop() == 0
    await judge(run, counts, records)


async def judge(run: Campaign, counts: dict[str, int], records: list[dict[str, Any]]) -> None:
    assert counts["delivered"] == MESSAGES, counts
    by_type = collections.Counter(record["type"] for record in records)
    sent = collections.Counter(
        record["data"]["message"] for record in records if record["type"] == "message.sent"
    )
    assert set(sent) == set(run.queued.values())
    assert set(sent.values()) == {1}
    assert by_type["message.queued"] == by_type["message.sent"] == by_type["message.delivered"] == MESSAGES
    assert by_type["message.failed"] == 0
    taken = collections.Counter(
        line.split(" ", 3)[3] for line in run.log.read_text().splitlines() if line.startswith("S ")
    )
    expected = {f"您好，请于今日到厅办理业务😀 {number:05}" for number in range(MESSAGES)}
    assert set(taken) == expected
    again = sum(taken.values()) - MESSAGES
    print(f"{MESSAGES} messages: {sum(taken.values())} submissions, {again} of them again after a death")
    # What was under way at each death may be submitted again: at most two batches of the window each.
    assert again <= 4 * 2 * 20
    await verified(run.data)
