"""The ticket printer beyond the kit: pictures, errors with their cause, bytes that others give too."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from somc_hal import DeviceState, SlipCode, SlipImage, SlipLine, Truth
from somc_hal.codecs.escpos import BAND_BYTES, EscposDecoder, Line, Raster, frames, part
from somc_hal.errors import NeedsOperator, Unsupported
from somc_hal.simulators import SimulatorHost
from somc_hal.simulators.host import WHERES, Where
from somc_hal.testing import decoder_is_chunk_invariant, simulated
from somc_hal.values import Align

# Of python-escpos 3.1: `Dummy().image(…, impl="bitImageRaster")`, `Dummy().qr("A001", native=True, size=5)`.
THEIR_RASTER = bytes.fromhex("1d 76 30 00 02 00 03 00 80 00 00 00 00 01")
THEIR_QR = bytes.fromhex(
    "1d 28 6b 04 00 31 41 32 00 1d 28 6b 03 00 31 43 05 1d 28 6b 03 00 31 45 30"
    "1d 28 6b 07 00 31 50 30 41 30 30 31 1d 28 6b 03 00 31 51 30"
)

PBM = b"P4\n# a comment\n16 3\n" + bytes.fromhex("8000 0000 0001")


def test_a_picture_has_the_bytes_that_python_escpos_gives() -> None:
    (sent,) = frames(SlipImage.from_pbm(PBM), "gb18030")
    assert sent == b"\x1ba\x01" + THEIR_RASTER


def test_a_qr_code_differs_from_python_escpos_only_in_its_error_correction() -> None:
    # M instead of L: a slip is folded and thumbed before it is scanned.
    assert part(SlipCode("A001"), "gb18030") == b"\x1ba\x01" + THEIR_QR.replace(
        b"\x31\x45\x30", b"\x31\x45\x31"
    )


def test_a_large_picture_comes_in_bands_that_are_one_picture() -> None:
    image = SlipImage(384, bytes(range(256)) * 48)
    sent = frames(image, "gb18030")
    assert len(sent) > 3
    assert all(len(frame) <= BAND_BYTES + 11 for frame in sent)
    printed = EscposDecoder().feed(b"".join(sent))
    assert all(isinstance(band, Raster) and band.row_bytes == 48 for band in printed)
    assert b"".join(band.data for band in printed if isinstance(band, Raster)) == image.data


@given(st.integers(1, 80), st.integers(1, 30), st.binary(min_size=1, max_size=40))
def test_pictures_print_as_they_are_given(width: int, height: int, seed: bytes) -> None:
    row = (width + 7) // 8
    image = SlipImage(width, (seed * (row * height))[: row * height], Align.LEFT)
    wire = b"".join(frames(image, "gb18030")) + part(SlipLine("A001"), "gb18030")
    *bands, last = EscposDecoder().feed(wire)
    assert last == Line("A001", Align.LEFT, False, False)
    assert b"".join(band.data for band in bands if isinstance(band, Raster)) == image.data
    if len(wire) < 300:
        decoder_is_chunk_invariant(EscposDecoder, wire, [*bands, last])


def test_a_picture_of_no_size_or_beyond_any_is_noise_to_the_printer() -> None:
    for size in ("0000 0100", "ffff ffff"):
        EscposDecoder().feed(bytes.fromhex("1d 76 30 00" + size) + bytes(10))
        decoder = EscposDecoder()
        decoder.feed(bytes.fromhex("1d 76 30 00" + size))
        *_, last = decoder.feed(part(SlipLine("A"), "ascii"))
        assert isinstance(last, Line)
        assert last.text.endswith("A")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"P1\n1 1\n1", "begins with P4"),
        (b"P4\n", "begins with P4"),
        (b"P4\nx 3\n", "begins with P4"),
        (b"P4\n16 3\n\x00", "ends early: 6 bytes"),
        (b"P4\n0 0\n", "width_dots is 1 to 2000, found 0"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(file: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SlipImage.from_pbm(file)


@pytest.mark.parametrize("where", WHERES)
async def test_a_slip_with_a_picture_is_printed_whole(where: Where) -> None:
    async with simulated("escpos", where)() as bench:
        await bench.start()
        await bench.driver.wait_online()
        logo = SlipImage(200, bytes(range(250)) * 20)
        slip = [logo, SlipLine("A001", double=True), SlipCode("A001")]
        assert await bench.driver.print("one", slip) is Truth.YES
        (printed,) = bench.simulator.slips
        assert printed.text == "[picture 200x200]\nA001\n[QR A001]"
        assert printed.parts[0] == Raster(25, logo.data)


async def test_a_picture_wider_than_the_paper_is_refused() -> None:
    async with simulated("escpos", "memory")(dots=192) as bench:
        await bench.start()
        await bench.driver.wait_online()
        with pytest.raises(Unsupported, match=r"a picture of 200 dots \(it has 192\)"):
            await bench.driver.print("one", [SlipImage(200, bytes(25))])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0x08, "the cutter is blocked"),
        (0x20, "call for service"),
        (0x40, "recovers by itself"),
    ],
)
async def test_an_error_is_told_with_its_cause_and_stops_printing(error: int, words: str) -> None:
    async with simulated("escpos", "pty")() as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.fail(error)
        with trio.fail_after(10):
            while words not in bench.driver.status.detail:
                await bench.driver._changed.wait()
        assert bench.driver.status.state is DeviceState.HARDWARE_ERROR
        with pytest.raises(NeedsOperator, match="error"):
            await bench.driver.print("one", [SlipLine("A001")])
        bench.simulator.mend()
        assert await bench.driver.print("one", [SlipLine("A001")], timeout_s=5.0) is Truth.YES
        assert isinstance(bench.host, SimulatorHost)
