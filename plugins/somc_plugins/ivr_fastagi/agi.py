"""The Asterisk Gateway Interface over TCP (FastAGI): lines in, lines out. No I/O.

    agi_request: agi://…              the environment, ended by an empty line
    200 result=49 endpos=8000         an answer to a command
    HANGUP                            the caller has left

What must stay true: reading never raises; a line that means nothing is `None`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

__all__ = ["Answer", "Environment", "Lines", "Reader", "command", "quoted"]

LONGEST_LINE = 4096
MOST_VARIABLES = 200

_ANSWER = re.compile(r"(\d{3})[ -](?:result=(-?\d*))?\s*(?:\(([^)]*)\))?(.*)")


class Environment(msgspec.Struct, frozen=True):
    """What Asterisk says of the call before anything else."""

    variables: Mapping[str, str]

    @property
    def caller(self) -> str | None:
        """The caller's number, digits only; None if it is withheld."""
        number = re.sub(r"[^0-9]", "", self.variables.get("agi_callerid", ""))
        return number if len(number) >= 5 else None

    @property
    def call(self) -> str:
        """What names this call for good."""
        return self.variables.get("agi_uniqueid", "")


class Answer(msgspec.Struct, frozen=True):
    """`code` 200 is well; `result` -1: the caller has left, or the command could not be."""

    code: int
    result: int
    note: str = ""

    @property
    def digit(self) -> str:
        """The key that was pressed, if one was."""
        return chr(self.result) if 35 <= self.result <= 57 else ""


class Lines:
    """Cuts a stream into lines, bounded."""

    def __init__(self) -> None:
        self._buffer = b""
        self.broken = False

    def feed(self, data: bytes) -> list[str]:
        *lines, rest = (self._buffer + data).split(b"\n")
        if len(rest) > LONGEST_LINE:
            self.broken, rest = True, b""
        self._buffer = rest
        return [line[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\r") for line in lines]


class Reader:
    """Makes an environment and answers of lines."""

    def __init__(self) -> None:
        self._variables: dict[str, str] = {}
        self._begun = False

    def read(self, line: str) -> Environment | Answer | None:
        if not self._begun:
            if line:
                name, colon, value = line.partition(":")
                if colon and len(self._variables) < MOST_VARIABLES:
                    self._variables[name.strip()] = value.strip()
                return None
            self._begun = True
            return Environment(dict(self._variables))
        if line == "HANGUP":
            return Answer(511, -1, "hangup")
        found = _ANSWER.match(line)
        if found is None:
            return None
        code, result, note, _ = found.groups()
        digits = (result or "").lstrip("-")
        if not digits or len(digits) > 9:
            number = -1 if code != "200" or (result or "").startswith("-") else 0
        else:
            number = int(result)
        return Answer(int(code), number, note or "")


def quoted(text: str) -> str:
    """An argument, whatever is in it."""
    plain = "".join(character for character in text if character.isprintable())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def command(name: str, *arguments: str) -> bytes:
    """One command as its line."""
    return " ".join((name, *arguments)).encode() + b"\n"
