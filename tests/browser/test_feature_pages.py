"""The pages of care, scripts and handover in a real browser: on a phone of the floor, at a manager's desk."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import Cast, played, take
from tests.server.rig import HALL, write_hall

WITH_PAGES = f"""{HALL}
[plugins]
enabled = ["care", "scripts", "handover"]

[plugin.care.machines.pay-1]
title = {{ zh = "1号缴费终端", en = "Terminal 1" }}
services = ["payment"]
"""

WAIT_LINE = Path(__file__).parents[1] / "plugins" / "samples" / "wait_line.py"
WITH_LINES = f"""{HALL}
[plugins]
enabled = ["wait_line"]
paths = ["{WAIT_LINE}"]
"""

pytestmark = pytest.mark.browser


def goes_on(page: Page, path: str) -> Page:
    """To another page of the same session: a sign-in link is good once."""
    page.goto("/".join([*page.url.split("/")[:3], path.removeprefix("/")]))
    return page


async def test_floor_staff_log_care_managers_announce_and_publish(tmp_path: Path, chromium: str) -> None:
    """CA-03, SC-02 and HA-04 as people do them."""

    def play(cast: Cast) -> None:
        kiosk = cast.open("kiosk")
        number = take(kiosk, "payment")
        kiosk.context.clear_cookies(name="somc-kiosk")  # another machine than the phone
        kiosk.close()
        floor = cast.open("monitor", "/plugins/care/")
        floor.set_viewport_size({"width": 390, "height": 844})
        expect(floor.locator("h1")).to_have_text("Customer care")
        expect(floor.locator("#machines li")).to_contain_text("silent")
        customer = floor.locator(".customer")
        expect(customer).to_contain_text(number)
        customer.click()
        floor.locator("#note").fill("a chair and water")
        floor.locator("#log").click()
        expect(customer).to_contain_text("cared for 1")
        floor.locator("#language").click()
        expect(floor.locator("h1")).to_have_text("客户关怀")

        board = goes_on(floor, "/plugins/handover/")
        board.locator("summary").click()
        for name, text in (("zh", "升级"), ("en", "Upgrade"), ("text_zh", "今晚"), ("text_en", "Tonight")):
            board.locator(f"[name={name}]").fill(text)
        board.locator("[name=from]").fill("2020-01-01T08:00")
        board.locator("[name=until]").fill("2099-01-01T08:00")
        board.locator("#notice button").click()
        notice = board.locator("#notices article")
        expect(notice).to_contain_text("Upgrade")
        notice.get_by_text("I have read it").click()
        expect(notice).to_have_class("read")
        board.locator("#note textarea").fill("<b>paper is low</b>")
        board.locator("#note button").click()
        expect(board.locator("#notes p")).to_have_text("<b>paper is low</b>")

        library = goes_on(board, "/plugins/scripts/")
        library.locator("summary").click()
        for name, text in (("zh", "您好"), ("en", "Good day"), ("approved_by", "wu")):
            library.locator(f"[name={name}]").fill(text)
        library.locator("[name=moment]").select_option("greet")
        library.locator("[name=approved_on]").fill("2026-01-01")
        library.locator("#draft button").click()
        expect(library.locator("#entries article")).to_contain_text("Good day")
        expect(library.locator("#entries article")).to_contain_text("in force")

        assert cast.faults == []

    await played(play, chromium, write_hall(tmp_path, WITH_PAGES), tmp_path / "data")


async def test_what_a_plugin_says_beside_the_calls_is_on_the_display_while_it_holds(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        display = cast.open("display")
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        expect(display.get_by_test_id("display-notice")).to_have_count(0)
        take(cast.open("kiosk"), "payment")
        expect(display.get_by_test_id("display-notice")).to_contain_text("1 wait")
        counter.get_by_test_id("counter-next").click()
        expect(display.get_by_test_id("display-notice")).to_have_count(0)

    await played(play, chromium, write_hall(tmp_path, WITH_LINES), tmp_path / "data")
