"""Node for the tests: whether it is there, what npm brings for the pages, and TypeScript made to run.

Called as a program (by `make test`) it brings the packages of the pages with `npm ci`, so that test processes
which run side by side find them. Without Node one line says so and what needs it is skipped; under CI=true
it fails.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).parents[1] / "somc" / "web"
MODULES = WEB / "node_modules"
BRING_S = 300
OLDEST = (20, 19)
WITHOUT = "needs Node 20.19 or newer with npm, for the pages' client and npm's ws"


@functools.cache
def find_node() -> str | None:
    """The path of a Node that is new enough, if npm is beside it."""
    path = shutil.which("node")
    if path is None or shutil.which("npm") is None:
        return None
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    parts = said.strip().removeprefix("v").split(".")
    return path if len(parts) == 3 and (int(parts[0]), int(parts[1])) >= OLDEST else None


def has_packages() -> bool:
    """Whether what the lock file names is installed, as far as versions tell."""
    try:
        wanted = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        found = json.loads((MODULES / ".package-lock.json").read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return False
    must = {name: one["version"] for name, one in wanted.items() if name and not one.get("optional")}
    return all(found.get(name, {}).get("version") == version for name, version in must.items())


def bring_packages() -> bool:
    """Whether the packages are there now; several processes may ask at once."""
    if find_node() is None:
        return False
    if has_packages():
        return True
    lock = WEB.parents[1] / ".cache" / "npm.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not has_packages():
            command = ["npm", "ci", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=WEB, timeout=BRING_S, check=False, stdout=subprocess.DEVNULL)
    return has_packages()


def bundled(source: str, folder: Path) -> Path:
    """A TypeScript program of the pages as one file of JavaScript that Node runs."""
    made = folder / f"{Path(source).stem}.mjs"
    tool = MODULES / ".bin" / "rolldown"
    options = ["--format", "esm", "--platform", "node", "--file", str(made)]
    subprocess.run([tool, source, *options], cwd=WEB, timeout=120, check=True, capture_output=True)
    return made


if __name__ == "__main__":
    if not bring_packages():
        print(f"the tests with Node are skipped: {WITHOUT}", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
