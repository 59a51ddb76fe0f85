"""Slips on paper: at most once, whatever dies; and nobody waits for a printer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from somc.announce import printing
from somc.announce.announcer import NAME, Announcer
from somc.announce.printing import MOST_SLIPS
from somc.domain import commands as c
from somc_hal.simulators.escpos_printer import EscposPrinterSimulator
from somc_hal.simulators.host import WHERES, Where
from tests.announce.rig import HALL, TEN, ZH_ONLY, Plug, Rig, rig

PRINTER = Plug("printer", "escpos")

WITHOUT_BUSINESS = (
    re.sub(r"\[service\.business\].*?(?=\[counter)", "", HALL, flags=re.DOTALL)
    .replace(", business = 1", "")
    .replace("business = 1", "payment = 1")
)
"""The hall after it was decided that business is done elsewhere."""


def numbers(hall: Rig, name: str = "printer") -> list[str]:
    """The numbers on the slips of a printer."""
    return [slip.text.splitlines()[1] for slip in hall.printer(name).slips]


@pytest.mark.parametrize("where", WHERES)
async def test_a_ticket_of_the_kiosk_is_printed_once(tmp_path: Path, where: Where) -> None:
    async with rig(tmp_path, [Plug("printer", "escpos", where=where)]) as hall:
        ticket = await hall.take("business")
        await hall.quiet()
        (slip,) = hall.printer().slips
        assert slip.text.splitlines() == [
            "西单营业厅",
            "B001",
            "业务办理 Plans and contracts",
            "您前面还有 0 位 / 0 ahead of you",
            "预计等候：请留意叫号",
            "please wait for your call",
            "请准备 / please prepare:",
            " · 机主有效身份证件原件 The",
            "   subscriber's identity card",
            "   (original)",
            " · 代办人证件 Proxy's card",
            "2009-04-01 10:00:00",
        ]
        assert ticket.number == "B001"
        assert not hall.printer().unknown


async def test_only_who_stands_before_the_printer_gets_paper(tmp_path: Path) -> None:
    async with rig(tmp_path, [PRINTER]) as hall:
        for channel in ("kiosk", "web", "ivr", "floor"):
            await hall.take(channel=channel)
        await hall.quiet()
        assert numbers(hall) == ["A001", "A004"]


async def test_a_copy_is_printed_on_request_and_marked(tmp_path: Path) -> None:
    async with rig(tmp_path, [PRINTER]) as hall:
        ticket = await hall.take()
        for _ in range(2):
            await hall.do(c.PrintTicket(by="agent:li", ticket=ticket.id))
        await hall.quiet()
        first, second, third = (slip.text for slip in hall.printer().slips)
        assert "COPY" not in first
        assert second == first + "\n补打 1 / COPY 1"
        assert third == first + "\n补打 2 / COPY 2"


async def test_a_crash_between_the_stored_position_and_the_paper_prints_no_second_slip(
    tmp_path: Path,
) -> None:
    # The first process dies while its slip waits for a printer without power.
    async with rig(tmp_path, [Plug("printer", "escpos", dead=True)]) as hall:
        ticket = await hall.take()
        await hall.until(lambda: hall.hall.journal.position(NAME) == ticket.key)
        assert hall.announcer.busy
    async with rig(tmp_path, [PRINTER]) as hall:
        await hall.quiet()
        assert numbers(hall) == []
        await hall.do(c.PrintTicket(by="agent:li", ticket=ticket.id))
        await hall.quiet()
        assert [slip.text.splitlines()[-1] for slip in hall.printer().slips] == ["补打 1 / COPY 1"]


async def test_a_crash_after_the_paper_prints_no_second_slip(tmp_path: Path) -> None:
    async with rig(tmp_path, [PRINTER]) as hall:
        await hall.take()
        await hall.until(lambda: numbers(hall) == ["A001"])
    async with rig(tmp_path, [PRINTER]) as hall:
        await hall.quiet()
        assert numbers(hall) == []


async def test_the_position_is_on_disk_before_the_first_byte_of_the_slip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable: list[int] = []
    seen: list[list[int]] = []

    class Watching(EscposPrinterSimulator):
        def _received(self, data: bytes) -> None:
            if b"A001" in data:
                seen.append(list(durable))
            super()._received(data)

    async with rig(tmp_path, [Plug("printer", "escpos", simulator=Watching)]) as hall:
        store = hall.hall.journal.store_position

        async def stored(follower: str, seq: int) -> None:
            await store(follower, seq)
            durable.append(seq)

        monkeypatch.setattr(hall.hall.journal, "store_position", stored)
        ticket = await hall.take()
        await hall.quiet()
        assert seen == [[ticket.key]]


async def test_a_slip_asked_for_just_before_a_crash_is_printed_after_it(tmp_path: Path) -> None:
    async with rig(tmp_path, [PRINTER]) as hall:
        await hall.take()
        await hall.quiet()
    async with rig(tmp_path, run_announcer=False) as hall:  # the crash: taken, and no announcer to hear
        ticket = await hall.take()
        assert ticket.number == "A002"
    async with rig(tmp_path, [PRINTER], now_ms=TEN + 29_000) as hall:
        await hall.quiet()
        assert numbers(hall) == ["A002"]


async def test_a_slip_asked_for_long_before_the_start_is_not_printed_any_more(tmp_path: Path) -> None:
    async with rig(tmp_path, [PRINTER]) as hall:
        await hall.take()
        await hall.quiet()
    async with rig(tmp_path, run_announcer=False) as hall:
        await hall.take()
    async with rig(tmp_path, [PRINTER], now_ms=TEN + 31_000) as hall:
        await hall.quiet()
        assert numbers(hall) == []
        await hall.take()
        await hall.quiet()
        assert numbers(hall) == ["A003"]


async def test_a_fresh_announcer_on_an_old_journal_prints_nothing_of_it(tmp_path: Path) -> None:
    async with rig(tmp_path, run_announcer=False) as hall:
        for _ in range(5):
            await hall.take()
    async with rig(tmp_path, [PRINTER]) as hall:
        await hall.quiet()
        assert numbers(hall) == []
        await hall.take()
        await hall.quiet()
        assert numbers(hall) == ["A006"]


async def test_a_printer_without_power_delays_no_ticket_no_call_and_no_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "PRINT_TIMEOUT_S", 0.2)
    plugs = [Plug("printer", "escpos", dead=True), Plug("voice", "reference-announcer")]
    with capture_logs() as logs:
        async with rig(tmp_path, [*plugs, Plug("strip", "reference-strip", 1)]) as hall:
            await hall.open(1)
            await hall.take()
            await hall.call(1)
            await hall.until(
                lambda: bool(hall.heard()) and hall.strip_display().shown.lines[:1] == ("请A001到1号",)
            )
            assert hall.announcer.busy, "the slip was given up before its time"
            await hall.quiet()
    lost = [entry for entry in logs if entry["event"] == "slip not printed"]
    assert [(entry["number"], entry["printer"]) for entry in lost] == [("A001", "printer")]


async def test_a_printer_that_comes_back_in_time_prints_what_waited(tmp_path: Path) -> None:
    async with rig(tmp_path, [Plug("printer", "escpos", dead=True)]) as hall:
        await hall.take()
        await hall.take()
        hall.printer().power_on()
        await hall.quiet()
        assert numbers(hall) == ["A001", "A002"]


async def test_without_paper_the_slip_is_logged_and_later_ones_are_printed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "PRINT_TIMEOUT_S", 0.1)
    with capture_logs() as logs:
        async with rig(tmp_path, [PRINTER]) as hall:
            (printer,) = hall.devices.printers
            hall.printer().paper_out()
            await hall.until(lambda: not printer.status.serving)
            await hall.take()
            await hall.quiet()
            hall.printer().paper_in()
            await hall.online()
            await hall.take()
            await hall.quiet()
            assert numbers(hall) == ["A002"], "a slip given up must not come with the new roll"
    assert any(e["event"] == "slip not printed" and "paper is out" in e["error"] for e in logs)


async def test_another_printer_prints_while_the_first_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "PRINT_TIMEOUT_S", 60.0)
    async with rig(
        tmp_path, [Plug("dead", "escpos", dead=True), Plug("other", "escpos", options={"columns": 48})]
    ) as hall:
        await hall.take()
        await hall.quiet()  # within the test's patience: the dead one's minute was not waited for
        assert numbers(hall, "other") == ["A001"]
        assert numbers(hall, "dead") == []


async def test_a_slip_that_may_have_come_out_is_not_printed_on_the_other_printer(tmp_path: Path) -> None:
    plugs = [Plug(name, "escpos", options={"print_timeout_s": 0.2}) for name in ("first", "second")]
    with capture_logs() as logs:
        async with rig(tmp_path, plugs) as hall:
            hall.printer("first").mute()  # it prints, and its confirmation is lost
            await hall.take()
            await hall.quiet()
            assert len(hall.printer("first").slips) + len(hall.printer("second").slips) == 1
            assert numbers(hall, "second") == []
    assert any(entry["event"] == "slip perhaps not printed" for entry in logs)


async def test_slips_that_wait_are_bounded(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with rig(tmp_path, [Plug("printer", "escpos", dead=True)]) as hall:
            for _ in range(MOST_SLIPS + 5):
                await hall.take()
            await hall.until(lambda: hall.announcer.position == hall.hall.journal.head)
            hall.printer().power_on()
            await hall.quiet()
            printed = numbers(hall)
    lost = [e["number"] for e in logs if e["event"].startswith("slip not printed: too many")]
    assert len(lost) in (4, 5), "one more may be on its way to the printer"
    assert printed + lost == [f"A{n:03d}" for n in range(1, MOST_SLIPS + 6)]


async def test_a_driver_that_raises_anything_costs_its_slip_and_not_the_hall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a vendor's mistake")

    with capture_logs() as logs:
        async with rig(tmp_path, [PRINTER]) as hall:
            (printer,) = hall.devices.printers
            with monkeypatch.context() as patch:
                patch.setattr(printer, "print", broken)
                await hall.take()
                await hall.quiet()
            await hall.take()
            await hall.quiet()
            assert numbers(hall) == ["A002"]
    assert any(
        entry["event"] == "slip perhaps not printed: the driver or the layout failed" for entry in logs
    )


async def test_a_copy_for_a_ticket_whose_service_has_left_the_hall_is_printed_without_it(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, [PRINTER]) as hall:
        await hall.open(1)
        await hall.take("business")
        ticket = await hall.call(1)
        await hall.serve(1)
        await hall.quiet()
    async with rig(tmp_path, [PRINTER], toml=WITHOUT_BUSINESS) as hall:
        assert ticket.service not in hall.hall.state.hall.services
        await hall.do(c.PrintTicket(by="agent:li", ticket=ticket.id))
        await hall.take()
        await hall.quiet()
        copy, fresh = (slip.text.splitlines() for slip in hall.printer().slips)
        assert copy[:2] == ["西单营业厅", "B001"]
        assert copy[-1] == "补打 1 / COPY 1"
        assert not any("业务办理" in line or "请准备" in line for line in copy)
        assert fresh[1] == "A001"


async def test_a_slip_that_cannot_be_laid_out_costs_itself_and_not_the_hall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("a fault of ours")

    with capture_logs() as logs:
        async with rig(tmp_path, [PRINTER]) as hall:
            with monkeypatch.context() as patch:
                patch.setattr(printing, "slip", broken)
                await hall.take()
                await hall.quiet()
            await hall.take()
            await hall.quiet()
            assert numbers(hall) == ["A002"]
    (lost,) = [e for e in logs if e["event"] == "slip perhaps not printed: the driver or the layout failed"]
    assert lost["number"] == "A001"


async def test_an_announcer_that_was_never_run_stays_behind_and_says_so(tmp_path: Path) -> None:
    async with rig(tmp_path, [PRINTER], run_announcer=False) as hall:
        await hall.take()
        late = Announcer(hall.hall, hall.devices, ZH_ONLY)
        assert late.busy
        await hall.nursery.start(late.run)
        with trio.fail_after(5):
            await late.wait_idle()
        assert not late.busy
        assert late.position == hall.hall.journal.head
