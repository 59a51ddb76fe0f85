"""A hall as its own process, for tests of a module: `somc run`, stopped or killed and begun again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server.rig import write_hall
from tests.system.process import PATIENCE_S, arguments, quiet

__all__ = ["Serving", "serving"]


class Serving:
    """A hall over the journal in `folder`. It keeps its port from start to start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.token = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it serves."""
        command = arguments(self.folder)
        if self.url:
            command[command.index("--port") + 1] = self.url.rsplit(":", 1)[1]
        with (self.folder / "stderr").open("a+b") as said:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=said, env=quiet(), text=True
            )
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        assert words[:1] == ["ready"], (self.folder / "stderr").read_text()
        self.url = words[1]
        self.token = (self.folder / "admin.token").read_text().strip()

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        assert self._process is not None
        self._process.kill()
        self._end()

    def stop(self) -> None:
        """SIGTERM."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self.kill()

    def _end(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    """A hall that serves until the block ends."""
    write_hall(folder)
    hall = Serving(folder)
    hall.start()
    try:
        yield hall
    finally:
        hall.stop()
