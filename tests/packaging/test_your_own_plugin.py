"""The example of a plugin author: built in a clean environment as the tutorial says, passes its tests
there, and comes into a running example hall while sixteen clients take and call tickets."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.packaging.environment import CLEAN, Environment, make_environment

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "your_own_plugin"
CLIENTS = 16
START_S = 60.0
LOAD_S = 4.0


@pytest.mark.slow
def test_it_installs_passes_and_comes_into_a_hall_under_load(wheel: Path, tmp_path: Path) -> None:
    made = make_environment(sys.executable, tmp_path / "venv")
    made.borrow_packages()
    made.pip("install", "setuptools>=77")
    made.pip("install", "--no-deps", str(wheel))
    project = tmp_path / "acme_greeting"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    made.pip("install", "--no-deps", "--no-build-isolation", str(project))
    assert "acme_greeting" in made.names()
    assert "4 passed" in made.run("python", "-m", "pytest", "-q", cwd=project)
    assert "acme_greeting" in made.run("somc", "plugin", "list")
    assert "WRONG" not in made.run("somc", "plugin", "check", "acme_greeting")
    seen = under_load(made, tmp_path)
    assert not seen.failed, seen.failed[:5]
    assert seen.welcomed, "nobody was welcomed back while the plugin was at work"
    assert seen.called == sorted(seen.called, key=lambda number: int(number[1:])), "the order has changed"
    assert len(seen.called) == len(set(seen.called))


class Seen:
    """What sixteen clients saw."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.called: list[str] = []
        self.welcomed = 0
        self.done = threading.Event()


def under_load(made: Environment, folder: Path) -> Seen:
    """Fifteen clients take tickets at the example hall and one calls; the plugin is enabled, configured and
    disabled meanwhile."""
    seen = Seen()
    command = [made.program("somc"), "run", "--port", "0", "--no-visitors", "--data", str(folder / "data")]
    command += ["--admin-token-file", str(folder / "token")]
    with subprocess.Popen(
        command, cwd=folder, env=CLEAN, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as hall:
        watchdog = threading.Timer(3 * START_S, hall.kill)
        watchdog.start()
        try:
            assert hall.stdout is not None
            url = next(line for line in hall.stdout if line.startswith("ready ")).split()[1]
            headers = {"authorization": f"Bearer {(folder / 'token').read_text().strip()}"}
            with (
                httpx.Client(base_url=f"{url}/api/v1", headers=headers, verify=False, timeout=30) as client,
                ThreadPoolExecutor(CLIENTS) as pool,
            ):
                service, counter = a_counter_of_its_own(client)
                clients = [pool.submit(take, client, seen, service, n) for n in range(CLIENTS - 1)]
                clients.append(pool.submit(call, client, seen, counter))
                try:
                    change(client, seen, made, url, folder)
                finally:
                    seen.done.set()
                for each in clients:
                    each.result()
            hall.send_signal(signal.SIGTERM)
            assert hall.wait(START_S) == 0
        finally:
            watchdog.cancel()
            hall.kill()
    return seen


def a_counter_of_its_own(client: httpx.Client) -> tuple[str, int]:
    """A service, and a counter that serves nothing else; first come, first served."""
    assert client.put("/policy", json={"kind": "fifo"}).status_code == 200
    service = client.get("/services").json()[0]["id"]
    answer = client.post("/counters/8/open", json={"agent": "li", "skills": {service: 1}})
    assert answer.status_code == 200, answer.text
    return service, 8


def ask(client: httpx.Client, seen: Seen, path: str, body: Any = None) -> Any:
    answer = client.post(path, json=body)
    if answer.status_code >= 400:
        seen.failed.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        return None
    return answer.json() if answer.content else None


def take(client: httpx.Client, seen: Seen, service: str, number: int) -> None:
    while not seen.done.is_set():
        body = {"service": service, "channel": "web", "phone": f"139111122{number:02d}"}
        ticket = ask(client, seen, "/tickets", body)
        if ticket is not None and any(line["en"] == "Welcome back" for line in ticket["slip"]):
            seen.welcomed += 1
        time.sleep(0.05)


def call(client: httpx.Client, seen: Seen, counter: int) -> None:
    while not seen.done.is_set():
        called = ask(client, seen, f"/counters/{counter}/call-next")
        if called is not None:
            seen.called.append(called["ticket"]["number"])
            ask(client, seen, f"/counters/{counter}/start")
            ask(client, seen, f"/counters/{counter}/finish", {})


def change(client: httpx.Client, seen: Seen, made: Environment, url: str, folder: Path) -> None:
    """The plugin comes, is configured, and goes, by command, as an administrator does it."""
    where = ("--hall", url, "--token-file", str(folder / "token"))
    time.sleep(LOAD_S / 4)
    assert made.run("somc", "plugin", "enable", "acme_greeting", *where) == "acme_greeting 0.1: on\n"
    time.sleep(LOAD_S / 2)
    assert "on" in made.run("somc", "plugin", "configure", "acme_greeting", "regular_after=2", *where)
    time.sleep(LOAD_S / 4)
    assert "off" in made.run("somc", "plugin", "disable", "acme_greeting", *where)
