"""Drivers for the 21-key caller and its evaluator, and the numbers of their wire.

What must stay true: see the head of the package.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar

import trio

from somc_hal.capabilities import CounterCallerCapabilities, EvaluatorCapabilities
from somc_hal.codecs.frames import Frame, FrameCodec, FrameFormat
from somc_hal.codecs.profiled import ProfiledBusCodec
from somc_hal.devices import DeviceClass
from somc_hal.drivers import Option
from somc_hal.drivers.base import BUS_OPTIONS, BusDriver
from somc_hal.drivers.one_way import ONE_WAY_OPTIONS, OneWayCommand, OneWayDialect, unconfirmed
from somc_hal.drivers.stx_profile import profile_option
from somc_hal.errors import Unsupported
from somc_hal.port import LinkReport
from somc_hal.profiles import ProfileError, load
from somc_hal.status import DeviceStatus, Truth
from somc_hal.values import Key, KeyEvent, Rating

__all__ = ["BLANK", "DIGITS_LIMIT", "Pager21Caller", "Pager21Evaluator", "Pager21Wire", "pager21_wire"]

BLANK = 0x0A
DIGITS_LIMIT = 8
TURN_S = 0.003
_EVALUATOR = 0x100
"""Caller and evaluator have one address: on the bus the evaluator stands so far behind its caller."""


class Pager21Wire:
    """The numbers of a profile. A code above 255 is a key before which the digit in its low byte is typed."""

    def __init__(self, source: str) -> None:
        profile = load(source)
        if profile.frame is None or profile.frame.fields != ("address", "command"):
            raise ProfileError(f"{profile.path}: frame.layout: allowed fields: address, command")
        names = {key.value: key for key in Key}
        for name in profile.keys:
            if name not in names:
                raise ProfileError(f"{profile.path}: keys: found {name!r}; allowed: {', '.join(names)}")
        for name in ("number", "beep", "rated", "rated_ack"):
            if not 0 <= profile.ops.get(name, -1) <= 255:
                raise ProfileError(f"{profile.path}: ops: {name!r} needs a code of one byte")
        self.form: FrameFormat = profile.frame
        self.ops = profile.ops
        self.keys = {names[name]: code for name, code in profile.keys.items()}
        self._codec = FrameCodec(self.form)
        self._of = {code: key for key, code in self.keys.items()}
        self.commands = {code >> 8 or code for code in self._of}

    def encode(self, command: int, address: int, body: bytes = b"") -> bytes:
        """The bytes of a frame."""
        return self._codec.encode(Frame((address, command), body))

    def write_key(self, address: int, key: Key, digits: str = "") -> bytes:
        """The frame of a key."""
        code = self.keys[key]
        typed = bytes(int(digit) for digit in digits)
        if code > 255:
            return self.encode(code >> 8, address, bytes((code & 0xFF,)))
        return self.encode(code, address, typed)

    def read_key(self, frame: Frame) -> KeyEvent | None:
        """The key in a frame; `None` if it is none that is known."""
        address, command = frame.fields
        body = frame.body
        if len(body) > DIGITS_LIMIT or any(digit > 9 for digit in body):
            return None
        if len(body) == 1 and (key := self._of.get(command << 8 | body[0])) is not None:
            return KeyEvent(address, key)
        key = self._of.get(command)
        return None if key is None else KeyEvent(address, key, "".join(map(str, body)))


@lru_cache(maxsize=64)
def pager21_wire(source: str) -> Pager21Wire:
    """The wire that a profile describes. `ProfileError`."""
    return Pager21Wire(source)


class _Codec(ProfiledBusCodec):
    """Tells a caller's frames from those of the evaluator behind the same address."""

    def __init__(self, wire: Pager21Wire) -> None:
        super().__init__(wire.form, gap_s=TURN_S)
        self._rated = wire.ops["rated"]

    def address(self, frame: Frame) -> int:
        address, command = frame.fields
        return address + _EVALUATOR if command == self._rated else address


class _Dialect(OneWayDialect):
    """One device that speaks first. `take` acts on a frame: what to reply, or `None` for not now."""

    def __init__(
        self,
        refresh_s: float,
        debounce_s: float,
        *,
        on_refresh: Callable[[], None],
        take: Callable[[Frame], bytes | None],
    ) -> None:
        super().__init__(refresh_s, on_refresh)
        self._debounce_s = debounce_s
        self._take = take
        self._last: tuple[Frame, bytes] | None = None
        self._heard_at = -math.inf

    def unasked(self, frame: Frame) -> bytes:
        now = trio.current_time()
        if self._last is not None and self._last[0] == frame and now < self._heard_at + self._debounce_s:
            self._heard_at = now
            return self._last[1]
        reply = self._take(frame)
        if reply is None:
            return b""
        self._last, self._heard_at = (frame, reply), now
        return reply


class _Pager(BusDriver[Frame]):
    """What caller and evaluator share."""

    PROTOCOL = "pager21"
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "profile": profile_option("pager21"),
        "debounce_s": Option(float, 0.5, "the same frame again within this time is the same press", 0.01, 60),
        **ONE_WAY_OPTIONS,
        **BUS_OPTIONS,
    }

    @property
    def _wire(self) -> Pager21Wire:
        return pager21_wire(self._options["profile"])

    def _codec(self) -> _Codec:
        return _Codec(self._wire)

    def _protocol(self) -> str:
        return f"pager21 with the profile {self._options['profile']}"

    def _dialect(self) -> _Dialect:
        chosen = self._options
        return _Dialect(
            chosen["refresh_s"],
            chosen["debounce_s"],
            on_refresh=lambda: self._port.again(),
            take=self._take,
        )

    @abstractmethod
    def _take(self, frame: Frame) -> bytes | None:
        """Act on a frame of this device; what to reply, or `None` if there is no room for it."""

    def _condition(self, link: LinkReport) -> DeviceStatus:
        return unconfirmed(super()._condition(link))


class Pager21Caller(_Pager):
    """Counter keypad 叫号器 with a display of three and three digits."""

    DRIVER = "pager21"
    DEVICE_CLASS = DeviceClass.COUNTER_CALLER
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "display": Option(bool, True, "whether it shows the number and how many wait"),
        "beep": Option(bool, True, "whether it can beep"),
        "key_buffer": Option(int, 64, "key presses kept for a reader that is behind", 1, 1000),
        **_Pager.OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._slot = self._port.slot()
        send, receive = trio.open_memory_channel[KeyEvent](self._options["key_buffer"])
        self._pressed = send
        self._keys = receive

    @property
    def capabilities(self) -> CounterCallerCapabilities:
        chosen = self._options
        keys = tuple(key.value for key in self._wire.keys)
        return CounterCallerCapabilities(keys, True, chosen["display"], chosen["beep"], False)

    @property
    def keys(self) -> trio.MemoryReceiveChannel[KeyEvent]:
        return self._keys

    async def show(self, number: str, waiting: int, *, wait_s: float = 0.0) -> Truth:
        """As the interface says: the last three digits of the number, and at most 999 waiting."""
        self._require(self.capabilities.display, "a display")
        ticket = "".join(sign for sign in number if sign.isascii() and sign.isdigit())[-3:]
        body = _digits(str(max(0, min(waiting, 999)))) + _digits(ticket)
        wire = self._wire.encode(self._wire.ops["number"], self.address, body)
        return await self._slot.wait(self._slot.put(lambda: OneWayCommand(self._name, "show", wire)), wait_s)

    async def beep(self) -> None:
        self._require(self.capabilities.beep, "beeping")
        wire = self._wire.encode(self._wire.ops["beep"], self.address)
        command = OneWayCommand(self._name, "beep", wire)
        self._port.submit(command)
        await command.wait()

    def _take(self, frame: Frame) -> bytes | None:
        if frame.fields[1] not in self._wire.commands:
            return b""
        # The frame comes back as it is, whatever its digits say: else the caller would never be quiet.
        reply = self._wire.encode(frame.fields[1], self.address, frame.body)
        event = self._wire.read_key(frame)
        if event is not None:
            try:
                self._pressed.send_nowait(event)
            except trio.WouldBlock:
                return None
        return reply


def _digits(text: str) -> bytes:
    """Three digits, blanks before them."""
    return bytes([BLANK] * (3 - len(text)) + [int(digit) for digit in text])


class Pager21Evaluator(_Pager):
    """Evaluator 评价器 on the caller's cable. The agent's key asks for a rating; the host cannot."""

    DRIVER = "pager21-evaluator"
    DEVICE_CLASS = DeviceClass.EVALUATOR
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "levels": Option(int, 4, "how many keys it has", 2, 10),
        "best_first": Option(bool, True, "whether key 1 is the best"),
        "event_buffer": Option(int, 64, "ratings kept for a reader that is behind", 1, 1000),
        **_Pager.OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        send, receive = trio.open_memory_channel[Rating](self._options["event_buffer"])
        self._told = send
        self._ratings = receive

    def _place(self) -> int:
        return self.address + _EVALUATOR

    @property
    def capabilities(self) -> EvaluatorCapabilities:
        return EvaluatorCapabilities(self._options["levels"], False, False, False)

    @property
    def ratings(self) -> trio.MemoryReceiveChannel[Rating]:
        return self._ratings

    async def ask(self, ticket: str) -> None:
        await trio.lowlevel.checkpoint()
        raise Unsupported(self._name, "asking for a rating is not among its capabilities")

    def _take(self, frame: Frame) -> bytes | None:
        levels = self._options["levels"]
        if len(frame.body) != 1 or not 1 <= frame.body[0] <= levels:
            return b""
        value = levels + 1 - frame.body[0] if self._options["best_first"] else frame.body[0]
        try:
            self._told.send_nowait(Rating(self.address, value))
        except trio.WouldBlock:
            return None
        # The key comes back: a second acknowledgement of one rating must not be taken for that of the next.
        return self._wire.encode(self._wire.ops["rated_ack"], self.address, frame.body)
