"""A real browser plays a whole ticket: taken at the kiosk, called at the counter, seen, heard and printed.

The hall runs in this process with its simulated devices behind real ptys and sockets, so that what the
pages do can be held against the bytes on the wires.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from playwright.sync_api import Page, expect

from somc.composition import Node, Options, load_config, run_node
from somc.example import example_hall
from somc_hal.simulators.escpos_printer import EscposPrinterSimulator
from somc_hal.simulators.reference import AnnouncerSimulator, HallDisplaySimulator, StripDisplaySimulator
from tests.browser.stage import FLAGS
from tests.chromium import plain_playwright

COUNTER = 8
PATIENCE_S = 60.0


def open_pages(browser: Any, links: dict[str, str], faults: list[str]) -> dict[str, Page]:
    """Every page of the hall in one browser, each signed in by its own link."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en")
    pages = {}
    for name in ("kiosk", "display", "counter", "monitor"):
        page = context.new_page()
        page.on("pageerror", lambda error, name=name: faults.append(f"{name}: {error}"))
        page.on(
            "console",
            lambda message, name=name: (
                faults.append(f"{name}: {message.text}") if message.type == "error" else None
            ),
        )
        page.goto(links[name])
        pages[name] = page
    return pages


def play(chromium: str, links: dict[str, str]) -> str:
    """What people do, in a browser of its own; the number that was called."""
    faults: list[str] = []
    with plain_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        pages = open_pages(browser, links, faults)
        kiosk, counter, display, monitor = (pages[n] for n in ("kiosk", "counter", "display", "monitor"))

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
        browser.close()
    assert faults == []
    return number


@pytest.mark.browser
async def test_a_ticket_goes_from_the_kiosk_page_to_the_bytes_of_the_strip_display(
    tmp_path: Path, chromium: str
) -> None:
    config, plugins = load_config(example_hall())
    options = Options(data_dir=tmp_path, host="127.0.0.1", port=0, example=True)
    shutdown = trio.Event()
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:

            async def run(task_status: trio.TaskStatus[Node]) -> None:
                await run_node(config, plugins, options, shutdown=shutdown, task_status=task_status)

            node: Node = await nursery.start(run)
            voice = node.simulators["voice"].simulator
            assert isinstance(voice, AnnouncerSimulator)
            voice.s_per_cell = 0.0
            number = await trio.to_thread.run_sync(play, chromium, node.links, abandon_on_cancel=True)
            shutdown.set()
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
