"""The Makefile says what it can do, and names all that a machine lacks before it does anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("run", "test", "check", "bench", "ui", "screenshots", "campaign", "clean", "help")


def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # Inside `make test` the outer make's flags and variables would reach in here.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_says_every_target() -> None:
    said = re.findall(r"^  make (\w+) +\S", make("help").stdout, re.MULTILINE)
    assert sorted(said) == sorted(TARGETS)


def test_this_machine_has_all() -> None:
    ran = make("machine", f"PYTHON={sys.executable}")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.fixture
def bare_python(tmp_path: Path) -> str:
    """A Python as Debian ships it without python3-dev and python3-venv."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "ensurepip.py").write_text("raise ModuleNotFoundError('ensurepip')\n", encoding="ascii")
    (hidden / "sysconfig.py").write_text("def get_path(name): return '/nowhere'\n", encoding="ascii")
    bare = tmp_path / "python3"
    bare.write_text(f'#!/bin/sh\nPYTHONPATH={hidden} exec {sys.executable} "$@"\n', encoding="ascii")
    bare.chmod(0o755)
    return str(bare)


def test_all_that_is_missing_is_named_at_once(bare_python: str) -> None:
    ran = make("machine", f"PYTHON={bare_python}", "CC=no-such-compiler")
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[:4] == [
        "missing: a C compiler (no-such-compiler)",
        "missing: Python's C headers (Python.h)",
        "missing: venv with pip (ensurepip)",
        "on Debian: apt-get install gcc python3-dev python3-venv",
    ]


def test_a_pure_install_needs_no_compiler(bare_python: str) -> None:
    ran = make("machine", f"PYTHON={bare_python}", "CC=no-such-compiler", SOMC_PURE="1")
    assert ran.stderr.splitlines()[-2:-1] == ["on Debian: apt-get install python3-venv"]


def test_an_old_python_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    old.chmod(0o755)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "make"):
        (tools / name).symlink_to(str(shutil.which(name)))
    ran = make("machine", f"PYTHON={old}", PATH=str(tools))
    assert ran.returncode == 2
    assert "SOMC needs Python 3.11 or newer" in ran.stderr


def test_pictures_in_which_chinese_would_be_boxes_are_not_taken(tmp_path: Path) -> None:
    bare = tmp_path / "fc-list"
    bare.write_text("#!/bin/sh\n", encoding="ascii")  # as it answers where no font has Chinese glyphs
    bare.chmod(0o755)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.browser.screenshots"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines() == [
        "no font with Chinese glyphs: install one (apt-get install fonts-noto-cjk)"
    ]
