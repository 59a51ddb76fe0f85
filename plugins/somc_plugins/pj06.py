"""PJ06 evaluator: the host asks, the customer's button comes back as one bare byte.

    55 AA │ length │ command │ data … │ 00 1A            answer: 1 to 6

What must stay true
- A rating belongs to the ticket that was asked about last, once, and only for `answer_s`; a button pressed
  unasked has no ticket.
- The answer is a single byte without a check, and it is not acknowledged: one that nobody has room for is
  lost, and on a noisy line one may be invented. That is how the device is.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import trio

from somc.api import hookimpl
from somc_hal.capabilities import EvaluatorCapabilities
from somc_hal.codecs.frames import Frame
from somc_hal.devices import DeviceClass
from somc_hal.drivers import PORT_OPTIONS, Driver, DriverSpec, Option
from somc_hal.drivers.one_way import OneWayCommand, OneWayDialect, unconfirmed
from somc_hal.drivers.stx_profile import profile_option
from somc_hal.port import LinkReport
from somc_hal.profiles import Profile, ProfileError, load
from somc_hal.simulators import Simulator
from somc_hal.simulators.reference import HISTORY
from somc_hal.status import DeviceStatus
from somc_hal.values import Rating

__all__ = [
    "DRIVERS",
    "SIMULATORS",
    "ButtonDecoder",
    "Pj06Evaluator",
    "Pj06Simulator",
    "somc_device_drivers",
    "somc_device_simulators",
]

BUTTONS = range(1, 7)


class ButtonDecoder:
    """Reads what the evaluator sends; bytes that are no button are noise."""

    def feed(self, data: bytes) -> list[int]:
        """The buttons in `data`."""
        return [byte for byte in data if byte in BUTTONS]


@lru_cache(maxsize=64)
def pj06_profile(source: str) -> Profile:
    """The evaluator's profile. `ProfileError` if it cannot carry this protocol."""
    profile = load(source)
    if profile.frame is None or profile.frame.fields != ("command",):
        raise ProfileError(f"{profile.path}: frame.layout: allowed field: command")
    for name in ("rate", "welcome"):
        if not 0 <= profile.ops.get(name, -1) <= 255:
            raise ProfileError(f"{profile.path}: ops: {name!r} needs a code of one byte")
    return profile


class _Dialect(OneWayDialect):
    """Asks nothing by itself; every byte is a button."""

    def __init__(self, on_button: Callable[[int], None]) -> None:
        super().__init__(math.inf, lambda: None)
        self._decoder = ButtonDecoder()
        self._on_button = on_button

    def feed(self, data: bytes) -> Sequence[int]:
        return self._decoder.feed(data)

    def unasked(self, frame: int) -> bytes:
        self._on_button(frame)
        return b""


class Pj06Evaluator(Driver[int]):
    """Evaluator 评价器."""

    DRIVER = "pj06"
    DEVICE_CLASS = DeviceClass.EVALUATOR
    keeps_events = False
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "profile": profile_option("pj06"),
        "levels": Option(int, 4, "how many buttons it has", 2, 6),
        "best_first": Option(bool, True, "whether button 1 is the best"),
        "answer_s": Option(float, 60.0, "how long a button belongs to the ticket asked about", 0.1, 3600),
        "event_buffer": Option(int, 64, "ratings kept for a reader that is behind", 1, 1000),
        **PORT_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        send, receive = trio.open_memory_channel[Rating](self._options["event_buffer"])
        self._told = send
        self._ratings = receive
        self._asked = ""
        self._until = -math.inf

    @property
    def address(self) -> int:
        """It has none of its own; its ratings say 1."""
        return 1

    @property
    def capabilities(self) -> EvaluatorCapabilities:
        return EvaluatorCapabilities(self._options["levels"], True, False, False)

    @property
    def ratings(self) -> trio.MemoryReceiveChannel[Rating]:
        return self._ratings

    async def ask(self, ticket: str) -> None:
        """As the interface says. Nobody confirms that the question was asked."""
        profile = pj06_profile(self._options["profile"])
        wire = profile.codec().encode(Frame((profile.ops["rate"],)))
        command = OneWayCommand(self._name, "ask", wire)
        self._port.submit(command)
        self._asked, self._until = ticket, trio.current_time() + self._options["answer_s"]
        await command.wait()

    def _dialect(self) -> _Dialect:
        pj06_profile(self._options["profile"])
        return _Dialect(self._pressed)

    def _pressed(self, button: int) -> None:
        levels = self._options["levels"]
        if button > levels:
            return
        value = levels + 1 - button if self._options["best_first"] else button
        ticket = self._asked if trio.current_time() < self._until else ""
        try:
            self._told.send_nowait(Rating(self.address, value, ticket))
        except trio.WouldBlock:
            return
        self._asked, self._until = "", -math.inf

    def _condition(self, link: LinkReport) -> DeviceStatus:
        return unconfirmed(super()._condition(link))


class Pj06Simulator(Simulator):
    """The evaluator with four buttons. `asked` counts the questions as "" each; `welcomes` counts."""

    DRIVER = "pj06"
    CHECKED = False  # its answers are single bytes without a check
    NOISE = bytes(byte for byte in range(256) if byte not in BUTTONS)

    def __init__(self) -> None:
        super().__init__()
        self.levels = 4
        self.asked: deque[str] = deque(maxlen=HISTORY)
        self.welcomes = 0
        self._profile = pj06_profile("pj06")
        self._codec = self._profile.codec()

    def rate(self, value: int) -> None:
        """Press the button that means `value` (1 worst, 4 best). Without power nothing happens."""
        if self.powered:
            self._say(bytes((self.levels + 1 - value,)))

    def _plugged(self) -> None:
        self._codec.gap()

    def _forget(self) -> None:
        self._codec.gap()

    def _received(self, data: bytes) -> None:
        for frame in self._codec.feed(data):
            if frame.fields[0] == self._profile.ops["rate"]:
                self.asked.append("")
            elif frame.fields[0] == self._profile.ops["welcome"]:
                self.welcomes += 1


DRIVERS: tuple[DriverSpec, ...] = (
    DriverSpec(
        Pj06Evaluator.DRIVER,
        Pj06Evaluator.DEVICE_CLASS,
        Pj06Evaluator,
        Pj06Evaluator.OPTIONS,
        "PJ06 evaluator.",
    ),
)
SIMULATORS: Mapping[str, Callable[[], Simulator]] = {Pj06Simulator.DRIVER: Pj06Simulator}


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    """The drivers of this plugin."""
    return DRIVERS


@hookimpl
def somc_device_simulators() -> Mapping[str, Callable[[], Simulator]]:
    """And the simulators that speak to them."""
    return SIMULATORS
