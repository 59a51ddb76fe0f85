"""A counter calls, reads who comes, opens the CRM's page with the number filled in, and answers an offer."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.stage import Cast, played, take
from tests.plugins.features.crm_rig import GOLD, crm_server
from tests.plugins.features.test_running import CRM, MARKETING
from tests.server.rig import HALL, write_hall

pytestmark = pytest.mark.browser

PLAIN = "13800138001"
"""Somebody else whom the CRM knows."""


async def test_the_next_customer_is_known_at_the_desk_and_in_the_crm(tmp_path: Path, chromium: str) -> None:
    """IN-01, IN-02 and MK-04 as an agent does them, against the CRM over TCP."""

    def play(cast: Cast) -> None:
        kiosk = cast.open("kiosk")
        number = take(kiosk, "payment", GOLD)
        counter = cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        counter.get_by_test_id("counter-next").click()
        expect(counter.get_by_test_id("counter-current")).to_have_attribute("data-number", number)
        card = counter.get_by_test_id("counter-card")
        expect(card).to_contain_text("陈静")
        expect(card).to_contain_text("国际漫游资费争议")
        expect(card.get_by_test_id("card-prompt").first).to_contain_text("Complaint: 1 open")
        assert GOLD not in counter.content(), "the number is nowhere on the page"

        with counter.context.expect_page() as opened:
            card.locator("a[target=_blank]").first.click()
        crm = opened.value
        crm.wait_for_load_state()
        expect(crm.locator("input[name=phone]")).to_have_value(GOLD)
        expect(crm.locator("h1")).to_contain_text("payment")
        crm.close()

        with counter.context.expect_page() as opened:
            counter.get_by_test_id("counter-follow").click()
        following = opened.value
        expect(following.locator("input[name=phone]")).to_have_value(GOLD)

        offer = card.locator('[data-test="card-offer"][data-offer="gotone-128"]')
        expect(offer).to_contain_text("全球通88套餐")
        offer.get_by_test_id("card-refused").click()
        expect(offer).to_have_attribute("data-outcome", "refused")

        counter.get_by_test_id("counter-no-show").click()
        take(kiosk, "payment", PLAIN)
        pages = len(counter.context.pages)
        counter.get_by_test_id("counter-next").click()
        expect(following.locator("input[name=phone]")).to_have_value(PLAIN)
        assert len(counter.context.pages) == pages, "the one window follows, and no other opens"

    async with crm_server() as crm:
        tables = "".join(part.format(url=crm.url, enabled='"crm", "marketing"') for part in (CRM, MARKETING))
        await played(play, chromium, write_hall(tmp_path, HALL + tables), tmp_path / "data")
