"""What customers' words are taken for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc.messages.replies import WORDS, When, understood, when


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Y", "confirm"),
        ("ｙ。", "confirm"),
        (" 好的！", "confirm"),
        ("“Y”", "confirm"),
        ("QX", "cancel"),
        ("取消", "cancel"),
        ("CX", "place"),
        ("TD", "stop"),
        ("dy", "start"),
        ("？", "help"),
        ("YY", "book"),
        ("YY 缴费 明天 10:00", "book"),
        ("预约缴费明天10点", "book"),
        ("", "unknown"),
        ("yes I will come", "unknown"),
        ("取消我的套餐", "unknown"),
        ("不取消", "unknown"),
        ("yyabc", "unknown"),
        ("y" * 500, "unknown"),
    ],
)
def test_a_closed_list_of_words_and_no_guesses(text: str, intent: str) -> None:
    assert understood(text).name == intent


@given(st.text(max_size=300))
def test_whatever_is_written_has_an_intent(text: str) -> None:
    assert understood(text).name in {*WORDS, "unknown"}


@pytest.mark.parametrize(
    ("words", "expected", "rest"),
    [
        ("缴费 明天 10:30", When(None, None, None, 10, 30, "tomorrow"), "缴费"),
        ("缴费明天10点", When(None, None, None, 10, 0, "tomorrow"), "缴费"),
        ("payment 2026-03-05 9:00", When(2026, 3, 5, 9, 0), "payment"),
        ("3月5日 14点30分 维修", When(None, 3, 5, 14, 30), "维修"),
        ("维修", None, "维修"),
        ("99/99 25:99", When(None, 99, 99, 25, 99), ""),
    ],
)
def test_dates_and_times_are_read_as_people_write_them(words: str, expected: When | None, rest: str) -> None:
    assert when(words) == (expected, rest)
