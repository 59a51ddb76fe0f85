"""The SMS plugin in a running hall: switched off and on again, nothing is lost; two gateways share."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from somc_plugins.sms.gate import Gate
from somc_plugins.sms_cmpp.gate import CmppSide
from somc_plugins.sms_smpp.gate import SmppSide
from tests.server.rig import GOTONE_PHONE, HALL, Running, running

BASE = "/api/v1"
CONFIG = """
[plugins]
enabled = ["sms_smpp", "sms_cmpp"]
[plugin.sms_smpp.gateway.first]
host = "127.0.0.1"
port = {first}
system_id = "hall"
password = "secret"
source = "10086"
reconnect_s = 0.05
[plugin.sms_cmpp.gateway.second]
host = "127.0.0.1"
port = {second}
sp_id = "900001"
password = "secret"
source = "10086"
weight = 0
reconnect_s = 0.05
"""


async def wait(holds: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not holds():  # noqa: ASYNC110 - gateways and sessions work in their own time
            await trio.sleep(0.01)


APART = "".join(f'[plugin.{name}.host]\nisolation = "process"\n' for name in ("sms_smpp", "sms_cmpp"))
BOTH = pytest.mark.parametrize("more", ["", APART], ids=["in-process", "process"])


@asynccontextmanager
async def two_gates(folder: Path, more: str = "") -> AsyncIterator[tuple[Running, Gate, Gate]]:
    first, second = Gate(SmppSide), Gate(CmppSide)
    async with trio.open_nursery() as nursery:
        ports = {"first": await nursery.start(first.run), "second": await nursery.start(second.run)}
        async with running(folder, HALL + CONFIG.format(**ports) + more) as hall:
            await wait(lambda: first.sessions == second.sessions == 1)
            yield hall, first, second
        nursery.cancel_scope.cancel()


async def send(hall: Running) -> str:
    body = {"phone": GOTONE_PHONE, "template": "reply_help"}
    answer = await hall.as_admin.post(f"{BASE}/messages", json=body)
    assert answer.status_code == 201, answer.text
    name: str = answer.json()["id"]
    return name


async def status(hall: Running) -> dict[str, Any]:
    found = (await hall.as_admin.get(f"{BASE}/channels")).json()
    return {channel["name"]: channel["status"] for channel in found["channels"]}


def state_of(hall: Running, name: str) -> str:
    return str(hall.node.hall.state.outbox.messages[name].state)


@BOTH
async def test_a_plugin_that_is_switched_off_leaves_its_messages_to_another_or_queued(
    tmp_path: Path, more: str
) -> None:
    async with two_gates(tmp_path, more) as (hall, first, second):
        name = await send(hall)
        await wait(lambda: state_of(hall, name) == "delivered")
        assert (len(first.taken), len(second.taken)) == (1, 0)
        assert (await hall.as_admin.post(f"{BASE}/plugins/sms_smpp/disable")).status_code == 200
        assert await status(hall) == {"first": "off", "second": "up"}
        name = await send(hall)
        await wait(lambda: state_of(hall, name) == "delivered")
        assert len(second.taken) == 1
        assert (await hall.as_admin.post(f"{BASE}/plugins/sms_cmpp/disable")).status_code == 200
        waits = await send(hall)
        assert await status(hall) == {"first": "off", "second": "off"}
        assert (first.sessions, second.sessions) == (0, 0)
        assert state_of(hall, waits) == "queued"
        assert (await hall.as_admin.post(f"{BASE}/plugins/sms_smpp/enable")).status_code == 200
        await wait(lambda: state_of(hall, waits) == "delivered")
        assert len(first.taken) == 2


@BOTH
async def test_a_gateway_that_dies_is_stood_in_for_and_customers_reach_the_hall_through_either(
    tmp_path: Path, more: str
) -> None:
    async with two_gates(tmp_path, more) as (hall, first, second):
        await first.go_away()
        name = await send(hall)
        await wait(lambda: state_of(hall, name) == "delivered")
        assert len(second.taken) == 1
        await second.write(GOTONE_PHONE, "CX", ref="900")
        await wait(lambda: len(second.taken) == 2)
        assert "您今天没有在等候的号码" in second.taken[1].text
        await first.come_back()
        await wait(lambda: first.sessions == 1)
        await first.write(GOTONE_PHONE, "帮助")
        await wait(lambda: len(first.taken) == 1)


async def test_what_was_under_way_when_a_process_died_is_sent_again(tmp_path: Path) -> None:
    gate = Gate(SmppSide)
    async with trio.open_nursery() as nursery:
        ports = {"first": await nursery.start(gate.run), "second": 1}
        config = CONFIG.format(**ports).replace(', "sms_cmpp"', "").split("[plugin.sms_cmpp")[0]
        apart = '[plugin.sms_smpp.host]\nisolation = "process"\n'
        async with running(tmp_path, HALL + config + apart) as hall:
            await wait(lambda: gate.sessions == 1)
            gate.delay_s = 3600.0  # it takes the message, and its answer never leaves
            name = await send(hall)
            await wait(lambda: len(gate.taken) == 1)
            pid = hall.node.plugins.entries["sms_smpp"].runner.pid
            gate.delay_s = 0.0
            os.kill(pid, signal.SIGKILL)
            await wait(lambda: gate.sessions == 0)
            assert (await hall.take())["number"] == "A001"
            await wait(lambda: state_of(hall, name) == "delivered")
            assert len(gate.taken) == 2
            types = [record["type"] for record in await hall.records()]
            assert types.count("message.sent") == 1
            told = [r["data"] for r in await hall.records() if r["type"] == "channel.status"]
            assert any(
                "killed by signal 9" in one.get("detail", "") for one in told if one["status"] == "down"
            )
            assert told[-1]["status"] == "up"
            await gate.write(GOTONE_PHONE, "帮助")
            await wait(lambda: len(gate.taken) == 3)
        nursery.cancel_scope.cancel()


async def test_the_password_is_shown_to_nobody(tmp_path: Path) -> None:
    async with two_gates(tmp_path) as (hall, _, _):
        answer = await hall.as_admin.get(f"{BASE}/plugins")
        assert answer.status_code == 200
        assert "secret" not in answer.text.replace("password_file", "")
        assert '"secret"' not in str(await hall.records())
