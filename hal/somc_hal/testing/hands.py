"""What a person at the bench would do with each class of device: use it, look at it, ask too much.

What must stay true: `use` differs for each number, so that `seen` can tell which uses arrived and how
often; `too_much` lists what a device built with those options does not declare.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from somc_hal.devices import DeviceClass
from somc_hal.status import Truth
from somc_hal.testing.bench import Bench
from somc_hal.values import HallRow, Phrase, SlipCode, SlipLine

__all__ = ["HANDS", "Hands"]

Call = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Hands:
    """`use(bench, n)` waits for the device's confirmation; `seen(bench)` lists the numbers it acted on."""

    use: Callable[[Bench, int], Awaitable[Truth]]
    seen: Callable[[Bench], Sequence[int]]
    too_much: Sequence[tuple[Mapping[str, Any], Call]]


async def _print(bench: Bench, number: int) -> Truth:
    lines = [SlipLine("移动营业厅", double=True), SlipLine(f"A{number}")]
    outcome: Truth = await bench.driver.print(f"job-{number}", lines)
    return outcome


def _printed(bench: Bench) -> list[int]:
    return [int(slip.text.rpartition("\nA")[2]) for slip in bench.simulator.slips if "\nA" in slip.text]


async def _strip(bench: Bench, number: int) -> Truth:
    outcome: Truth = await bench.driver.show([f"请 A{number}", "到此办理"], wait_s=2.0)
    return outcome


def _stripped(bench: Bench) -> list[int]:
    return [int(content.lines[0].rpartition("A")[2]) for content in bench.simulator.history]


async def _rows(bench: Bench, number: int) -> Truth:
    outcome: Truth = await bench.driver.show(
        [HallRow(f"A{number}", "3", "请办理", True)], footer="欢迎", wait_s=2.0
    )
    return outcome


def _rowed(bench: Bench) -> list[int]:
    return [int(content.rows[0].number[1:]) for content in bench.simulator.history]


async def _speak(bench: Bench, number: int) -> Truth:
    bench.simulator.s_per_cell = 0
    outcome: Truth = await bench.driver.announce([Phrase(f"请 A{number}", "zh"), Phrase("please", "en")])
    return outcome


def _spoke(bench: Bench) -> list[int]:
    return [int(said.phrases[0].text.rpartition("A")[2]) for said in bench.simulator.spoken]


async def _number(bench: Bench, number: int) -> Truth:
    outcome: Truth = await bench.driver.show(f"A{number}", number, wait_s=2.0)
    return outcome


def _numbered(bench: Bench) -> list[int]:
    return [shown[1] for shown in bench.simulator.history]


_CODE, _BIG = SlipCode("https://example.invalid"), SlipLine("A", double=True)
_LIT, _FOOT = HallRow("A1", "1", highlight=True), "x"

HANDS: Mapping[DeviceClass, Hands] = {
    DeviceClass.TICKET_PRINTER: Hands(
        _print,
        _printed,
        [
            ({"qr": False}, lambda device: device.print("j", [_CODE])),
            ({"double_size": False}, lambda device: device.print("j", [_BIG])),
        ],
    ),
    DeviceClass.COUNTER_DISPLAY: Hands(
        _strip,
        _stripped,
        [
            ({"blink": False}, lambda device: device.show(["A1"], blink=True)),
            ({"lines": 1}, lambda device: device.show(["A1", "A2"])),
        ],
    ),
    DeviceClass.HALL_DISPLAY: Hands(
        _rows,
        _rowed,
        [
            ({"footer": False}, lambda device: device.show([], footer=_FOOT)),
            ({"highlight": False}, lambda device: device.show([_LIT])),
            ({"rows": 1}, lambda device: device.show([HallRow("A1", "1"), HallRow("A2", "2")])),
        ],
    ),
    DeviceClass.ANNOUNCER: Hands(
        _speak,
        _spoke,
        [
            ({"languages": ["zh"]}, lambda device: device.announce([Phrase("hello", "en")])),
            ({"interruptible": False}, lambda device: device.interrupt()),
        ],
    ),
    DeviceClass.COUNTER_CALLER: Hands(
        _number,
        _numbered,
        [
            ({"display": False}, lambda device: device.show("A1", 1)),
            ({"beep": False}, lambda device: device.beep()),
        ],
    ),
}
