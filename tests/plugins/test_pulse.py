"""The pulse of a plugin's own process: a loop that stands still ends it, a slow or starting one does not."""

from __future__ import annotations

import subprocess
import sys

from somc.runtime.plugins.pulse import BLOCKED_EXIT, BLOCKED_TICKS

BEGIN = """
import time, trio
from somc.runtime.plugins import pulse
pulse.TICK_S = 0.01

async def main():
    mine = pulse.Pulse()
    mine.start()
"""


def ended(body: str) -> int:
    """The exit code of a process whose loop does this."""
    source = BEGIN + "".join(f"    {line}\n" for line in body.splitlines()) + "trio.run(main)\n"
    return subprocess.run([sys.executable, "-c", source], timeout=120, check=False).returncode


def test_a_loop_that_sleeps_is_ended() -> None:
    assert ended("mine.watch()\ntime.sleep(100)") == BLOCKED_EXIT


def test_a_loop_that_computes_is_ended() -> None:
    assert ended("mine.watch()\nwhile True: pass") == BLOCKED_EXIT


def test_a_loop_that_waits_is_not() -> None:
    assert ended(f"mine.watch()\nawait trio.sleep({3 * BLOCKED_TICKS * 0.01})") == 0


def test_what_a_plugin_imports_may_take_its_time() -> None:
    assert ended(f"time.sleep({3 * BLOCKED_TICKS * 0.01})\nmine.watch()\nawait trio.sleep(0)") == 0
