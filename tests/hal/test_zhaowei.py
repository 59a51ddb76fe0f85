"""The Zhaowei drivers take their numbers from a profile; what a profile cannot say is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from somc_hal.codecs.stx import DATA_LIMIT_BYTES, Op, StxDecoder, StxFrame
from somc_hal.drivers.stx_profile import stx_wire
from somc_hal.profiles import ProfileError
from somc_hal.status import Truth
from somc_hal.testing import simulated
from somc_hal.values import Key
from somc_plugins.zhaowei import DRIVERS, ZhaoweiCaller, ZhaoweiCallerSimulator, ZhaoweiStrip

SPEC = next(spec for spec in DRIVERS if spec.make is ZhaoweiCaller)
HEAD = '[profile]\nname = "bench"\ntitle = "as recorded"\nstatus = "observed"\nbase = "zhaowei"\n'
FRAME = """\
[frame]
layout = ["7E", "length", "op", "address", "sequence", "body", "check"]
limit = 1024
length = { bytes = 2, order = "little", counts = ["op", "body"] }
check = { kind = "crc16-modbus", covers = ["length", "body"] }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bench.toml"


@pytest.fixture
def other_frame(file: Path) -> str:
    """The path of a profile with another frame and another code for one key."""
    file.write_text(HEAD + FRAME + "[keys]\nnext = 0x21\n", encoding="utf-8")
    return str(file)


def test_a_profile_changes_frame_ops_and_keys(file: Path) -> None:
    file.write_text(
        HEAD + FRAME + "[ops]\nKEY = 0x99\n[keys]\nnext = 0x21\nrecall = 0x22\n", encoding="utf-8"
    )
    wire = stx_wire(str(file))
    pressed = StxFrame(Op.KEY, 3, 7, b"\x01" + b"12")
    sent = wire.encode(pressed)
    assert sent[:7].hex(" ") == "7e 06 00 99 03 07 21"
    assert StxDecoder(wire).feed(sent) == [pressed]
    assert StxDecoder().feed(sent) == []


async def test_driver_and_device_meet_on_the_profiles_numbers(other_frame: str) -> None:
    class Device(ZhaoweiCallerSimulator):
        WIRE = stx_wire(other_frame)

    make = simulated(SPEC, "memory", simulator=Device)
    async with make(profile=other_frame) as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.press(Key.NEXT)
        assert (await bench.driver.keys.receive()).key is Key.NEXT
        assert await bench.driver.show("A001", 3, wait_s=2.0) is Truth.YES
        assert bench.simulator.raw.startswith(b"\x7e")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[frame]\nlayout = ["7E", "op", "body", "7F"]\n', "layout: found the fields"),
        ("[ops]\nKEY = 0x05\n", "found one code twice"),
        ("[keys]\nnext = 0x02\n", "found one code twice"),
        ("[keys]\nnxet = 0x02\n", "keys: found 'nxet'; allowed: next, recall"),
        ("[keys]\nnext = 0x102\n", "next is one byte, found 258"),
    ],
)
def test_a_profile_that_cannot_carry_the_protocol_is_refused(file: Path, more: str, words: str) -> None:
    file.write_text(HEAD + more, encoding="utf-8")
    with pytest.raises(ProfileError, match=words) as caught:
        ZhaoweiStrip("d", "memory://d", {"profile": str(file)})
    assert str(file) in str(caught.value)


def test_a_missing_code_is_named(file: Path) -> None:
    file.write_text(
        HEAD.replace('base = "zhaowei"\n', "") + FRAME + "[ops]\nENQ = 1\n"
        '[[provenance]]\nfact = "f"\nsource = "s"\nconfidence = "low"\n',
        encoding="utf-8",
    )
    with pytest.raises(ProfileError, match="ops: ACK has no code"):
        stx_wire(str(file))


def test_the_longest_data_still_fits() -> None:
    wire = stx_wire("zhaowei")
    longest = StxFrame(Op.ROWS, 1, 1, b"\x02" * DATA_LIMIT_BYTES)
    assert StxDecoder(wire).feed(wire.encode(longest)) == [longest]
