"""Texts as parts: what fits, what is never cut, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc_plugins.sms.text import (
    ASCII,
    MOST_PARTS,
    UCS2,
    concatenation,
    decoded,
    parts_of,
    split_header,
)

FAMILY = "👨‍👩‍👧‍👦"
FLAG = "🇨🇳"
THUMB = "👍🏽"


def texts(text: str) -> list[str]:
    return [decoded(part.octets, part.coding) for part in parts_of(text)]


@pytest.mark.parametrize(
    ("text", "coding", "count"),
    [
        ("A" * 160, ASCII, 1),
        ("A" * 161, ASCII, 2),
        ("A" * 306, ASCII, 2),
        ("A" * 307, ASCII, 3),
        ("请" * 70, UCS2, 1),
        ("请" * 71, UCS2, 2),
        ("请" * 134, UCS2, 2),
        ("请" * 135, UCS2, 3),
        ("", ASCII, 1),
        ("a@b", UCS2, 1),  # @ is 0x00 in the GSM alphabet and 0x40 in ASCII: not left to chance
        ("{x}", UCS2, 1),
        ("😀" * 35, UCS2, 1),
        ("😀" * 36, UCS2, 2),
    ],
)
def test_alphabet_and_number_of_parts(text: str, coding: int, count: int) -> None:
    parts = parts_of(text)
    assert ({part.coding for part in parts}, len(parts)) == ({coding}, count)
    assert "".join(texts(text)) == text
    for part in parts:
        assert len(part.header) + len(part.octets) <= 140 + 20 * (part.coding == ASCII)


@pytest.mark.parametrize("whole", ["😀", FAMILY, FLAG, THUMB, "é", "1️⃣", "☎️"])
@pytest.mark.parametrize("before", range(60, 69))
def test_what_people_see_as_one_character_is_never_cut(whole: str, before: int) -> None:
    text = "请" * before + whole + "来" * 30
    assert any(whole in piece for piece in texts(text)), texts(text)
    assert "".join(texts(text)) == text


@given(st.text(max_size=400))
def test_every_text_comes_back_from_its_parts(text: str) -> None:
    text = "".join(character for character in text if not "\ud800" <= character <= "\udfff")
    pieces = texts(text)
    assert "".join(pieces) == text
    for part in parts_of(text):
        assert len(part.header) + len(part.octets) <= 160
        part.octets.decode("utf-16-be" if part.coding == UCS2 else "ascii")


def test_a_tower_of_accents_is_cut_rather_than_sent_too_long() -> None:
    text = "e" + "\u0301" * 200
    assert all(len(part.octets) <= 134 for part in parts_of(text))
    assert "".join(texts(text)) == text


def test_a_letter_is_cut_off_with_an_ellipsis() -> None:
    pieces = texts("请" * 5000)
    assert len(pieces) == MOST_PARTS
    assert pieces[-1].endswith("…")


def test_half_a_surrogate_pair_is_no_fault() -> None:
    assert texts("\ud83d请") == ["?请"]


def test_parts_say_that_they_belong_together() -> None:
    parts = parts_of("请" * 140, reference=0x1A7)
    assert [concatenation(part.header) for part in parts] == [(0xA7, 3, 1), (0xA7, 3, 2), (0xA7, 3, 3)]


@given(st.binary(max_size=200), st.integers(0, 300))
def test_nothing_from_outside_raises(octets: bytes, coding: int) -> None:
    header, rest = split_header(octets)
    assert header + rest == octets
    concatenation(header)
    assert isinstance(decoded(rest, coding), str)


def test_a_header_of_sixteen_bits_counts_too() -> None:
    assert concatenation(bytes((6, 8, 4, 1, 2, 3, 1))) == (0x10102, 3, 1)
    assert concatenation(bytes((5, 0, 3, 1, 2, 3))) is None  # the third of two
