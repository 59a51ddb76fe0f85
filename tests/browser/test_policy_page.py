"""A manager changes the routing policy in a real browser, and is refused where somebody could starve."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.stage import Cast, played, take
from tests.server.rig import GOTONE_PHONE, HALL, write_hall

FIRST_COME = HALL.replace('kind = "accumulating"', 'kind = "fifo"')

pytestmark = pytest.mark.browser


async def test_a_manager_changes_the_policy_and_the_next_call_follows_it_and_says_why(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        kiosk = cast.open("kiosk")
        first = take(kiosk, "payment")
        premium = take(kiosk, "payment", GOTONE_PHONE)

        preview = counter.get_by_test_id("counter-preview")
        expect(preview.first).to_have_attribute("data-number", first)

        policy = cast.open("policy")
        expect(policy.get_by_test_id("policy-in-force")).to_have_attribute("data-kind", "fifo")
        policy.locator('[data-test="policy-kind-strict"] input').check()
        expect(policy.get_by_test_id("policy-change")).to_contain_text("strict")
        policy.get_by_test_id("policy-save").click()
        expect(policy.get_by_test_id("policy-in-force")).to_have_attribute("data-kind", "strict")
        expect(policy.get_by_test_id("policy-preview")).to_have_count(0)

        expect(preview.first).to_have_attribute("data-number", premium)
        counter.get_by_test_id("counter-next").click()
        expect(counter.get_by_test_id("counter-current")).to_have_attribute("data-number", premium)
        reason = counter.get_by_test_id("counter-reason")
        expect(reason).to_contain_text(premium)
        said = reason.text_content()
        counter.reload()
        expect(counter.get_by_test_id("counter-reason")).to_have_text(said or "")

        version = int(policy.get_by_test_id("policy-in-force").get_attribute("data-version") or 0)
        policy.get_by_test_id(f"policy-rollback-{version - 1}").click()
        policy.get_by_test_id("policy-rollback-confirm").click()
        expect(policy.get_by_test_id("policy-in-force")).to_have_attribute("data-kind", "fifo")
        expect(policy.get_by_test_id("policy-in-force")).to_have_attribute("data-version", str(version + 1))

    await played(play, chromium, write_hall(tmp_path, FIRST_COME), tmp_path / "data")


async def test_a_policy_under_which_somebody_could_starve_is_refused_on_the_page_with_the_reason(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        page = cast.open("policy")
        before = page.get_by_test_id("policy-in-force").get_attribute("data-version")
        page.locator('[data-test="policy-kind-strict"] input').check()
        guard = page.locator('[data-test="policy-field-max_wait_s"] input').first
        guard.fill("0")
        guard.press("Tab")
        expect(page.get_by_test_id("policy-change")).to_have_count(2)
        page.get_by_test_id("policy-save").press("Enter")
        expect(page.get_by_test_id("policy-trouble")).not_to_be_empty()
        expect(page.get_by_test_id("policy-objection").first).not_to_be_empty()
        expect(guard).to_be_focused()
        expect(guard).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_test_id("policy-in-force")).to_have_attribute("data-version", before or "")
        expect(page.get_by_test_id("policy-change")).to_have_count(2)

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")


async def test_a_plugins_policy_is_not_tried_on_simulated_days_and_the_page_says_what_to_do_instead(
    tmp_path: Path, chromium: str
) -> None:
    def play(cast: Cast) -> None:
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        expect(counter.get_by_test_id("counter-bar")).to_have_attribute("data-state", "open")
        page = cast.open("policy")
        page.locator('[data-test="policy-kind-shortest_work"] input').check()
        page.get_by_test_id("policy-what-if").click()
        expect(page.get_by_test_id("policy-what-if-trouble")).to_contain_text("somc replay")
        expect(page.get_by_test_id("policy-what-if-answer")).to_have_count(0)
        # The console says that it was refused, too.
        cast.faults[:] = [fault for fault in cast.faults if "422" not in fault]

    toml = HALL + '\n[plugins]\nenabled = ["routing_examples"]\n'
    await played(play, chromium, write_hall(tmp_path, toml), tmp_path / "data")
