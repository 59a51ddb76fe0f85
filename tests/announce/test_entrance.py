"""Keypad, scanner and card reader of a kiosk without a page: what is entered, and what it comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from somc.announce.entrance import PENDING_S, Entrance
from somc_hal.values import InputSource, Typed
from tests.announce.rig import Rig, rig

PHONE = "13800138000"


class Counterfoil:
    """A kiosk's entrance, and what it asked of the hall."""

    def __init__(self, hall: Rig, *, codes: bool = False) -> None:
        self.hall = hall
        self.taken: list[tuple[str, str | None]] = []
        self.printed: list[str] = []
        self.codes: list[str] = []
        self.entrance = Entrance(
            hall.hall, "kiosk-1", self._take, self._print, self._check_in if codes else None
        )
        self.send, self._typed = trio.open_memory_channel[Typed](16)

    async def _take(self, kiosk: str, service: str, phone: str | None) -> str:
        assert kiosk == "kiosk-1"
        self.taken.append((service, phone))
        return ""

    async def _print(self, kiosk: str, ticket: str) -> str:
        self.printed.append(ticket)
        return ""

    async def _check_in(self, kiosk: str, code: str) -> str:
        self.codes.append(code)
        return "not known"

    @property
    def typed(self) -> trio.MemoryReceiveChannel[Typed]:
        return self._typed

    async def enter(self, *texts: str, source: InputSource = InputSource.KEYPAD) -> None:
        for text in texts:
            self.send.send_nowait(Typed(source, text))
        await trio.testing.wait_all_tasks_blocked()


@asynccontextmanager
async def kiosk(folder: Path, *, codes: bool = False) -> AsyncIterator[Counterfoil]:
    async with rig(folder) as hall, trio.open_nursery() as nursery:
        made = Counterfoil(hall, codes=codes)
        nursery.start_soon(made.entrance.serve_input, made)
        yield made
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("texts", "taken"),
    [
        (["1"], [("payment", None)]),
        ([f"{PHONE}*2"], [("business", PHONE)]),
        ([f"+86{PHONE}*2"], [("business", f"+86{PHONE}")]),
        ([PHONE, "2"], [("business", PHONE)]),
        ([PHONE, "2", "2"], [("business", PHONE), ("business", None)]),
        ([PHONE, "13900139000", "2"], [("business", "13900139000")]),
        ([PHONE, "oops", "2"], [("business", None)]),
        ([PHONE, "9", "2"], [("business", None)]),
        (["0"], []),
        (["3"], []),
        (["", "*1", "1*1", f"{PHONE}*", "１", "1; drop"], []),
    ],
)
async def test_what_is_keyed_takes_a_ticket_or_nothing(
    tmp_path: Path, texts: list[str], taken: list[tuple[str, str | None]]
) -> None:
    async with kiosk(tmp_path) as it:
        assert list(it.hall.hall.state.hall.services) == ["payment", "business"]
        await it.enter(*texts)
        assert it.taken == taken


async def test_a_phone_is_forgotten_after_a_while(tmp_path: Path) -> None:
    async with kiosk(tmp_path) as it:
        await it.enter(PHONE)
        it.hall.clock.advance(it.hall.clock.now_ms() + PENDING_S * 1000 + 1)
        await it.enter("1")
        assert it.taken == [("payment", None)]


async def test_a_waiting_ticket_s_number_prints_its_slip_again(tmp_path: Path) -> None:
    async with kiosk(tmp_path) as it:
        ticket = await it.hall.take()
        await it.enter("A001", "A002", source=InputSource.SCANNER)
        assert it.printed == [ticket.id]


async def test_any_other_code_is_for_whoever_knows_codes(tmp_path: Path) -> None:
    async with kiosk(tmp_path, codes=True) as it:
        await it.enter("K7Q2", source=InputSource.SCANNER)
        await it.enter("482915")
        await it.enter("*")
        assert it.codes == ["K7Q2", "482915"]
        assert it.taken == []


async def test_what_was_entered_stands_in_no_log(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with kiosk(tmp_path, codes=True) as it:
            await it.enter(PHONE, "99", f"{PHONE}*77", "K7Q2X9")
            await it.enter("K7Q2X9", source=InputSource.SCANNER)
    assert len(logs) >= 3
    assert not any(secret in str(logs) for secret in (PHONE, "K7Q2X9"))
