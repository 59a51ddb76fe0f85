"""The hall is killed under its pages and comes back: each catches up by itself, nothing is lost or twice.

The hall is a process of its own here, so that SIGKILL is what it says.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import STEP_MS, Cast, browser_for, take
from tests.server.rig import write_hall

pytestmark = pytest.mark.browser

START_S = 60.0
BACK_MS = 30_000
"""Until a page has come back: the hall's start on a busy machine, and the page's longest wait (10 s)."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def run_hall(toml: Path, data: Path, port: int, token: Path) -> Iterator[subprocess.Popen[str]]:
    """`somc run` on that port until the block ends; killed then if it still lives."""
    program = "from somc.cli import main; main()"
    options = ["--port", str(port), "--data", str(data), "--admin-token-file", str(token)]
    command = [sys.executable, "-c", program, "run", str(toml), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    watch = threading.Timer(START_S, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("ready http://"), said
        watch.cancel()
        yield process
    finally:
        watch.cancel()
        process.kill()
        with process:  # waits, and closes the pipe
            pass


def signed_in(cast: Cast, url: str, token: str) -> None:
    """Links for the pages of a hall that prints none, asked for with its admin token."""
    for name, role in (
        ("kiosk", "kiosk"),
        ("display", "display"),
        ("counter", "agent"),
        ("monitor", "manager"),
    ):
        answer = cast.request.post(
            f"{url}/api/v1/sign-in-links",
            data={"subject": f"test-{name}", "role": role},
            headers={"authorization": f"Bearer {token}"},
        )
        assert answer.status == 201, answer.text()
        cast.add_link(name, url + answer.json()["path"])


def test_every_page_catches_up_after_the_hall_was_killed(tmp_path: Path, chromium: str) -> None:
    toml, data, port = write_hall(tmp_path), tmp_path / "data", free_port()
    token_file = tmp_path / "admin.token"
    url = f"http://127.0.0.1:{port}"
    with browser_for(chromium, {}) as cast:
        with run_hall(toml, data, port, token_file) as process:
            signed_in(cast, url, token_file.read_text().strip())
            kiosk, display, counter, monitor = (
                cast.open(name, path)
                for name, path in (
                    ("kiosk", ""),
                    ("display", ""),
                    ("counter", "/counter/1"),
                    ("monitor", ""),
                )
            )
            counter.get_by_test_id("counter-open").click()
            first = take(kiosk, "payment")
            expect(counter.get_by_test_id("counter-next")).to_be_enabled()
            process.send_signal(signal.SIGKILL)
            process.wait()
            # The customer presses while the hall is dead: one touch, one ticket, once it is back.
            kiosk.get_by_test_id("kiosk-skip-phone").click()
            kiosk.get_by_test_id("kiosk-service-payment").click()
            away = re.compile("connecting|away")
            expect(kiosk.get_by_test_id("kiosk-taking")).to_have_attribute("data-status", away)
            for page in (display, monitor, counter):
                expect(page.get_by_test_id("line-away")).to_be_visible(timeout=BACK_MS)
                assert page.get_by_test_id("line-curtain").count() == 0, "what was last known is gone"
        with run_hall(toml, data, port, token_file):
            number = kiosk.get_by_test_id("kiosk-number").text_content(timeout=BACK_MS)
            assert number
            assert number != first
            for page in (display, monitor, counter):
                expect(page.get_by_test_id("line-away")).to_have_count(0, timeout=BACK_MS)
            expect(display.get_by_test_id("display-waiting")).to_have_text("2")
            expect(monitor.get_by_test_id("monitor-today-waiting")).to_have_text("2")
            expect(counter.get_by_test_id("counter-bar")).to_have_attribute("data-state", "open")
            called = call_next(counter)
            expect(display.get_by_test_id("display-now")).to_have_attribute("data-number", called)
            expect(monitor.get_by_test_id("monitor-counter-1")).to_have_attribute("data-ticket", called)
            assert called == first
        # What the network says of a dead hall is in the console; a page's own fault would be here.
        assert [fault for fault in cast.faults if "ERR_" not in fault and "WebSocket" not in fault] == []


def call_next(counter: Page) -> str:
    counter.get_by_test_id("counter-next").click()
    here = counter.get_by_test_id("counter-current")
    expect(here).to_have_attribute("data-state", "called", timeout=STEP_MS)
    return here.get_attribute("data-number") or ""
