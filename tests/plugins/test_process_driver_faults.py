"""What a driver in its plugin's own process does wrong costs its device or its process, never the hall."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from somc.runtime.plugins import pipe
from somc_hal.errors import Unsupported
from somc_hal.status import DeviceState
from somc_hal.values import Key
from tests.plugins.box import PATIENCE_S, bench, outages, pid_of, recorded, shown, until


async def test_what_a_driver_gives_wrongly_is_its_plugins_fault(tmp_path: Path) -> None:
    async with bench(tmp_path, "moody") as (hall, at):
        moody: Any = hall.node.devices["moody"]
        before, ledger = pid_of(hall), hall.node.plugins.entries["acme_box"].ledger
        with pytest.raises(Exception, match="a str, which is no Truth"):
            await moody.show(["LIE"])
        assert "gave a str, which is no Truth" in (ledger.last_fault or "")
        with pytest.raises(Exception, match="its table is empty"):
            await moody.show(["BREAK"])
        with pytest.raises(Unsupported):
            await moody.show(["1", "2", "3"])
        with pytest.raises(ValueError, match="show: Expected `str`, got `int`"):
            await moody.show([5])
        await moody.show(["A1"], wait_s=PATIENCE_S)
        assert shown(at["moody"]) == "A1"
        assert pid_of(hall) == before


async def test_what_the_process_says_is_read_without_trust(tmp_path: Path) -> None:
    async with bench(tmp_path, "moody") as (hall, _):
        moody: Any = hall.node.devices["moody"]
        await moody.show(["NONSENSE"])
        with trio.fail_after(PATIENCE_S):
            await moody.wait_not_online()
        assert "it said what cannot be understood (RecursionError" in moody.status.detail
        await hall.take()


async def test_a_flood_of_statuses_is_the_end_of_the_process(tmp_path: Path) -> None:
    async with bench(tmp_path, "moody") as (hall, _):
        moody: Any = hall.node.devices["moody"]
        await moody.show(["FLOOD"])
        with trio.fail_after(PATIENCE_S):
            while moody.status.state is not DeviceState.HARDWARE_ERROR:
                await moody.turn.wait()
        assert moody.status.detail == "the driver of 'moody' floods the hall with its status: it was killed"
        await hall.take()


async def test_a_call_that_does_not_end_is_the_end_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "PATIENT_PINGS", 1)
    async with bench(tmp_path, "moody") as (hall, _):
        moody: Any = hall.node.devices["moody"]
        with trio.move_on_after(0.1):
            await moody.show(["STUBBORN"])
        with trio.fail_after(PATIENCE_S):
            await moody.wait_not_online()
        assert moody.status.detail == (
            "'show of 'moody'' does not end though it was cancelled: it was killed"
        )


async def test_what_a_device_tells_may_be_nonsense(tmp_path: Path) -> None:
    async with bench(tmp_path, "babbler") as (hall, at):
        await hall.open_counter(1)
        await hall.take()
        keypad, before = at["babbler"], pid_of(hall)
        keypad.press(Key.START)
        with trio.fail_after(PATIENCE_S):
            await hall.node.devices["babbler"].wait_not_online()
            await hall.node.devices["babbler"].wait_online()
        await until(keypad, lambda: keypad.shown is not None)
        await recorded(hall, "babbler", "online")
        assert "hardwareError" in [status for status, _ in await outages(hall, "babbler")]
        assert pid_of(hall) == before
        faults = hall.node.plugins.entries["acme_box"].ledger
        assert "what its 'keys' tell is a str, which is no KeyEvent" in (faults.last_fault or "")


async def test_the_end_of_a_hall_is_no_outage_of_its_devices(tmp_path: Path) -> None:
    async with bench(tmp_path, "strip") as (hall, at):
        await hall.open_counter(1)
        await hall.take()
        await hall.at(1, "call-next")
        before = await outages(hall, "strip")
    assert "A001" in shown(at["strip"])
    async with bench(tmp_path, "strip") as (hall, at):
        assert await outages(hall, "strip") == before
        await until(at["strip"], lambda: "A001" in shown(at["strip"]))
