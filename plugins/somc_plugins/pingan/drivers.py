"""Drivers for a Pingan hall: caller on the polled bus, LED strip, integrated screen.

What must stay true: contents are checked and encoded when they are given; what the LEDs show is never said to
be confirmed, because they have no way back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import trio

from somc_hal.capabilities import (
    CounterCallerCapabilities,
    CounterDisplayCapabilities,
    HallDisplayCapabilities,
)
from somc_hal.codecs.frames import Frame, FrameCodec
from somc_hal.codecs.profiled import ProfiledBusCodec
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import BUS_OPTIONS, BusDriver
from somc_hal.drivers.one_way import ONE_WAY_OPTIONS, OneWayCommand, OneWayDialect, unconfirmed
from somc_hal.drivers.options import Option
from somc_hal.drivers.stx_profile import profile_option
from somc_hal.port import LinkReport
from somc_hal.profiles import Profile, ProfileError, load
from somc_hal.status import DeviceStatus, Truth
from somc_hal.text import fit
from somc_hal.values import HallRow, KeyEvent

from .bus import PinganCommand, PinganDialect, PinganWire

__all__ = ["ARROW", "GAP", "PinganCaller", "PinganHall", "PinganStrip", "led_wire", "pingan_wire"]

ARROW, GAP = "→", "  "
"""Between number and counter, and between two rows, of the integrated screen's one line of text."""

TURN_S = 0.003
"""How long the bus rests before the host speaks again: three byte times at 9600 Bd, so that a terminal has
let go of the line."""


@lru_cache(maxsize=64)
def pingan_wire(source: str) -> PinganWire:
    """The bus's numbers out of a profile. `ProfileError`."""
    return PinganWire(load(source))


@lru_cache(maxsize=64)
def led_wire(source: str) -> Profile:
    """The LEDs' profile. `ProfileError` if it cannot carry them."""
    profile = load(source)
    if profile.frame is None or profile.frame.fields != ("address", "screen", "kind"):
        raise ProfileError(f"{profile.path}: frame.layout: allowed fields: address, screen, kind")
    for name in ("strip", "integrated"):
        if name not in profile.ops:
            raise ProfileError(f"{profile.path}: ops: {name!r} has no code")
    return profile


class PinganCaller(BusDriver[Frame]):
    """Counter keypad 叫号器 on the polled bus."""

    DRIVER = "pingan-caller"
    DEVICE_CLASS = DeviceClass.COUNTER_CALLER
    PROTOCOL = "pingan"
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "profile": profile_option("pingan"),
        "display": Option(bool, True, "whether it shows the number and how many wait"),
        "beep": Option(bool, True, "whether it can beep"),
        "key_buffer": Option(int, 64, "key presses kept for a reader that is behind", 1, 1000),
        **BUS_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._slot = self._port.slot()
        send, receive = trio.open_memory_channel[KeyEvent](self._options["key_buffer"])
        self._pressed = send
        self._keys = receive

    def _codec(self) -> ProfiledBusCodec:
        return ProfiledBusCodec(pingan_wire(self._options["profile"]).form, gap_s=TURN_S)

    def _protocol(self) -> str:
        return f"pingan with the profile {self._options['profile']}"

    def _dialect(self) -> PinganDialect:
        self._terminal = PinganDialect(
            self._name,
            self.address,
            pingan_wire(self._options["profile"]),
            self._timing,
            on_key=self._key,
            on_restart=self._restarted,
        )
        return self._terminal

    @property
    def capabilities(self) -> CounterCallerCapabilities:
        chosen = self._options
        keys = tuple(key.value for key in self._terminal.wire.keys)
        return CounterCallerCapabilities(keys, True, chosen["display"], chosen["beep"], True)

    @property
    def keys(self) -> trio.MemoryReceiveChannel[KeyEvent]:
        return self._keys

    async def show(self, number: str, waiting: int, *, wait_s: float = 0.0) -> Truth:
        self._require(self.capabilities.display, "a display")
        body = fit(number, 8).encode("ascii", errors="replace") + b"\x0a"
        body += str(max(0, min(waiting, 9999))).encode("ascii")
        return await self._slot.wait(self._slot.put(lambda: self._command("number", body, "show")), wait_s)

    async def beep(self) -> None:
        self._require(self.capabilities.beep, "beeping")
        command = self._command("beep", b"", "beep")
        self._port.submit(command)
        await command.wait()

    def _command(self, op: str, body: bytes, what: str) -> PinganCommand:
        return PinganCommand(self._terminal, op, body, what)

    def _key(self, event: KeyEvent) -> bool:
        try:
            self._pressed.send_nowait(event)
        except trio.WouldBlock:
            return False
        return True

    def _restarted(self) -> None:
        self._port.again()


class _Led(BusDriver[Frame]):
    """An LED on its write-only line, which several share."""

    PROTOCOL = "pingan_led"
    OP: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "profile": profile_option("pingan_led"),
        **ONE_WAY_OPTIONS,
        **BUS_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._slot = self._port.slot()

    def _profile(self) -> Profile:
        return led_wire(self._options["profile"])

    def _codec(self) -> ProfiledBusCodec:
        profile = self._profile()
        assert profile.frame is not None  # led_wire checked it
        return ProfiledBusCodec(profile.frame, gap_s=profile.serial.gap_ms / 1000)

    def _protocol(self) -> str:
        return f"pingan_led with the profile {self._options['profile']}"

    def _dialect(self) -> OneWayDialect:
        self._writer = self._profile().codec()
        return OneWayDialect(self._options["refresh_s"], lambda: self._port.again())

    def _condition(self, link: LinkReport) -> DeviceStatus:
        return unconfirmed(super()._condition(link))

    @property
    def _limit(self) -> int:
        return self._writer.form.limit_bytes

    async def _show(self, text: bytes, wait_s: float) -> Truth:
        wire = led_frame(self._writer, self._profile(), self.address, self.OP, text)
        return await self._slot.wait(self._slot.put(lambda: OneWayCommand(self._name, "show", wire)), wait_s)


def led_frame(writer: FrameCodec, profile: Profile, address: int, op: str, text: bytes) -> bytes:
    """The bytes that let the LED at `address` show `text`."""
    screen, kind = profile.ops[op].to_bytes(2, "big")
    return writer.encode(Frame((address, screen, kind), text))


class PinganStrip(_Led):
    """LED strip over a counter 条屏: one line of text."""

    DRIVER = "pingan-strip"
    DEVICE_CLASS = DeviceClass.COUNTER_DISPLAY
    OP = "strip"
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "columns": Option(int, 16, "half-width cells it shows", 4, 64),
        **_Led.OPTIONS,
    }

    @property
    def capabilities(self) -> CounterDisplayCapabilities:
        return CounterDisplayCapabilities(1, self._options["columns"], "gbk", False, False)

    async def show(self, lines: Sequence[str], *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        self._require(len(lines) <= 1, f"{len(lines)} lines (it has 1)")
        self._require(not blink, "blinking")
        text = fit(lines[0] if lines else "", self._options["columns"])
        return await self._show(text.encode("gbk", errors="replace"), wait_s)


class PinganHall(_Led):
    """Integrated screen 综合屏: one text, in which rows and footer stand one after the other."""

    DRIVER = "pingan-hall"
    DEVICE_CLASS = DeviceClass.HALL_DISPLAY
    OP = "integrated"
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "rows": Option(int, 6, "called numbers shown at a time", 1, 16),
        "columns": Option(int, 32, "half-width cells of the footer", 4, 64),
        **_Led.OPTIONS,
    }
    _FIELD_CELLS = 12

    @property
    def capabilities(self) -> HallDisplayCapabilities:
        chosen = self._options
        return HallDisplayCapabilities(chosen["rows"], chosen["columns"], "gbk", True, False, False)

    async def show(self, rows: Sequence[HallRow], *, footer: str = "", wait_s: float = 0.0) -> Truth:
        """As the interface says; notes are left out, and rows that one frame cannot carry, from the end."""
        can = self.capabilities
        self._require(len(rows) <= can.rows, f"{len(rows)} rows (it has {can.rows})")
        self._require(not any(row.highlight for row in rows), "highlighting")
        parts = [f"{self._word(row.number)}{ARROW}{self._word(row.counter)}" for row in rows]
        said = [" ".join(fit(footer, can.columns).split())] if footer.strip() else []
        while len(text := GAP.join([*parts, *said]).encode("gbk", errors="replace")) > self._limit:
            parts.pop()
        return await self._show(text, wait_s)

    def _word(self, text: str) -> str:
        return " ".join(fit(text, self._FIELD_CELLS).split())
