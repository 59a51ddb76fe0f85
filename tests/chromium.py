"""The browser of the tests: which Chromium there is and, called as a program, how `make test` brings one.

Tried in this order: the system's Chromium; Debian's, where we may install (root); Playwright's download.
With none of them one line says so and the browser tests are skipped, except under CI=true, where it fails.
What must stay true: only a browser that starts counts, for a downloaded one may lack the system's libraries.
"""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APT_S = 600
DOWNLOAD_S = 600


@functools.cache
def find_chromium() -> str | None:
    """The path of a Chromium that starts."""
    for path in map(shutil.which, NAMES):
        if path and _starts(path):
            return path
    path = _playwright_path()
    return path if path and _starts(path) else None


@contextmanager
def plain_playwright() -> Iterator[Playwright]:
    """Playwright for this thread, on a loop of asyncio's own: once trio-asyncio is imported, by another test
    of this process, asyncio gives out loops of Trio, which do not nest."""
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    try:
        with sync_playwright() as playwright:
            yield playwright
    finally:
        asyncio.set_event_loop_policy(before)


def _starts(path: str) -> bool:
    try:
        ran = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0


def _playwright_path() -> str | None:
    with plain_playwright() as playwright:
        return playwright.chromium.executable_path


def _try(seconds: int, *command: str) -> bool:
    print("$", *command, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(command, env=environment, timeout=seconds, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error)
        return False


def bring_chromium() -> bool:
    """Whether there is one now."""
    if find_chromium():
        return True
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = ("apt-get", "-qq", "-o=Dpkg::Use-Pty=0")
        if _try(APT_S, *quiet, "update"):
            _try(APT_S, *quiet, "install", "-y", "--no-install-recommends", "chromium")
        find_chromium.cache_clear()
        if find_chromium():
            return True
    _try(DOWNLOAD_S, sys.executable, "-m", "playwright", "install", "chromium")
    find_chromium.cache_clear()
    return find_chromium() is not None


if __name__ == "__main__":
    if not bring_chromium():
        print(
            "no Chromium: the browser tests are skipped (install one: apt-get install chromium)",
            file=sys.stderr,
        )
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
