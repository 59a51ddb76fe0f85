"""An administrator changes a hall in a real browser: what it takes, what it refuses, and the way back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.stage import Cast, played, take
from tests.server.booking import ZONE, day_of_appointments
from tests.server.rig import HALL, UNKNOWN_PHONE, write_hall

pytestmark = pytest.mark.browser

NAME = '[data-test="admin-field-service.payment.name"]'
PREFIX = '[data-test="admin-field-service.payment.prefix"]'


async def test_a_change_is_seen_at_the_kiosk_marked_and_brought_back(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        kiosk = cast.open("kiosk")
        kiosk.get_by_test_id("kiosk-skip-phone").click()
        card = kiosk.get_by_test_id("kiosk-service-payment")
        expect(card).to_contain_text("Payment")
        admin = cast.open("administration", "/admin")
        field = admin.locator(NAME)
        field.locator("input").nth(1).fill("Bills")
        expect(admin.get_by_test_id("admin-changes")).to_have_attribute("data-count", "1")
        expect(admin.get_by_test_id("admin-change")).to_contain_text("service.payment.name")
        admin.get_by_test_id("admin-save").click()
        expect(admin.get_by_test_id("admin-done")).to_be_visible()
        expect(card).to_contain_text("Bills")
        expect(field).to_have_attribute("data-own", "true")
        admin.reload()
        expect(field).to_have_attribute("data-own", "true")
        field.get_by_test_id("admin-reset").click()
        admin.get_by_test_id("admin-save").click()
        expect(field).to_have_attribute("data-own", "false")
        expect(card).to_contain_text("Payment")

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_what_the_hall_refuses_stands_at_its_field_and_nothing_changed(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin")
        admin.locator(NAME).locator("input").nth(1).fill("Bills")
        admin.locator(PREFIX).locator("input").fill("B")
        admin.get_by_test_id("admin-save").click()
        expect(admin.get_by_test_id("admin-trouble")).to_contain_text("prefix B")
        expect(admin.locator(PREFIX).get_by_test_id("admin-fault")).to_be_visible()
        expect(admin.get_by_test_id("admin-changes")).to_have_attribute("data-count", "2")
        kiosk = cast.open("kiosk")
        kiosk.get_by_test_id("kiosk-skip-phone").click()
        expect(kiosk.get_by_test_id("kiosk-service-payment")).to_contain_text("Payment")
        admin.get_by_test_id("admin-discard").click()
        expect(admin.get_by_test_id("admin-changes")).to_have_count(0)

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_a_new_service_is_served_and_stays_while_somebody_waits_for_it(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin")
        admin.get_by_test_id("admin-new-name").fill("esim")
        admin.get_by_test_id("admin-new").click()
        admin.get_by_test_id("admin-save").click()
        expect(admin.get_by_test_id("admin-done")).to_be_visible()
        admin.get_by_test_id("admin-section-counters").click()
        admin.get_by_test_id("admin-entry-2").click()
        admin.get_by_test_id("admin-level-esim").select_option("1")
        admin.get_by_test_id("admin-save").click()
        expect(admin.get_by_test_id("admin-done")).to_be_visible()
        number = take(cast.open("kiosk"), "esim")
        admin.get_by_test_id("admin-section-services").click()
        admin.get_by_test_id("admin-entry-esim").click()
        admin.get_by_test_id("admin-remove").click()
        admin.get_by_test_id("admin-save").click()
        expect(admin.get_by_test_id("admin-trouble")).not_to_be_empty()
        admin.get_by_test_id("admin-discard").click()
        counter = cast.open("counter", "/counter/2")
        counter.get_by_test_id("counter-open").click()
        counter.get_by_test_id("counter-next").click()
        expect(counter.get_by_test_id("counter-current")).to_have_attribute("data-number", number)

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_a_right_is_given_used_and_taken_back(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin")
        admin.get_by_test_id("admin-section-users").click()
        admin.get_by_test_id("admin-user-subject").fill("li")
        admin.get_by_test_id("admin-user-role").select_option("agent")
        admin.get_by_test_id("admin-user-give").click()
        cast.add_link("li", admin.get_by_test_id("admin-user-secret").text_content() or "")
        counter = cast.open("li", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        admin.reload()  # a sign-in is no record
        row = admin.locator('[data-subject="li"]')
        expect(row).to_contain_text("Signed-in browser")
        row.get_by_test_id("admin-revoke").click()
        expect(row).to_have_count(0)
        expect(counter.get_by_test_id("line-curtain")).to_have_attribute("data-status", "signed_out")
        # The console says so, too.
        cast.faults[:] = [fault for fault in cast.faults if "401" not in fault]

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_a_policy_is_tried_on_simulated_days_before_it_is_saved(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        for number in (1, 2, 3):
            counter = cast.open("counter", f"/counter/{number}")
            counter.get_by_test_id("counter-agent").fill(f"agent-{number}")
            counter.get_by_test_id("counter-open").click()
            expect(counter.get_by_test_id("counter-bar")).to_have_attribute("data-state", "open")
        policy = cast.open("policy")
        before = policy.get_by_test_id("policy-in-force").get_attribute("data-version") or ""
        policy.locator('[data-test="policy-kind-strict"] input').check()
        policy.get_by_test_id("policy-what-if").click()
        expect(policy.get_by_test_id("policy-what-if-answer")).to_have_attribute("data-policy", "strict")
        expect(policy.get_by_test_id("policy-what-if-class-gotone")).to_contain_text("→")
        expect(policy.get_by_test_id("policy-in-force")).to_have_attribute("data-version", before)
        policy.get_by_test_id("policy-discard").click()

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_a_plugin_is_switched_on_and_off_while_the_hall_runs(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin")
        admin.get_by_test_id("admin-section-plugins").click()
        row = admin.get_by_test_id("admin-plugin-routing_examples")
        expect(row).to_have_attribute("data-state", "off")
        row.get_by_test_id("admin-plugin-enable").click()
        expect(row).to_have_attribute("data-state", "on")
        monitor = cast.open("monitor")
        monitor.get_by_test_id("monitor-tab-plugins").click()
        expect(monitor.get_by_test_id("monitor-plugin-routing_examples")).to_have_attribute(
            "data-state", "on"
        )
        row.get_by_test_id("admin-plugin-disable").click()
        expect(row).to_have_attribute("data-state", "off")
        expect(monitor.get_by_test_id("monitor-plugin-routing_examples")).to_have_count(0)

    await played(play, chromium, write_hall(tmp_path, HALL), tmp_path / "data")


async def test_an_appointment_is_booked_checked_in_and_cancelled_at_the_desk(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin")
        admin.get_by_test_id("admin-section-appointments").click()
        rows = admin.get_by_test_id("admin-appointment")
        for phone in (UNKNOWN_PHONE, ""):
            expect(admin.get_by_test_id("admin-book")).to_be_enabled()
            admin.get_by_test_id("admin-book-phone").fill(phone)
            before = rows.count()
            admin.get_by_test_id("admin-book").click()
            expect(rows).to_have_count(before + 1)
        assert len(admin.get_by_test_id("admin-book-code").text_content() or "") >= 14
        assert UNKNOWN_PHONE not in admin.content()
        rows.first.get_by_test_id("admin-appointment-check-in").click()
        expect(admin.locator('[data-state="checked_in"]')).to_have_count(1)
        admin.locator('[data-state="booked"]').get_by_test_id("admin-appointment-cancel").click()
        expect(admin.locator('[data-state="cancelled"]')).to_have_count(1)

    toml = day_of_appointments(HALL, capacity=4)
    await played(play, chromium, write_hall(tmp_path, toml), tmp_path / "data")


async def test_a_day_is_closed_in_the_calendar_and_opened_again(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin")
        admin.get_by_test_id("admin-section-calendar").click()
        day = admin.locator('[data-test^="admin-day-2"]').last
        expect(day).to_have_attribute("data-special", "false")
        day.click()
        admin.get_by_test_id("admin-day-hours").fill("25:00-26:00")
        expect(admin.get_by_test_id("admin-day-save")).to_be_disabled()
        admin.get_by_test_id("admin-day-hours").fill("")
        admin.get_by_test_id("admin-day-name").fill("元旦")
        admin.get_by_test_id("admin-day-save").click()
        expect(day).to_have_attribute("data-special", "true")
        expect(day).to_contain_text("Closed")
        day.click()
        admin.get_by_test_id("admin-day-reset").click()
        expect(day).to_have_attribute("data-special", "false")

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_the_hours_of_every_week_are_changed_and_brought_back(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin#calendar")
        field = admin.locator('[data-test="admin-field-hall.hours"]')
        sunday = field.get_by_test_id("admin-hours-6")
        day = admin.locator('[data-test^="admin-day-2"]').last  # weeks begin on Monday
        expect(sunday).to_have_value("00:00-24:00")
        sunday.fill("9-17")
        sunday.press("Tab")
        expect(sunday).to_have_attribute("aria-invalid", "true")
        expect(admin.get_by_test_id("admin-changes")).to_have_count(0)
        sunday.fill("")
        sunday.press("Tab")
        expect(admin.get_by_test_id("admin-change")).to_contain_text("Sun Closed")
        admin.get_by_test_id("admin-save").click()
        expect(admin.get_by_test_id("admin-done")).to_be_visible()
        expect(day).to_contain_text("Closed")
        expect(day).to_have_attribute("data-special", "false")
        sunday.fill("22:00-02:00")  # Monday begins at midnight
        sunday.press("Tab")
        admin.get_by_test_id("admin-save").click()
        expect(field.get_by_test_id("admin-fault")).to_contain_text("overlap")
        field.get_by_test_id("admin-reset").click()
        admin.get_by_test_id("admin-save").click()
        expect(field).to_have_attribute("data-own", "false")
        expect(day).to_contain_text("00:00-24:00")

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_hours_in_which_appointments_stand_are_changed_only_with_the_word_to_cancel_them(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin#appointments")
        admin.get_by_test_id("admin-book").click()
        expect(admin.locator('[data-state="booked"]')).to_have_count(1)
        admin.get_by_test_id("admin-section-calendar").click()
        field = admin.locator('[data-test="admin-field-hall.hours"]')

        def hours(days_on: int, spans: str) -> None:
            box = field.get_by_test_id(f"admin-hours-{(datetime.now(ZONE).weekday() + days_on) % 7}")
            box.fill(spans)
            box.press("Tab")

        for days_on in (-1, 0, 1):  # whichever it was booked for: the business day does not end at midnight
            hours(days_on, "")
        word = admin.get_by_test_id("admin-cancel-outside")
        expect(word).to_have_count(0)
        admin.get_by_test_id("admin-save").click()
        expect(admin.get_by_test_id("admin-trouble")).not_to_be_empty()
        word.check()
        hours(3, "09:00-17:00")  # another draft: the word was not about it
        expect(word).to_have_count(0)
        admin.get_by_test_id("admin-save").click()
        expect(word).not_to_be_checked()
        word.check()
        admin.get_by_test_id("admin-save").click()
        expect(admin.get_by_test_id("admin-done")).to_be_visible()
        admin.get_by_test_id("admin-section-appointments").click()
        expect(admin.locator('[data-state="cancelled"]')).to_have_count(1)

    toml = day_of_appointments(HALL, capacity=4)
    await played(play, chromium, write_hall(tmp_path, toml), tmp_path / "data")
