"""The displays of docs/how-to/build-a-display.md: as they stand, and the hall is killed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.stage import FLAGS
from tests.chromium import plain_playwright
from tests.client.serving import Serving, serving

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "your_own_display"
PAGE = (ROOT / "docs" / "how-to" / "build-a-display.md").read_text(encoding="utf-8")
STEP_MS = 20_000


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path) as found:
        ask(found, "counters/1/open", agent="li")
        token = ask(found, "tokens", subject="my-display", roles=["display"])["token"]
        (tmp_path / "display.token").write_text(token)
        yield found


def ask(hall: Serving, path: str, **body: Any) -> Any:
    headers = {"authorization": f"Bearer {hall.token}"}
    answer = httpx.post(f"{hall.url}/api/v1/{path}", json=body, headers=headers, verify=False, timeout=20)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def call(hall: Serving) -> str:
    """The next customer; what a display says of it."""
    ask(hall, "tickets", service="payment", channel="kiosk")
    called = ask(hall, "counters/1/call-next")["ticket"]["number"]
    ask(hall, "counters/1/start")
    ask(hall, "counters/1/finish")
    return f"{called} → 1"


@contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-u", *command],
        cwd=EXAMPLE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PATH": "/usr/bin:/bin"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["display.py", "display.html"])
def test_the_page_has_the_example_as_it_is(name: str) -> None:
    shown = re.search(rf"^`{name}`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert shown[1] == (EXAMPLE / name).read_text(encoding="utf-8")


def test_thirty_lines_are_enough() -> None:
    assert len((EXAMPLE / "display.py").read_text(encoding="utf-8").splitlines()) <= 30
    script = (EXAMPLE / "display.html").read_text(encoding="utf-8").partition("<script")[2]
    assert len(script.splitlines()) <= 30


def test_the_display_in_python(hall: Serving, tmp_path: Path) -> None:
    first = call(hall)
    with program("display.py", hall.url, str(tmp_path / "display.token")) as display:
        assert display.stdout is not None
        wait_said(display, first)
        wait_said(display, call(hall))
        hall.kill()
        hall.start()
        wait_said(display, call(hall))


def wait_said(display: subprocess.Popen[str], line: str) -> None:
    assert display.stdout is not None
    for said in display.stdout:
        if said.strip() == line:
            return
    raise AssertionError(f"it ended before it said {line}")


@pytest.mark.browser
def test_the_display_in_javascript(hall: Serving, tmp_path: Path, chromium: str) -> None:
    first = call(hall)
    with (
        program("serve.py", hall.url, str(tmp_path / "display.token"), "0") as server,
        plain_playwright() as playwright,
    ):
        assert server.stdout is not None
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(server.stdout.readline().strip())
        calls = page.locator("li")
        expect(calls).to_have_text([first], timeout=STEP_MS)
        second = call(hall)
        expect(calls).to_have_text([second, first], timeout=STEP_MS)
        hall.kill()
        hall.start()
        third = call(hall)
        expect(calls).to_have_text([third, second, first], timeout=STEP_MS)
        assert faults == []
        browser.close()
