"""How the pages stand on their screens: nothing is cut off, all can be hit, accessibility rules hold."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import Cast, played, take
from tests.node import MODULES, WITHOUT, bring_packages
from tests.server.rig import write_hall

pytestmark = pytest.mark.browser

KIOSKS = {"portrait": (1080, 1920), "landscape": (1920, 1080), "small": (768, 1024)}
TABLET = (1024, 768)
STANDS_S = 3.0
LEAST_TOUCH_PX = 44
"""What a finger hits (WCAG 2.5.5)."""

LEAST_TEXT_PX = 13.5
"""What is read at arm's length, on the smallest kiosk."""

OUTSIDE = """() => [...document.querySelectorAll("button, a, input, h2, .number")].flatMap((one) => {
  const box = one.getBoundingClientRect();
  const cut = box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1;
  return cut && box.width > 0 && !one.closest(".groups") ? [one.dataset.test || one.tagName] : [];
})"""
SMALL = """([touch, text]) => [
  ...[...document.querySelectorAll("main button")].filter(
    (one) => one.getBoundingClientRect().height < touch),
  ...[...document.querySelectorAll("main *")].filter((one) =>
    [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) &&
    parseFloat(getComputedStyle(one).fontSize) < text),
].map((one) => `${one.tagName} ${one.dataset.test ?? one.textContent}`)"""
SIDEWAYS = "document.documentElement.scrollWidth > innerWidth + 1"


@pytest.mark.parametrize("screen", KIOSKS)
async def test_every_step_of_the_kiosk_fits_its_screen_and_its_fingers(
    tmp_path: Path, chromium: str, screen: str
) -> None:
    width, height = KIOSKS[screen]

    def play(cast: Cast) -> None:
        kiosk = cast.open("kiosk")
        kiosk.emulate_media(reduced_motion="reduce")
        kiosk.set_viewport_size({"width": width, "height": height})

        def check() -> None:
            # A step comes in from the side: once it stands, all of it is on the screen.
            deadline = time.monotonic() + STANDS_S
            while (outside := kiosk.evaluate(OUTSIDE)) and time.monotonic() < deadline:
                kiosk.wait_for_timeout(50)
            assert outside == []
            assert kiosk.evaluate(SMALL, [LEAST_TOUCH_PX, LEAST_TEXT_PX]) == []

        expect(kiosk.get_by_test_id("kiosk-skip-phone")).to_be_visible()
        check()
        kiosk.get_by_test_id("kiosk-skip-phone").click()
        expect(kiosk.get_by_test_id("kiosk-service-business")).to_be_visible()
        check()
        kiosk.get_by_test_id("kiosk-service-business").click()
        expect(kiosk.get_by_test_id("kiosk-done")).to_be_visible()
        check()

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core has against the page: rules of WCAG 2 A and AA."""
    page.evaluate(axe)
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
    found: list[dict[str, Any]] = page.evaluate(
        f"axe.run(document, {json.dumps(rules)}).then((r) => r.violations)"
    )
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found
        for node in each["nodes"]
    ]


async def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways_on_a_tablet(
    tmp_path: Path, chromium: str
) -> None:
    if not bring_packages():
        pytest.skip(WITHOUT)
    axe = (MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")

    def play(cast: Cast) -> None:
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        kiosk = cast.open("kiosk")
        for _ in range(2):
            take(kiosk, "payment")
        counter.get_by_test_id("counter-next").click()
        expect(counter.get_by_test_id("counter-current")).to_have_attribute("data-state", "called")
        pages = {"counter": counter, "kiosk": kiosk}
        for name, path in (
            ("display", ""),
            ("monitor", ""),
            ("policy", ""),
            ("administration", "/admin"),
            *(
                ("administration", f"/admin#{section}")
                for section in ("counters", "hall", "appointments", "calendar", "devices", "plugins", "users")
            ),
            ("administration", "/promise"),
            ("counter", "/second/1"),
            ("counter", "/counter/1?small"),
            ("kiosk", "/"),
        ):
            pages[f"{name} {path}"] = cast.open(name, path)
        complaints = []
        for name, page in pages.items():
            page.emulate_media(reduced_motion="reduce")
            expect(page.get_by_test_id("line-curtain")).to_have_count(0)
            page.set_viewport_size({"width": TABLET[0], "height": TABLET[1]})
            page.wait_for_timeout(100)  # one frame of the new size
            if page.evaluate(SIDEWAYS):
                complaints.append(f"{name}: scrolls sideways")
            complaints += [f"{name}: {each}" for each in violations(page, axe)]
        assert complaints == [], "\n".join(complaints)

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")
