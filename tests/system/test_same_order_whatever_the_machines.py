"""R-02: the same tickets and the same strategy in two halls with different makers' machines give the same
order of calls. Both halls run whole, with their devices simulated behind real ports; agents press keys.
"""

from __future__ import annotations

from pathlib import Path

import trio

from somc_hal.values import Key
from tests.server.rig import HALL, PATIENCE_S, Running, running

MAKERS = {
    "reference": ("standard_devices", "escpos", "pty"),
    "zhaowei": ("zhaowei", "zhaowei-printer", "tcp"),
}

TICKETS = (
    ("payment", "easyown"),
    ("business", "easyown"),
    ("payment", "gotone"),
    ("payment", "easyown"),
    ("business", "gotone"),
    ("payment", "gotone"),
)


def hall_of(maker: str) -> str:
    """The same hall and strategy, with this maker's printer, displays, voice and keypads."""
    plugin, printer, where = MAKERS[maker]
    prefix = "reference" if maker == "reference" else maker
    keypad = "keypad" if maker == "reference" else "caller"
    devices = {"printer": printer, "hall": f"{prefix}-hall", "voice": f"{prefix}-announcer"}
    toml = HALL.replace('kind = "accumulating"', 'kind = "strict"')
    toml += f'\n[plugins]\nenabled = ["{plugin}"]\n'
    for name, driver in devices.items():
        toml += f'\n[device.{name}]\ndriver = "{driver}"\nsimulated = "{where}"\n'
    for name, driver in (("strip-2", f"{prefix}-strip"), ("keypad-2", f"{prefix}-{keypad}")):
        toml += f'\n[device.{name}]\ndriver = "{driver}"\nsimulated = "{where}"\ncounter = 2\n'
    return toml


async def order_of_calls(folder: Path, maker: str) -> list[str]:
    """Who is called when the agent of counter 2 presses next, start and finish until nobody is left."""
    async with running(folder, hall_of(maker)) as hall:
        await online(hall)
        for service, customer_class in TICKETS:
            await hall.take(service, customer_class=customer_class)
        await hall.open_counter(2)
        keypad = hall.node.simulators["keypad-2"].simulator
        for _ in TICKETS:
            for key, outcome in (
                (Key.NEXT, "ticket.called"),
                (Key.START, "ticket.service_started"),
                (Key.FINISH, "ticket.finished"),
            ):
                before = await count(hall, outcome)
                keypad.press(key)  # type: ignore[attr-defined] # the simulator of a keypad
                await until(hall, outcome, before + 1)
        return [r["data"]["number"] for r in await hall.records() if r["type"] == "ticket.called"]


async def online(hall: Running) -> None:
    """Every device can serve."""
    with trio.fail_after(PATIENCE_S):
        while True:
            devices = (await hall.as_admin.get("/api/v1/devices")).json()
            if {device["status"] for device in devices} == {"online"}:
                return
            await trio.sleep(0.05)


async def count(hall: Running, kind: str) -> int:
    return sum(record["type"] == kind for record in await hall.records())


async def until(hall: Running, kind: str, many: int) -> None:
    with trio.fail_after(PATIENCE_S):
        while True:
            if await count(hall, kind) >= many:
                return
            await trio.sleep(0.02)


async def test_two_halls_with_different_machines_call_in_the_same_order(tmp_path: Path) -> None:
    """R-02."""
    reference = await order_of_calls(tmp_path / "reference", "reference")
    zhaowei = await order_of_calls(tmp_path / "zhaowei", "zhaowei")
    # Level 1 at counter 2 are business plans, then payments; premium customers first in each.
    assert reference == ["B002", "B001", "A002", "A004", "A001", "A003"]
    assert zhaowei == reference
