"""What the conformance kit does not reach: options, queues, refusals, one-way lines, the public names."""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import trio

import somc_hal
from somc_hal import (
    DRIVERS,
    Announcer,
    Camera,
    CardReader,
    CounterCaller,
    CounterDisplay,
    DeviceBusy,
    DeviceClass,
    DeviceOffline,
    DeviceState,
    Evaluator,
    HallDisplay,
    HallRow,
    HardwareMonitor,
    Indicator,
    Key,
    KioskInput,
    OutcomeUnknown,
    PaperSupply,
    PeopleCounter,
    Phrase,
    SecondScreen,
    SlipLine,
    TicketPrinter,
    Truth,
    driver_spec,
    open_link,
)
from somc_hal.links.memory import listen_memory, unlisten_memory
from somc_hal.simulators import SIMULATORS, StripDisplaySimulator, simulate
from somc_hal.testing import simulated

PROTOCOLS: dict[DeviceClass, Any] = {
    DeviceClass.TICKET_PRINTER: TicketPrinter,
    DeviceClass.COUNTER_DISPLAY: CounterDisplay,
    DeviceClass.HALL_DISPLAY: HallDisplay,
    DeviceClass.ANNOUNCER: Announcer,
    DeviceClass.COUNTER_CALLER: CounterCaller,
    DeviceClass.EVALUATOR: Evaluator,
    DeviceClass.KIOSK_INPUT: KioskInput,
    DeviceClass.CARD_READER: CardReader,
    DeviceClass.INDICATOR: Indicator,
    DeviceClass.SECOND_SCREEN: SecondScreen,
    DeviceClass.PEOPLE_COUNTER: PeopleCounter,
    DeviceClass.CAMERA: Camera,
    DeviceClass.HARDWARE_MONITOR: HardwareMonitor,
}


def test_every_driver_is_its_device_class_and_has_a_simulator() -> None:
    assert {spec.device_class for spec in DRIVERS} == set(DeviceClass)
    for spec in DRIVERS:
        device = spec.make("d", "memory://d", {})
        assert isinstance(device, PROTOCOLS[spec.device_class])
        assert device.device_class is spec.device_class
        assert not device.status.serving
    assert {spec.name for spec in DRIVERS} == set(SIMULATORS)


def test_the_public_names_exist() -> None:
    assert sorted(somc_hal.__all__) == sorted(set(somc_hal.__all__))
    for name in somc_hal.__all__:
        assert hasattr(somc_hal, name)


@pytest.mark.parametrize(
    ("driver", "options", "words"),
    [
        ("escpos", {"colums": 32}, "driver 'escpos': found option 'colums'; allowed: answer_timeout_s, "),
        ("escpos", {"columns": "32"}, "option 'columns': found '32'; allowed: a whole number from 16 to 96"),
        ("escpos", {"columns": True}, "option 'columns': found True"),
        ("escpos", {"charset": "latin-1"}, "found 'latin-1'; allowed: gb18030, gbk, ascii"),
        ("escpos", {"cut": 1}, "option 'cut': found 1; allowed: true or false"),
        ("reference-strip", {"address": 255}, "found 255; allowed: a whole number from 1 to 254"),
        ("reference-strip", {"heartbeat_s": float("nan")}, "found nan; allowed: a number from 0.01 to"),
        ("reference-announcer", {"languages": "zh"}, "found 'zh'; allowed: a list of strings"),
    ],
)
def test_a_wrong_option_names_driver_option_found_and_allowed(
    driver: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        driver_spec(driver).make("d", "memory://d", options)


def test_every_default_is_allowed_by_its_own_option() -> None:
    for spec in DRIVERS:
        for name, option in spec.options_schema.items():
            assert option.accepts(option.default), (spec.name, name)


def test_an_unknown_driver_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="found driver 'x'; allowed: escpos, reference-strip"):
        driver_spec("x")


def test_a_truth_is_not_a_boolean() -> None:
    with pytest.raises(TypeError, match="three values"):
        bool(Truth.UNKNOWN)


async def test_a_full_queue_is_refused_at_once() -> None:
    async with simulated("reference-keypad", "memory")(queue_limit=2, answer_timeout_s=5.0) as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.deafen(100)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.driver.beep)  # on the wire
            await bench.until(lambda: bench.simulator.raw.count(b"\x02") >= 2)
            for _ in range(2):
                nursery.start_soon(bench.driver.beep)  # queued
            await trio.testing.wait_all_tasks_blocked()
            assert bench.driver.busy
            with pytest.raises(DeviceBusy, match="2 commands are waiting already"):
                await bench.driver.beep()
            nursery.cancel_scope.cancel()


async def test_quick_changes_skip_what_is_out_of_date() -> None:
    async with simulated("reference-strip", "memory")() as bench:
        await bench.start()
        await bench.driver.wait_online()
        for number in range(100):
            await bench.driver.show([f"A{number}"])
        await bench.driver.wait_idle()
        assert bench.simulator.shown.lines == ("A99",)
        assert len(bench.simulator.history) < 100


async def test_a_device_of_another_kind_is_not_online() -> None:
    make = simulated("reference-hall", "memory", simulator=StripDisplaySimulator)
    async with make() as bench:
        await bench.start()
        while not bench.statuses:
            await bench.simulator.changed.wait()
            await trio.lowlevel.checkpoint()
        await bench.driver.wait_not_online()
        assert bench.driver.status.state is DeviceState.HARDWARE_ERROR
        assert "says it is a strip_display" in bench.driver.status.detail
        assert not any(status.serving for status in bench.statuses)


async def test_a_device_with_a_fault_of_its_own_is_not_online() -> None:
    async with simulated("reference-strip", "memory")() as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.healthy = False
        await bench.driver.wait_not_online()
        assert bench.driver.status.state is DeviceState.HARDWARE_ERROR
        assert "fault of its own" in bench.driver.status.detail
        bench.simulator.healthy = True
        await bench.driver.wait_online()


async def test_nothing_stays_open_behind_pulled_cables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other tests have ptys of theirs
    async with simulated("reference-strip", "pty")() as bench:
        await bench.start()
        await bench.driver.wait_online()
        descriptors = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            await bench.host.unplug()
            await bench.driver.wait_not_online()
            await bench.host.replug()
            await bench.driver.wait_online()
        assert len(os.listdir("/proc/self/fd")) == descriptors
        assert len(os.listdir(tmp_path)) == 1
    assert not os.listdir(tmp_path)


async def test_a_tcp_device_keeps_its_port_and_a_new_peer_replaces_the_old() -> None:
    async with simulated("reference-strip", "tcp")() as bench:
        url = bench.host.url
        async with await open_link(url):  # a peer that never says anything
            await bench.start()
            await bench.driver.wait_online()
        await bench.host.unplug()
        await bench.host.replug()
        assert bench.host.url == url


async def test_another_address_does_not_answer() -> None:
    async with simulated("reference-strip", "memory")(address=2) as bench:
        await bench.start()
        await bench.until(lambda: len(bench.simulator.raw) > 12)
        assert not bench.driver.status.serving


async def test_text_is_cut_at_the_columns_and_rows_to_one_frame() -> None:
    async with simulated("reference-strip", "memory")(columns=5) as bench:
        await bench.start()
        await bench.driver.wait_online()
        assert await bench.driver.show(["请到窗口", "A\x1b0123"], wait_s=5.0) is Truth.YES
        assert bench.simulator.shown.lines == ("请到", "A 012")
    async with simulated("reference-hall", "memory")(rows=16, columns=64) as bench:
        await bench.start()
        await bench.driver.wait_online()
        rows = [HallRow(f"A{n}", "1", "请" * 32) for n in range(16)]
        assert await bench.driver.show(rows, wait_s=5.0) is Truth.YES
        assert [row.number for row in bench.simulator.shown.rows] == [f"A{n}" for n in range(14)]


async def test_a_one_way_printer_confirms_nothing() -> None:
    async with simulated("escpos", "pty")(two_way=False) as bench:
        bench.simulator.mute()
        await bench.start()
        await bench.driver.wait_online()
        status = bench.driver.status
        assert (status.confirmed, status.paper) == (Truth.UNKNOWN, PaperSupply.UNKNOWN)
        assert await bench.driver.print("j", [SlipLine("A1")]) is Truth.UNKNOWN
        await bench.until(lambda: len(bench.simulator.slips) == 1)
        assert b"\x10\x04" not in bench.simulator.raw
        assert not bench.driver.capabilities.acknowledged


async def test_one_noisy_status_byte_is_no_paper_alarm() -> None:
    async with simulated("escpos", "memory")() as bench:
        await bench.start()
        await bench.driver.wait_online()
        for _ in range(3):
            polls = bench.simulator.raw.count(b"\x10\x04")
            bench.simulator.noise(b"\x7e")  # shaped like an answer: offline, cover open, no paper
            while bench.simulator.raw.count(b"\x10\x04") <= polls + 6:
                await bench.simulator.changed.wait()
        assert [status.state for status in bench.statuses] == [DeviceState.ONLINE]


async def test_a_cancelled_slip_is_cut_off_between_lines_and_not_printed_again() -> None:
    async with simulated("escpos", "memory")(heartbeat_s=3600.0) as bench:
        await bench.start()
        await bench.driver.wait_online()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.driver.print, "long", [SlipLine(f"line {n}") for n in range(500)])
            await bench.until(lambda: len(bench.simulator.hanging) >= 3)
            nursery.cancel_scope.cancel()
        await bench.driver.wait_idle()
        with pytest.raises(OutcomeUnknown, match="cancelled after its first bytes"):
            await bench.driver.print("long", [SlipLine("again")])
        assert await bench.driver.print("next", [SlipLine("A2")]) is Truth.YES
        broken, whole = bench.simulator.slips
        assert 3 <= len(broken.parts) < 500
        assert whole.text == "A2"


async def test_a_job_waits_for_a_printer_that_comes_back() -> None:
    async with simulated("escpos", "memory")() as bench:
        await bench.host.unplug()
        await bench.start()
        async with trio.open_nursery() as nursery:
            done: list[Truth] = []

            async def print_it() -> None:
                done.append(await bench.driver.print("j", [SlipLine("A1")], timeout_s=5.0))

            nursery.start_soon(print_it)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(DeviceBusy, match="job j is being printed"):
                await bench.driver.print("j", [SlipLine("A1")])
            await bench.host.replug()
        assert done == [Truth.YES]
        assert len(bench.simulator.slips) == 1


async def test_an_announcement_takes_the_time_its_text_needs(autojump_clock: trio.abc.Clock) -> None:
    async with simulated("reference-announcer", "memory")(heartbeat_s=3600.0, answer_timeout_s=30.0) as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.s_per_cell = 0.5
        began = trio.current_time()
        assert await bench.driver.announce([Phrase("请A1"), Phrase("A1", "en")]) is Truth.YES
        assert trio.current_time() - began == pytest.approx(3.0)
        bench.simulator.s_per_cell = 3600.0
        with pytest.raises(somc_hal.DeviceTimeout):
            await bench.driver.announce([Phrase("long")])
        assert trio.current_time() - began == pytest.approx(63.0)


@pytest.mark.parametrize(
    ("url", "pauses"),
    [
        ("memory://shut", [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0]),
        # Looking for a port that does not exist costs nothing, and whoever plugs it in is waiting.
        ("memory://nobody", [0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0, 2.0]),
    ],
)
async def test_the_back_off_doubles_up_to_its_cap(
    url: str, pauses: list[float], autojump_clock: trio.abc.Clock
) -> None:
    opened: list[float] = []

    def half() -> float:
        opened.append(trio.current_time())
        return 0.5

    driver = driver_spec("reference-strip").make("d", url, {}, random_source=half)
    async with trio.open_nursery() as nursery:
        listen_memory("shut", lambda stream: nursery.start_soon(stream.aclose))
        with trio.move_on_after(60):
            await driver.run()
    unlisten_memory("shut")
    found = [after - before for before, after in itertools.pairwise(opened)]
    assert found[:9] == pytest.approx(pauses)
    assert driver.status.state is DeviceState.OFFLINE


async def test_a_stopped_driver_says_so() -> None:
    async with simulated("reference-keypad", "memory")() as bench:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(bench.driver.run)
                await bench.driver.wait_online()
                scope.cancel()
        assert bench.driver.status.detail == "stopped"
        with pytest.raises(DeviceOffline):
            await bench.driver.beep()


async def test_simulate_gives_a_device_that_can_be_driven() -> None:
    async with trio.open_nursery() as nursery:
        host = await nursery.start(simulate, "reference-keypad", "tcp")
        driver = driver_spec("reference-keypad").make("k", host.url, {})
        await nursery.start(driver.run)
        await driver.wait_online()
        assert isinstance(driver, CounterCaller)
        host.simulator.press("recall")
        assert (await driver.keys.receive()).key is Key.RECALL
        nursery.cancel_scope.cancel()
