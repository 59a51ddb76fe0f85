"""Every library is declared with bounds, and docs/explanations/dependencies.md says why it is there."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanations" / "dependencies.md"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]

IMPORTED_AS = {
    "pyserial": "serial",
    "pyserial-asyncio": "serial_asyncio",
    "pyusb": "usb",
    "trio-asyncio": "trio_asyncio",
    "quart-trio": "quart_trio",
    "prometheus-client": "prometheus_client",
}
NAME = re.compile(r"^[A-Za-z0-9_-]+")
ROW = re.compile(r"^\| (?P<name>[A-Za-z0-9_-]+) \| `(?P<bounds>[^`]*)` \| .+ \|$", re.MULTILINE)


def split(requirement: str) -> tuple[str, str]:
    found = NAME.match(requirement)
    assert found is not None, requirement
    return found[0], requirement[found.end() :]


def declared() -> dict[str, str]:
    """Everything pyproject.toml asks for, but for ourselves with extras."""
    asked: list[str] = [*PROJECT["dependencies"], *PYPROJECT["build-system"]["requires"]]
    for group in (*PROJECT["optional-dependencies"].values(), *PYPROJECT["dependency-groups"].values()):
        asked += group
    found: dict[str, str] = {}
    for name, bounds in map(split, asked):
        if name != "somc":
            found.setdefault(name, bounds)
    return found


def test_the_page_has_every_dependency_with_its_bounds() -> None:
    rows = {match["name"]: match["bounds"] for match in ROW.finditer(PAGE.read_text(encoding="utf-8"))}
    assert rows == declared()


def test_what_runs_has_an_upper_bound() -> None:
    # Time zones are data that must be new; versions of tzdata are dates.
    unbounded = [
        requirement
        for requirement in PROJECT["dependencies"]
        if not re.search(r"<|==", requirement) and not requirement.startswith("tzdata")
    ]
    assert not unbounded


def test_every_import_is_declared() -> None:
    imported = set()
    for folder in ("somc", "hal/somc_hal", "plugins/somc_plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    imported.add(node.module.partition(".")[0])
    foreign = imported - sys.stdlib_module_names - {"somc", "somc_hal", "somc_plugins"}
    asked = [*PROJECT["dependencies"]]
    for extra in PROJECT["optional-dependencies"].values():
        asked += extra
    names = {split(requirement)[0] for requirement in asked}
    assert foreign <= {IMPORTED_AS.get(name, name) for name in names}
