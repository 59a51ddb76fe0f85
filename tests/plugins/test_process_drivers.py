"""Drivers of a plugin in its own process: a hall whose devices live through the death of that process."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import trio

from somc.composition import load_config
from somc.errors import ConfigurationError
from somc_hal.errors import DeviceOffline, OutcomeUnknown
from somc_hal.simulators import KeypadSimulator, StripDisplaySimulator
from somc_hal.simulators.multidrop import Multidrop
from somc_hal.status import DeviceState, Truth
from somc_hal.values import Key, Phrase, SlipLine
from tests.plugins.box import (
    BASE,
    PATIENCE_S,
    QUICK,
    bench,
    device,
    outages,
    pid_of,
    plugged,
    recorded,
    shown,
    toml,
    until,
)
from tests.server.rig import running, write_hall

SOON_S = 1.0
"""A hall's answer takes milliseconds; a loaded machine is given a second, a blocked driver would hold it."""


async def test_a_counter_goes_on_when_the_process_of_its_devices_is_killed(tmp_path: Path) -> None:
    async with bench(tmp_path, "strip", "keypad", "printer", "voice") as (hall, at):
        at["voice"].s_per_cell = 0
        await hall.open_counter(1)
        for _ in range(6):
            await hall.take()
        await until(at["printer"], lambda: len(at["printer"].slips) == 6)
        for key in (Key.NEXT, Key.START, Key.FINISH, Key.NEXT):
            at["keypad"].press(key)
        await until(at["strip"], lambda: "A002" in shown(at["strip"]))
        await until(at["voice"], lambda: at["voice"].spoken)
        types = [r["type"] for r in await hall.records() if r["type"].startswith("ticket.") and r["data"]]
        assert types[6:] == [
            "ticket.called",
            "ticket.service_started",
            "ticket.finished",
            "ticket.called",
        ]

        before = pid_of(hall)
        os.kill(before, signal.SIGKILL)
        with trio.fail_after(PATIENCE_S):
            await hall.node.devices["strip"].wait_not_online()
        began = trio.current_time()
        await hall.at(1, "no-show")
        await hall.at(1, "call-next")
        assert trio.current_time() - began < SOON_S
        assert hall.node.devices["strip"].status.state is DeviceState.HARDWARE_ERROR
        assert "killed by signal 9" in hall.node.devices["strip"].status.detail

        await until(at["strip"], lambda: "A003" in shown(at["strip"]))  # drawn while it was away
        assert pid_of(hall) != before
        for name in ("strip", "keypad", "printer", "voice"):
            with trio.fail_after(PATIENCE_S):
                await hall.node.devices[name].wait_online()
        await until(at["keypad"], lambda: at["keypad"].shown[0] == "A003")
        await hall.take()
        await until(at["printer"], lambda: len(at["printer"].slips) == 7)
        for name in at:
            await recorded(hall, name, "online")
        told = {name: await outages(hall, name) for name in at}
        for name, said in told.items():
            down = [why for status, why in said if status == "hardwareError"]
            assert len(down) == 1, (name, said)
            assert said[-1] == ("online", ""), (name, said)


async def test_a_job_is_printed_at_most_once_whatever_becomes_of_the_process(tmp_path: Path) -> None:
    async with bench(tmp_path, "printer", "voice") as (hall, at):
        printer: Any = hall.node.devices["printer"]
        voice: Any = hall.node.devices["voice"]
        slip, sim = [SlipLine("A1")], at["printer"]
        assert await printer.print("one", slip) is Truth.YES
        sim.mute()  # it prints, and nobody hears that it did
        at["voice"].s_per_cell = 3600.0
        async with trio.open_nursery() as nursery:

            async def lost(call: Any) -> None:
                with pytest.raises(OutcomeUnknown):
                    await call

            nursery.start_soon(lost, printer.print("two", slip))
            nursery.start_soon(lost, voice.announce([Phrase("A1")]))
            await until(sim, lambda: len(sim.slips) == 2)
            await until(at["voice"], lambda: at["voice"].speaking)
            assert voice.speaking
            os.kill(pid_of(hall), signal.SIGKILL)
        assert not voice.speaking
        sim.unmute()
        at["voice"].power_off()
        at["voice"].power_on()
        assert await printer.print("one", slip) is Truth.YES  # while the process is away, too
        with pytest.raises(OutcomeUnknown):
            await printer.print("two", slip)
        with pytest.raises(DeviceOffline):
            await printer.print("three", slip)
        with pytest.raises(DeviceOffline):
            await voice.announce([Phrase("A2")])
        assert await printer.print("three", slip, timeout_s=PATIENCE_S) is Truth.YES
        with pytest.raises(OutcomeUnknown):
            await printer.print("two", slip)
        assert await printer.print("one", slip) is Truth.YES
        assert len(sim.slips) == 3


async def test_a_driver_that_blocks_delays_nobody_and_is_named(tmp_path: Path) -> None:
    async with bench(tmp_path, "strip", "moody") as (hall, at):
        moody: Any = hall.node.devices["moody"]
        before = pid_of(hall)
        began = trio.current_time()
        await moody.show(["BLOCK"])
        await hall.take()
        took_s = trio.current_time() - began
        assert took_s < 2 * SOON_S  # one of them is what a picture waits for its driver
        with trio.fail_after(PATIENCE_S):
            await hall.node.devices["strip"].wait_not_online()
        why = hall.node.devices["strip"].status.detail
        assert why == "its loop is blocked in show of 'moody': it was ended"
        await moody.show(["A1"])
        await until(at["moody"], lambda: shown(at["moody"]) == "A1")
        assert pid_of(hall) != before
        faults = [r["data"] for r in await hall.records() if r["type"] == "plugin.faulted"]
        assert ("acme_box", why) in [(fault["plugin"], fault["why"]) for fault in faults]


async def test_two_stations_share_a_bus_in_the_process(tmp_path: Path) -> None:
    pads = []
    for address in (1, 2):
        pads.append(KeypadSimulator())
        pads[-1].address, pads[-1].polled = address, True
    line = Multidrop(pads)
    async with trio.open_nursery() as nursery:
        host = await plugged(nursery, line)
        on_bus = QUICK.replace("2.0", "0.1") + ", polled = true, poll_s = 0.01"
        made = [device(f"keypad-{n}", "acme-keypad", host.url, n, f"address = {n}, {on_bus}") for n in (1, 2)]
        async with running(tmp_path, toml(*made)) as hall:
            for number, pad in enumerate(pads, 1):
                await hall.open_counter(number)
                await hall.take()
                pad.press(Key.NEXT)
                await until(
                    pad, lambda pad=pad, n=number: pad.shown is not None and pad.shown[0] == f"A00{n}"
                )
            assert line.collisions == 0
        nursery.cancel_scope.cancel()


async def test_a_line_is_swapped_into_a_process_and_nobody_is_lost(tmp_path: Path) -> None:
    strips = StripDisplaySimulator(), StripDisplaySimulator()
    async with trio.open_nursery() as nursery:
        old, new = [await plugged(nursery, strip, "tcp") for strip in strips]
        here = toml(device("strip", "reference-strip", old.url))
        async with running(tmp_path, here) as hall:
            await hall.open_counter(1)
            for _ in range(3):
                await hall.take()
            await hall.at(1, "call-next")
            await until(strips[0], lambda: "A001" in shown(strips[0]))
            waiting = (await hall.as_admin.get(f"{BASE}/tickets", params={"state": "waiting"})).json()
            assert len(waiting) == 2

            wrong = toml(device("strip", "acme-strip", new.url, options="wiring = 2"))
            write_hall(tmp_path, wrong)
            refused = await hall.as_admin.post(f"{BASE}/devices/reload")
            assert refused.status_code == 422
            assert "the wiring 2 is even; allowed: odd numbers" in refused.text

            write_hall(tmp_path, toml(device("strip", "acme-strip", new.url)))
            answer = await hall.as_admin.post(f"{BASE}/devices/reload")
            assert answer.json()["swapped"] == ["strip"], answer.text
            await until(strips[1], lambda: "A001" in shown(strips[1]))
            assert waiting == (await hall.as_admin.get(f"{BASE}/tickets", params={"state": "waiting"})).json()
            kept = await hall.as_admin.post(f"{BASE}/plugins/acme_box/disable")
            assert kept.status_code == 409
            assert "the devices strip use its drivers" in kept.json()["detail"]

            again = await hall.as_admin.post(f"{BASE}/plugins/acme_box/reload")
            assert again.status_code == 200, again.text
            before = len(strips[1].history)
            await hall.at(1, "no-show")
            await hall.at(1, "call-next")
            await until(strips[1], lambda: "A002" in shown(strips[1]))
            assert len(strips[1].history) > before
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("serial:///dev/ttyS9?baud=9600", "record+serial+aio:///dev/ttyS9?baud=4800&record=wire"),
        ("tcp://bus.invalid:4001", "tcp://BUS.invalid:4001?silence_s=5"),
        ("usb://04b8:0202", "usb://04B8:0202"),
    ],
)
def test_a_line_of_two_processes_is_refused(first: str, second: str, tmp_path: Path) -> None:
    both = device("a", "reference-strip", first, options="lines = 2"), device("b", "acme-strip", second)
    with pytest.raises(ConfigurationError) as refused:
        load_config(write_hall(tmp_path, toml(*both)))
    (fault,) = refused.value.faults
    assert fault.key == "device.b.url"
    assert fault.found == "the line of the device 'a', which the hall's process has"
    assert "its driver works in the process of the plugin 'acme_box'" in fault.allowed
    load_config(write_hall(tmp_path, toml(*both, isolation="in-process")))


async def test_devices_of_a_plugin_that_is_off_wait_until_it_is_enabled(tmp_path: Path) -> None:
    strip = StripDisplaySimulator()
    async with trio.open_nursery() as nursery:
        host = await plugged(nursery, strip)
        async with running(tmp_path, toml()) as hall:
            answer = await hall.as_admin.post(f"{BASE}/plugins/acme_box/disable")
            assert answer.status_code == 200, answer.text
            write_hall(tmp_path, toml(device("strip", "acme-strip", host.url)))
            refused = await hall.as_admin.post(f"{BASE}/devices/reload")
            assert refused.status_code == 422
            assert "works in a process of its own and is off: somc plugin enable acme_box" in refused.text
            assert not hall.node.devices
            await hall.as_admin.post(f"{BASE}/plugins/acme_box/enable")
            await until(strip, lambda: shown(strip))
        nursery.cancel_scope.cancel()
