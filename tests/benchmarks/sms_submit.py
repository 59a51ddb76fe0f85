"""What a short message costs the client: ours, smpplib and npm's smpp, against one server in one run.

    python tests/benchmarks/sms_submit.py [--messages 5000] [--rounds 5] [--write]

The server is npm's smpp; UCS-2 messages of one part, each answered, windows of 10 and 100. Each client is a
process of its own; rounds are interleaved; printed are the median of the rounds and, in brackets, lowest and
highest. CPU time is the client's own, of submitting and reading answers. `--write` puts the table into
docs/reference/performance.md. smpplib (LGPL) is fetched by pip into a folder of this measurement only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.hall_tickets import PAGE, write_into
from tests.node import find_node
from tests.plugins.sms import npm

WINDOWS = (10, 100)
SMPPLIB = "smpplib==2.2.4"
CLIENTS = ("SOMC `sms_smpp`", "npm `smpp` 0.5.1", "`smpplib` 2.2.4")


def fetched() -> Path:
    """A folder with smpplib in it."""
    folder = npm.HOME.parent / "smpplib"
    if not (folder / "smpplib").is_dir():
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), SMPPLIB]
        subprocess.run(command, check=True, capture_output=True)
    return folder


def measured(client: str, port: int, messages: int, window: int) -> tuple[float, float]:
    """Messages a second, and microseconds of CPU a message."""
    numbers = [str(port), str(messages), str(window)]
    python = [sys.executable, str(Path(__file__).parent / "peers" / "smpp_clients.py")]
    command = {
        CLIENTS[0]: [*python, "somc", *numbers],
        CLIENTS[1]: [str(find_node()), str(npm.HOME / "client.js"), *numbers],
        CLIENTS[2]: [*python, "smpplib", *numbers],
    }[client]
    environment = {**os.environ, "PYTHONPATH": str(fetched())}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=300)
    found = json.loads(done.stdout.splitlines()[-1])
    return messages / found["seconds"], found["cpu_seconds"] / messages * 1e6


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}–{max(values):,.0f})"


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--messages", type=int, default=5000)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--write", action="store_true", help="into docs/reference/performance.md")
    options = asked.parse_args()
    assert npm.bring(), npm.WITHOUT
    command = [str(find_node()), str(npm.HOME / "sink.js"), "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    port = int(server.stdout.readline().split()[1])
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    try:
        for _ in range(options.rounds):
            for window in WINDOWS:
                for client in CLIENTS:
                    one = measured(client, port, options.messages, window)
                    found.setdefault((client, window), []).append(one)
    finally:
        server.kill()
    lines = [
        "| client | window | CPU µs a message | messages a second |",
        "| --- | ---: | ---: | ---: |",
    ]
    for window in WINDOWS:
        for client in CLIENTS:
            rates, costs = zip(*found[client, window], strict=True)
            lines.append(f"| {client} | {window} | {spread(list(costs))} | {spread(list(rates))} |")
    text = "\n".join(lines)
    print(text)
    if options.write:
        write_into(PAGE, "sms submit", text)


if __name__ == "__main__":
    main()
