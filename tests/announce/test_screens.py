"""Boards on real wires: the present state, whatever was missed, and few frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from somc.announce import boards, screens
from somc.config import load
from somc.domain import commands as c
from somc.domain.state import HallState
from somc_hal.simulators.host import WHERES, Where
from somc_hal.values import HallRow
from tests.announce.rig import Plug, Rig, rig
from tests.server.rig import HALL, write_hall

BOARDS = [
    Plug("strip", "reference-strip", 1),
    Plug("board", "reference-hall"),
    Plug("keypad", "reference-keypad", 1),
]


def seen(hall: Rig, suffix: str = "") -> tuple[object, object, object]:
    """What the three boards show."""
    return (
        hall.strip_display(f"strip{suffix}").shown,
        hall.board(f"board{suffix}").shown,
        hall.keypad(f"keypad{suffix}").shown,
    )


@pytest.mark.parametrize("where", WHERES)
async def test_a_call_is_seen_on_strip_hall_display_and_keypad(tmp_path: Path, where: Where) -> None:
    plugs = [Plug(plug.name, plug.driver, plug.counter, where) for plug in BOARDS]
    async with rig(tmp_path, plugs) as hall:
        await hall.quiet()
        assert hall.strip_display().shown.lines == ("停止服务", "CLOSED")
        assert hall.board().shown.footer == "西单营业厅"
        assert hall.keypad().shown == ("", 0)
        await hall.open(1)
        await hall.take()
        await hall.take()
        await hall.call(1)
        await hall.quiet()
        assert hall.strip_display().shown.lines == ("请A001到1号", "A001 to No. 1")
        assert hall.board().shown.rows == (HallRow("A001", "1", highlight=True),)
        assert hall.board().shown.footer == "等候 缴费 1"
        assert hall.keypad().shown == ("A001", 1)
        await hall.serve(1)
        await hall.quiet()
        assert hall.strip_display().shown.lines == ("欢迎光临", "WELCOME")
        assert hall.board().shown.rows == ()
        assert hall.keypad().shown == ("", 1)


async def test_the_halls_own_words_reach_its_boards(tmp_path: Path) -> None:
    toml = """
[announcements]
idle = { zh = "请稍候叫号", en = "PLEASE WAIT" }
closed = "10086"
footer = { zh = "谢谢光临", en = "Thank you" }
footer_waiting = false
"""
    file = write_hall(tmp_path / "own", HALL + toml)
    async with rig(tmp_path, BOARDS, settings=load(file).announcements) as hall:
        await hall.quiet()
        assert hall.strip_display().shown.lines == ("10086",)
        await hall.open(1)
        await hall.take()
        await hall.quiet()
        assert hall.strip_display().shown.lines == ("请稍候叫号", "PLEASE WAIT")
        assert hall.board().shown.footer == "谢谢光临 Thank you"


async def test_boards_that_missed_events_equal_those_that_saw_them(tmp_path: Path) -> None:
    others = [Plug(plug.name + "-2", plug.driver, plug.counter) for plug in BOARDS]
    async with rig(tmp_path, [*BOARDS, *others]) as hall:
        await hall.quiet()
        for name in ("strip-2", "board-2", "keypad-2"):
            hall.simulators[name].power_off()
        await hall.open(1, 2)
        for _ in range(6):
            await hall.take()
        for _ in range(2):
            await hall.call(1)
            await hall.call(2)
            await hall.quiet()
            await hall.serve(1)
            await hall.serve(2)
        await hall.call(2)
        await hall.call(1)
        await hall.quiet()
        # The power was off: a dark display remembers nothing.
        assert hall.strip_display("strip-2").shown.lines == ()
        for name in ("strip-2", "board-2", "keypad-2"):
            hall.simulators[name].power_on()
        await hall.until(lambda: seen(hall, "-2") == seen(hall))
        assert hall.strip_display("strip-2").shown.lines[0] == "请A006到1号"
        assert len(hall.strip_display("strip-2").history) < len(hall.strip_display().history)


async def test_a_restart_draws_what_a_run_without_one_shows(tmp_path: Path) -> None:
    async with rig(tmp_path, BOARDS) as hall:
        await hall.open(1)
        await hall.take()
        await hall.take()
        await hall.call(1)
        await hall.quiet()
        before = seen(hall)
    async with rig(tmp_path, BOARDS) as hall:
        await hall.quiet()
        assert seen(hall) == before


async def test_many_events_are_few_frames(tmp_path: Path) -> None:
    async with rig(tmp_path, BOARDS) as hall:
        await hall.open(1, 2)
        await hall.quiet()
        board = hall.board()
        before = len(board.history)
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(hall.take)
        await hall.quiet()
        assert board.shown.footer == "等候 缴费 100"
        assert len(board.history) - before <= 50, "every ticket was drawn by itself"


async def test_what_did_not_change_is_not_sent_again(tmp_path: Path) -> None:
    async with rig(tmp_path, BOARDS) as hall:
        await hall.open(1)
        await hall.quiet()
        strip = len(hall.strip_display().history)
        for _ in range(3):
            await hall.take()
            await hall.quiet()
        assert len(hall.strip_display().history) == strip


async def test_a_dead_board_delays_no_other(tmp_path: Path) -> None:
    async with rig(tmp_path, [Plug("dead", "reference-strip", 1, dead=True), *BOARDS]) as hall:
        await hall.open(1)
        await hall.take()
        await hall.call(1)
        await hall.quiet()
        assert hall.strip_display().shown.lines[0] == "请A001到1号"
        hall.simulators["dead"].power_on()
        await hall.until(lambda: hall.strip_display("dead").shown == hall.strip_display().shown)


async def test_a_display_that_can_do_little_is_asked_for_little(tmp_path: Path) -> None:
    plugs = [
        Plug("board", "reference-hall", options={"highlight": False, "footer": False, "rows": 1}),
        Plug("strip", "reference-strip", 1, options={"lines": 1, "columns": 8}),
        Plug("keypad", "reference-keypad", 1, options={"display": False}),
    ]
    with capture_logs() as logs:
        async with rig(tmp_path, plugs) as hall:
            await hall.open(1, 2)
            await hall.take()
            await hall.take()
            await hall.call(1)
            await hall.call(2)
            await hall.quiet()
            assert hall.board().shown.rows == (HallRow("A002", "2"),)
            assert hall.board().shown.footer == ""
            assert hall.strip_display().shown.lines == ("请A001",)
            assert hall.keypad().shown is None
    assert [entry for entry in logs if entry["log_level"] != "info"] == []


async def test_a_driver_that_raises_or_hangs_costs_its_board_and_not_the_hall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a vendor's mistake")

    async def hanging(*_: object, **__: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(screens, "SHOW_TIMEOUT_S", 0.05)
    with capture_logs() as logs:
        async with rig(tmp_path, BOARDS) as hall:
            (board,) = hall.devices.hall_displays
            ((_, strip),) = hall.devices.strips
            with monkeypatch.context() as patch:
                patch.setattr(board, "show", broken)
                patch.setattr(strip, "show", hanging)
                await hall.open(1)
                await hall.take()
                await hall.call(1)
                await hall.quiet()
                assert hall.keypad().shown == ("A001", 0)
            await hall.take()
            await hall.quiet()
            assert seen(hall)[2] == ("A001", 1)
            assert hall.strip_display().shown.lines[0] == "请A001到1号"
            assert hall.board().shown.footer == "等候 缴费 1"
    events = {cast(str, entry["event"]) for entry in logs if entry["log_level"] != "info"}
    assert events == {"board not drawn", "board not drawn: the driver failed"}


async def test_a_board_that_hangs_holds_up_neither_this_drawing_nor_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging: list[str] = []

    async def hang(lines: object) -> None:
        hanging.append("hangs")
        try:
            await trio.sleep_forever()
        finally:
            hanging.pop()

    monkeypatch.setattr(screens, "SHOW_TIMEOUT_S", 3600.0)
    hung = [Plug(f"hung-{n}", "reference-strip", 1) for n in range(3)]
    async with rig(tmp_path, [*hung, *BOARDS]) as hall:
        await hall.quiet()
        with monkeypatch.context() as patch:
            for _, strip in hall.devices.strips[:3]:
                patch.setattr(strip, "show", hang)
            await hall.open(1)
            await hall.until(lambda: hall.strip_display().shown.lines == ("欢迎光临", "WELCOME"))
            await hall.until(lambda: len(hanging) == 3)
            # They hang in this drawing still; the others are drawn again and again.
            await hall.take()
            await hall.until(lambda: hall.board().shown.footer == "等候 缴费 1")
            await hall.take()
            await hall.until(lambda: hall.board().shown.footer == "等候 缴费 2")
            await hall.take()
            await hall.call(1)
            await hall.until(lambda: hall.keypad().shown == ("A001", 2))
            assert hall.strip_display("hung-0").shown.lines == ("停止服务", "CLOSED")
            assert len(hanging) == 3, "one task a board, however much there is to draw"
            assert hall.announcer.busy


async def test_a_board_that_is_still_drawn_gets_nothing_that_is_not_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, BOARDS) as hall:
        await hall.open(1)
        await hall.quiet()
        ((_, strip),) = hall.devices.strips
        plain, read = strip.show, hall.hall.read
        shown: list[list[str]] = []
        slow, looked, durable = trio.Event(), trio.Event(), trio.Event()

        async def slowly(lines: list[str]) -> None:
            shown.append(lines)
            await slow.wait()
            await plain(lines)

        async def slow_disk(view: Callable[[HallState, int], object]) -> object:
            answer = view(hall.hall.state, hall.hall.now())
            looked.set()
            await durable.wait()
            return answer

        monkeypatch.setattr(strip, "show", slowly)
        await hall.do(c.PauseCounter(by="agent:li", counter=1, reason="tea"))
        await hall.until(lambda: len(shown) == 1)
        monkeypatch.setattr(hall.hall, "read", slow_disk)
        await hall.do(c.ResumeCounter(by="agent:li", counter=1))
        await looked.wait()
        slow.set()
        await hall.until(lambda: hall.strip_display().shown.lines == ("暂停服务", "PAUSED"))
        await trio.testing.wait_all_tasks_blocked()
        assert len(shown) == 1
        monkeypatch.setattr(hall.hall, "read", read)
        durable.set()
        await hall.quiet()
        assert hall.strip_display().shown.lines == ("欢迎光临", "WELCOME")


async def test_a_picture_that_cannot_be_made_costs_its_board_and_not_the_hall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a fault of ours")

    with capture_logs() as logs:
        async with rig(tmp_path, BOARDS) as hall:
            await hall.quiet()
            with monkeypatch.context() as patch:
                patch.setattr(boards, "hall_footer", broken)
                await hall.open(1)
                await hall.take()
                await hall.call(1)
                await hall.quiet()
                assert hall.keypad().shown == ("A001", 0)
                assert hall.board().shown.rows == ()
            await hall.take()
            await hall.quiet()
            assert hall.board().shown.rows == (HallRow("A001", "1", highlight=True),)
    lost = {entry["board"] for entry in logs if entry["event"].startswith("board not drawn")}
    assert lost == {"board"}


async def test_a_picture_that_a_driver_did_not_take_is_sent_again_though_it_was_shown_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, BOARDS) as hall:
        await hall.open(1)
        await hall.quiet()
        ((_, strip),) = hall.devices.strips
        plain = strip.show

        async def taken_and_then_broken(lines: list[str]) -> None:
            await plain(lines)
            raise ZeroDivisionError("a vendor's mistake, after the display has it")

        with monkeypatch.context() as patch:
            patch.setattr(strip, "show", taken_and_then_broken)
            await hall.do(c.PauseCounter(by="agent:li", counter=1, reason="tea"))
            await hall.quiet()
        assert hall.strip_display().shown.lines == ("暂停服务", "PAUSED")
        await hall.do(c.ResumeCounter(by="agent:li", counter=1))
        await hall.quiet()
        assert hall.strip_display().shown.lines == ("欢迎光临", "WELCOME")


async def test_the_last_drawing_is_made_and_leaves_the_drawer_awake(tmp_path: Path) -> None:
    async with rig(tmp_path, BOARDS) as hall:
        await hall.open(1)
        await hall.quiet()
        await hall.announcer.draw_last()
        await hall.do(c.PauseCounter(by="agent:li", counter=1, reason="tea"))
        await hall.quiet()
        assert hall.strip_display().shown.lines == ("暂停服务", "PAUSED")


async def test_idle_is_not_said_before_everything_is_on_the_boards(tmp_path: Path) -> None:
    async with rig(tmp_path, BOARDS) as hall:
        await hall.open(1)
        await hall.quiet()
        assert not hall.announcer.busy
        await hall.take()
        assert hall.announcer.busy, "a record is on disk that it has not heard"
        with trio.fail_after(5):
            await hall.announcer.wait_idle()
        assert hall.announcer.position == hall.hall.journal.head
        for device in hall.devices.all():
            await device.wait_idle()
        assert hall.board().shown.footer == "等候 缴费 1"
