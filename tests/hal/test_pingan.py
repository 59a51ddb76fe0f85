"""Pingan's bus: no key is lost or doubled, whatever the line loses; LEDs share theirs and never confirm."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from somc_hal import HallRow, Key, Truth
from somc_hal.codecs.frames import Frame, FrameCodec
from somc_hal.ports import Ports
from somc_hal.profiles import ProfileError, load
from somc_hal.simulators import Simulator
from somc_hal.simulators.host import hosted
from somc_hal.simulators.multidrop import Multidrop
from somc_hal.testing import decoder_is_chunk_invariant, simulated
from somc_plugins.pingan import DRIVERS, soms
from somc_plugins.pingan.drivers import PinganCaller, PinganHall, PinganStrip
from somc_plugins.pingan.simulators import PinganCallerSimulator, PinganHallSimulator, PinganStripSimulator
from somc_plugins.pingan.soms import SomsMessage

QUICK = {"answer_timeout_s": 0.05, "poll_s": 0.02, "backoff_first_s": 0.05, "jitter": 0.0}
SPECS = {spec.name: spec for spec in DRIVERS}


@asynccontextmanager
async def line(
    devices: Sequence[Simulator], makes: Sequence[Any], **options: Any
) -> AsyncIterator[list[Any]]:
    """Drivers for the devices on one line, running."""
    ports, drivers = Ports(), []
    async with hosted(Multidrop(devices), "memory", name="line") as host, trio.open_nursery() as nursery:
        await nursery.start(ports.run)
        for address, make in enumerate(makes, 1):
            chosen = {**QUICK, "address": address, **options}
            driver = make(f"d{address}", host.url, chosen, ports=ports)
            await nursery.start(driver.run)
            drivers.append(driver)
        yield drivers
        nursery.cancel_scope.cancel()


async def test_the_first_poll_has_the_published_bytes() -> None:
    async with simulated(
        SPECS["pingan-caller"], "memory", simulator=lambda: PinganCallerSimulator(address=3)
    )(address=3) as bench:
        await bench.start()
        await bench.driver.wait_online()
        assert bench.simulator.raw.startswith(bytes.fromhex("a0 03 01 03 00 07 ff"))
        # 3D, login accepted, is the other published command.
        login = FrameCodec(bench.simulator.wire.form).encode(Frame((0x3D, 3, 1)))
        assert login in bench.simulator.raw
        assert bench.simulator.logins == 1


async def test_a_lost_reply_loses_no_key_and_a_repeated_one_doubles_none(autojump_clock: MockClock) -> None:
    terminals = [PinganCallerSimulator(address=address) for address in (1, 2, 3)]
    async with line(terminals, [PinganCaller] * 3, attempts=20) as callers:
        for caller in callers:
            await caller.wait_online()
        for number, key in enumerate(list(Key)[:12] * 4):
            terminal, caller = terminals[number % 3], callers[number % 3]
            if number % 4 == 0:
                terminal.damage(2)  # its next two answers are lost
            elif number % 4 == 1:
                terminal.deafen(2)  # the next two polls are lost
            elif number % 4 == 2:
                terminal.noise(bytes.fromhex("a0 20 01 01 a0 03 01"))
            terminal.press(key)
            event = await caller.keys.receive()
            assert (event.address, event.key) == (caller.address, key)
        for terminal, caller in zip(terminals, callers, strict=True):
            while terminal.busy:
                await terminal.changed.wait()
            assert caller.keys.statistics().current_buffer_used == 0


async def test_a_host_that_comes_back_hears_no_key_twice(autojump_clock: MockClock) -> None:
    terminal = PinganCallerSimulator()
    for key in (Key.NEXT, Key.RECALL):
        async with line([terminal], [PinganCaller], poll_s=5.0) as (caller,):
            await caller.wait_online()
            terminal.press(key)
            assert (await caller.keys.receive()).key is key
            # The host dies here, before another poll could acknowledge the key.
    async with line([terminal], [PinganCaller]) as (caller,):
        await caller.wait_online()
        terminal.press(Key.PAUSE)
        assert (await caller.keys.receive()).key is Key.PAUSE


async def test_a_key_that_the_profile_does_not_know_does_not_stop_the_next_one() -> None:
    async with simulated(SPECS["pingan-caller"], "memory", simulator=PinganCallerSimulator)() as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator._events.append(bytes((bench.simulator.wire.ops["key"], 0xEE)))
        bench.simulator.press(Key.NEXT, "12")
        event = await bench.driver.keys.receive()
        assert (event.key, event.digits) == (Key.NEXT, "12")


async def test_strips_on_one_line_show_each_its_own(autojump_clock: MockClock) -> None:
    strips = [PinganStripSimulator(address=address) for address in (1, 2)]
    async with line([*strips, PinganHallSimulator(address=3)], [PinganStrip, PinganStrip, PinganHall]) as (
        first,
        second,
        hall,
    ):
        assert await first.show(["请 A001 到3号窗口"], wait_s=5.0) is Truth.UNKNOWN
        assert await second.show(["暂停服务"], wait_s=5.0) is Truth.UNKNOWN
        rows = [HallRow("A001", "3号窗口", "note"), HallRow("B002", "1号窗口")]
        assert await hall.show(rows, footer="欢迎  光临", wait_s=5.0) is Truth.UNKNOWN
        await trio.sleep(1)
        assert strips[0].shown.lines == ("请 A001 到3号窗",)
        assert strips[1].shown.lines == ("暂停服务",)
        assert first.status.confirmed is Truth.UNKNOWN


async def test_the_led_frame_is_the_adapters() -> None:
    async with simulated(SPECS["pingan-strip"], "memory", simulator=lambda: PinganStripSimulator(address=3))(
        address=3
    ) as bench:
        await bench.start()
        await bench.driver.wait_online()
        await bench.driver.show(["A001"], wait_s=2.0)
        await bench.until(lambda: bool(bench.simulator.history))
        (vector,) = load("pingan_led").vectors
        assert bench.simulator.raw == vector.wire


async def test_what_nobody_confirms_is_sent_again(autojump_clock: MockClock) -> None:
    strip = PinganStripSimulator()
    async with line([strip], [PinganStrip], refresh_s=10.0) as (driver,):
        await driver.show(["A001"], wait_s=1.0)
        await trio.sleep(1)
        strip.power_off()
        strip.power_on()
        assert strip.shown.lines == ()
        await trio.sleep(11)
        assert strip.shown.lines == ("A001",)


async def test_rows_that_no_frame_carries_are_left_out_from_the_end(autojump_clock: MockClock) -> None:
    screen = PinganHallSimulator()
    async with line([screen], [PinganHall], rows=16) as (hall,):
        rows = [HallRow(f"A{number:03}", "第十二号窗口") for number in range(16)]
        await hall.show(rows, footer="欢迎光临", wait_s=1.0)
        await trio.sleep(1)
        assert 5 <= len(screen.shown.rows) < 16
        assert screen.shown.rows[0].number == "A000"
        assert screen.shown.footer == "欢迎光临"


def test_a_customers_text_cannot_end_a_frame() -> None:
    writer = load("pingan_led").codec()
    for sign in range(0x20, 0x10000):
        assert b"\xff" not in chr(sign).encode("gbk", errors="replace")
    assert writer.form.limit_bytes == 200


@pytest.mark.parametrize(
    ("base", "driver", "more", "words"),
    [
        (
            "pingan",
            PinganCaller,
            '[frame]\nlayout = ["A0", "body", "FF"]\n',
            "allowed fields: command, address",
        ),
        ("pingan", PinganCaller, "[ops]\npoll = 0x101\n", "ops: 'poll' needs a code of one byte"),
        ("pingan", PinganCaller, "[keys]\nnxt = 1\n", "keys: found nxt = 1; allowed: next, recall"),
        (
            "pingan_led",
            PinganStrip,
            '[frame]\nlayout = ["A0", "body", "FF"]\n',
            "allowed fields: address, screen",
        ),
        ("pingan", PinganStrip, "", "allowed fields: address, screen"),
    ],
)
def test_a_profile_that_cannot_carry_it_is_refused(
    tmp_path: Path, base: str, driver: Any, more: str, words: str
) -> None:
    file = tmp_path / "mine.toml"
    head = f'[profile]\nname = "m"\ntitle = "m"\nstatus = "observed"\nbase = "{base}"\n'
    file.write_text(head + more, encoding="utf-8")
    with pytest.raises(ProfileError, match=words) as caught:
        driver("d", "memory://d", {"profile": str(file)})
    assert str(file) in str(caught.value)


# --- PanSOMS over TCP --------------------------------------------------------------------------------

SOMS = SomsMessage(
    "RECORD",
    "1",
    ({"PRINT_TIME": "20261126093000", "NO": "A001"}, {"NO": "请<&>'"}),
    "0f-7e",
    "20261126093001",
)


def test_a_soms_message_is_a_length_and_the_published_xml() -> None:
    wire = soms.encode(SOMS)
    assert int.from_bytes(wire[:4], "big") == len(wire) - 4
    assert wire[4:].startswith(
        b'<ROOT Version="1"><REQUEST PARM="1">RECORD</REQUEST><DATAS><DATA PRINT_TIME='
    )
    assert wire.endswith(b"<SESSION>0f-7e</SESSION><TIMESTAMP>20261126093001</TIMESTAMP></ROOT>")


def test_soms_messages_survive_every_split() -> None:
    wire = soms.encode(SOMS) + soms.encode(SomsMessage("HEARTBEAT"))
    decoder_is_chunk_invariant(soms.SomsDecoder, wire, [SOMS, SomsMessage("HEARTBEAT")])


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=12)


@given(words, words, st.dictionaries(st.sampled_from(["NO", "CALL_TIME", "a1"]), words), words)
def test_soms_messages_read_as_written(
    request: str, parameter: str, row: dict[str, str], session: str
) -> None:
    message = SomsMessage(request, parameter, (row,) if row else (), session)
    assert soms.SomsDecoder().feed(soms.encode(message)) == [message]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_soms_decoder_raise(data: bytes) -> None:
    decoder = soms.SomsDecoder()
    decoder.feed(data)
    decoder.feed(len(data).to_bytes(4, "big") + data)


def test_an_entity_is_never_expanded() -> None:
    bomb = b'<!DOCTYPE ROOT [<!ENTITY a "aaaa">]><ROOT><REQUEST>&a;</REQUEST></ROOT>'
    decoder = soms.SomsDecoder()
    assert decoder.feed(len(bomb).to_bytes(4, "big") + bomb + soms.encode(SOMS)) == [SOMS]


def test_what_is_too_long_or_misnamed_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 65536 bytes long, found"):
        soms.encode(SomsMessage("x" * 70000))
    with pytest.raises(ValueError, match="a field's name is letters, digits and _, found 'a b'"):
        soms.encode(SomsMessage("x", data=({"a b": "c"},)))
