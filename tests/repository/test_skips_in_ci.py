"""Under CI=true a skipped test is a failed one, unless nothing that CI could install would help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SKIPPING = """
import pytest

def test_of_the_day():
    pytest.skip({reason!r})

@pytest.mark.skipif(True, reason={reason!r})
def test_of_the_night():
    pass
"""


def outcome(folder: Path, reason: str, ci: str) -> str:
    (folder / "conftest.py").write_text(
        "from tests.conftest import pytest_runtest_makereport\n", encoding="utf-8"
    )
    (folder / "test_skipping.py").write_text(SKIPPING.format(reason=reason), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-c", os.devnull, str(folder)],
        cwd=folder,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout


@pytest.mark.parametrize(
    ("reason", "ci", "expected"),
    [
        ("needs a lamp", "true", "1 failed, 1 error"),
        ("needs a lamp", "", "2 skipped"),
        ("needs systemd-analyze", "true", "2 skipped"),
    ],
)
def test_a_skip_counts(tmp_path: Path, reason: str, ci: str, expected: str) -> None:
    assert expected in outcome(tmp_path, reason, ci).splitlines()[-1]
