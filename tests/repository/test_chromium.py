"""Where no browser can be had, one line says so, and only CI fails on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "chromium.py"
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there, so a download is refused at once."""


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_any_browser_one_line_says_so(tmp_path: Path, ci: str, code: int) -> None:
    alone = {
        "CI": ci,
        "PATH": str(tmp_path),  # no Chromium, and no apt-get that would bring one
        "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path),
        "PLAYWRIGHT_DOWNLOAD_HOST": NOWHERE,
    }
    ran = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code
    assert ran.stderr.splitlines()[-1].startswith("no Chromium: the browser tests are skipped")
