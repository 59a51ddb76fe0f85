"""The customer table (客户号码表): which number is of which customer class, until plugins identify people.

    phone,class
    13800138000,gotone
    1390*,mzone

What must stay true
- An exact number goes before a prefix, a longer prefix before a shorter one.
- Spaces and hyphens in a number mean nothing, here and in what a customer types.
- A fault names the line; a number given twice is told by its lines, not repeated.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from somc.config.reading import one_of
from somc.config.toml_text import read_text
from somc.errors import Fault

__all__ = ["CustomerTable", "read_customers"]

HEADING = ["phone", "class"]
_NUMBER = re.compile(r"\+?\d{3,20}", re.ASCII)
_PREFIX = re.compile(r"\+?\d{1,19}\*", re.ASCII)
_LINE_END = re.compile(r"\r\n|\n|\r")
_FILLING = re.compile(r"[\s\-]")
_SHOWN_LIMIT = 40


@dataclass(frozen=True, slots=True)
class CustomerTable:
    """Numbers and prefixes of numbers, each with the name of its class."""

    exact: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)

    def class_of(self, phone: str) -> str | None:
        """The class of a number; None if the table says nothing about it."""
        number = _FILLING.sub("", phone)
        if number in self.exact:
            return self.exact[number]
        for length in range(len(number), 0, -1):
            if number[:length] in self.prefixes:
                return self.prefixes[number[:length]]
        return None

    def __len__(self) -> int:
        return len(self.exact) + len(self.prefixes)


def read_customers(
    path: Path, classes: Collection[str] | None, named_at: tuple[str, int, str]
) -> tuple[CustomerTable, list[Fault]]:
    """The table at `path` and every mistake in it.

    `classes` are the known customer classes (None: not known, not checked); `named_at` is file, line and key
    of hall.toml that name the table, for the fault when it cannot be opened.
    """
    text = read_text(path, *named_at)
    if isinstance(text, Fault):
        return CustomerTable(), [text]
    exact: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    heading_seen = False

    def fault(line: int, key: str, found: str, allowed: str) -> None:
        faults.append(Fault(str(path), line, key, found, allowed))

    for line, row in enumerate(_LINE_END.split(text), 1):
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        try:
            # Each line by itself: one stray quotation mark must not swallow the rest of the file.
            cells = [cell.strip() for cell in next(csv.reader([row], strict=True))]
        except csv.Error as error:
            fault(line, "row", f"{_shown(row)} ({error})", "two values with a comma between")
            continue
        if not heading_seen:
            heading_seen = True
            if [cell.lower() for cell in cells] == HEADING:
                continue
            fault(line, "heading", _shown(row), "the heading phone,class before the first number")
        if len(cells) != 2:
            fault(line, "row", f"{len(cells)} value{'s' * (len(cells) != 1)}", "two values: phone,class")
            continue
        number, customer_class = _FILLING.sub("", cells[0]), cells[1]
        if not _NUMBER.fullmatch(number) and not _PREFIX.fullmatch(number):
            allowed = (
                "a number of 3 to 20 digits such as 13800138000, or its beginning and a star such as 1390*"
            )
            fault(line, "phone", _shown(cells[0]) if cells[0] else "nothing", allowed)
        elif number in lines:
            fault(line, "phone", f"the same as in line {lines[number]}", "each number or prefix once")
        else:
            lines[number] = line
            if number.endswith("*"):
                prefixes[number[:-1]] = customer_class
            else:
                exact[number] = customer_class
        if classes is not None and customer_class not in classes:
            found = f"the class '{_shown(customer_class)}'" if customer_class else "nothing"
            fault(line, "class", found, one_of(customer_class, classes))
    if not heading_seen:
        fault(0, "heading", "an empty file", "the heading phone,class and a row for each number")
    return CustomerTable(exact, prefixes), faults


def _shown(words: str) -> str:
    short = words if len(words) <= _SHOWN_LIMIT else words[: _SHOWN_LIMIT - 3] + "..."
    return short if short.isprintable() else repr(short)
