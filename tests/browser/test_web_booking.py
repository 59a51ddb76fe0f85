"""A customer's whole way in a browser: booked on the phone, checked in at the kiosk, called first, told live.

The number is proved, and the receipt comes, by messages that a channel takes over.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from playwright.sync_api import Page, expect

from somc.testing.channel import MemoryChannel
from tests.browser.stage import FLAGS, PATIENCE_S, STEP_MS, on_stage, take
from tests.chromium import plain_playwright
from tests.server.booking import day_of_appointments
from tests.server.rig import write_hall

PHONE = "13911112222"
MORE = """
early_s = 86400

[public]
queue = true
halls = "halls.toml"

[plugins]
enabled = ["web_booking"]
"""
HALLS = """
[hall.own]
name = { zh = "西单营业厅", en = "Xidan Hall" }
latitude = 39.9075
longitude = 116.3740
url = "http://127.0.0.1:1"
org = "somc/shoudu/xicheng/xidan"
"""
CODE = re.compile(r"(?<!\d)(\d{6})(?!\d)")
MOBILE = {"width": 390, "height": 844}


def play(chromium: str, links: dict[str, str], url: str, message: Callable[[re.Pattern[str]], str]) -> None:
    faults: list[str] = []
    with plain_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)

        def open_page(name: str, at: str, **more: object) -> Page:
            page = browser.new_context(locale="en", **more).new_page()  # type: ignore[arg-type] # as given below
            page.set_default_timeout(STEP_MS)
            page.on("pageerror", lambda error: faults.append(f"{name}: {error}"))
            page.goto(at)
            return page

        phone = open_page("phone", f"{url}/plugins/web_booking/", viewport=MOBILE)
        width = phone.evaluate("document.documentElement.scrollWidth")
        assert width <= MOBILE["width"], "the page is wider than a phone"
        phone.locator("#near").click()
        expect(phone.locator("#halls li")).to_contain_text("Xidan Hall")
        phone.locator("#services button", has_text="Payment").click()
        phone.locator("#slots button:not([disabled])").first.click()
        phone.locator("#phone").fill(PHONE)
        phone.locator("#askForm button").click()
        expect(phone.locator("#proofForm")).to_be_visible()
        phone.locator("#sms").fill(message(CODE))
        phone.locator("#proofForm button").click()

        expect(phone.locator("#state")).to_have_text("Booked")
        code = phone.url.rpartition("#")[2]
        assert message(re.compile(rf"({code})")) == code, "the receipt tells the same code"
        expect(phone.locator("#qr")).to_be_visible()
        assert phone.locator("#qr").evaluate("each => each.naturalWidth") > 0

        booked_for = phone.locator("#facts").inner_text()
        phone.once("dialog", lambda question: question.accept())
        phone.locator("#move").click()
        phone.locator("#slots button:not([disabled])").nth(1).click()
        expect(phone.locator("#state")).to_have_text("Booked")
        expect(phone.locator("#facts")).not_to_have_text(booked_for, use_inner_text=True)
        assert phone.url.rpartition("#")[2] == code, "a moved appointment keeps its code"

        counter = open_page("counter", links["counter"])
        counter.goto(counter.url.rstrip("/") + "/1")
        kiosk = open_page("kiosk", links["kiosk"], viewport={"width": 1280, "height": 900})
        walk_in = take(kiosk, "payment")
        kiosk.get_by_test_id("kiosk-appointment").click()
        for digit in code:
            kiosk.get_by_test_id(f"kiosk-digit-{digit}").click()
        kiosk.get_by_test_id("kiosk-check-in").click()
        number = kiosk.get_by_test_id("kiosk-number").text_content()
        assert number
        assert number != walk_in

        expect(phone.locator("#state")).to_have_text("Checked in")
        expect(phone.locator("#facts")).to_contain_text(number)
        counter.get_by_test_id("counter-open").click()
        counter.get_by_test_id("counter-next").click()
        expect(counter.get_by_test_id("counter-current")).to_contain_text(number)
        expect(phone.locator("#line")).to_have_text("Please go to counter 1")
        phone.locator("#language").click()
        expect(phone.locator("#line")).to_have_text("请到 1 号台席")
        browser.close()
    assert faults == []


async def test_booked_on_the_phone_checked_in_at_the_kiosk_and_called_first(
    tmp_path: Path, chromium: str
) -> None:
    """AP-03, AP-05, AP-06, AP-07, AP-08, R-07."""
    hall_toml = write_hall(tmp_path, day_of_appointments(more=MORE))
    (tmp_path / "halls.toml").write_text(HALLS, encoding="utf-8")
    channel = MemoryChannel()

    def message(wanted: re.Pattern[str]) -> str:
        """What the pattern finds in the newest message that has it, once there is one."""
        until = time.monotonic() + STEP_MS / 1000
        while time.monotonic() < until:
            for sent in reversed(channel.taken):
                if found := wanted.search(sent.text):
                    return found[1]
            time.sleep(0.05)  # the play runs in a thread of its own: there is nothing to await
        raise AssertionError(f"no message has {wanted.pattern}: {[sent.text for sent in channel.taken]}")

    with trio.fail_after(PATIENCE_S):
        async with on_stage(hall_toml, tmp_path / "data") as node:
            node.office.add_channels("test", [channel])
            await trio.to_thread.run_sync(
                play, chromium, node.links, node.urls[0], message, abandon_on_cancel=True
            )


@pytest.mark.parametrize("name", ["index.html", "page.js", "page.css"])
def test_the_page_travels_with_the_package(name: str) -> None:
    from importlib.resources import files

    assert files("somc_plugins.web_booking").joinpath("page", name).is_file()
