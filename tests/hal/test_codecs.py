"""The codecs by bytes: whole, split, noisy and random."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import somc_hal
from somc_hal.codecs.escpos import (
    Code,
    Cut,
    EscposDecoder,
    Happening,
    Line,
    PaperAnswer,
    PaperQuery,
    Reset,
    StatusAnswer,
    StatusDecoder,
    StatusQuery,
    begin_slip,
    end_slip,
    paper_query,
    part,
    status_query,
)
from somc_hal.codecs.reference import (
    Identity,
    Kind,
    Spoken,
    StripContent,
    read_identity,
    read_key,
    read_number,
    read_rows,
    read_speech,
    read_spoken,
    read_strip,
    write_identity,
    write_key,
    write_number,
    write_rows,
    write_speech,
    write_spoken,
    write_strip,
)
from somc_hal.codecs.stx import DATA_LIMIT_BYTES, Op, StxDecoder, StxFrame, encode
from somc_hal.testing import decoder_is_chunk_invariant, decoder_survives_noise
from somc_hal.text import printable
from somc_hal.values import Align, HallRow, Key, KeyEvent, Phrase, SlipCode, SlipLine

FRAMES = [
    StxFrame(Op.ENQ, 1, 0),
    StxFrame(Op.STRIP, 2, 3, bytes(range(256))),
    StxFrame(Op.KEY, 16, 16, b"\x02\x03\x10"),
    StxFrame(Op.SPEAK, 254, 255, "请 A001 号到 3 号窗口，𠮷".encode("gb18030")),
]

frames = st.builds(
    StxFrame,
    st.sampled_from(Op),
    st.integers(1, 254),
    st.integers(0, 255),
    st.binary(max_size=64),
)
words = st.text(max_size=12).map(printable)


def test_every_split_gives_the_same_stx_frames() -> None:
    decoder_is_chunk_invariant(StxDecoder, b"".join(encode(frame) for frame in FRAMES), FRAMES)


def test_noise_takes_no_good_stx_frame_with_it() -> None:
    noises = [
        b"",
        b"\x02",
        b"\x02\x10",
        b"\x10",
        b"\x03",
        b"\x02\x05\x01",
        bytes(range(256)),
        b"\x02" + b"x" * 5000,
    ]
    decoder_survives_noise(StxDecoder, [(encode(frame), frame) for frame in FRAMES], noises)


@given(st.lists(frames, max_size=5), st.binary(max_size=40))
def test_stx_frames_survive_the_wire(sent: list[StxFrame], noise: bytes) -> None:
    decoder = StxDecoder()
    # Noise may look like a frame once in a while; what was sent must be there, in order, at the end.
    found = decoder.feed(noise + b"".join(encode(frame) for frame in sent))
    assert found[len(found) - len(sent) :] == sent


def test_a_flipped_bit_never_gives_another_frame() -> None:
    sent = StxFrame(Op.STRIP, 7, 9, b"A001")
    wire = encode(sent)
    for index in range(len(wire)):
        for bit in range(8):
            damaged = wire[:index] + bytes((wire[index] ^ (1 << bit),)) + wire[index + 1 :]
            assert StxDecoder().feed(damaged) == []


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_no_stx_frame(seed: int) -> None:
    assert StxDecoder().feed(random.Random(seed).randbytes(100_000)) == []


def test_an_endless_frame_does_not_grow_the_decoder() -> None:
    decoder = StxDecoder()
    assert decoder.feed(b"\x02" + b"x" * 1_000_000) == []
    assert decoder.feed(encode(FRAMES[0])) == [FRAMES[0]]


def test_the_longest_data_passes_and_one_byte_more_is_refused() -> None:
    longest = StxFrame(Op.ROWS, 1, 1, b"\x02" * DATA_LIMIT_BYTES)
    assert StxDecoder().feed(encode(longest)) == [longest]
    with pytest.raises(ValueError, match="at most 1024 bytes, found 1025"):
        StxFrame(Op.ROWS, 1, 1, b"\x02" * (DATA_LIMIT_BYTES + 1))


@pytest.mark.parametrize(("address", "sequence"), [(0, 1), (255, 1), (1, 256), (1, -1)])
def test_an_impossible_address_or_sequence_is_refused(address: int, sequence: int) -> None:
    with pytest.raises(ValueError, match="found"):
        StxFrame(Op.ENQ, address, sequence)


@given(st.sampled_from(Kind), st.integers(0, 65535), st.booleans())
def test_identities_read_as_written(kind: Kind, boot: int, healthy: bool) -> None:
    identity = Identity(kind, boot, healthy)
    assert read_identity(write_identity(identity)) == identity


@given(st.lists(words, min_size=2, max_size=4), st.booleans())
def test_strip_contents_read_as_written(lines: list[str], blink: bool) -> None:
    content = StripContent(tuple(lines), blink)
    assert read_strip(write_strip(content)) == content


@given(st.lists(st.builds(HallRow, words, words, words, st.booleans()), max_size=4), words)
def test_rows_read_as_written(rows: list[HallRow], footer: str) -> None:
    assert read_rows(write_rows(rows, footer)) == (tuple(rows), footer)


@given(st.integers(1, 255), st.lists(st.builds(Phrase, words, words), min_size=1, max_size=3))
def test_speech_reads_as_written(job: int, phrases: list[Phrase]) -> None:
    assert read_speech(write_speech(job, phrases)) == (job, tuple(phrases))


@given(words, st.integers(0, 9999), st.sampled_from(Key), st.integers(1, 255), st.booleans())
def test_the_small_ones_read_as_written(text: str, waiting: int, key: Key, job: int, whole: bool) -> None:
    assert read_number(write_number(text, waiting)) == (text, waiting)
    assert read_key(5, write_key(key, "12")) == KeyEvent(5, key, "12")
    assert read_spoken(write_spoken(Spoken(job, whole))) == Spoken(job, whole)


@given(st.binary(max_size=64))
def test_no_data_makes_a_reader_raise(data: bytes) -> None:
    for read in (read_identity, read_strip, read_rows, read_number, read_speech, read_spoken):
        read(data)
    read_key(1, data)


SLIP = (
    begin_slip("gb18030")
    + part(SlipLine("中国移动", Align.CENTER, double=True), "gb18030")
    + part(SlipLine("，。！￥《》𠮷", bold=True), "gb18030")
    + part(SlipCode("A001"), "gb18030")
    + status_query(4)
    + end_slip(feed_lines=4, cut=True, partial=True)
    + paper_query()
)
PRINTED: list[Happening] = [
    Reset(),
    Line("中国移动", Align.CENTER, True, False),
    Line("，。！￥《》𠮷", Align.LEFT, False, True),
    Code("A001"),
    StatusQuery(4),
    Cut(True),
    PaperQuery(),
]


def test_every_split_of_a_slip_prints_the_same() -> None:
    decoder_is_chunk_invariant(EscposDecoder, SLIP, PRINTED)


def test_a_slip_has_the_bytes_of_the_manuals() -> None:
    assert begin_slip("gb18030") == b"\x1b@\x1c&"
    assert part(SlipLine("号", Align.RIGHT), "gb18030") == b"\x1ba\x02\x1bE\x00\x1d!\x00\xba\xc5\n"
    assert end_slip(feed_lines=3, cut=True, partial=False) == b"\x1bd\x03\x1dV\x00"
    assert status_query(1) + paper_query() == b"\x10\x04\x01\x1dr\x01"


def test_a_customers_name_cannot_command_the_printer() -> None:
    hostile = part(SlipLine("a\x1bp\x00\x10\x04\x01\nb‮"), "gb18030")
    assert EscposDecoder().feed(hostile) == [Line("a p     b ", Align.LEFT, False, False)]


def test_without_the_chinese_mode_a_printer_prints_rubbish() -> None:
    printed = EscposDecoder().feed(part(SlipLine("号"), "gb18030"))
    assert printed == [Line("ºÅ", Align.LEFT, False, False)]


def test_status_answers_are_told_from_noise() -> None:
    every = StatusDecoder().feed(bytes(range(256)))
    assert [a.byte for a in every if isinstance(a, StatusAnswer)] == [
        0x12,
        0x16,
        0x1A,
        0x1E,
        0x32,
        0x36,
        0x3A,
        0x3E,
        *(0x52, 0x56, 0x5A, 0x5E, 0x72, 0x76, 0x7A, 0x7E),
    ]
    assert [a for a in every if isinstance(a, PaperAnswer)] == [
        PaperAnswer(False, False),
        PaperAnswer(True, False),
        PaperAnswer(False, True),
        PaperAnswer(True, True),
    ]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_printer_decoders_raise(data: bytes) -> None:
    EscposDecoder().feed(data)
    StatusDecoder().feed(data)


IMPORT_BARE = """
import importlib.util, sys, types
# The package's own __init__ re-exports drivers; here the codecs are imported without it.
package = types.ModuleType("somc_hal")
package.__path__ = list(importlib.util.find_spec("somc_hal").submodule_search_locations)
sys.modules["somc_hal"] = package
import importlib, pkgutil
import somc_hal.codecs
for module in pkgutil.iter_modules(somc_hal.codecs.__path__):
    importlib.import_module(f"somc_hal.codecs.{module.name}")
print(sorted({"trio", "socket", "serial", "pluggy", "somc"} & set(sys.modules)))
"""


def test_codecs_import_nothing_that_waits_or_touches_the_world() -> None:
    root = str(Path(somc_hal.__file__).parent.parent)
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_BARE],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": root},
    )
    assert result.stdout.strip() == "[]"
