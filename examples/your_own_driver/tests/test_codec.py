"""The codec: a golden frame, any chunking, and noise."""

from __future__ import annotations

from marquee_strip.codec import LineDecoder, encode, hex_lines, text_lines

from somc_hal.testing import decoder_is_chunk_invariant, decoder_survives_noise

GOLDEN = b"$SHOW,01,0,C7EB41303136*6C\n"
FRAME = ("SHOW", "01", "0", "C7EB41303136")


def test_a_frame_is_these_bytes() -> None:
    assert encode("SHOW", "01", "0", *hex_lines(["请A016"])) == GOLDEN


def test_the_bytes_are_this_frame() -> None:
    assert LineDecoder().feed(GOLDEN) == [FRAME]
    assert text_lines(FRAME[3:]) == ["请A016"]


def test_chunks_and_noise_change_nothing() -> None:
    decoder_is_chunk_invariant(LineDecoder, GOLDEN * 3, [FRAME] * 3)
    noises = [b"", b"\n", b"$", b"$SHOW,01", b"*6C\n", bytes(range(256)), b"$" + b"A" * 1000]
    decoder_survives_noise(LineDecoder, [(GOLDEN, FRAME)], noises)


def test_a_damaged_frame_costs_itself_alone() -> None:
    damaged = GOLDEN.replace(b"C7", b"C6")
    assert LineDecoder().feed(damaged + b"$SH" + GOLDEN) == [FRAME]
