"""A hall as its own process, for tests of a module: `somc run`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.server.rig import write_hall
from tests.system.process import PATIENCE_S, arguments, quiet

__all__ = ["Serving", "serving"]


@dataclass(frozen=True, slots=True)
class Serving:
    """A running hall."""

    url: str
    token: str


@contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    """A hall that serves until the block ends."""
    write_hall(folder)
    with (folder / "stderr").open("w+b") as said:
        process = subprocess.Popen(
            arguments(folder), stdout=subprocess.PIPE, stderr=said, env=quiet(), text=True
        )
        try:
            assert process.stdout is not None
            words = process.stdout.readline().split()
            assert words[:1] == ["ready"], (folder / "stderr").read_text()
            yield Serving(words[1], (folder / "admin.token").read_text().strip())
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            finally:
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
