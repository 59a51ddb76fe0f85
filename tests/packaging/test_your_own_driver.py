"""The example of a driver author: installs beside SOMC, passes its tests there, and is found."""

from __future__ import annotations

import ast
import shutil
import sys
from pathlib import Path

import pytest

from tests.packaging.environment import make_environment

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "your_own_driver"


def test_the_driver_imports_only_somc_hal() -> None:
    """But for the plugin's hooks, which are SOMC's."""
    for file in (EXAMPLE / "marquee_strip").glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        froms = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names = {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        ours = {name for name in froms | names if name.split(".")[0] in {"somc", "somc_plugins"}}
        assert ours == ({"somc.api"} if file.name == "__init__.py" else set()), file.name


@pytest.mark.slow
def test_it_installs_passes_and_is_listed(wheel: Path, tmp_path: Path) -> None:
    made = make_environment(sys.executable, tmp_path / "venv")
    made.borrow_packages()
    made.pip("install", "setuptools>=77")
    made.pip("install", "--no-deps", str(wheel))
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    made.pip("install", "--no-deps", "--no-build-isolation", str(project))
    assert {"marquee_strip"} <= made.names()

    tests = tmp_path / "tests"  # away from the sources: what was installed is tested
    shutil.copytree(project / "tests", tests)
    shutil.copy2(project / "pyproject.toml", tmp_path)
    said = made.run("python", "-m", "pytest", "-q", "tests", cwd=tmp_path)
    assert "37 passed" in said

    listed = made.run("somc", "device", "list")
    assert any(
        line.split()[:3] == ["marquee-strip", "counter_display", "marquee"] for line in listed.splitlines()
    )

    hall = tmp_path / "hall"
    made.run("somc", "init", str(hall))
    file = hall / "hall.toml"
    known = file.read_text(encoding="utf-8")
    assert '["standard_devices"]' in known
    file.write_text(
        known.replace('["standard_devices"]', '["standard_devices", "marquee"]')
        + '\n[device.strip-1]\ndriver = "marquee-strip"\nsimulated = "pty"\ncounter = 1\n',
        encoding="utf-8",
    )
    assert "valid" in made.run("somc", "check", str(file))
