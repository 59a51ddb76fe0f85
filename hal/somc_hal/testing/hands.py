"""What a person at the bench would do with each class of device: use it, look at it, ask too much.

What must stay true: `use` differs for each number, so that `seen` can tell which uses arrived and how
often; `too_much` is what no device of those capabilities may take.

What a simulator must offer is what is read here: `slips` of a printer; `history` of a display, keypad,
lamp or screen; `spoken` and `s_per_cell` of an announcer; `press`, `rate`, `type`, `scan`, `insert`,
`walk` and `measure` of what tells events; `scene` and `stills` of a camera.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from somc_hal.devices import DeviceClass
from somc_hal.status import Truth
from somc_hal.testing.bench import Bench
from somc_hal.values import Colour, HallRow, Key, Phrase, ScreenContent, SlipCode, SlipImage, SlipLine

__all__ = ["HANDS", "Events", "Excess", "Hands"]

Call = Callable[[Any], Awaitable[Any]]

MANY = 60000
"""How many kinds of events a device has that tells free texts or numbers."""


@dataclass(frozen=True, slots=True)
class Excess:
    """Something asked of a device built with `options` that it must refuse if `undeclared(capabilities)`."""

    options: Mapping[str, Any]
    undeclared: Callable[[Any], bool]
    call: Call


def _many(bench: Bench) -> int:
    return MANY


@dataclass(frozen=True, slots=True)
class Events:
    """What a device tells of itself: `emit(bench, n)` with n from 1 to `kinds(bench)` lets one happen,
    `told(device)` is the channel of events, `number(bench, event)` which one it was."""

    emit: Callable[[Bench, int], None]
    told: Callable[[Any], trio.MemoryReceiveChannel[Any]]
    number: Callable[[Bench, Any], int]
    kinds: Callable[[Bench], int] = _many


@dataclass(frozen=True, slots=True)
class Hands:
    """`use(bench, n)` waits for the device's confirmation; `seen(bench)` lists the numbers that arrived;
    `put(device, n)` shows without waiting."""

    use: Callable[[Bench, int], Awaitable[Truth]]
    seen: Callable[[Bench], Sequence[int]]
    too_much: Sequence[Excess] = ()
    put: Callable[[Any, int], Awaitable[Truth]] | None = None
    events: Events | None = None


# --- printer, displays, voice ----------------------------------------------------------------------


async def _print(bench: Bench, number: int) -> Truth:
    big = bench.driver.capabilities.double_size
    lines = [SlipLine("移动营业厅", double=big), SlipLine(f"A{number}")]
    outcome: Truth = await bench.driver.print(f"job-{number}", lines)
    return outcome


def _printed(bench: Bench) -> list[int]:
    return [int(slip.text.rpartition("\nA")[2]) for slip in bench.simulator.slips if "\nA" in slip.text]


async def _strip(bench: Bench, number: int) -> Truth:
    lines = [f"请 A{number}", "到此办理"][: bench.driver.capabilities.lines]
    outcome: Truth = await bench.driver.show(lines, wait_s=2.0)
    return outcome


def _stripped(bench: Bench) -> list[int]:
    return [int(content.lines[0].rpartition("A")[2]) for content in bench.simulator.history]


def _put_strip(device: Any, number: int) -> Awaitable[Truth]:
    shown: Awaitable[Truth] = device.show([f"A{number}"])
    return shown


async def _rows(bench: Bench, number: int) -> Truth:
    can = bench.driver.capabilities
    row = HallRow(f"A{number}", "3", "请办理", can.highlight)
    outcome: Truth = await bench.driver.show([row], footer="欢迎" if can.footer else "", wait_s=2.0)
    return outcome


def _rowed(bench: Bench) -> list[int]:
    return [int(content.rows[0].number[1:]) for content in bench.simulator.history]


def _put_rows(device: Any, number: int) -> Awaitable[Truth]:
    shown: Awaitable[Truth] = device.show([HallRow(f"A{number}", "1")])
    return shown


async def _speak(bench: Bench, number: int) -> Truth:
    bench.simulator.s_per_cell = 0
    phrases = [Phrase(f"请 A{number}", tag) for tag in bench.driver.capabilities.languages]
    outcome: Truth = await bench.driver.announce(phrases)
    return outcome


def _spoke(bench: Bench) -> list[int]:
    return [int(said.phrases[0].text.rpartition("A")[2]) for said in bench.simulator.spoken]


def _lamps(can: Any) -> list[tuple[Colour | None, bool]]:
    """Lights that differ: with three colours and blinking there are seven."""
    blinks = (False, True) if can.blink else (False,)
    return [(None, False), *((Colour(name), blink) for name in can.colours for blink in blinks)]


def _put_light(device: Any, number: int, wait_s: float = 0.0) -> Awaitable[Truth]:
    lamps = _lamps(device.capabilities)
    colour, blink = lamps[number % len(lamps)]
    shown: Awaitable[Truth] = device.set(colour, blink=blink, wait_s=wait_s)
    return shown


async def _light(bench: Bench, number: int) -> Truth:
    return await _put_light(bench.driver, number, 2.0)


def _lit(bench: Bench) -> list[int]:
    lamps = _lamps(bench.driver.capabilities)
    return [lamps.index(light) or len(lamps) for light in bench.simulator.history]


async def _take(bench: Bench, number: int) -> Truth:
    # The number stands in a comment of the picture, so that a picture of another moment is noticed.
    note = b"\xff\xfe\x00\x04" + number.to_bytes(2, "big")
    bench.simulator.scene = b"\xff\xd8" + note + b"\xff\xd9"
    picture = await bench.driver.still()
    bench.heard.append(int.from_bytes(picture[6:8], "big"))
    return Truth.YES


async def _screen(bench: Bench, number: int) -> Truth:
    outcome: Truth = await bench.driver.show(ScreenContent((f"请 A{number}",)), wait_s=2.0)
    return outcome


def _put_screen(device: Any, number: int) -> Awaitable[Truth]:
    shown: Awaitable[Truth] = device.show(ScreenContent((f"A{number}",)))
    return shown


# --- keypad ----------------------------------------------------------------------------------------


async def _number(bench: Bench, number: int) -> Truth:
    if not bench.driver.capabilities.display:
        return await _happen(bench, number)
    outcome: Truth = await bench.driver.show(f"A{number}", number, wait_s=2.0)
    return outcome


def _numbered(bench: Bench) -> list[int]:
    if not bench.driver.capabilities.display:
        return bench.heard
    return [shown[1] for shown in bench.simulator.history]


def _put_number(device: Any, number: int) -> Awaitable[Truth]:
    shown: Awaitable[Truth] = device.show(f"A{number}", number)
    return shown


def _keys(bench: Bench) -> list[Key]:
    return [Key(name) for name in bench.driver.capabilities.keys]


# --- what tells events -----------------------------------------------------------------------------


async def _happen(bench: Bench, number: int) -> Truth:
    """Let an event happen and hear of it: that is how such a device is used."""
    events = HANDS[bench.driver.device_class].events
    assert events is not None
    number_told = (number - 1) % events.kinds(bench) + 1
    events.emit(bench, number_told)
    event = await events.told(bench.driver).receive()
    assert events.number(bench, event) == number_told, f"told {event!r} instead of number {number_told}"
    bench.heard.append(number)
    await bench.until(lambda: not bench.simulator.busy)
    return Truth.YES if bench.driver.capabilities.acknowledged else Truth.UNKNOWN


def _heard(bench: Bench) -> list[int]:
    return bench.heard


def _enter(bench: Bench, number: int) -> None:
    first = bench.driver.capabilities.sources[0]
    (bench.simulator.scan if first == "scanner" else bench.simulator.type)(str(number))


def _measure(bench: Bench, number: int) -> None:
    kind = bench.driver.capabilities.kinds[0]
    told = {"power", "door"} & {kind}
    bench.simulator.measure(kind, Truth.YES if told else float(number), str(number))


_DOTS = SlipImage(8, b"\x81\x42")
_CODE, _BIG = SlipCode("https://example.invalid"), SlipLine("A", double=True)


def _other(names: Sequence[str], kinds: type[Colour]) -> Colour:
    """One that is not declared; the first where all are."""
    return next((kind for kind in kinds if kind.value not in names), next(iter(kinds)))


HANDS: Mapping[DeviceClass, Hands] = {
    DeviceClass.TICKET_PRINTER: Hands(
        _print,
        _printed,
        [
            Excess({"qr": False}, lambda can: not can.qr, lambda device: device.print("j", [_CODE])),
            Excess(
                {"double_size": False},
                lambda can: not can.double_size,
                lambda device: device.print("j", [_BIG]),
            ),
            Excess({"raster": False}, lambda can: not can.raster, lambda device: device.print("j", [_DOTS])),
        ],
    ),
    DeviceClass.COUNTER_DISPLAY: Hands(
        _strip,
        _stripped,
        [
            Excess(
                {"blink": False}, lambda can: not can.blink, lambda device: device.show(["A1"], blink=True)
            ),
            Excess(
                {}, lambda can: True, lambda device: device.show(["A1"] * (device.capabilities.lines + 1))
            ),
        ],
        _put_strip,
    ),
    DeviceClass.HALL_DISPLAY: Hands(
        _rows,
        _rowed,
        [
            Excess({"footer": False}, lambda can: not can.footer, lambda device: device.show([], footer="x")),
            Excess(
                {"highlight": False},
                lambda can: not can.highlight,
                lambda device: device.show([HallRow("A1", "1", highlight=True)]),
            ),
            Excess(
                {},
                lambda can: True,
                lambda device: device.show([HallRow("A1", "1")] * (device.capabilities.rows + 1)),
            ),
        ],
        _put_rows,
    ),
    DeviceClass.ANNOUNCER: Hands(
        _speak,
        _spoke,
        [
            Excess({}, lambda can: True, lambda device: device.announce([Phrase("hello", "x-none")])),
            Excess(
                {"interruptible": False},
                lambda can: not can.interruptible,
                lambda device: device.interrupt(),
            ),
        ],
    ),
    DeviceClass.COUNTER_CALLER: Hands(
        _number,
        _numbered,
        [
            Excess({"display": False}, lambda can: not can.display, lambda device: device.show("A1", 1)),
            Excess({"beep": False}, lambda can: not can.beep, lambda device: device.beep()),
        ],
        _put_number,
        events=Events(
            emit=lambda bench, number: bench.simulator.press(_keys(bench)[number - 1]),
            told=lambda device: device.keys,
            number=lambda bench, event: _keys(bench).index(event.key) + 1,
            kinds=lambda bench: len(_keys(bench)),
        ),
    ),
    DeviceClass.EVALUATOR: Hands(
        _happen,
        _heard,
        [Excess({"prompt": False}, lambda can: not can.prompt, lambda device: device.ask("A1"))],
        events=Events(
            emit=lambda bench, number: bench.simulator.rate(number),
            told=lambda device: device.ratings,
            number=lambda bench, event: event.value,
            kinds=lambda bench: bench.driver.capabilities.levels,
        ),
    ),
    DeviceClass.KIOSK_INPUT: Hands(
        _happen,
        _heard,
        events=Events(
            emit=_enter,
            told=lambda device: device.typed,
            number=lambda bench, event: int(event.text),
        ),
    ),
    DeviceClass.CARD_READER: Hands(
        _happen,
        _heard,
        events=Events(
            emit=lambda bench, number: bench.simulator.insert(
                str(number), bench.driver.capabilities.kinds[0]
            ),
            told=lambda device: device.cards,
            number=lambda bench, event: int(event.number),
        ),
    ),
    DeviceClass.PEOPLE_COUNTER: Hands(
        _happen,
        _heard,
        events=Events(
            emit=lambda bench, number: bench.simulator.walk(entered=number),
            told=lambda device: device.passages,
            number=lambda bench, event: event.entered,
        ),
    ),
    DeviceClass.HARDWARE_MONITOR: Hands(
        _happen,
        _heard,
        events=Events(
            emit=_measure,
            told=lambda device: device.readings,
            number=lambda bench, event: int(event.place),
        ),
    ),
    DeviceClass.INDICATOR: Hands(
        _light,
        _lit,
        [
            Excess({"blink": False}, lambda can: not can.blink, lambda device: device.set(None, blink=True)),
            Excess(
                {},
                lambda can: len(can.colours) < len(Colour),
                lambda device: device.set(_other(device.capabilities.colours, Colour)),
            ),
        ],
        _put_light,
    ),
    DeviceClass.SECOND_SCREEN: Hands(
        _screen,
        lambda bench: [int(content.lines[0].rpartition("A")[2]) for content in bench.simulator.history],
        [
            Excess(
                {"images": False},
                lambda can: not can.images,
                lambda device: device.show(ScreenContent(image="sale.png")),
            ),
            Excess(
                {},
                lambda can: True,
                lambda device: device.show(ScreenContent(("A1",) * (device.capabilities.lines + 1))),
            ),
        ],
        _put_screen,
    ),
    DeviceClass.CAMERA: Hands(_take, _heard),
}
"""By device class."""
