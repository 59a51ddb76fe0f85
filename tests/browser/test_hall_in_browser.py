"""A real browser plays a whole ticket: taken at the kiosk, called at the counter, seen, heard and printed.

The hall runs in this process with its simulated devices behind real ptys and sockets, so that what the
pages do can be held against the bytes on the wires.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from playwright.sync_api import expect

from somc.example import example_hall
from somc_hal.simulators.escpos_printer import EscposPrinterSimulator
from somc_hal.simulators.reference import AnnouncerSimulator, HallDisplaySimulator, StripDisplaySimulator
from tests.browser.stage import browser_for, on_stage

COUNTER = 8
PATIENCE_S = 60.0


def play(chromium: str, links: dict[str, str]) -> str:
    """What people do, in a browser of its own; the number that was called."""
    with browser_for(chromium, links) as cast:
        kiosk, display, counter, monitor = map(cast.open, ("kiosk", "display", "counter", "monitor"))

        counter.goto(counter.url.rstrip("/") + f"/{COUNTER}")
        counter.get_by_test_id("counter-open").click()
        expect(monitor.get_by_test_id(f"monitor-counter-{COUNTER}")).to_have_attribute("data-state", "idle")

        for digit in "13800138000":
            kiosk.get_by_test_id(f"kiosk-digit-{digit}").click()
        assert "13800138000" not in kiosk.content(), "the whole number stands on a screen"
        kiosk.get_by_test_id("kiosk-next").click()
        kiosk.get_by_test_id("kiosk-service-repair").click()
        number = kiosk.get_by_test_id("kiosk-number").text_content()
        assert number

        counter.get_by_test_id("counter-next").click()
        expect(counter.get_by_test_id("counter-current")).to_contain_text(number)
        shown = display.locator(f'[data-test="display-call"][data-number="{number}"]').first
        expect(shown).to_have_attribute("data-counter", str(COUNTER))
        expect(monitor.get_by_test_id(f"monitor-counter-{COUNTER}")).to_have_attribute(
            "data-state", "calling"
        )

        counter.get_by_test_id("counter-start").click()
        expect(monitor.get_by_test_id(f"monitor-counter-{COUNTER}")).to_have_attribute(
            "data-state", "serving"
        )
        counter.get_by_test_id("counter-finish").click()
        expect(monitor.get_by_test_id(f"monitor-counter-{COUNTER}")).to_have_attribute("data-state", "idle")
        assert cast.faults == []
    return number


@pytest.mark.browser
async def test_a_ticket_goes_from_the_kiosk_page_to_the_bytes_of_the_strip_display(
    tmp_path: Path, chromium: str
) -> None:
    with trio.fail_after(PATIENCE_S):
        async with on_stage(example_hall(), tmp_path) as node:
            voice = node.simulators["voice"].simulator
            assert isinstance(voice, AnnouncerSimulator)
            voice.s_per_cell = 0.0
            number = await trio.to_thread.run_sync(play, chromium, node.links, abandon_on_cancel=True)
    strip = node.simulators[f"strip-{COUNTER}"].simulator
    assert isinstance(strip, StripDisplaySimulator)
    called = f"请{number}到{COUNTER}号"
    assert called.encode("gb18030") in strip.raw, "the call is not among the bytes on the strip's wire"
    assert any(called in line for content in strip.history for line in content.lines)
    board = node.simulators["hall-display"].simulator
    assert isinstance(board, HallDisplaySimulator)
    assert any(row.number == number for content in board.history for row in content.rows)
    printer = node.simulators["printer"].simulator
    assert isinstance(printer, EscposPrinterSimulator)
    assert number in printer.slips[0].text
    assert "13800138000" not in printer.slips[0].text
    spoken = [phrase.text for announcement in voice.spoken for phrase in announcement.phrases]
    assert any(" ".join(number) in text for text in spoken)
