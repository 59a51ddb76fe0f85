"""Waits in a real browser: told at the kiosk, warned of on the monitor, and read in the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.stage import Cast, played, take
from tests.server.rig import HALL, write_hall

HASTY = HALL.replace("target_wait_s = 600", "target_wait_s = 4\nwarn_lead_s = 2")
"""A promise that is broken while one watches."""

LATE_MS = 15_000
"""A promise of four seconds is broken by then, on a busy machine too."""

pytestmark = pytest.mark.browser


async def test_an_alert_comes_to_the_monitor_and_is_gone_once_it_is_acknowledged(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        monitor = cast.open("monitor")
        expect(monitor.get_by_test_id("monitor-alert-count")).to_have_attribute("data-count", "0")
        number = take(cast.open("kiosk"), "payment")

        broken = monitor.locator(f'[data-test="monitor-alert"][data-kind="breach"][data-number="{number}"]')
        expect(broken).to_be_visible(timeout=LATE_MS)
        expect(monitor.get_by_test_id("monitor-alert-count")).to_have_attribute("data-count", "1")
        broken.get_by_test_id("monitor-acknowledge").click()
        monitor.get_by_test_id("acknowledge-note").fill("offered tea")
        monitor.get_by_test_id("acknowledge-cared-for").click()
        expect(monitor.get_by_test_id("monitor-alert-count")).to_have_attribute("data-count", "0")
        expect(monitor.get_by_test_id("monitor-alert")).to_have_count(0)
        monitor.reload()
        expect(monitor.get_by_test_id("monitor-alert-count")).to_have_attribute("data-count", "0")

    await played(play, chromium, write_hall(tmp_path, HASTY), tmp_path / "data")


async def test_the_promise_report_lists_who_was_called_late(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        monitor = cast.open("monitor")
        number = take(cast.open("kiosk"), "payment")
        broken = monitor.locator('[data-test="monitor-alert"][data-kind="breach"]')
        expect(broken).to_be_visible(timeout=LATE_MS)
        counter.get_by_test_id("counter-next").click()
        expect(counter.get_by_test_id("counter-current")).to_have_attribute("data-number", number)
        expect(broken).to_have_count(0)
        monitor.get_by_test_id("monitor-promise-report").click()
        expect(monitor.get_by_test_id("promise-late")).to_have_attribute("data-number", number)
        total = monitor.get_by_test_id("promise-all")
        expect(total).to_have_attribute("data-called", "1")
        expect(total).to_have_attribute("data-kept", "0")

    await played(play, chromium, write_hall(tmp_path, HASTY), tmp_path / "data")


async def test_kiosk_and_display_tell_the_expected_wait(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        kiosk = cast.open("kiosk")
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        for _ in range(3):
            take(kiosk, "payment")
        counter.get_by_test_id("counter-next").click()
        display = cast.open("display")
        expect(display.get_by_test_id("display-wait-payment")).to_contain_text("min")
        kiosk.get_by_test_id("kiosk-skip-phone").click()
        expect(kiosk.get_by_test_id("kiosk-wait-payment")).to_contain_text("min")
        kiosk.get_by_test_id("kiosk-service-payment").click()
        expect(kiosk.get_by_test_id("kiosk-ahead")).to_have_text("2")
        expect(kiosk.get_by_test_id("kiosk-expected")).to_contain_text("min")

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_a_counter_that_is_switched_to_auto_is_given_its_customer_and_sends_back_who_does_not_come(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        counter.get_by_test_id("counter-mode").click()
        expect(counter.get_by_test_id("counter-mode")).to_have_attribute("data-mode", "auto")
        kiosk = cast.open("kiosk")
        first = take(kiosk, "payment")
        here = counter.get_by_test_id("counter-current")
        expect(here).to_have_attribute("data-number", first)
        expect(counter.get_by_test_id("counter-reason")).to_contain_text(first)
        second = take(kiosk, "payment")
        coming = '[data-test="counter-preview"][data-number="{}"]'
        expect(counter.locator(coming.format(second))).to_be_visible()
        counter.keyboard.press("b")
        expect(here).to_have_attribute("data-number", second)
        expect(counter.locator(coming.format(first))).to_be_visible()

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")
