"""Wording of messages: placeholders are checked where they are written, and filled in without fail."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from somc.config import load
from somc.domain.templates import BUILT_IN, faults, placeholders, render, stamped
from somc.errors import ConfigurationError
from tests.server.rig import HALL, write_hall


@pytest.mark.parametrize("name", BUILT_IN)
def test_our_own_words_fill_in_and_say_nothing_of_the_other_language(name: str) -> None:
    template = BUILT_IN[name]
    values = dict.fromkeys(template.placeholders, "7")
    for language in ("zh", "en"):
        text = render(template, language, values)
        assert "{" not in text
        assert (language == "en") == text.isascii(), text
        assert faults(text, ()) is None


@pytest.mark.parametrize("text", ["{}", "{0}", "{a.b}", "{a!r}", "{a:>9}", "{a", "a}", "{a[0]}", "{ }"])
def test_braces_that_hold_no_name_are_a_fault(text: str) -> None:
    assert faults(text, None) is not None


def test_doubled_braces_are_braces() -> None:
    assert placeholders("{{x}} {y}") == ["y"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            '[template.appointment_booked]\ntext = { zh = "{hall}{price}", en = "{hall}" }',
            r"template\.appointment_booked\.text: found the placeholder \{price\} \(zh\); allowed: \{hall\}",
        ),
        ('[template.own]\ntext = "{0}"', r"template\.own\.text: found braces that hold no name"),
        ("[messages]\nper_day = { love = 1 }", r"messages\.per_day\.love: found the class 'love'"),
        ('[messages]\nquiet_classes = ["alarm"]', "messages.quiet_classes"),
        ('[staff.wu]\nphone = "12"', "staff.wu.phone"),
    ],
)
def test_a_wrong_word_stops_the_start_with_its_place(tmp_path: Path, toml: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(write_hall(tmp_path, f"{HALL}\n{toml}\n"))


def test_the_hall_s_words_stand_in_the_place_of_ours(tmp_path: Path) -> None:
    toml = '[template.reply_help]\ntext = "ask at the desk of {hall}"\n[template.own]\ntext = "{a} {b}"\n'
    config = load(write_hall(tmp_path, f"{HALL}\n{toml}"))
    assert render(config.templates["reply_help"], "zh", {"hall": "X"}) == "ask at the desk of X"
    own = config.templates["own"]
    assert (own.message_class, own.placeholders) == ("notice", ("a", "b"))
    assert config.templates["phone_code"] is BUILT_IN["phone_code"]


def test_what_was_kept_back_says_when_it_was_made() -> None:
    made = datetime(2026, 3, 2, 23, 5)
    assert stamped("欠费", "zh", made) == "欠费（生成时间 2026-03-02 23:05）"
    assert stamped("Due", "en", made) == "Due (written 2026-03-02 23:05)"
