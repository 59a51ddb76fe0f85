"""What is said: exact sentences, and every number readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc.announce.wording import call_text, cardinal_zh, spoken_en, spoken_zh

DIGITS = "零一二三四五六七八九"


def test_a_call_in_chinese_reads_the_number_digit_by_digit_and_the_counter_as_a_number() -> None:
    assert call_text("A016", 3, "zh") == "请A零幺六号到三号台席办理业务。"
    assert call_text("B110", 12, "zh") == "请B幺幺零号到十二号台席办理业务。"


def test_a_call_in_english() -> None:
    assert call_text("A016", 3, "en") == "Ticket A 0 1 6, please go to counter 3."
    assert call_text("AB1207", 112, "en") == "Ticket A B 1 2 0 7, please go to counter 112."


def test_one_is_read_yao_and_nought_ling() -> None:
    assert spoken_zh("0123456789") == "零幺二三四五六七八九"
    assert spoken_en("A01") == "A 0 1"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "一"),
        (10, "十"),
        (11, "十一"),
        (20, "二十"),
        (99, "九十九"),
        (100, "一百"),
        (101, "一百零一"),
        (110, "一百一十"),
        (111, "一百一十一"),
        (210, "二百一十"),
        (999, "九百九十九"),
    ],
)
def test_counters_are_read_as_people_count(number: int, said: str) -> None:
    assert cardinal_zh(number) == said


def read_back(said: str) -> int:
    """An independent reading of a Chinese cardinal below 1000."""
    total, digit = 0, 0
    for sign in said:
        if sign in DIGITS:
            digit = DIGITS.index(sign)
        else:
            total += {"十": 10, "百": 100}[sign] * (digit or 1)
            digit = 0
    return total + digit


def test_every_counter_from_1_to_999_reads_back_as_itself() -> None:
    said = [cardinal_zh(number) for number in range(1, 1000)]
    assert [read_back(text) for text in said] == list(range(1, 1000))
    assert len(set(said)) == 999


def test_a_counter_beyond_999_is_still_read() -> None:
    assert cardinal_zh(1203) == "幺二零三"


@given(
    prefix=st.text(st.characters(categories=["L", "No", "Nl"]), min_size=1, max_size=4),
    serial=st.integers(1, 99_999),
    counter=st.integers(1, 10_000),
)
def test_every_number_that_settings_allow_is_readable(prefix: str, serial: int, counter: int) -> None:
    # Settings allow any letters, and a superscript two is among them: `int("²")` would raise.
    number = f"{prefix}{serial:03d}"
    for language in ("zh", "en"):
        text = call_text(number, counter, language)
        assert all(sign in text for sign in prefix)
        assert text.isprintable()
    assert not any(sign in spoken_zh(number) for sign in "0123456789" if sign not in prefix)
