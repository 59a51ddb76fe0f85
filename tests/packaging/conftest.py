"""One copy of what git tracks, one sdist and one wheel of it for all packaging tests of a process.

What must stay true: nothing is built inside the checkout, whose `build/` would leak from one build into the
next, and every wheel comes from the sdist, as an index's users would build it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.environment import Environment, make_environment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git tracks or would, as they are now."""
    folder = tmp_path_factory.mktemp("clone")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with what pyproject.toml's build system asks for; it sees our dependencies too."""
    made = make_environment(sys.executable, tmp_path_factory.mktemp("backend") / "venv")
    made.borrow_packages()
    made.pip("install", "setuptools>=77")
    return made


@pytest.fixture(scope="session")
def sdist(clone: Path, backend: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built from the clone."""
    folder = tmp_path_factory.mktemp("sdist")
    backend.run(
        "python", "-c", f"import setuptools.build_meta as b; b.build_sdist({str(folder)!r})", cwd=clone
    )
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="session")
def wheel(sdist: Path, backend: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution."""
    folder = tmp_path_factory.mktemp("wheel")
    backend.pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(sdist))
    (made,) = folder.iterdir()
    return made
