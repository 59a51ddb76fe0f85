"""A file's bytes as TOML, with every syntax mistake that can be told apart.

What must stay true
- Any bytes end in a table with its lines, in faults, or in both: nothing else is raised.
- After a syntax mistake the line is left out (a heading: with the keys below it) and reading goes on, so
  that one slip does not hide the others. What such a reading says about *missing* things is not believed
  (`partial`); if the mistakes do not end, only the syntax faults are reported.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somc.config.reading import one_line
from somc.config.toml_lines import KeyPath, lines_of
from somc.errors import Fault

__all__ = ["FILE_LIMIT_BYTES", "TomlText", "read_text", "read_toml"]

FILE_LIMIT_BYTES = 64 * 1024 * 1024
"""No list of customers comes near it; a disk image given by mistake is refused before it is read."""

SYNTAX_FAULTS_LIMIT = 20
"""Beyond so many broken lines the file is something else than TOML."""

STATEMENT_LINES_LIMIT = 60
"""How far back the beginning of a broken statement is looked for; each step reads the file once."""

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_STATEMENT = re.compile(r"""\s*(?:\[|["'A-Za-z0-9_.-]+\s*=)""")
_QUOTED_OR_COMMENT = re.compile(r"""\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*""")
_FULL_WIDTH = re.compile("[“”‘’＂＇＝，［］｛｝　。]")


@dataclass(frozen=True, slots=True)
class TomlText:
    """What could be read: the values, their lines, the syntax faults, and whether lines were left out."""

    values: dict[str, Any] | None
    lines: dict[KeyPath, int]
    faults: tuple[Fault, ...]

    @property
    def partial(self) -> bool:
        return bool(self.faults)


def read_text(path: Path, shown: str, fault_line: int = 0, key: str = "file") -> str | Fault:
    """The text of a UTF-8 file without its byte order mark, or the one fault that prevents reading it.

    `shown` is how messages call the file they are about, `fault_line` and `key` where it was asked for.
    """

    def unreadable(found: str) -> Fault:
        return Fault(shown, fault_line, key, found, "a readable text file in UTF-8")

    try:
        if path.is_dir():
            return unreadable(f"'{path}', which is a folder")
        if not path.exists():
            return unreadable(f"'{path}', where there is no file")
        if not path.is_file():
            return unreadable(f"'{path}', which is a device or a pipe, no file")
        if path.stat().st_size > FILE_LIMIT_BYTES:
            return unreadable(f"'{path}', which is larger than {FILE_LIMIT_BYTES // 1024 // 1024} MiB")
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return unreadable(f"'{path}', which cannot be read ({reason})")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        found = f"byte 0x{byte:02x}, which is not UTF-8"
        return Fault(
            str(path), line, "encoding", found, "text saved as UTF-8 (not GBK or GB18030, not UTF-16)"
        )


def read_toml(path: Path) -> TomlText:
    """What the file at `path` holds, as far as it can be read."""
    text = read_text(path, str(path))
    if isinstance(text, Fault):
        return TomlText(None, {}, (text,))
    return parse(text, str(path))


def parse(text: str, shown: str) -> TomlText:
    """The values of `text`; `shown` names the file in faults."""
    rows = text.replace("\r\n", "\n").split("\n")
    faults: list[Fault] = []
    headings: list[str] = []
    unclosed_until = 0
    while True:
        try:
            values = tomllib.loads("\n".join(rows))
            lines = lines_of("\n".join(rows))
        except tomllib.TOMLDecodeError as error:
            slip = _slip(error, rows)
            if slip.first != unclosed_until or _STATEMENT.match(rows[slip.first - 1]):
                faults.append(_syntax(shown, slip, rows))
            again = any(rows[slip.first - 1] == f'["{heading}"]' for heading in headings)
            if again or slip.last < slip.first or len(faults) == SYNTAX_FAULTS_LIMIT:
                return TomlText(None, {}, tuple(faults))
            if rows[slip.first - 1].lstrip().startswith("["):
                headings.append(f"heading left out of line {slip.first}")
                rows[slip.first - 1] = f'["{headings[-1]}"]'
            else:
                rows[slip.first - 1 : slip.last] = [""] * (slip.last - slip.first + 1)
            unclosed_until = slip.last + 1 if slip.unclosed else 0
        except RecursionError:
            faults.append(Fault(shown, 0, "syntax", "values nested too deeply", "a few levels of nesting"))
            return TomlText(None, {}, tuple(faults))
        except ValueError:  # tomllib lets through what int() says of a number of 5,000 digits
            faults.append(Fault(shown, 0, "syntax", "a number of thousands of digits", "shorter numbers"))
            return TomlText(None, {}, tuple(faults))
        else:
            for heading in headings:
                values.pop(heading, None)
            return TomlText(values, lines, tuple(faults))


@dataclass(frozen=True, slots=True)
class _Slip:
    """One syntax mistake: what tomllib says of it, its line and column, and the lines `first` to `last` to
    leave out in order to read on (`last` below `first`: reading on is pointless)."""

    message: str
    line: int
    column: int
    first: int
    last: int
    unclosed: bool = False


def _slip(error: tomllib.TOMLDecodeError, rows: list[str]) -> _Slip:
    """Where the statement that tomllib could not read begins and ends.

    tomllib says where it gave up. A list that is not closed is noticed at a later line, a key given twice
    behind its value, so the statement's own first line is looked for: all before it reads well.
    """
    message = str(error)
    match = _PLACE.search(message)
    words = message[: match.start()] if match else message
    if match is None or match[1] is None:
        last = max((n for n, row in enumerate(rows, 1) if row.strip()), default=1)
        first = _statement_start(rows, last)
        return _Slip(words, first, len(rows[first - 1]), first, first - 1)
    line, column = int(match[1]), int(match[2])
    first = _statement_start(rows, line)
    if twice := re.fullmatch(r"Cannot declare \((.*?),?\) twice", words):
        return _Slip(
            f"a second heading for the table {twice[1].replace(', ', '.')}", line, column, line, line
        )
    if words.startswith(("Cannot overwrite", "Cannot mutate")):
        return _Slip("a key that was given before", first, 1, first, line)
    if (closed := _inline_table_end(rows, first, line)) is not None:
        found = "an inline table { … } over several lines; it must stand on one"
        return _Slip(found, line, len(rows[line - 1]), first, closed)
    if words.startswith("Unclosed") and first < line:
        return _Slip(words, first, len(rows[first - 1]), first, line - 1, unclosed=True)
    return _Slip(words, line, column, first, line, unclosed=words.startswith("Unclosed"))


def _inline_table_end(rows: list[str], first: int, line: int) -> int | None:
    """The line that closes the inline table which `line` leaves open; None if it leaves none open, or if no
    line closes it before the next heading. (TOML 1.0 wants such a table on one line, which few expect.)"""
    open_braces = _brace_balance(rows[first - 1 : line])
    if open_braces <= 0:
        return None
    for number, row in enumerate(rows[line : line + STATEMENT_LINES_LIMIT], line + 1):
        open_braces += _brace_balance([row])
        if open_braces <= 0:
            return number
        if row.startswith("["):
            return None
    return None


def _brace_balance(rows: list[str]) -> int:
    bare = [_QUOTED_OR_COMMENT.sub("", row) for row in rows]
    return sum(row.count("{") - row.count("}") for row in bare)


def _statement_start(rows: list[str], line: int) -> int:
    """The first line of the statement that holds `line`; `line` itself if it is not found near by."""
    for first in range(line, max(0, line - STATEMENT_LINES_LIMIT), -1):
        with suppress(ValueError, RecursionError):
            tomllib.loads("\n".join(rows[: first - 1]))
            return first
    return line


def _syntax(shown: str, slip: _Slip, rows: list[str]) -> Fault:
    row = rows[slip.line - 1]
    text = row.strip()
    if len(text) > 60:
        text = text[:57] + "..."
    found = f"{slip.message[:1].lower()}{slip.message[1:]} (column {slip.column})"
    if text and one_line(text):
        found += f" in: {text}"
    allowed = "TOML: [table] headings and key = value lines, each of them once"
    if _FULL_WIDTH.search(row):
        allowed += "; with half-width quotes, commas and = (not “ ” ， ＝)"
    return Fault(shown, slip.line, "syntax", found, allowed)
