"""One message to every screen: SOMC beside Starlette on uvicorn, Python `websockets` and Node `ws`.

    python tests/benchmarks/fanout.py [--quick] [--write] [--rounds 5] [--seconds 8] [--clients 100,1000,2000]

The servers are processes of their own (`peers/fanout_servers.py`, `peers/fanout_ws.mjs`), and so are the
clients, one small C program (`peers/fanout_clients.c`); on two cores or more each keeps to one of its own.
All send the same bytes, what SOMC says of one record. SOMC does it whole: command, journal, sync, hub; its
figures, once a second, are counted as delivered messages too. Rounds are interleaved, their order shuffled.

Two loads: 10 messages a second to everybody (open loop: CPU per delivered message, latency), and as many as
go (the next one when the one before is with every socket: messages delivered a second). CPU is the server's
user and system time, all threads. Memory is the server's growth in RSS a client.

What the peers need is brought into build/fanout (pip, npm); one that cannot be had is named and left out.
`--write` puts the tables into docs/reference/performance.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "fanout"
PAGE = ROOT / "docs" / "reference" / "performance.md"
WS_VERSION = "8"
RATE = 10
WARM_S = 1.0
GOAL_OF_STARLETTE = 0.4
FLOOR = "bare send loop in C"
CPUCLOCK_SCHED = 2
"""Linux: the clock of another process is made of its number and this (clock_getcpuclockid)."""


@dataclass(frozen=True)
class Run:
    """One server under one load."""

    cpu_us: float
    """A delivered message."""
    delivered_per_s: float
    frames_per_s: float
    p50_ms: float
    p99_ms: float
    kb_a_client: float
    published: int
    delivered: int


# -- what is needed -----------------------------------------------------------------------------------


def bring_clients() -> Path:
    program = BUILD / "fanout_clients"
    source = HERE / "peers" / "fanout_clients.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, source], check=True)
    return program


def bring_python_peers() -> str | None:
    """Why there are none, or None."""
    target = BUILD / "python"
    if not (target / "uvicorn").exists():
        wanted = HERE / "peers" / "fanout_requirements.txt"
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(target), "-r", str(wanted)]
        if subprocess.run(command, check=False).returncode:
            return "pip could not bring starlette and uvicorn"
    return None


def bring_node_peer() -> str | None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node with npm is missing"
    if not (BUILD / "node_modules" / "ws").exists():
        command = [
            "npm",
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--prefix",
            BUILD,
            f"ws@{WS_VERSION}",
        ]
        if subprocess.run(command, check=False).returncode:
            return "npm could not bring ws"
    return None


def servers() -> dict[str, list[str]]:
    """Commands by name; what is missing is said and left out."""
    python = [sys.executable, str(HERE / "peers" / "fanout_servers.py")]
    found = {"SOMC": [*python, "somc"], FLOOR: [*python, "floor"]}
    missing = bring_python_peers()
    if missing is None:
        found["Starlette on uvicorn"] = [*python, "starlette"]
        found["websockets on uvloop"] = [*python, "uvloop"]
    else:
        print(f"left out: Starlette, uvloop: {missing}", file=sys.stderr)
    found["websockets broadcast"] = [*python, "websockets"]
    missing = bring_node_peer()
    if missing is None:
        found["Node ws"] = ["node", str(HERE / "peers" / "fanout_ws.mjs")]
    else:
        print(f"left out: Node ws: {missing}", file=sys.stderr)
    return found


# -- one run ------------------------------------------------------------------------------------------


def cpu_s(pid: int) -> float:
    """What the process has run for, all threads; finer than the hundredths of /proc/PID/stat."""
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


def rss_kb(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def on_core(number: int) -> Any:
    """A core for the server and one for the clients, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {cores[number]})


def masked(message: Any) -> bytes:
    """A client's text frame; with the mask 0 the payload stays readable."""
    if message is None:
        return b""
    payload = json.dumps(message).encode()
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload)]) + b"\0\0\0\0" + payload


@contextlib.contextmanager
def served(name: str, command: list[str], clients: int, stalled: int = 0) -> Iterator[Pair]:
    """The server, and its clients connected."""
    with tempfile.TemporaryDirectory(prefix="somc-fanout-") as folder:
        place = str(BUILD) if name == "Node ws" else folder
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(BUILD / "python")])}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        server = subprocess.Popen([*command, place], env=environment, preexec_fn=on_core(0), **pipes)
        audience = None
        try:
            line = server.stdout.readline() if server.stdout else ""
            while line and not line.startswith("{"):
                line = server.stdout.readline() if server.stdout else ""
            said = json.loads(line)
            request = (
                f"GET {said['path']} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                f"{said['headers']}\r\n"
            )
            Path(folder, "request").write_bytes(request.encode())
            Path(folder, "say").write_bytes(masked(said["say"]))
            before_kb = rss_kb(server.pid)
            numbers = map(str, (said["port"], clients, stalled))
            listen = [str(bring_clients()), *numbers, f"{folder}/request", f"{folder}/say"]
            audience = subprocess.Popen(listen, preexec_fn=on_core(1), **pipes)
            assert audience.stdout is not None
            if audience.stdout.readline() != "ready\n":
                raise SystemExit(f"{name}: {clients} clients could not connect")
            yield Pair(server, audience, said["port"], clients, before_kb)
        finally:
            for process in (audience, server):
                if process is not None:
                    process.kill()
                    process.communicate()  # closes the pipes too


@dataclass
class Pair:
    """A server and its connected clients."""

    server: subprocess.Popen[str]
    audience: subprocess.Popen[str]
    port: int
    clients: int
    before_kb: int

    def measure(self, rate: float, seconds: float) -> Run:
        assert self.server.stdout is not None
        assert self.audience.stdout is not None
        begun_s = cpu_s(self.server.pid)
        print(seconds + 0.5, file=self.audience.stdin, flush=True)
        print(rate, seconds, file=self.server.stdin, flush=True)
        while not (line := self.server.stdout.readline()).startswith("done"):  # the hall logs there too
            if not line:
                raise SystemExit("the server ended")
        seen = json.loads(self.audience.stdout.readline())
        if seen["lost"]:
            raise SystemExit(f"{seen['lost']} connections were lost")
        used_s = cpu_s(self.server.pid) - begun_s
        grown_kb = rss_kb(self.server.pid) - self.before_kb
        return Run(
            cpu_us=used_s / max(1, seen["frames"]) * 1e6,
            delivered_per_s=seen["marks"] / seconds,
            frames_per_s=seen["frames"] / seconds,
            p50_ms=seen["p50_us"] / 1000,
            p99_ms=seen["p99_us"] / 1000,
            kb_a_client=grown_kb / self.clients,
            published=int(line.split()[1]),
            delivered=seen["marks"],
        )


def spread(values: list[float], digits: int = 1) -> str:
    middle = statistics.median(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round, 100 and 1,000 clients")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--clients", default="100,1000,2000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="servers by name, separated by commas")
    options = parser.parse_args()
    counts = [int(each) for each in options.clients.split(",")]
    if options.quick:
        options.rounds, options.seconds, counts = 1, 3.0, [100, 1000]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    commands = servers()
    if options.only:
        commands = {name: commands[name] for name in options.only.split(",")}
    chance = random.Random(options.seed)
    fixed: dict[tuple[str, int], list[Run]] = {}
    most: dict[tuple[str, int], list[Run]] = {}
    for _ in range(options.rounds):
        for count in counts:
            for name in chance.sample(list(commands), len(commands)):
                with served(name, commands[name], count) as pair:
                    time.sleep(WARM_S)
                    pair.measure(RATE, WARM_S)
                    fixed.setdefault((name, count), []).append(pair.measure(RATE, options.seconds))
                    most.setdefault((name, count), []).append(pair.measure(0, min(3.0, options.seconds)))
    text = report(options, commands, counts, fixed, most)
    print(text)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        begin, end = "<!-- fanout: begin -->", "<!-- fanout: end -->"
        head, _, rest = page.partition(begin)
        PAGE.write_text(f"{head}{begin}\n\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def report(
    options: argparse.Namespace,
    commands: dict[str, list[str]],
    counts: list[int],
    fixed: dict[tuple[str, int], list[Run]],
    most: dict[tuple[str, int], list[Run]],
) -> str:
    lines = [
        f"`python tests/benchmarks/fanout.py --seed {options.seed}`: {options.rounds} rounds of "
        f"{options.seconds:g} s, {os.cpu_count()} cores ({cpu_name()}), Python {platform.python_version()}, "
        "clients on the same machine.",
        "",
    ]
    if {"SOMC", FLOOR, "Node ws", "Starlette on uvicorn"} <= commands.keys():
        for count in counts:
            mine = statistics.median(run.cpu_us for run in fixed["SOMC", count])
            node = statistics.median(run.cpu_us for run in fixed["Node ws", count])
            starlette = statistics.median(run.cpu_us for run in fixed["Starlette on uvicorn", count])
            floor = statistics.median(run.cpu_us for run in fixed[FLOOR, count])
            lines.append(
                f"CPU a delivered message at {count:,} clients: "
                f"**{mine / node:.2f}** × Node ws (goal: below 1), "
                f"**{mine / starlette:.2f}** × Starlette on uvicorn (goal: at most {GOAL_OF_STARLETTE}; "
                f"the kernel's own share, the bare loop, is {floor / starlette:.2f}), "
                f"**{mine / floor:.2f}** × the bare loop."
            )
        lines.append("")
    lines += [
        "| server | clients | CPU µs a delivered message | p50 ms | p99 ms | KB a client "
        "| delivered a second, at most |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in commands:
        for count in counts:
            runs, top = fixed[name, count], most[name, count]
            lines.append(
                f"| {name} | {count:,} | {spread([r.cpu_us for r in runs])} | "
                f"{spread([r.p50_ms for r in runs])} | {spread([r.p99_ms for r in runs])} | "
                f"{spread([r.kb_a_client for r in runs], 0)} | "
                f"{spread([r.delivered_per_s for r in top], 0)} |"
            )
    return "\n".join(lines) + "\n"


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
