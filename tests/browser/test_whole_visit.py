"""One visit on every page at once in two languages; by keyboard alone; appointments at the kiosk."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import Cast, played, take
from tests.server.booking import day_of_appointments
from tests.server.rig import GOTONE_PHONE, HALL, UNKNOWN_PHONE, write_hall

pytestmark = pytest.mark.browser


def give_link(admin: Page, subject: str, role: str, page: str = "") -> str:
    """A sign-in link, given out as an administrator does."""
    admin.get_by_test_id("admin-section-users").click()
    admin.get_by_test_id("admin-user-subject").fill(subject)
    admin.get_by_test_id("admin-user-role").select_option(role)
    admin.get_by_test_id("admin-user-page").select_option(page)
    admin.get_by_test_id("admin-user-give").click()
    return admin.get_by_test_id("admin-user-secret").text_content() or ""


async def test_a_visit_is_seen_on_every_page_at_once_in_both_languages(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin")
        second = cast.open("administration", give_link(admin, "desk-2", "kiosk", "second"))
        second.goto(second.url + "/2")
        monitor = cast.open("monitor")
        display = cast.open("display", "/display?lang=zh")
        counter = cast.open("counter", "/counter/2")
        kiosk = cast.open("kiosk", "/kiosk?lang=zh")
        screen = second.get_by_test_id("second-screen")
        expect(screen).to_have_attribute("data-shown", "closed")

        counter.get_by_test_id("counter-open").click()
        expect(screen).to_have_attribute("data-shown", "welcome")
        expect(kiosk.get_by_role("heading", name="您好，请取号")).to_be_visible()
        number = take(kiosk, "business", GOTONE_PHONE)
        expect(display.get_by_test_id("display-waiting")).to_have_text("1")
        expect(monitor.get_by_test_id("monitor-class-waiting-gotone")).to_contain_text("1 waiting")
        expect(
            counter.locator(f'[data-test="counter-preview"][data-number="{number}"]').first
        ).to_be_visible()

        counter.get_by_test_id("counter-next").click()
        expect(display.get_by_test_id("display-now")).to_have_attribute("data-number", number)
        expect(display.get_by_test_id("display-spoken")).to_contain_text("2 号台席")
        expect(screen).to_have_attribute("data-shown", "called")
        expect(screen).to_have_attribute("data-number", number)
        on_floor = monitor.get_by_test_id("monitor-counter-2")
        expect(on_floor).to_have_attribute("data-ticket", number)
        monitor.get_by_test_id("monitor-view-list").click()
        expect(monitor.get_by_test_id("monitor-row-2")).to_have_attribute("data-state", "calling")

        counter.get_by_test_id("counter-start").click()
        expect(screen).to_have_attribute("data-shown", "serving")
        expect(second.get_by_text("Identity card")).to_be_visible()
        counter.get_by_test_id("counter-finish").click()
        expect(screen).to_have_attribute("data-shown", "rate")
        second.get_by_test_id("second-rate-5").click()
        expect(screen).to_have_attribute("data-shown", "thanks")
        expect(monitor.get_by_test_id("monitor-today-finished")).to_have_text("1")
        expect(display.locator(f'[data-test="display-call"][data-number="{number}"]')).to_have_attribute(
            "data-here", "gone"
        )
        for page in (kiosk, display, monitor, counter, second):
            assert GOTONE_PHONE not in page.content()

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_an_agent_works_by_keyboard_alone(tmp_path: Path, chromium: str) -> None:
    """From choosing the desk to closing it no pointer is touched, and the focus is always to be seen."""

    def play(cast: Cast) -> None:
        kiosk = cast.open("kiosk")
        counter = cast.open("counter")
        press = counter.keyboard.press

        def tab_to(test_id: str) -> None:
            for _ in range(40):
                press("Tab")
                if counter.evaluate("document.activeElement?.dataset.test ?? ''") == test_id:
                    outline = "getComputedStyle(document.activeElement).outlineStyle"
                    assert counter.evaluate(outline) != "none", f"{test_id} has the focus, unseen"
                    return
            raise AssertionError(f"no Tab leads to {test_id}")

        def key(letter: str, act: str) -> None:
            """The record of the last act may come before its answer; until then the desk takes no other."""
            expect(counter.get_by_test_id(f"counter-{act}")).to_be_enabled()
            press(letter)

        expect(counter.get_by_test_id("counter-choose-2")).to_be_visible()
        tab_to("counter-choose-2")
        press("Enter")
        expect(counter.get_by_test_id("counter-open")).to_be_visible()
        tab_to("counter-open")
        press("Enter")
        bar = counter.get_by_test_id("counter-bar")
        expect(bar).to_have_attribute("data-state", "open")
        first, second = take(kiosk, "business"), take(kiosk, "payment")

        here = counter.get_by_test_id("counter-current")
        key("n", "next")
        expect(here).to_have_attribute("data-state", "called")
        number = here.get_attribute("data-number")
        assert number in (first, second)
        key("r", "recall")
        expect(here).to_contain_text("recalled 1")
        key("s", "start")
        expect(here).to_have_attribute("data-state", "serving")
        key("h", "hold")
        expect(here).to_have_attribute("data-state", "none")
        expect(counter.get_by_test_id(f"counter-held-{number}")).to_be_visible()
        key("n", "next")
        expect(here).to_have_attribute("data-state", "called")
        key("t", "transfer")
        other = "business" if (here.get_attribute("data-number") or "").startswith("A") else "payment"
        counter.get_by_test_id("transfer-send").wait_for()
        service = counter.get_by_test_id(f"transfer-service-{other}")
        for _ in range(5):  # the first choice has the focus, arrows go through them
            if service.is_checked():
                break
            press("ArrowDown")
        assert service.is_checked(), "the keyboard reaches no other service"
        tab_to("transfer-send")
        press("Enter")
        expect(here).to_have_attribute("data-state", "none")
        key("p", "pause")
        counter.get_by_test_id("counter-pause-meal").wait_for()
        tab_to("counter-pause-meal")
        press("Enter")
        expect(bar).to_have_attribute("data-state", "paused")
        key("p", "resume")
        expect(bar).to_have_attribute("data-state", "open")
        expect(counter.get_by_test_id("counter-close")).to_be_enabled()
        tab_to("counter-close")
        press("Enter")
        expect(bar).to_have_attribute("data-state", "closed")

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_the_desk_over_other_windows_calls_follows_and_closes(tmp_path: Path, chromium: str) -> None:
    """Document Picture-in-Picture (UC-01)."""

    def play(cast: Cast) -> None:
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        expect(counter.get_by_test_id("counter-bar")).to_have_attribute("data-state", "open")
        number = take(cast.open("kiosk"), "payment")
        counter.bring_to_front()
        with counter.context.expect_page() as opened:
            counter.get_by_test_id("counter-small").click()
        small = opened.value
        own = counter.evaluate("documentPictureInPicture.window !== null")
        assert own, "it is not the browser's always-on-top window"
        main, desk = small.get_by_test_id("compact-main"), small.get_by_test_id("compact-desk")
        expect(main).to_have_attribute("data-act", "next")
        main.click()
        expect(desk).to_have_attribute("data-number", number)
        expect(counter.get_by_test_id("counter-current")).to_have_attribute("data-number", number)
        small.keyboard.press("s")
        expect(counter.get_by_test_id("counter-current")).to_have_attribute("data-state", "serving")
        counter.get_by_test_id("counter-finish").click()
        expect(main).to_have_attribute("data-act", "next")
        # It has the page's own look: without the style sheets a button would be the system's grey.
        ours = "getComputedStyle(document.querySelector('[data-test=compact-main]')).borderTopLeftRadius"
        assert small.evaluate(ours) != "0px"
        counter.evaluate("documentPictureInPicture.window.close()")
        expect(counter.get_by_test_id("counter-next")).to_be_visible()
        counter.wait_for_function("documentPictureInPicture.window === null")

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_where_no_window_stays_on_top_the_small_desk_is_a_popup(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        forbid = "() => { documentPictureInPicture.requestWindow = () => Promise.reject(new Error('no')); }"
        counter.evaluate(forbid)
        with counter.expect_popup() as opened:
            counter.get_by_test_id("counter-small").click()
        expect(opened.value.get_by_test_id("compact-main")).to_have_attribute("data-act", "next")

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_the_small_desk_has_the_act_that_comes_next(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        expect(counter.get_by_test_id("counter-bar")).to_have_attribute("data-state", "open")
        number = take(cast.open("kiosk"), "payment")
        small = cast.open("counter", "/counter/1?small")
        small.set_viewport_size({"width": 380, "height": 460})
        main, desk = small.get_by_test_id("compact-main"), small.get_by_test_id("compact-desk")
        for act in ("next", "start", "finish"):
            expect(main).to_have_attribute("data-act", act)
            main.click()
        expect(desk).to_have_attribute("data-number", "")
        expect(counter.get_by_test_id("counter-served")).to_have_text("1")
        assert number
        small.keyboard.press("p")
        expect(desk).to_have_attribute("data-state", "paused")
        overflow = "document.documentElement.scrollWidth > innerWidth"
        assert not small.evaluate(overflow), "the small window scrolls sideways"

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


def book(url: str, token: str, phone: str | None) -> dict[str, Any]:
    """An appointment for a payment in the next slot that is free, booked as a web channel does."""

    def ask(path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1{path}", data, headers)) as answer:
            return json.load(answer)

    slot = next(slot for slot in ask("/appointments/slots?service=payment")["slots"] if slot["free"])
    body = {"service": "payment", "at": slot["at"], **({"phone": phone} if phone else {})}
    booked: dict[str, Any] = ask("/appointments", body)
    return booked


async def test_the_kiosk_checks_in_by_phone_and_by_code(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        admin = cast.open("administration", "/admin")
        admin.get_by_test_id("admin-section-users").click()
        admin.get_by_test_id("admin-user-subject").fill("web")
        admin.get_by_test_id("admin-user-role").select_option("channel")
        admin.get_by_test_id("admin-user-kind").select_option("api")
        admin.get_by_test_id("admin-user-give").click()
        token = admin.get_by_test_id("admin-user-secret").text_content() or ""
        url = re.sub(r"/admin.*", "", admin.url)
        book(url, token, UNKNOWN_PHONE)
        code = book(url, token, None)["code"]
        monitor, display = cast.open("monitor"), cast.open("display")
        kiosk = cast.open("kiosk")
        monitor.get_by_test_id("monitor-tab-appointments").click()
        for typed in (UNKNOWN_PHONE, re.sub(r"\D", "", code)):
            kiosk.get_by_test_id("kiosk-appointment").click()
            expect(kiosk.get_by_role("heading", name="I have an appointment")).to_be_visible()
            for digit in typed:
                kiosk.get_by_test_id(f"kiosk-digit-{digit}").click()
            assert typed not in kiosk.content().replace(" ", ""), "the whole number stands on a screen"
            kiosk.get_by_test_id("kiosk-check-in").click()
            number = kiosk.get_by_test_id("kiosk-number").text_content()
            expect(kiosk.get_by_test_id("kiosk-booked-at")).to_be_visible()
            expect(display.locator(f'[data-test="display-booked"][data-number="{number}"]')).to_be_visible()
            kiosk.get_by_test_id("kiosk-print-again").click()
            kiosk.get_by_test_id("kiosk-done").click()
        arrived = monitor.locator('[data-test="monitor-slot-payment"]').first
        expect(arrived).to_have_attribute("data-arrived", re.compile("[12]"))
        kiosk.get_by_test_id("kiosk-appointment").click()
        for digit in "13822223333":
            kiosk.get_by_test_id(f"kiosk-digit-{digit}").click()
        kiosk.get_by_test_id("kiosk-check-in").click()
        expect(kiosk.get_by_test_id("kiosk-trouble")).to_be_visible()

    toml = day_of_appointments(HALL, capacity=4)
    await played(play, chromium, write_hall(tmp_path, toml), tmp_path / "data")
