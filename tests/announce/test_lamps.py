"""Lamps (指示灯) and second screens (双屏), from the state; a plugin's lines on a screen at its counter."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from somc.announce.boards import USUAL
from somc.announce.lamps import counter_lamp, hall_lamp, second_screen
from somc.domain.commands import FinishService, StartService
from somc.testing.given import Situation, given
from somc_hal.simulators.reference_events import SecondScreenSimulator
from somc_hal.values import Colour, ScreenContent
from tests.announce.rig import Plug, rig
from tests.domain.acts import acknowledge, call, close, finish, open_, pause, resume_counter, start, take

ALL = ("red", "yellow", "green")
NINE = "2026-03-02 09:00"


def lamp(hall: Situation, colours: tuple[str, ...] = ALL, blink: bool = True) -> tuple[Colour | None, bool]:
    return counter_lamp(hall.state, hall.state.counters.get(1), colours, blink)


def screen(hall: Situation, lines: int = 4, columns: int = 40, **panels: list[str]) -> ScreenContent:
    return second_screen(hall.state, hall.state.counters.get(1), lines, columns, USUAL, panels)


def test_a_counter_s_lamp_follows_the_counter() -> None:
    hall = given(at=NINE)
    assert lamp(hall) == (None, False)
    steps = [
        (open_(1), (Colour.GREEN, False)),
        (take("t1"), (Colour.GREEN, False)),
        (call(1), (Colour.GREEN, True)),
        (start(1), (Colour.RED, False)),
        (finish(1), (Colour.GREEN, False)),
        (pause(1), (Colour.RED, False)),
        (resume_counter(1), (Colour.GREEN, False)),
        (close(1), (None, False)),
    ]
    for command, shown in steps:
        hall.and_(command)
        assert lamp(hall) == shown, command


@pytest.mark.parametrize(
    ("colours", "free", "serving"),
    [
        (("red",), None, Colour.RED),
        (("yellow", "white"), Colour.WHITE, Colour.YELLOW),
        ((), None, None),
    ],
)
def test_a_lamp_takes_the_next_best_of_its_colours(
    colours: tuple[str, ...], free: Colour | None, serving: Colour | None
) -> None:
    hall = given(at=NINE).and_(open_(1), take("t1"))
    assert lamp(hall, colours) == (free, False)
    hall.and_(call(1))
    assert lamp(hall, colours, blink=False) == (free, False)
    hall.and_(start(1))
    assert lamp(hall, colours) == (serving, False)


def test_a_counter_that_the_hall_does_not_have_is_dark() -> None:
    hall = given(at=NINE)
    assert counter_lamp(hall.state, None, ALL, True) == (None, False)


def test_the_hall_s_lamp_says_whether_somebody_must_look() -> None:
    hall = given(at=NINE).and_(open_(1), take("t1", "payment", "gold"))
    assert hall_lamp(hall.state, ALL) == (Colour.GREEN, False)
    hall.at("09:09").due()
    assert {alert.kind for alert in hall.state.alerts.values()} == {"warning"}
    assert hall_lamp(hall.state, ALL) == (Colour.YELLOW, False)
    hall.at("09:11").due()
    assert hall_lamp(hall.state, ALL) == (Colour.RED, False)
    for alert in list(hall.state.alerts):
        hall.and_(acknowledge(alert))
    assert hall_lamp(hall.state, ALL) == (Colour.GREEN, False)


def test_the_second_screen_follows_the_customer() -> None:
    hall = given(at=NINE)
    assert screen(hall) == ScreenContent(("停止服务", "CLOSED"))
    hall.and_(open_(1), take("t1"))
    assert screen(hall) == ScreenContent()
    hall.and_(call(1))
    assert screen(hall) == ScreenContent(("请 A001 到 1 号台席", "A001, counter 1"))
    hall.and_(start(1))
    assert screen(hall) == ScreenContent(("A001 正在办理 payment（中）", "A001: payment"))
    assert screen(hall, lines=1).lines == ("A001 正在办理 payment（中）",)
    assert screen(hall, columns=7).lines[0] == "A001 正"
    hall.and_(finish(1), pause(1))
    assert screen(hall) == ScreenContent(("暂停服务", "PAUSED"))


def test_a_plugin_s_lines_are_for_the_customer_who_sits_there() -> None:
    hall = given(at=NINE).and_(open_(1), take("t1"), take("t2"), call(1))
    assert "offer" not in screen(hall, t1=["offer"]).lines  # on the way: others may stand before the screen
    hall.and_(start(1))
    assert screen(hall, t1=["offer", "more", "too much"]).lines[2:] == ("offer", "more")
    hall.and_(finish(1), call(1), start(1))
    assert "offer" not in screen(hall, t1=["offer"]).lines


async def test_a_plugin_s_lines_come_and_go_with_their_customer(tmp_path: Path) -> None:
    """HW-09, through the announcer and over a wire."""
    async with rig(tmp_path, [Plug("screen", "reference-second-screen", 1, "pty")]) as hall:
        shown = cast(SecondScreenSimulator, hall.simulators["screen"])
        await hall.open(1)
        first, second = await hall.take(), await hall.take()
        await hall.call(1)
        hall.announcer.put_panel(first.id, ["全球通 58 元套餐", "GoTone 58"])
        await hall.do(StartService(by="agent:li", counter=1))
        await hall.quiet()
        assert shown.shown is not None
        assert shown.shown.lines[2:] == ("全球通 58 元套餐", "GoTone 58")
        hall.announcer.put_panel(first.id, ["谢谢"])
        await hall.quiet()
        assert shown.shown.lines[2:] == ("谢谢",)
        await hall.do(FinishService(by="agent:li", counter=1))
        hall.announcer.put_panel(first.id, ["too late"])
        hall.announcer.put_panel("nobody", ["nobody"])
        await hall.quiet()
        assert shown.shown is None
        assert (await hall.call(1)).id == second.id
        await hall.do(StartService(by="agent:li", counter=1))
        await hall.quiet()
        assert len(shown.shown.lines) == 2
