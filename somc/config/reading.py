"""What the readers of one file share: the faults found so far, and the place that is being read.

What must stay true
- A reader that finds a mistake reports it at its place and returns `FAULTY`; it never raises, so that every
  mistake of the file is found in one go.
- Words in a fault are for the manager of a hall: a value as it stands in the file, no Python type.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Final

from somc.config.toml_lines import KeyPath
from somc.errors import Fault

__all__ = ["FAULTY", "Faulty", "Place", "Reading", "found_words", "one_line", "one_of", "shown_key"]


class Faulty:
    """The type of `FAULTY`."""

    def __repr__(self) -> str:
        return "FAULTY"


FAULTY: Final = Faulty()
"""Stands for a value that was reported as wrong. Later checks pass it over."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN_LIMIT = 60
_LISTED_LIMIT = 12


@dataclass(slots=True)
class Reading:
    """The faults of one file. `partial`: lines were left out, so what is missing may only be unread."""

    file: str
    lines: Mapping[KeyPath, int]
    partial: bool = False
    faults: list[Fault] = field(default_factory=list)

    def at(self, *path: str | int) -> Place:
        return Place(self, path)

    def line_of(self, path: KeyPath) -> int:
        """The line of `path`, or of the nearest table around it; 0 if there is none."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


@dataclass(frozen=True, slots=True)
class Place:
    """A key of the file, whether it is there or not."""

    reading: Reading
    path: KeyPath

    def __truediv__(self, part: str | int) -> Place:
        return Place(self.reading, (*self.path, part))

    def fault(self, found: str, allowed: str) -> Faulty:
        """Report a mistake here."""
        reading = self.reading
        line = reading.line_of(self.path)
        reading.faults.append(Fault(reading.file, line, shown_key(self.path), found, allowed))
        return FAULTY

    def doubt(self, found: str, allowed: str) -> Faulty:
        """Report a mistake that a line left out could explain: something is missing or refers to nothing."""
        if not self.reading.partial:
            self.fault(found, allowed)
        return FAULTY

    @property
    def line(self) -> int:
        return self.reading.line_of(self.path)


def shown_key(path: KeyPath) -> str:
    """`service.payment.papers[0].zh`: a path as a manager writes it, items counted from 0."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            bare = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            words += f".{_shortened(bare)}" if words else _shortened(bare)
    return words


def found_words(raw: Any) -> str:
    """A value of the file in words: the text "x", the number 3, a list, a table, the date …"""
    match raw:
        case bool():
            return "true" if raw else "false"
        case str():
            return f"the text {_shortened(json.dumps(raw, ensure_ascii=False))}"
        case int() | float():
            return f"the number {_shortened(_number(raw))}"
        case list():
            return "an empty list" if not raw else f"a list of {len(raw)}"
        case dict():
            return "an empty table" if not raw else f"a table with {_shortened(', '.join(map(str, raw)))}"
        case datetime():
            return f"the instant {raw.isoformat()}"
        case date():
            return f"the date {raw.isoformat()}"
        case time():
            return f"the time {raw.isoformat()}"
    return f"{raw!r}"


def _number(raw: int | float) -> str:
    # Beyond 64 bits the digits help nobody, and beyond 4,300 Python refuses to write them.
    if isinstance(raw, int) and raw.bit_length() > 64:
        return f"of some {raw.bit_length() * 3 // 10} digits"
    return str(raw)


def _shortened(words: str) -> str:
    return words if len(words) <= _SHOWN_LIMIT else words[: _SHOWN_LIMIT - 3] + "..."


def one_line(text: str) -> bool:
    """Whether `text` has no control characters and no line breaks (an ideographic space is welcome)."""
    return not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text)


def one_of(found: str, names: Iterable[str]) -> str:
    """What is allowed where one of `names` must stand, with the likely one first."""
    known = sorted(names)
    listed = ", ".join(known[:_LISTED_LIMIT]) + (", ..." if len(known) > _LISTED_LIMIT else "")
    close = difflib.get_close_matches(found.lower(), known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'? ({listed})" if len(known) > 1 else f"did you mean '{close[0]}'?"
    return f"one of {listed}" if listed else "nothing: there is none"
