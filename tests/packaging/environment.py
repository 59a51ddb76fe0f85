"""A virtual environment of a test, and a hall that runs out of one."""

from __future__ import annotations

import os
import signal
import subprocess
import sysconfig
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path

CLEAN = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SOMC_", "VIRTUAL_"))
}
"""This process's environment without what would reach into another Python."""

START_S = 60.0


@dataclass(frozen=True)
class Environment:
    """A virtual environment; `run` and `pip` raise AssertionError with all output when they fail."""

    folder: Path

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    @property
    def site_packages(self) -> Path:
        (found,) = self.folder.glob("lib/python3.*/site-packages")
        return found

    def names(self) -> set[str]:
        """What stands in site-packages, but for caches."""
        return {path.name for path in self.site_packages.iterdir()} - {"__pycache__"}

    def ask(
        self, program: str, *arguments: str, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment; stderr is read with stdout."""
        return subprocess.run(
            [self.program(program), *arguments],
            cwd=cwd or self.folder,  # never the checkout: its packages would be imported from there
            env={**CLEAN, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )

    def run(self, program: str, *arguments: str, cwd: Path | None = None, **variables: str) -> str:
        ran = self.ask(program, *arguments, cwd=cwd, **variables)
        assert ran.returncode == 0, f"{program} {' '.join(arguments)}: exit {ran.returncode}\n{ran.stdout}"
        return ran.stdout

    def pip(self, *arguments: str, **variables: str) -> str:
        return self.run("python", "-m", "pip", "--disable-pip-version-check", *arguments, **variables)

    def borrow_packages(self) -> None:
        """See the packages of the environment that runs the tests, after its own."""
        borrowed = self.site_packages / "borrowed.pth"
        borrowed.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")


def make_environment(python: str, folder: Path) -> Environment:
    """An empty virtual environment of this Python."""
    subprocess.run([python, "-m", "venv", str(folder)], env=CLEAN, check=True)
    return Environment(folder)


def serve_and_stop(environment: Environment, folder: Path, **variables: str) -> dict[str, bytes]:
    """Run the example hall in `folder` until it serves, fetch a few pages, end it by SIGTERM.

    Gives what was fetched by its path. AssertionError unless the hall ended with exit code 0.
    """
    with subprocess.Popen(
        [environment.program("somc"), "run", "--port", "0"],
        cwd=folder,
        env={**CLEAN, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as hall:
        watchdog = threading.Timer(START_S, hall.kill)
        watchdog.start()
        try:
            assert hall.stdout is not None
            first = hall.stdout.readline()
            assert first.startswith("ready http://127.0.0.1:"), first + hall.communicate()[1]
            url = first.split()[1]
            fetched = {}
            for path in ("/healthz", "/kiosk", "/api/v1/openapi.json"):
                with urllib.request.urlopen(url + path) as answer:
                    fetched[path] = answer.read()
            hall.send_signal(signal.SIGTERM)
            _, said = hall.communicate()
            assert hall.returncode == 0, said
        finally:
            watchdog.cancel()
            hall.kill()
    return fetched
