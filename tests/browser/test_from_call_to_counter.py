"""From a telephone to a counter: a scripted call books by key presses, the receipt arrives over SMPP, the
customer checks in with its code at the kiosk page in a real browser, and is called before an earlier one."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import trio

from somc_plugins.sms.gate import Gate
from somc_plugins.sms_smpp.gate import SmppSide
from tests.browser.stage import PATIENCE_S, Cast, browser_for, on_stage, take
from tests.plugins.ivr.caller import call
from tests.server.rig import HALL, write_hall

PHONE = "13911112222"
MORE = """
[appointments]
capacity = 1
slot_s = 900
lead_s = 60
early_s = 7200
check_in_early_s = 7200
[plugins]
enabled = ["ivr_fastagi", "sms_smpp"]
[plugin.ivr_fastagi]
port = {telephone}
[plugin.sms_smpp.gateway.gate]
host = "127.0.0.1"
port = {gate}
system_id = "hall"
password = "secret"
source = "10086"
reconnect_s = 0.05
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def check_in_and_be_called(cast: Cast, code: str) -> tuple[str, str, str]:
    """Somebody without an appointment comes first; then our customer with the code. Their numbers, and whom
    the counter called."""
    kiosk = cast.open("kiosk")
    counter = cast.open("counter")
    counter.goto(counter.url.rstrip("/") + "/1")
    counter.get_by_test_id("counter-open").click()
    earlier = take(kiosk, "payment")
    kiosk.get_by_test_id("kiosk-appointment").click()
    for digit in code:
        kiosk.get_by_test_id(f"kiosk-digit-{digit}").click()
    kiosk.get_by_test_id("kiosk-check-in").click()
    booked = kiosk.get_by_test_id("kiosk-number").text_content()
    assert booked
    counter.get_by_test_id("counter-next").click()
    current = counter.get_by_test_id("counter-current")
    current.get_by_text(booked).first.wait_for()
    return earlier, booked, current.text_content() or ""


async def test_booked_by_telephone_told_by_message_checked_in_and_called_first(
    chromium: str, tmp_path: Path
) -> None:
    gate = Gate(SmppSide)
    telephone = free_port()
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            port = await nursery.start(gate.run)
            path = write_hall(tmp_path, HALL + MORE.format(telephone=telephone, gate=port))
            async with on_stage(path, tmp_path / "data") as node:
                # Book; payment; the first date; the first time; yes; and the line is left.
                heard = await call(telephone, "11111!", number=PHONE)
                while not gate.taken:  # noqa: ASYNC110 - the receipt follows in its own time
                    await trio.sleep(0.01)
                receipt = gate.taken[0]
                assert receipt.to == PHONE
                code = re.search(r"预约码([0-9 ]+)", receipt.text)
                assert code is not None, receipt.text
                digits = code[1].replace(" ", "")
                assert digits in heard.heard("预约成功").replace(" ", "")

                def play(links: dict[str, str]) -> tuple[str, str, str]:
                    with browser_for(chromium, links) as cast:
                        numbers = check_in_and_be_called(cast, digits)
                        assert cast.faults == []
                        return numbers

                earlier, booked, current = await trio.to_thread.run_sync(
                    play, node.links, abandon_on_cancel=True
                )
                assert earlier < booked
                assert booked in current
                tickets = {ticket.number: ticket for ticket in node.hall.state.tickets.values()}
                assert (tickets[booked].state, tickets[earlier].state) == ("called", "waiting")
            nursery.cancel_scope.cancel()
