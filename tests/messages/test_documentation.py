"""docs/reference/messages.md says what the catalogues say."""

from __future__ import annotations

import re
from pathlib import Path

from somc.domain.outbox import CLASS_WORDS
from somc.domain.templates import BUILT_IN
from somc.messages.replies import WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "messages.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    text = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_every_class_is_there_in_the_order_in_which_they_leave() -> None:
    assert [(row[0], row[1]) for row in rows("Classes")] == [
        (f"`{name}`", words.zh) for name, words in CLASS_WORDS.items()
    ]


def test_every_template_is_there_with_its_class_and_placeholders() -> None:
    listed = [(row[0], row[1], re.findall(r"`\{(\w+)\}`", row[2])) for row in rows("Templates")]
    assert listed == [
        (f"`{name}`", f"`{each.message_class}`", list(each.placeholders)) for name, each in BUILT_IN.items()
    ]


def test_every_word_that_is_understood_is_there() -> None:
    listed = {row[0].strip("`"): tuple(row[1].split(", ")) for row in rows("What customers may write")}
    assert listed == WORDS
