"""A kiosk in a real browser says what to bring and which machine is free, before it gives a ticket."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import trio
from playwright.sync_api import expect

from somc.server.access import Principal, issue
from tests.browser.stage import PATIENCE_S, browser_for, on_stage
from tests.server.rig import HALL, write_hall

ADVISED = f"""{HALL}
[plugins]
enabled = ["care"]

[plugin.care.papers]
business = [{{ zh = "户口簿", en = "Household register" }}]

[plugin.care.machines.pay-1]
title = {{ zh = "1号缴费终端", en = "Terminal 1" }}
services = ["payment"]
"""

pytestmark = pytest.mark.browser


def play(chromium: str, links: dict[str, str]) -> None:
    """Two customers: one goes to the machine, one reads what to bring and takes a ticket."""
    with browser_for(chromium, links) as cast:
        kiosk = cast.open("kiosk")
        kiosk.get_by_test_id("kiosk-skip-phone").click()
        kiosk.get_by_test_id("kiosk-service-payment").click()
        expect(kiosk.get_by_test_id("kiosk-advice")).to_contain_text("Terminal 1 does it now")
        kiosk.get_by_test_id("kiosk-go-divert").click()
        expect(kiosk.get_by_test_id("kiosk-gone")).to_be_visible()
        kiosk.get_by_test_id("kiosk-done").click()

        kiosk.get_by_test_id("kiosk-skip-phone").click()
        kiosk.get_by_test_id("kiosk-service-business").click()
        expect(kiosk.get_by_test_id("kiosk-advice")).to_contain_text("Household register")
        kiosk.get_by_test_id("kiosk-take-anyway").click()
        expect(kiosk.get_by_test_id("kiosk-number")).to_have_text("B001")
        assert cast.faults == []


async def test_a_customer_goes_to_the_machine_instead_and_is_counted(tmp_path: Path, chromium: str) -> None:
    """CA-01 and CA-02."""
    with trio.fail_after(PATIENCE_S):
        async with on_stage(write_hall(tmp_path, ADVISED), tmp_path / "data") as node:
            machine = await issue(node.hall.journal, Principal("pay-1", ("device",)), "api", None)
            said = {"authorization": f"Bearer {machine}"}
            async with httpx.AsyncClient(base_url=node.urls[0], headers=said, verify=False) as client:
                body = {"state": "working", "uses": 3}
                assert (await client.post("/plugins/care/machines/pay-1", json=body)).status_code == 204
            await trio.to_thread.run_sync(play, chromium, node.links, abandon_on_cancel=True)
            assert node.hall.state.diverted == {"self_service": 1}
            assert node.hall.state.counts.taken == 1
