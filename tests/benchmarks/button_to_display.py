"""A button on the counter page → the change on the display page, in one Chromium, p50 and p99.

    click Next ──▶ command over the socket ──▶ decide ──▶ journal, synced ──▶ record ──▶ fold ──▶ DOM

The hall is a process of its own; tickets wait for the counter. Both pages are in one browser, so one clock
(`performance.timeOrigin + now`) stamps both ends: the click's handler on the counter page, and a
MutationObserver of the display's list of calls. What an eye sees is up to one frame (17 ms at 60 Hz) later.

    python tests/benchmarks/button_to_display.py [--presses 200] [--write]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from hall_tickets import PAGE, write_into
from playwright.sync_api import Page

from tests.browser.stage import browser_for
from tests.browser.test_return import free_port, run_hall, signed_in
from tests.chromium import find_chromium
from tests.server.rig import write_hall

GOAL_P99_MS = 100.0
"""Below it a change seems to follow the finger at once."""

WATCH_CLICK = """() => {
  window.pressed = 0;
  addEventListener("click", (event) => {
    if (event.target.closest('[data-test="counter-next"]'))
      window.pressed = performance.timeOrigin + performance.now();
  }, true);
}"""
WATCH_CALLS = """() => {
  window.seen = {};
  const look = () => {
    const now = performance.timeOrigin + performance.now();
    for (const call of document.querySelectorAll('[data-test="display-call"]')) {
      window.seen[`${call.dataset.number}@${call.dataset.counter}`] ??= now;
    }
  };
  look();
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


def take(page: Page, url: str, token: str) -> None:
    answer = page.request.post(
        f"{url}/api/v1/tickets",
        data={"service": "payment", "channel": "web"},
        headers={"authorization": f"Bearer {token}"},
    )
    assert answer.status == 201, answer.text()


def one_press(counter: Page, display: Page) -> float:
    """Milliseconds from the click to the display's DOM."""
    counter.get_by_test_id("counter-next").click()
    here = counter.locator('[data-test="counter-current"][data-state="called"]')
    here.wait_for()
    key = f"{here.get_attribute('data-number')}@1"
    display.wait_for_function("key => window.seen[key]", arg=key)
    took: float = display.evaluate("key => window.seen[key]", key) - counter.evaluate("window.pressed")
    counter.get_by_test_id("counter-start").click()
    counter.get_by_test_id("counter-finish").click()
    return took


def measure(presses: int) -> list[float]:
    chromium = find_chromium()
    if chromium is None:
        sys.exit("no Chromium: install one (apt-get install chromium)")
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        url = f"http://127.0.0.1:{port}"
        token_file = folder / "admin.token"
        with (
            run_hall(write_hall(folder), folder / "data", port, token_file),
            browser_for(chromium, {}) as cast,
        ):
            token = token_file.read_text().strip()
            signed_in(cast, url, token)
            display, counter = cast.open("display"), cast.open("counter", "/counter/1")
            counter.get_by_test_id("counter-open").click()
            display.evaluate(WATCH_CALLS)
            counter.evaluate(WATCH_CLICK)
            took = []
            for number in range(presses + 5):
                take(counter, url, token)
                each = one_press(counter, display)
                if number >= 5:  # the first ones warm both pages up
                    took.append(each)
            return sorted(took)


def report(took: list[float]) -> str:
    p99 = took[round(0.99 * (len(took) - 1))]
    return (
        f"`python tests/benchmarks/button_to_display.py --presses {len(took)}`, "
        f"Python {platform.python_version()}, Chromium headless, "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n\n"
        f"Goal: p99 under {GOAL_P99_MS:.0f} ms. Here p50 {statistics.median(took):.1f} ms, p99 {p99:.1f} ms, "
        f"longest {took[-1]:.1f} ms.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="From the counter page's button to the display page.")
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--write", action="store_true", help="put the figures into the reference page")
    options = parser.parse_args()
    said = report(measure(options.presses))
    print(said)
    if options.write:
        write_into(PAGE, "button_to_display", said)


if __name__ == "__main__":
    main()
