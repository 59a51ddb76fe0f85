"""`make screenshots`: the pictures of the pages in docs/images, taken anew from the example hall in Chromium.

The hall runs as a process of its own at many times its speed until there is something to see. What the
pictures show follows from the example hall's seed and from how fast this machine is: they are for people, and
no test compares them.
"""

from __future__ import annotations

import argparse
import base64
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.stage import STEP_MS, Cast, browser_for
from tests.chromium import find_chromium

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SPEED = 15
START_S = 60.0
DAY_S = 50
"""Watched before the first picture: twelve minutes in the hall."""

COUNTER = 8
"""The one that simulated agents leave alone."""

WALL, KIOSK, DESK, SMALL = (1920, 1080), (1080, 1920), (1600, 900), (380, 460)
SHEET = """<style>body{{margin:0;background:#0b1513;display:grid;gap:18px;padding:18px;width:1564px;
grid-template-columns:1174px 372px}}img{{width:100%;display:block;border-radius:10px}}
.two{{display:grid;grid-template-columns:1fr 1fr;gap:18px;grid-column:1/-1}}</style>
<img src="{monitor}"><img src="{kiosk}"><div class="two"><img src="{display}"><img src="{counter}"></div>"""


@contextmanager
def example_hall(folder: Path) -> Iterator[dict[str, str]]:
    """The example hall while the block runs: the links that it printed."""
    program = "from somc.cli import main; main()"
    options = ["--port", "0", "--speed", str(SPEED), "--data", str(folder)]
    command = [sys.executable, "-c", program, "run", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    watch = threading.Timer(START_S, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        links: dict[str, str] = {}
        for line in process.stdout:
            found = re.match(r"(\w+) +(http\S+/sign-in/\S+)", line)
            if found:
                links[found[1]] = found[2]
            if "administration" in links:
                break
        watch.cancel()
        yield links
    finally:
        watch.cancel()
        process.kill()
        with process:
            pass


def shows_chinese() -> bool:
    """Whether this machine has a font with Chinese glyphs, as far as fontconfig can say: without one a
    browser draws boxes, and complains of nothing."""
    if shutil.which("fc-list") is None:
        return True  # no fontconfig: the system's own fonts, which nobody here can ask about
    listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=True)
    return bool(listed.stdout.strip())


def shoot(page: Page, name: str | None, size: tuple[int, int]) -> bytes:
    """The page at that size, in a file of that name if it has one."""
    page.bring_to_front()  # in the background nothing moves on
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(2000)  # what moves has arrived
    picture = page.screenshot() if name is None else page.screenshot(path=IMAGES / f"{name}.png")
    if name is not None:
        print(f"{name}.png {len(picture) // 1024} KB", flush=True)
    return picture


def sheet(cast: Cast, name: str, pictures: dict[str, bytes]) -> None:
    """Several pictures on one sheet, for the front page."""
    page = cast.blank()
    page.set_viewport_size({"width": 1600, "height": 900})
    urls = {each: f"data:image/png;base64,{base64.b64encode(raw).decode()}" for each, raw in pictures.items()}
    page.set_content(SHEET.format(**urls))
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / f"{name}.png", full_page=True)
    page.close()


def play(cast: Cast, language: str) -> None:
    """Every page once, in `language`."""
    asked = f"?lang={language}"
    pages = {name: cast.open(name, f"/{name}{asked}") for name in ("monitor", "display", "kiosk")}
    counter = cast.open("counter", f"/counter/{COUNTER}{asked}")
    open_, next_ = counter.get_by_test_id("counter-open"), counter.get_by_test_id("counter-next")
    expect(open_.or_(next_)).to_be_visible(timeout=STEP_MS)
    if open_.is_visible():
        open_.click()
    expect(next_).to_be_visible()
    pages["monitor"].emulate_media(reduced_motion="reduce")  # nothing is caught half-way
    pages["monitor"].reload()
    pages["monitor"].wait_for_timeout(DAY_S * 1000)
    if next_.is_enabled():
        next_.click()
    first = language == "en"  # of the others the front page alone
    pictures = {
        "monitor": shoot(pages["monitor"], "monitor" if first else None, WALL),
        "display": shoot(pages["display"], "display" if first else None, WALL),
        "counter": shoot(counter, "counter" if first else None, DESK),
    }
    kiosk = pages["kiosk"]
    kiosk.set_viewport_size({"width": KIOSK[0], "height": KIOSK[1]})
    kiosk.bring_to_front()
    kiosk.get_by_test_id("kiosk-skip-phone").click()
    pictures["kiosk"] = shoot(kiosk, "kiosk" if first else None, KIOSK)
    kiosk.get_by_test_id("kiosk-service-business").click()
    kiosk.get_by_test_id("kiosk-number").wait_for()
    if first:
        shoot(kiosk, "kiosk-slip", KIOSK)
    sheet(cast, "hall" if first else f"hall.{language}", pictures)
    if not first:
        return
    shoot(cast.open("counter", f"/counter/{COUNTER}?small&lang={language}"), "counter-small", SMALL)
    shoot(cast.open("display", f"/second/{COUNTER}{asked}"), "second", (1280, 800))
    pages["monitor"].get_by_test_id("monitor-view-list").click()
    pages["monitor"].get_by_test_id("monitor-tab-vendors").click()
    shoot(pages["monitor"], "monitor-list", WALL)
    policy = cast.open("policy", f"/policy{asked}")
    policy.locator('[data-test="policy-kind-strict"] input').check()
    policy.get_by_test_id("policy-what-if").click()
    policy.get_by_test_id("policy-what-if-answer").wait_for()
    shoot(policy, "policy", (1400, 1100))
    admin = cast.open("administration", f"/admin{asked}")
    field = admin.locator('[data-test="admin-field-service.payment.mean_service_s"] input')
    field.fill("200")
    shoot(admin, "admin", DESK)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", choices=("en", "zh"), action="append")
    if not shows_chinese():
        sys.exit("no font with Chinese glyphs: install one (apt-get install fonts-noto-cjk)")
    chromium = find_chromium()
    if chromium is None:
        sys.exit("no Chromium: install one (apt-get install chromium)")
    IMAGES.mkdir(exist_ok=True)
    for language in parser.parse_args().language or ("en", "zh"):
        with (
            tempfile.TemporaryDirectory() as folder,
            example_hall(Path(folder)) as links,
            browser_for(chromium, links) as cast,
        ):
            play(cast, language)


if __name__ == "__main__":
    main()
