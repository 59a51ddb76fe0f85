"""Checks, and the generic frame codec: every family, every split, every mistake in a description."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc_hal.codecs.checks import CHECKS
from somc_hal.codecs.frames import CheckRule, Frame, FrameCodec, FrameFormat, LengthRule
from somc_hal.testing import decoder_is_chunk_invariant, decoder_survives_noise
from somc_hal.testing.fuzz import frames_by_trying_everything

STANDARD = b"123456789"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # The first six are the check values of the CRC catalogue and plain arithmetic on the same digits.
        ("crc16-modbus", 0x4B37),
        ("crc16-arc", 0xBB3D),
        ("crc16-xmodem", 0x31C3),
        ("sum8", 0xDD),
        ("lrc", 0x23),
        ("xor", 0x31),
        ("pan", 477 % 255 % 100),
    ],
)
def test_a_check_has_its_standard_value(name: str, value: int) -> None:
    assert CHECKS[name].of(STANDARD) == value
    assert CHECKS[name].of(memoryview(STANDARD)) == CHECKS[name].of(bytearray(STANDARD)) == value


def test_every_check_has_a_standard_value_here() -> None:
    assert set(CHECKS) == {"crc16-modbus", "crc16-arc", "crc16-xmodem", "sum8", "lrc", "xor", "pan"}


def test_a_modbus_crc_travels_low_byte_first() -> None:
    # Read holding registers, the example of the Modbus serial line guide.
    kind = CHECKS["crc16-modbus"]
    assert kind.of(bytes.fromhex("010300000001")).to_bytes(2, kind.order).hex() == "840a"


COUNTED = FrameFormat(
    (b"\xa0", "length", "command", "body", "check", b"\xff"),
    LengthRule("command", "body"),
    CheckRule("sum8", "length", "body"),
    limit_bytes=24,
)
TWICE = FrameFormat(
    (b"\xff\x68", "length", "length", b"\x68", "address", "body", "check", b"\x16"),
    LengthRule("address", "check", size_bytes=2, order="little", plus=-1),
    CheckRule("crc16-modbus", "address", "body"),
    limit_bytes=24,
)
TERMINATED = FrameFormat(
    (b"\xaa", "address", b"\xbb", "check", "body", b"\xff"),
    check=CheckRule("sum8", "body", b"\xff"),
    limit_bytes=24,
)
FIXED = FrameFormat((b"\x55", "one", "two", "check"), check=CheckRule("xor", "one", "two"))
ESCAPED = FrameFormat(
    (b"\xa5\xa5", "kind", "body", "check", b"\x5a"),
    check=CheckRule("crc16-arc", "kind", "body"),
    escapes={0xA5: b"\xa6\x02", 0xA6: b"\xa6\x01", 0x5A: b"\x5b\x02", 0x5B: b"\x5b\x01"},
    limit_bytes=24,
)
FORMS = {
    "counted": COUNTED,
    "twice": TWICE,
    "terminated": TERMINATED,
    "fixed": FIXED,
    "escaped": ESCAPED,
}


def frames_of(form: FrameFormat) -> st.SearchStrategy[Frame]:
    body = st.binary(max_size=form.limit_bytes) if "body" in form.layout else st.just(b"")
    if form is TERMINATED:
        body = body.map(lambda data: data.replace(b"\xff", b""))
    return st.builds(Frame, st.tuples(*(st.integers(0, 255) for _ in form.fields)), body)


@pytest.mark.parametrize("name", FORMS)
@given(data=st.data())
def test_frames_survive_the_wire_however_they_are_split(name: str, data: st.DataObject) -> None:
    form = FORMS[name]
    sent = data.draw(st.lists(frames_of(form), min_size=1, max_size=3))
    writer = FrameCodec(form)
    wire = b"".join(writer.encode(frame) for frame in sent)
    found = FrameCodec(form).feed(wire)
    # A body may hold a whole frame by chance; by definition it then comes first. The oracle knows.
    expected = frames_by_trying_everything(writer, wire) or sent
    assert found == expected
    decoder_is_chunk_invariant(lambda: FrameCodec(form), wire, found)


@pytest.mark.parametrize("name", FORMS)
@given(data=st.data())
def test_among_noise_the_frames_are_those_of_the_definition(name: str, data: st.DataObject) -> None:
    form = FORMS[name]
    writer = FrameCodec(form)
    marks = st.sampled_from([part for part in form.layout if isinstance(part, bytes)])
    pieces = st.one_of(
        frames_of(form).map(writer.encode),
        frames_of(form).map(lambda frame: writer.encode(frame)[:-1]),
        frames_of(form).map(lambda frame: writer.encode(frame)[1:]),
        marks,
        st.binary(max_size=12),
    )
    wire = b"".join(data.draw(st.lists(pieces, max_size=8)))
    found = FrameCodec(form).feed(wire)
    if not form.escapes:
        assert found == frames_by_trying_everything(writer, wire)
    decoder_is_chunk_invariant(lambda: FrameCodec(form), wire, found)


@pytest.mark.parametrize("name", FORMS)
def test_noise_takes_no_good_frame_with_it_and_delays_none(name: str) -> None:
    form = FORMS[name]
    writer = FrameCodec(form)
    fields = (7, 8)[: len(form.fields)]
    good = [Frame(fields, body if "body" in form.layout else b"") for body in (b"", b"A001", b"\xba\xc5\x31")]
    pairs = [(writer.encode(frame), frame) for frame in good]
    head = form.layout[0]
    assert isinstance(head, bytes)
    noises = [b"", head, head + b"\x20", head * 3, pairs[0][0][:-1], bytes(range(1, 0x55))]
    decoder_survives_noise(lambda: FrameCodec(form), pairs, noises)
    for noise in noises:
        codec = FrameCodec(form)
        codec.feed(noise)
        assert codec.feed(pairs[1][0])[-1:] == [good[1]], "found only later"


def test_a_claim_to_be_long_hides_nothing() -> None:
    codec = FrameCodec(COUNTED)
    assert codec.feed(b"\xa0\x18") == []
    assert codec.feed(FrameCodec(COUNTED).encode(Frame((1,), b"A"))) == [Frame((1,), b"A")]


@pytest.mark.parametrize("name", FORMS)
def test_a_decoder_never_holds_more_than_a_longest_frame(name: str) -> None:
    form = FORMS[name]
    codec = FrameCodec(form)
    head = form.layout[0]
    assert isinstance(head, bytes)
    longest = 2 * (form.limit_bytes + 16)
    for junk in (head * 5000, b"\x20" * 5000, (head + b"\x20\x20") * 3000, bytes(range(256)) * 20):
        for at in range(0, len(junk), 7):
            codec.feed(junk[at : at + 7])
        assert len(codec._held) <= longest
        assert len(codec._candidates) <= longest
    assert codec.feed(FrameCodec(form).encode(Frame((9, 9)[: len(form.fields)])))


def test_a_flipped_bit_under_the_check_never_gives_another_frame() -> None:
    for form in (COUNTED, TWICE, FIXED):
        sent = Frame((7, 9)[: len(form.fields)], b"A001" if form is not FIXED else b"")
        wire = FrameCodec(form).encode(sent)
        for index in range(len(wire)):
            for bit in range(8):
                damaged = wire[:index] + bytes((wire[index] ^ (1 << bit),)) + wire[index + 1 :]
                assert FrameCodec(form).feed(damaged) == []


def test_gap_forgets_what_is_half_finished() -> None:
    wire = FrameCodec(COUNTED).encode(Frame((1,), b"A"))
    codec = FrameCodec(COUNTED)
    codec.feed(wire[:4])
    codec.gap()
    assert codec.feed(wire[4:]) == []
    assert codec.feed(wire) == [Frame((1,), b"A")]


@pytest.mark.parametrize(
    ("form", "frame", "words"),
    [
        (COUNTED, Frame((), b""), r"fields: found \(\); allowed: 1 bytes"),
        (COUNTED, Frame((256,), b""), "fields: found"),
        (COUNTED, Frame((1,), b"x" * 25), "body: found 25 bytes; allowed: at most 24"),
        (FIXED, Frame((1, 2), b"x"), "body: found 1 bytes"),
        (TERMINATED, Frame((1,), b"\xff"), "body: found the byte ff, which ends a frame"),
    ],
)
def test_what_a_frame_cannot_carry_is_refused(form: FrameFormat, frame: Frame, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FrameCodec(form).encode(frame)


HEAD, TAIL = b"\xa0", b"\xff"
FLIP = {0xA0: b"\x10\x01", 0xFF: b"\x10\x02", 0x10: b"\x10\x03"}


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ({"layout": ("body", TAIL)}, "layout: begins with the constant bytes of the head"),
        ({"layout": (HEAD, b"", "body", TAIL)}, "layout: found an empty constant"),
        ({"layout": (HEAD, "a", "a", TAIL)}, "layout: found a name twice"),
        ({"layout": (HEAD, "length", "body")}, "layout: found 'length', which needs a description"),
        (
            {"layout": (HEAD, "body", TAIL), "length": LengthRule("body", "body")},
            "described, but not in",
        ),
        ({"layout": (HEAD, "body")}, "ends with one constant byte"),
        ({"layout": (HEAD, "length"), "length": LengthRule("length", "length")}, "without 'body'"),
        ({"layout": (HEAD, "length", "body"), "length": LengthRule("x", "body")}, "length.counts: found 'x'"),
        ({"layout": (HEAD, "length", "body"), "length": LengthRule(HEAD, HEAD)}, "must hold the body"),
        (
            {"layout": (HEAD, "body", "length"), "length": LengthRule("body", "body")},
            "behind 'body'",
        ),
        (
            {"layout": (HEAD, "length", "body"), "length": LengthRule("body", "body"), "limit_bytes": 256},
            "limit: a body of 256 bytes does not fit into the length field",
        ),
        ({"layout": (HEAD, "a", "check"), "check": CheckRule("crc", "a", "a")}, "check.kind: found 'crc'"),
        ({"layout": (HEAD, "a", "check"), "check": CheckRule("xor", "a", "check")}, "found the check itself"),
        ({"layout": (HEAD, "a", "check"), "check": CheckRule("xor", "a", HEAD)}, "stands after its last"),
        ({"layout": (HEAD, "body"), "escapes": FLIP}, "escapes: the layout must end with one constant"),
        ({"layout": (b"\xa0\xa1", "body", TAIL), "escapes": FLIP}, "the head must repeat one byte"),
        (
            {"layout": (HEAD, "body", TAIL), "escapes": {0xA0: b"\x10\x01"}},
            "byte FF has a meaning",
        ),
        ({"layout": (HEAD, "body", TAIL), "escapes": {**FLIP, 0x11: b"\x10\x03"}}, "sent as the same bytes"),
        ({"layout": (HEAD, "body", TAIL), "escapes": {**FLIP, 0x11: b"\x10\xff"}}, "not head or tail"),
        ({"layout": (HEAD, "body", TAIL), "limit_bytes": -1}, "limit: found -1"),
    ],
)
def test_a_wrong_description_names_the_key(description: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FrameFormat(**description)
