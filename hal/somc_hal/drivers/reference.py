"""Drivers for SOMC's reference protocol: strip display, hall display and keypad.

What must stay true: the content is checked and encoded when it is given, so a caller learns of its
mistake at once and the port's task only ever sends bytes; what a capability does not declare is
refused before that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import trio

from somc_hal.bus import Station
from somc_hal.capabilities import (
    CounterCallerCapabilities,
    CounterDisplayCapabilities,
    HallDisplayCapabilities,
)
from somc_hal.codecs.reference import (
    CHARSET,
    Kind,
    StripContent,
    read_key,
    write_number,
    write_rows,
    write_strip,
)
from somc_hal.codecs.stx import DATA_LIMIT_BYTES, REFERENCE, Op, StxFrame, StxWire
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import BUS_OPTIONS, PORT_OPTIONS, BusDriver, Driver
from somc_hal.drivers.options import Option
from somc_hal.port import Port, Timing
from somc_hal.ports import Ports
from somc_hal.status import Truth
from somc_hal.text import fit
from somc_hal.values import HallRow, Key, KeyEvent

from .stx_dialect import StxBusCodec, StxCommand, StxDialect

__all__ = [
    "ReferenceDisplay",
    "ReferenceHallDisplay",
    "ReferenceKeypad",
    "ReferenceStripDisplay",
    "StxDriver",
]

STX_OPTIONS: Mapping[str, Option] = {
    "address": Option(int, 1, "the device's bus address", 1, 254),
    "polled": Option(bool, False, "it stands on a bus with others and speaks only when it is asked"),
    "poll_s": BUS_OPTIONS["poll_s"],
    **PORT_OPTIONS,
}


class StxDriver(BusDriver[StxFrame]):
    """A device that speaks the reference protocol, on a line of its own or, `polled`, on a bus. A subclass
    adds `KIND` and, if it has any, events."""

    PROTOCOL = "reference"

    KIND: ClassVar[Kind]

    def _codec(self) -> StxBusCodec:
        return StxBusCodec(self._wire())

    def _times(self) -> Timing:
        return super()._times() if self._options["polled"] else Driver._times(self)

    def _make_port(self, ports: Ports) -> Port[StxFrame] | Station[StxFrame]:
        return super()._make_port(ports) if self._options["polled"] else Driver._make_port(self, ports)

    def _dialect(self) -> StxDialect:
        self._stx = StxDialect(
            self._name,
            self.KIND,
            self.address,
            self._timing,
            on_event=self._event,
            on_restart=self._restarted,
            polled=self._options["polled"],
            wire=self._wire(),
        )
        return self._stx

    def _wire(self) -> StxWire:
        """The numbers on the wire; those of the reference protocol."""
        return REFERENCE

    def _event(self, frame: StxFrame) -> bool | None:
        """An event of the device: `True` taken, `False` not now, `None` malformed."""
        return None

    def _restarted(self) -> None:
        self._port.again()


class ReferenceDisplay(StxDriver):
    """A device with one slot of content."""

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._slot = self._port.slot()

    async def _show(self, op: Op, data: bytes, wait_s: float) -> Truth:
        def make() -> StxCommand:
            return self._stx.command(op, data, "show")

        first = make()  # a content that no frame can carry is the caller's fault, now
        return await self._slot.wait(self._slot.put(make, first), wait_s)


class ReferenceStripDisplay(ReferenceDisplay):
    """Strip display 条屏 over the reference protocol."""

    DRIVER = "reference-strip"
    DEVICE_CLASS = DeviceClass.COUNTER_DISPLAY
    KIND = Kind.STRIP_DISPLAY
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "lines": Option(int, 2, "lines of text", 1, 8),
        "columns": Option(int, 16, "half-width cells a line", 4, 64),
        "blink": Option(bool, True, "whether the display can blink"),
        **STX_OPTIONS,
    }

    @property
    def capabilities(self) -> CounterDisplayCapabilities:
        options = self._options
        return CounterDisplayCapabilities(
            options["lines"], options["columns"], CHARSET, options["blink"], True
        )

    async def show(self, lines: Sequence[str], *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        can = self.capabilities
        self._require(len(lines) <= can.lines, f"{len(lines)} lines (it has {can.lines})")
        self._require(can.blink or not blink, "blinking")
        content = StripContent(tuple(fit(line, can.columns) for line in lines), blink)
        return await self._show(Op.STRIP, write_strip(content), wait_s)


class ReferenceHallDisplay(ReferenceDisplay):
    """Hall display 综合屏 over the reference protocol."""

    DRIVER = "reference-hall"
    DEVICE_CLASS = DeviceClass.HALL_DISPLAY
    KIND = Kind.HALL_DISPLAY
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "rows": Option(int, 8, "called numbers shown at a time", 1, 16),
        "columns": Option(int, 32, "half-width cells of the note and of the footer", 4, 64),
        "footer": Option(bool, True, "whether there is a line of free text"),
        "highlight": Option(bool, True, "whether a row can be highlighted"),
        **STX_OPTIONS,
    }
    _FIELD_CELLS = 12  # number and counter are short; more would be a mistake of wording

    @property
    def capabilities(self) -> HallDisplayCapabilities:
        options = self._options
        return HallDisplayCapabilities(
            options["rows"], options["columns"], CHARSET, options["footer"], options["highlight"], True
        )

    async def show(self, rows: Sequence[HallRow], *, footer: str = "", wait_s: float = 0.0) -> Truth:
        """As the interface says; rows that one frame cannot carry are left out from the end."""
        can = self.capabilities
        self._require(len(rows) <= can.rows, f"{len(rows)} rows (it has {can.rows})")
        self._require(can.footer or not footer, "a footer")
        self._require(can.highlight or not any(row.highlight for row in rows), "highlighting")
        fitted = [
            HallRow(
                fit(row.number, self._FIELD_CELLS),
                fit(row.counter, self._FIELD_CELLS),
                fit(row.note, can.columns),
                row.highlight,
            )
            for row in rows
        ]
        said = fit(footer, can.columns)
        while len(data := write_rows(fitted, said)) > DATA_LIMIT_BYTES:
            fitted.pop()
        return await self._show(Op.ROWS, data, wait_s)


class ReferenceKeypad(ReferenceDisplay):
    """Counter keypad 叫号器 over the reference protocol: it speaks first, every key is acknowledged."""

    DRIVER = "reference-keypad"
    DEVICE_CLASS = DeviceClass.COUNTER_CALLER
    KIND = Kind.KEYPAD
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "display": Option(bool, True, "whether it shows the number and how many wait"),
        "beep": Option(bool, True, "whether it can beep"),
        "key_buffer": Option(int, 64, "key presses kept for a reader that is behind", 1, 1000),
        **STX_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        send, receive = trio.open_memory_channel[KeyEvent](self._options["key_buffer"])
        self._pressed = send
        self._keys = receive

    @property
    def capabilities(self) -> CounterCallerCapabilities:
        options = self._options
        keys = tuple(key.value for key in Key)
        return CounterCallerCapabilities(keys, True, options["display"], options["beep"], True)

    @property
    def keys(self) -> trio.MemoryReceiveChannel[KeyEvent]:
        return self._keys

    async def show(self, number: str, waiting: int, *, wait_s: float = 0.0) -> Truth:
        self._require(self.capabilities.display, "a display")
        return await self._show(Op.NUMBER, write_number(fit(number, 12), max(0, min(waiting, 9999))), wait_s)

    async def beep(self) -> None:
        self._require(self.capabilities.beep, "beeping")
        command = self._stx.command(Op.BEEP, b"", "beep")
        self._port.submit(command)
        await command.wait()

    def _event(self, frame: StxFrame) -> bool | None:
        event = read_key(frame.address, frame.data) if frame.op is Op.KEY else None
        if event is None:
            return None
        try:
            self._pressed.send_nowait(event)
        except trio.WouldBlock:
            return False
        return True
