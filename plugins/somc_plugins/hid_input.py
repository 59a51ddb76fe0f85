"""Keypads and scanners that are keyboards to the machine: read from Linux's input layer.

What must stay true
- The device is taken for this driver alone (`?grab=1`), or its digits also land on the console.
- The kernel says nothing of a device that is silent: an open node is online, `confirmed` stays unknown, and a
  device that was pulled is noticed because its node ends.
- Keys are not acknowledged: one that nobody has room for is lost.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import trio

from somc.api import hookimpl
from somc_hal.capabilities import CounterCallerCapabilities, KioskInputCapabilities
from somc_hal.codecs.linux_input import (
    KEYS,
    InputDecoder,
    InputEvent,
    TextAssembler,
    keystrokes,
    typed_codes,
)
from somc_hal.devices import DeviceClass
from somc_hal.drivers import PORT_OPTIONS, Driver, DriverSpec, Option
from somc_hal.drivers.one_way import OneWayDialect, unconfirmed
from somc_hal.errors import Unsupported
from somc_hal.port import LinkReport
from somc_hal.simulators import Simulator
from somc_hal.status import DeviceStatus, Truth
from somc_hal.values import InputSource, Key, KeyEvent, Typed

__all__ = [
    "DRIVERS",
    "SIMULATORS",
    "HidKeypad",
    "HidKeypadSimulator",
    "HidKioskInput",
    "HidKioskInputSimulator",
    "somc_device_drivers",
    "somc_device_simulators",
]

DIGITS_LIMIT = 8
USUAL = (
    "enter=next",
    "kpenter=next",
    "plus=recall",
    "minus=no_show",
    "slash=pause",
    "asterisk=transfer",
    "dot=finish",
)


class _Dialect(OneWayDialect):
    """Structs in; nothing out."""

    def __init__(self, assembler: TextAssembler, on_entry: Callable[[str, str], None]) -> None:
        super().__init__(math.inf, lambda: None)
        self._assembler = assembler
        self._decoder = InputDecoder()
        self._on_entry = on_entry

    def opened(self) -> None:
        super().opened()
        self._decoder = InputDecoder()
        self._assembler.reset()

    def feed(self, data: bytes) -> Sequence[InputEvent]:
        return self._decoder.feed(data)

    def unasked(self, frame: InputEvent) -> bytes:
        entry = self._assembler.take(frame)
        if entry is not None:
            self._on_entry(*entry)
        return b""


class _Hid(Driver[InputEvent]):
    """What both drivers share."""

    keeps_events = False
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "clear_s": Option(float, 10.0, "typing that rests so long is forgotten", 0.1, 3600),
        "event_buffer": Option(int, 64, "entries kept for a reader that is behind", 1, 1000),
        **PORT_OPTIONS,
    }

    def _dialect(self) -> _Dialect:
        assembler = TextAssembler(limit=self._limit(), clear_s=self._options["clear_s"])
        return _Dialect(assembler, self._entered)

    @abstractmethod
    def _limit(self) -> int:
        """The longest text."""

    @abstractmethod
    def _entered(self, text: str, key: str) -> None:
        """`text` was typed and ended by the key of that name."""

    def _condition(self, link: LinkReport) -> DeviceStatus:
        return unconfirmed(super()._condition(link))


class HidKioskInput(_Hid):
    """Kiosk keypad or scanner 取号机输入: a text ends with Enter or Tab."""

    DRIVER = "hid-kiosk-input"
    DEVICE_CLASS = DeviceClass.KIOSK_INPUT
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "source": Option(str, "keypad", "what it is", choices=tuple(source.value for source in InputSource)),
        "max_length": Option(int, 64, "longest text it enters; what is longer is cut", 1, 500),
        **_Hid.OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        send, receive = trio.open_memory_channel[Typed](self._options["event_buffer"])
        self._told = send
        self._typed = receive

    @property
    def capabilities(self) -> KioskInputCapabilities:
        return KioskInputCapabilities((self._options["source"],), self._options["max_length"], False)

    @property
    def typed(self) -> trio.MemoryReceiveChannel[Typed]:
        return self._typed

    def _limit(self) -> int:
        limit: int = self._options["max_length"]
        return limit

    def _entered(self, text: str, key: str) -> None:
        if not text or key not in ("enter", "kpenter", "tab"):
            return
        try:
            self._told.send_nowait(Typed(InputSource(self._options["source"]), text))
        except trio.WouldBlock:
            return


class HidKeypad(_Hid):
    """A USB number pad as a counter keypad 叫号器: digits, then a key that has a meaning."""

    DRIVER = "hid-keypad"
    DEVICE_CLASS = DeviceClass.COUNTER_CALLER
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "keymap": Option(tuple, USUAL, "what a key means: its name on the pad = its meaning"),
        **_Hid.OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._map = self._read_map(self._options["keymap"])
        send, receive = trio.open_memory_channel[KeyEvent](self._options["event_buffer"])
        self._pressed = send
        self._keys = receive

    def _read_map(self, entries: Sequence[str]) -> dict[str, Key]:
        meanings = {key.value: key for key in Key}
        chosen = {}
        for entry in entries:
            name, found, meaning = entry.partition("=")
            if not found or name not in KEYS or meaning not in meanings:
                raise ValueError(
                    f"driver {self.DRIVER!r}, option 'keymap': found {entry!r}; allowed: one of "
                    f"{', '.join(KEYS)}, then =, then one of {', '.join(meanings)}"
                )
            chosen[name] = meanings[meaning]
        return chosen

    @property
    def address(self) -> int:
        """It has none of its own; its keys say 1."""
        return 1

    @property
    def capabilities(self) -> CounterCallerCapabilities:
        keys = tuple(dict.fromkeys(key.value for key in self._map.values()))
        return CounterCallerCapabilities(keys, True, False, False, False)

    @property
    def keys(self) -> trio.MemoryReceiveChannel[KeyEvent]:
        return self._keys

    async def show(self, number: str, waiting: int, *, wait_s: float = 0.0) -> Truth:
        await trio.lowlevel.checkpoint()
        raise Unsupported(self._name, "a display is not among its capabilities")

    async def beep(self) -> None:
        await trio.lowlevel.checkpoint()
        raise Unsupported(self._name, "beeping is not among its capabilities")

    def _limit(self) -> int:
        return DIGITS_LIMIT

    def _entered(self, text: str, key: str) -> None:
        meaning = self._map.get(key)
        if meaning is None:
            return
        digits = text if text.isascii() and text.isdigit() else ""
        try:
            self._pressed.send_nowait(KeyEvent(self.address, meaning, digits))
        except trio.WouldBlock:
            return


class _HidSimulator(Simulator):
    """Types on a keyboard that nobody can talk to."""

    CHECKED = False  # the kernel's structs bear no check
    NOISE = b""  # and pass through no line

    def __init__(self) -> None:
        super().__init__()
        self._clock_s = 0.0

    def type_codes(self, codes: Sequence[int | tuple[int, int]], *, rest_s: float = 0.1) -> None:
        """Press these keys, `rest_s` after the last ones. Without power nothing happens."""
        if self.powered:
            self._clock_s += rest_s
            self._say(keystrokes(codes, self._clock_s))

    def _plugged(self) -> None:
        """A keyboard remembers nothing."""

    def _received(self, data: bytes) -> None:
        """A keyboard hears nothing."""

    def _forget(self) -> None:
        """A keyboard remembers nothing."""


class HidKioskInputSimulator(_HidSimulator):
    """A keypad or scanner: what is typed or scanned ends with Enter."""

    DRIVER = "hid-kiosk-input"

    def type(self, text: str) -> None:
        """Type a text and confirm it. `ValueError` for a sign that no key has."""
        self.type_codes([*typed_codes(text), KEYS["enter"]])

    def scan(self, text: str) -> None:
        """Scan a code: a scanner types it."""
        self.type(text)


class HidKeypadSimulator(_HidSimulator):
    """A number pad with the usual meanings of its keys."""

    DRIVER = "hid-keypad"

    def press(self, key: Key | str, digits: str = "") -> None:
        """Type `digits`, then the key with that meaning. `ValueError` for one that no key has."""
        usual = {meaning: name for name, _, meaning in (entry.partition("=") for entry in USUAL)}
        name = usual.get(Key(key).value)
        if name is None:
            raise ValueError(f"no key of the pad means {Key(key).value}")
        self.type_codes([*typed_codes(digits), KEYS[name]])


def _spec(make: type[Driver[Any]], doc: str) -> DriverSpec:
    return DriverSpec(make.DRIVER, make.DEVICE_CLASS, make, make.OPTIONS, doc)


DRIVERS: tuple[DriverSpec, ...] = (
    _spec(HidKioskInput, "Kiosk keypad or scanner that is a keyboard to the machine."),
    _spec(HidKeypad, "USB number pad as a counter keypad."),
)
SIMULATORS: Mapping[str, Callable[[], Simulator]] = {
    HidKioskInputSimulator.DRIVER: HidKioskInputSimulator,
    HidKeypadSimulator.DRIVER: HidKeypadSimulator,
}


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    """The drivers of this plugin."""
    return DRIVERS


@hookimpl
def somc_device_simulators() -> Mapping[str, Callable[[], Simulator]]:
    """And the simulators that speak to them."""
    return SIMULATORS
