"""The hall display's options in a real browser: pictures of its own, and calls by the browser's voice."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.stage import Cast, played, take
from tests.server.rig import HALL, write_hall

pytestmark = pytest.mark.browser

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="9"><rect width="16" height="9"/></svg>'
LISTENS = "() => { window.said = []; speechSynthesis.speak = (one) => window.said.push(one.text); }"


async def test_a_picture_that_could_not_be_shown_is_tried_again(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        display = cast.open("display")
        display.clock.install()
        with display.expect_response("**/media/late.svg") as missing:
            display.reload()
        assert missing.value.status == 404
        slot = display.get_by_test_id("media-slot")
        expect(slot).to_have_count(0)
        (tmp_path / "media").mkdir()
        (tmp_path / "media" / "late.svg").write_text(PICTURE)
        display.clock.fast_forward(31_000)
        expect(slot).to_have_attribute("data-file", "late.svg")
        # The console says what was missing, too.
        cast.faults[:] = [fault for fault in cast.faults if "404" not in fault]

    toml = HALL + '\n[display]\nmedia = ["late.svg"]\n'
    await played(play, chromium, write_hall(tmp_path, toml), tmp_path / "data")


async def test_calls_are_spoken_only_where_the_voice_was_switched_on(tmp_path: Path, chromium: str) -> None:
    def play(cast: Cast) -> None:
        display, counter = cast.open("display"), cast.open("counter", "/counter/1")
        counter.get_by_test_id("counter-open").click()
        kiosk = cast.open("kiosk")
        numbers = [take(kiosk, "payment") for _ in range(2)]
        display.evaluate(LISTENS)
        now = display.get_by_test_id("display-now")
        counter.get_by_test_id("counter-next").click()
        expect(now).to_have_attribute("data-number", numbers[0])
        assert display.evaluate("said") == []
        sound = display.get_by_test_id("display-sound")
        sound.click()
        expect(sound).to_have_attribute("aria-pressed", "true")
        display.reload()
        expect(sound).to_have_attribute("aria-pressed", "true")
        display.evaluate(LISTENS)
        counter.get_by_test_id("counter-recall").click()
        display.wait_for_function("said.length === 2")
        chinese, english = display.evaluate("said")
        assert " ".join(numbers[0]) in english
        assert "零" in chinese

    await played(play, chromium, write_hall(tmp_path), tmp_path / "data")
