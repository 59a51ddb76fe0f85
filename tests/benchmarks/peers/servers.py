"""The servers of the benchmark, each a process of its own, started ready to be measured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
EXAMPLE = ROOT / "examples" / "hall" / "hall.toml"
COUNTERS = 32
STANDING = 30
"""Tickets that wait all the time, so that choosing and estimating have something to do."""

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """A server under test: what it is called, how it starts, and what its clients do."""

    name: str
    plan: str
    command: list[str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    keys: bool = False
    token: str | None = None
    process: subprocess.Popen[str] | None = None
    port: int = 0

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{self.name} did not start: {(self.folder / 'log').read_text()}")
        self.port = int(line.rpartition(":")[2])

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.communicate()

    def cpu_s(self) -> float:
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S

    def ask(self, path: str, body: dict[str, Any] | None = None) -> str:
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text: str = answer.read().decode()
        return text

    def commits(self) -> tuple[float, float]:
        """Commits so far and the seconds spent in them, from /metrics; zeros of a server without."""
        if self.token is None:
            return 0.0, 0.0
        figures = dict(line.rsplit(" ", 1) for line in self.ask("/metrics").splitlines() if line[0] != "#")
        return (
            float(figures["somc_journal_commits_total"]),
            float(figures["somc_journal_commit_seconds_total"]),
        )


def hall_toml(counters: int) -> str:
    """The example hall's classes, services and policy with so many counters, no devices, no visitors."""
    text = EXAMPLE.read_text()
    services = tomllib.loads(text)["service"]
    settings = text[: text.index("[counter.1]")].replace('customer_table = "customers.csv"\n', "")
    skills = ", ".join(f"{name} = 1" for name in services)
    return settings + "\n".join(f"[counter.{n}]\nskills = {{ {skills} }}\n" for n in range(1, counters + 1))


def somc(name: str, folder: Path, *, keys: bool = False, environment: dict[str, str] | None = None) -> Server:
    """A hall that runs, its counters open, `STANDING` tickets waiting."""
    folder.mkdir()
    hall, token = folder / "hall.toml", folder / "token"
    hall.write_text(hall_toml(COUNTERS))
    command = [sys.executable, "-c", "from somc.cli import main; main()", "run", str(hall)]
    command += ["--port", "0", "--data", str(folder / "data")]
    command += ["--admin-token-file", str(token)]
    server = Server(name, "hall", command, folder, environment or {}, keys)
    server.start()
    server.token = token.read_text().strip()
    for number in range(1, COUNTERS + 1):
        server.ask(f"/api/v1/counters/{number}/open", {"agent": f"agent-{number}"})
    return server


def peer(name: str, folder: Path, environment: dict[str, str] | None = None) -> Server:
    folder.mkdir()
    command = [sys.executable, str(HERE / "read_then_write.py"), str(folder)]
    server = Server(name, "hall", command, folder, environment or {})
    server.start()
    return server


def bare(name: str, folder: Path, serve: str) -> Server:
    folder.mkdir()
    server = Server(name, "bare", [sys.executable, str(HERE / "bare.py"), serve], folder)
    server.start()
    return server


def fill(server: Server) -> None:
    """The line that stands all the time."""
    services = list(tomllib.loads(EXAMPLE.read_text())["service"])
    for number in range(STANDING):
        server.ask("/api/v1/tickets", {"service": services[number % len(services)], "channel": "kiosk"})


def slow_disk(folder: Path) -> Path | None:
    """The library that makes syncs slow, if there is a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = folder / "slow_disk.so"
    source = HERE / "slow_disk.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library
