"""A scripted caller behind a scripted Asterisk: it hears what is said and presses keys.

A script is a text of keys; `-` lets the time go by, `!` hangs up, `~` presses the next key into the prompt.
When the script is at its end the caller lets every time go by.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import trio

from tests.server.rig import PATIENCE_S


@dataclass
class Call:
    """What came of a call."""

    said: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    asked_s: list[int] = field(default_factory=list)
    """How long the hall would have waited, for each key."""
    transferred: str | None = None
    hung_up: bool = False

    def heard(self, words: str) -> str:
        """What was said that has these words in it, the last."""
        return next(text for text in reversed(self.said) if words in text)


async def call(
    port: int,
    script: str,
    number: str = "13800138000",
    name: str = "1700000000.1",
    more: Mapping[str, str] = MappingProxyType({}),
    odd: Mapping[str, str] = MappingProxyType({}),
) -> Call:
    """Call the hall and press these keys. `more` is told of the call; `odd` is what this Asterisk answers to
    commands that begin so, instead of what it should ("" closes the line)."""
    found = Call()
    keys = list(script)
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    with trio.fail_after(PATIENCE_S):
        async with stream:
            environment = {
                "agi_network": "yes",
                "agi_request": f"agi://127.0.0.1:{port}/",
                "agi_callerid": number,
                "agi_uniqueid": name,
                **more,
            }
            lines = "".join(f"{key}: {value}\n" for key, value in environment.items())
            await stream.send_all(f"{lines}\n".encode())
            buffer = b""
            target = ["", "", ""]
            while True:
                while b"\n" not in buffer:
                    data = await stream.receive_some(4096)
                    if not data:
                        return found
                    buffer += data
                line, _, buffer = buffer.partition(b"\n")
                answer = _answered(found, line.decode(), keys, target)
                strange = next((each for begin, each in odd.items() if line.decode().startswith(begin)), None)
                answer = answer if strange is None else strange
                if not answer:
                    return found
                await stream.send_all(f"{answer}\n".encode())


def _answered(found: Call, line: str, keys: list[str], target: list[str]) -> str | None:
    found.commands.append(line)
    if match := re.match(r"WAIT FOR DIGIT (\d+)$", line):
        found.asked_s.append(int(match[1]) // 1000)
        key = keys.pop(0) if keys else "-"
        if key == "!":
            return None
        return f"200 result={0 if key == '-' else ord(key)}"
    if line.startswith(("EXEC ", "STREAM FILE ")):
        words = shlex.split(line)
        found.said.append(words[2].rsplit(",", 2)[0] if words[0] == "EXEC" else words[2])
        if keys and keys[0] == "~":
            keys.pop(0)
            return f"200 result={ord(keys.pop(0))} endpos=100"
        return "200 result=0 endpos=8000"
    if match := re.match(r'SET (CONTEXT|EXTENSION|PRIORITY) "?([^"]*)"?$', line):
        target[("CONTEXT", "EXTENSION", "PRIORITY").index(match[1])] = match[2]
        if match[1] == "PRIORITY":
            found.transferred = ",".join(target)
    if line == "HANGUP":
        found.hung_up = True
    return "200 result=0"
