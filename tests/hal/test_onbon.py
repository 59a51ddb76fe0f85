"""Onbon BX-5E: the manual's bytes, dots that can be read, refusals, Hanzi out of a font."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from somc_hal import HallRow, Truth
from somc_hal.errors import ProtocolFault
from somc_hal.profiles import ProfileError, load
from somc_hal.testing import simulated
from somc_plugins.onbon_bx5 import DRIVERS, OnbonHallSimulator, OnbonStripSimulator
from somc_plugins.onbon_bx5.dots import CELL_HEIGHT, Font, read_text
from somc_plugins.onbon_bx5.drivers import OnbonStrip
from somc_plugins.onbon_bx5.wire import Area, answer, area, ping, read_answer, read_request

SPECS = {spec.name: spec for spec in DRIVERS}
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:/><+!?() "


async def test_the_ping_is_the_manuals() -> None:
    (vector,) = load("onbon_bx5").vectors
    async with simulated(SPECS["onbon-strip"], "memory", simulator=OnbonStripSimulator)() as bench:
        await bench.start()
        await bench.driver.wait_online()
        assert bench.simulator.raw.startswith(vector.wire)
        assert ping(0xA200) == vector.frame.body


@given(st.text(alphabet=SIGNS, max_size=16))
def test_drawn_text_can_be_read(text: str) -> None:
    assert read_text(Font().draw(text, 16)) == text.rstrip()


def test_dots_are_as_wide_as_the_screen_and_never_nothing() -> None:
    rows = Font().draw("请a1、~", 12)
    assert len(rows) == CELL_HEIGHT
    assert {len(row) for row in rows} == {12}
    assert read_text(rows) == "□A1□?"
    assert read_text(Font().draw("请请请", 5)) == "□□"


def test_an_area_is_read_as_it_was_written() -> None:
    what = Area(8, 16, tuple(Font().draw("A001", 16)), blink=True)
    assert read_request(area(0xA700, what, 7)) == (7, 0xA700, what)
    said = read_answer(answer(0xA001, 7, 3))
    assert said is not None
    assert (said.screen, said.done, said.error, said.words) == (7, False, 3, "busy")


def test_zero_is_lit_on_the_wire() -> None:
    dark = area(0xA700, Area(0, 0, (b"\x00",) * 16))
    assert dark.endswith(b"\xff" * 16)


@given(st.binary(max_size=120))
def test_no_bytes_make_a_reader_raise(data: bytes) -> None:
    read_answer(data)
    read_request(data)


async def test_a_blinking_strip_of_two_lines() -> None:
    async with simulated(SPECS["onbon-strip"], "pty", simulator=OnbonStripSimulator)() as bench:
        await bench.start()
        await bench.driver.wait_online()
        assert await bench.driver.show(["A001", "-> 3"], blink=True, wait_s=5.0) is Truth.YES
        assert bench.simulator.shown.lines == ("A001", "-> 3")
        assert bench.simulator.shown.blink
        # Dots A5, A6, 5A and 5B are stuffed on the wire, so the tail 5A is only where a frame ends.
        assert bench.simulator.raw.endswith(b"\x5a")


async def test_a_hall_shows_rows_and_footer() -> None:
    async with simulated(SPECS["onbon-hall"], "memory", simulator=OnbonHallSimulator)() as bench:
        await bench.start()
        await bench.driver.wait_online()
        await bench.driver.show([HallRow("A001", "3"), HallRow("B002", "1")], footer="WELCOME", wait_s=5.0)
        shown = bench.simulator.history[-1]
        assert [(row.number, row.counter) for row in shown.rows] == [("A001", "3"), ("B002", "1")]
        assert shown.footer == "WELCOME"


async def test_a_refusal_is_told_and_a_busy_screen_is_tried_again() -> None:
    async with simulated(SPECS["onbon-strip"], "memory", simulator=OnbonStripSimulator)() as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.error = 3
        with trio.fail_after(10):
            assert await bench.driver.show(["A001"], wait_s=5.0) is Truth.YES
        assert bench.simulator.shown.lines[0] == "A001"
        bench.simulator.error = 18
        with pytest.raises(ProtocolFault, match="parameters of the screen"):
            await bench.driver.show(["A002"], wait_s=5.0)


async def test_another_screens_answer_is_not_taken() -> None:
    make = simulated(SPECS["onbon-strip"], "memory", simulator=lambda: OnbonStripSimulator(screen=2))
    async with make(screen=1) as bench:
        await bench.start()
        await bench.until(lambda: bench.simulator.heard_writes >= 2)
        assert not bench.driver.status.serving


def test_hanzi_come_out_of_a_font_file(tmp_path: Path) -> None:
    file = tmp_path / "hzk16"
    dots = bytearray(94 * 94 * 32)
    high, low = "请".encode("gb2312")
    at = ((high - 0xA1) * 94 + low - 0xA1) * 32
    dots[at : at + 32] = bytes(range(1, 33))
    file.write_bytes(dots)
    rows = Font(str(file)).draw("请", 2)
    assert b"".join(rows) == bytes(range(1, 33))
    assert Font(str(file)).charset == "gb2312"
    assert OnbonStrip("d", "memory://d", {"hanzi_font": str(file)}).capabilities.charset == "gb2312"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 100}, "option 'width': found 100; allowed: a multiple of 8"),
        ({"height": 24}, "option 'height': found 24; allowed: a multiple of 16"),
        ({"hanzi_font": "/nowhere/hzk16"}, "the font cannot be read"),
        ({"width": 1024, "height": 512}, "body: found 65"),
        ({"profile": "pj06"}, r"frame\.layout"),
    ],
)
def test_a_screen_that_cannot_be_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OnbonStrip("d", "memory://d", options)


def test_a_file_that_is_no_font_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hzk16"
    file.write_bytes(bytes(100))
    with pytest.raises(ValueError, match="100 bytes are no GB2312 font"):
        Font(str(file))
    with pytest.raises(ProfileError):
        OnbonStrip("d", "memory://d", {"profile": str(tmp_path / "none.toml")})
