"""What the reference protocol carries for the quieter devices: whole, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc_hal import (
    CardKind,
    CardRead,
    Colour,
    InputSource,
    Passage,
    Rating,
    Reading,
    ReadingKind,
    ScreenContent,
    Truth,
    Typed,
)
from somc_hal.codecs import reference_events as r
from somc_hal.testing import simulated

words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20)


@given(st.integers(1, 5), words)
def test_a_rating_is_read_as_written(value: int, ticket: str) -> None:
    assert r.read_rating(3, r.write_rating(Rating(3, value, ticket)), 5) == Rating(3, value, ticket)


@given(st.sampled_from(InputSource), words)
def test_a_text_is_read_as_written(source: InputSource, text: str) -> None:
    assert r.read_typed(r.write_typed(Typed(source, text))) == Typed(source, text)


@given(st.sampled_from(CardKind), words)
def test_a_card_is_read_as_written(kind: CardKind, number: str) -> None:
    assert r.read_card(r.write_card(CardRead(kind, number))) == CardRead(kind, number)


@given(st.integers(0, 65535), st.integers(0, 65535), words)
def test_a_passage_is_read_as_written(entered: int, left: int, door: str) -> None:
    assert r.read_passage(r.write_passage(Passage(door, entered, left))) == Passage(door, entered, left)


@given(st.integers(-100_000, 1_000_000), st.sampled_from(Truth), words)
def test_a_reading_is_read_as_written(thousandths: int, told: Truth, place: str) -> None:
    for reading in (
        Reading(ReadingKind.TEMPERATURE, place, thousandths / 1000),
        Reading(ReadingKind.DOOR, place, told),
    ):
        assert r.read_reading(r.write_reading(reading)) == reading


@given(st.lists(words, max_size=5), words)
def test_a_screen_is_read_as_written(lines: list[str], image: str) -> None:
    content = ScreenContent(tuple(lines), image)
    assert r.read_screen(r.write_screen(content)) == content


@given(st.sampled_from([None, *Colour]), st.booleans())
def test_a_light_is_read_as_written(colour: Colour | None, blink: bool) -> None:
    assert r.read_light(r.write_light(colour, blink)) == (colour, blink)


@given(st.binary(max_size=40))
def test_no_data_raises(data: bytes) -> None:
    r.read_rating(1, data, 5)
    for read in (r.read_typed, r.read_card, r.read_passage, r.read_reading, r.read_screen, r.read_light):
        read(data)  # type: ignore[operator]  # each of its own type
    r.read_offset(data)
    r.read_piece(data)


def test_a_reading_has_a_value_of_its_kind() -> None:
    with pytest.raises(ValueError, match="a reading of door is a Truth, found 1"):
        Reading(ReadingKind.DOOR, "", 1.0)
    with pytest.raises(ValueError, match="a reading of voltage is a number"):
        Reading(ReadingKind.VOLTAGE, "", Truth.YES)


def test_a_card_shows_no_number_in_logs() -> None:
    assert "110101" not in repr(CardRead(CardKind.ID_CARD, "110101199003070000"))


@pytest.mark.parametrize(
    ("driver", "options", "act"),
    [
        ("reference-evaluator", {"levels": 3}, lambda sim: sim.rate(5)),
        ("reference-kiosk-input", {"sources": ["keypad"]}, lambda sim: sim.scan("1")),
        ("reference-kiosk-input", {"max_length": 2}, lambda sim: sim.type("123")),
        ("reference-card-reader", {"kinds": ["sim"]}, lambda sim: sim.insert("1", "ic")),
        ("reference-people-counter", {"directions": False}, lambda sim: sim.walk(left=1)),
        ("reference-monitor", {"kinds": ["voltage"]}, lambda sim: sim.measure("temperature", 21.5)),
    ],
)
async def test_what_is_not_declared_is_refused_and_not_told(
    driver: str, options: dict[str, Any], act: Any
) -> None:
    async with simulated(driver, "memory")(**options) as bench:
        await bench.start()
        await bench.driver.wait_online()
        act(bench.simulator)
        await bench.until(lambda: not bench.simulator.busy)  # it was answered with NAK
        assert bench.driver._events.statistics().current_buffer_used == 0


async def test_a_second_screen_shows_its_own_page_while_the_line_is_dead() -> None:
    async with simulated("reference-second-screen", "memory")() as bench:
        await bench.start()
        assert bench.simulator.shown is None
        await bench.driver.wait_online()
        await bench.driver.show(ScreenContent(("套餐余量",), "sale.png"), wait_s=2.0)
        assert bench.simulator.shown == ScreenContent(("套餐余量",), "sale.png")
        await bench.host.unplug()
        assert bench.simulator.shown is None
        await bench.host.replug()
        await bench.until(lambda: bench.simulator.shown is not None)
