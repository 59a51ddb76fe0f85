"""The Asterisk Gateway Interface over TCP (FastAGI): lines in, lines out. No I/O.

    agi_request: agi://…              the environment, ended by an empty line
    200 result=49 endpos=8000         an answer to a command
    520-Invalid command syntax. …     one of several lines, up to "520 End of proper usage."
    HANGUP                            the caller has left; it comes between answers

What must stay true: reading never raises; a line that means nothing is `None`; no command is longer than the
buffer into which Asterisk reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

__all__ = ["Answer", "Environment", "Lines", "Reader", "command", "quoted"]

LONGEST_LINE = 4096
MOST_VARIABLES = 200

LONGEST_COMMAND_BYTES = 2000
"""Asterisk reads a command into 2048 bytes (`AGI_BUF_LEN`) and takes what is over for another command."""

KEYS = frozenset("0123456789*#ABCD")

MOST_NAME = 150
"""Of a call's name: Asterisk's own are of some 20 characters."""

HIDDEN = 0x60
"""In `agi_callingpres`: the caller does not want his number shown, or it is not to be had."""

_ANSWER = re.compile(r"(\d{3})[ -](?:result=(-?\d*))?\s*(?:\(([^)]*)\))?(.*)")


class Environment(msgspec.Struct, frozen=True):
    """What Asterisk says of the call before anything else."""

    variables: Mapping[str, str]

    @property
    def caller(self) -> str | None:
        """The caller's number as the hall keeps numbers: digits, without China's code. None if it is
        withheld, also where the network tells it nevertheless."""
        presentation = self.variables.get("agi_callingpres", "0")
        if presentation.isascii() and presentation.isdecimal() and int(presentation[:4]) & HIDDEN:
            return None
        number = re.sub(r"[^0-9]", "", self.variables.get("agi_callerid", ""))
        mainland = re.fullmatch(r"(?:00)?86(1[3-9][0-9]{9})", number)
        number = mainland[1] if mainland else number
        return number if 5 <= len(number) <= 20 else None

    @property
    def script(self) -> str:
        """What stands behind the host in the dialplan's `agi://HOST/…`."""
        return self.variables.get("agi_network_script", "").partition("?")[0].strip("/")

    @property
    def call(self) -> str:
        """What names this call for good."""
        return self.variables.get("agi_uniqueid", "")[:MOST_NAME]


class Answer(msgspec.Struct, frozen=True):
    """`code` 200 is well; `result` -1: the caller has left, or the command could not be."""

    code: int
    result: int
    note: str = ""
    rest: str = ""

    @property
    def digit(self) -> str:
        """The key that was pressed, if one was."""
        key = chr(self.result) if 0 < self.result < 128 else ""
        return key if key in KEYS else ""

    @property
    def unheard(self) -> bool:
        """Asterisk has nothing to play there, or no such application: the caller heard nothing. (A missing
        file is `result=-1 endpos=0` to newer Asterisks and `result=0 endpos=0` to older ones.)"""
        return self.result == -2 or (self.result <= 0 and self.rest == "endpos=0")


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
        self._usage = ""
        """The code of an answer of several lines, until its last."""

    def read(self, line: str) -> Environment | Answer | None:
        if not self._begun:
            if line:
                name, colon, value = line.partition(":")
                if colon and len(self._variables) < MOST_VARIABLES:
                    self._variables[name.strip()] = value.strip()
                return None
            self._begun = True
            return Environment(dict(self._variables))
        if line.strip() == "HANGUP":
            return Answer(511, -1, "hangup")
        found = _ANSWER.match(line)
        if found is None or (self._usage and not line.startswith(f"{self._usage} ")):
            return None
        code, result, note, rest = found.groups()
        self._usage = code if line[3] == "-" else ""
        if self._usage or code.startswith("1"):  # more lines come, or the answer itself
            return None
        digits = (result or "").lstrip("-")
        if not digits or len(digits) > 9:
            number = -1 if code != "200" or (result or "").startswith("-") else 0
        else:
            number = int(result)
        return Answer(int(code), number, note or "", rest.strip() if code == "200" else "")


def quoted(text: str) -> str:
    """An argument, whatever is in it."""
    plain = "".join(character for character in text if character.isprintable())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def command(name: str, *arguments: str) -> bytes:
    """One command as its line."""
    line = " ".join((name, *arguments)).encode()
    if len(line) > LONGEST_COMMAND_BYTES:
        raise ValueError(f"a command of {len(line)} bytes is longer than Asterisk reads")
    return line + b"\n"
