"""The import rule of pyproject.toml holds, it names every room, and no vendor is named in the core."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]

VENDORS = re.compile(r"pingan|\bping an\b|zhaowei|onbon|平安|兆维|力合", re.IGNORECASE)


def test_every_contract_is_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_layers_name_every_room() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(c for c in pyproject["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    named = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    rooms = {path.parent.name for path in (ROOT / "somc").glob("*/__init__.py")}
    files = {path.stem for path in (ROOT / "somc").glob("*.py")} - {"__init__"}
    assert named == rooms | files


def test_no_vendor_is_named_in_the_core() -> None:
    sources = [path for path in (ROOT / "somc").rglob("*") if path.suffix in {".py", ".ts", ".vue"}]
    assert len(sources) > 100
    named = [path for path in sources if "node_modules" not in path.parts and VENDORS.search(_text(path))]
    assert not named


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
