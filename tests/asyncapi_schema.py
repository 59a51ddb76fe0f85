"""The official JSON schema of AsyncAPI documents, as npm's `@asyncapi/specs` has it.

Brought once into .cache. Without npm what needs it is skipped; under CI=true it fails.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from tests.node import find_node

PACKAGE = "@asyncapi/specs@6.11.1"
SCHEMA = "package/schemas/3.0.0-without-$id.json"
CACHE = Path(__file__).parents[1] / ".cache" / "asyncapi"
BRING_S = 120
WITHOUT = f"needs npm, for the schema of AsyncAPI ({PACKAGE})"


def official_schema() -> Any:
    """The schema; None if it cannot be had. Several processes may ask at once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / "3.0.0.json"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            if find_node() is None:
                return None
            command = ["npm", "pack", PACKAGE, "--silent"]
            packed = subprocess.run(command, cwd=CACHE, timeout=BRING_S, check=False, capture_output=True)
            archives = list(CACHE.glob("*.tgz"))
            if packed.returncode or not archives:
                return None
            with tarfile.open(archives[0]) as archive:
                member = archive.extractfile(SCHEMA)
                assert member is not None
                kept.write_bytes(member.read())
    return json.loads(kept.read_text(encoding="utf-8"))
