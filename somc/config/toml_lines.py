"""Where each key of a TOML text stands. `tomllib` gives values without their lines.

What must stay true
- Only a text that `tomllib` accepts is handed in: nothing is validated a second time here.
- Every key and every list item that `tomllib` returns has a line, and that line holds the key.
- A path is the way down the value `tomllib` returns: `("service", "payment", "papers", 0, "zh")`.

Grammar: https://toml.io/en/v1.0.0 (line breaks within inline tables, which 1.1 allows, are read too).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator

__all__ = ["KeyPath", "lines_of"]

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' + r"|'''.*?'{3,5}" + r'|"(?:\\.|[^"\\\n])*"' + r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")


def lines_of(text: str) -> dict[KeyPath, int]:
    """Path → line, counted from 1, for every key and list item of the valid TOML `text`.

    A table stands at its own heading; one that is only implied (`a` of `[a.b]`) at the first line that
    implies it. Raises `RecursionError` for values nested deeper than Python's stack.
    """
    return _Index(text.replace("\r\n", "\n")).read()


class _Index:
    """One pass over the text; `_at` is the place reached."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [place for place, char in enumerate(text) if char == "\n"]
        self._found: dict[KeyPath, int] = {}
        self._lists: dict[KeyPath, int] = {}
        """How many `[[tables]]` each array of tables has so far."""

    def read(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip(_GAP) < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._heading(2)
            elif self._text[self._at] == "[":
                table = self._heading(1)
            else:
                self._pair(table)
        return self._found

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return self._at

    def _heading(self, brackets: int) -> KeyPath:
        line = self._line()
        self._at += brackets
        path: KeyPath = ()
        parts = list(self._key())
        self._at += brackets
        for part in parts[:-1]:
            path = (*path, part)
            self._found.setdefault(path, line)
            if path in self._lists:
                path = (*path, self._lists[path] - 1)
        path = (*path, parts[-1])
        if brackets == 1:
            self._found[path] = line
            return path
        self._found.setdefault(path, line)
        item = self._lists.get(path, 0)
        self._lists[path] = item + 1
        self._found[*path, item] = line
        return (*path, item)

    def _key(self) -> Iterator[str]:
        """The parts of a dotted key; stands behind it and its blanks afterwards."""
        while True:
            start = self._skip(_BLANK)
            if self._text[start] in "\"'":
                raw = self._text[start : self._skip(_STRING)]
                yield tomllib.loads(f"key = {raw}")["key"]
            else:
                yield self._text[start : self._skip(_BARE_KEY)]
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return
            self._at += 1

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self._found.setdefault(path, line)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._at]
        if opening == "[":
            self._list(path)
        elif opening == "{":
            self._inline_table(path)
        elif opening in "\"'":
            self._skip(_STRING)
        else:
            self._skip(_BARE_VALUE)

    def _list(self, path: KeyPath) -> None:
        self._at += 1
        item = 0
        while self._text[self._skip(_GAP)] != "]":
            self._found[*path, item] = self._line()
            self._value((*path, item))
            item += 1
            if self._text[self._skip(_GAP)] == ",":
                self._at += 1
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while self._text[self._skip(_GAP)] != "}":
            self._pair(path)
            if self._text[self._skip(_GAP)] == ",":
                self._at += 1
        self._at += 1
