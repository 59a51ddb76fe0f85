"""Onbon BX-5E screens: a strip over a counter, and a screen of the hall.

What must stay true
- The screen is sent dots, so what no font has is a hollow square; `charset` says what the font can draw.
- A screen that is busy is sent the content again; one that refuses it is told to the caller.
- Answers bear no number, and a screen does not say that it was switched off: the content is sent again every
  `refresh_s`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import trio

from somc_hal.capabilities import CounterDisplayCapabilities, HallDisplayCapabilities
from somc_hal.codecs.frames import Frame
from somc_hal.devices import DeviceClass
from somc_hal.drivers import PORT_OPTIONS, Driver, Option
from somc_hal.drivers.one_way import ONE_WAY_OPTIONS, OneWayDialect
from somc_hal.drivers.stx_profile import profile_option
from somc_hal.errors import DeviceTimeout, ProtocolFault
from somc_hal.exchange import Exchange
from somc_hal.port import Timing
from somc_hal.profiles import Profile, ProfileError, load
from somc_hal.status import Truth
from somc_hal.text import cells, fit
from somc_hal.values import HallRow

from .dots import CELL_HEIGHT, CELL_WIDTH, Font
from .wire import ANY, BUSY, Answer, Area, area, ping, read_answer

__all__ = ["OnbonHall", "OnbonStrip", "bx5_profile"]


@lru_cache(maxsize=64)
def bx5_profile(source: str) -> Profile:
    """The controller's profile. `ProfileError` if it cannot carry this protocol."""
    profile = load(source)
    if profile.frame is None or profile.frame.fields:
        raise ProfileError(f"{profile.path}: frame.layout: allowed: constants, body and check")
    for name in ("ping", "area", "ack", "nack"):
        if name not in profile.ops:
            raise ProfileError(f"{profile.path}: ops: {name!r} has no code")
    return profile


class _Dialect(OneWayDialect):
    """Ping out, answers in."""

    def __init__(
        self,
        device: str,
        profile: Profile,
        timing: Timing,
        screen: int,
        refresh_s: float,
        again: Callable[[], None],
    ) -> None:
        super().__init__(refresh_s, again)
        self.device = device
        self.timing = timing
        self.screen = screen
        self.ops = profile.ops
        self._codec = profile.codec()

    def opened(self) -> None:
        super().opened()
        self._codec.gap()

    def feed(self, data: bytes) -> Sequence[Answer]:
        answers = (read_answer(frame.body) for frame in self._codec.feed(data))
        return [one for one in answers if one is not None and self.screen in (ANY, one.screen)]

    def encode(self, body: bytes) -> bytes:
        """A frame. `ValueError` for what does not fit into one."""
        return self._codec.encode(Frame((), body))

    def polls(self) -> Sequence[Exchange[Answer]]:
        return (_Command(self, ping(self.ops["ping"], self.screen), "ping", refusable=False),)


class _Command(Exchange[Answer]):
    """A request; any answer of the screen is its answer."""

    def __init__(self, dialect: _Dialect, body: bytes, what: str, *, refusable: bool = True) -> None:
        timing = dialect.timing
        super().__init__(dialect.device, what, timeout_s=timing.answer_timeout_s, attempts=timing.attempts)
        self._wire = dialect.encode(body)
        self._refusable = refusable

    def frames(self) -> Sequence[bytes]:
        return (self._wire,)

    def hears(self, frame: Answer) -> bool:
        if frame.done or not self._refusable:
            self.end(Truth.YES)
        elif frame.error == BUSY:
            self.end(DeviceTimeout(self.device, f"{self.what}: the controller is busy"))
        else:
            self.end(ProtocolFault(self.device, f"{self.what}: refused by the controller ({frame.words})"))
        return True


class _Screen(Driver[Answer]):
    """A screen of so many dots."""

    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "profile": profile_option("onbon_bx5"),
        "width": Option(int, 128, "dots of the area, a multiple of 8", 32, 1024),
        "height": Option(int, 32, "dots of the area, a multiple of 16", 16, 512),
        "x": Option(int, 0, "where the area begins, in dots from the left", 0, 4096),
        "y": Option(int, 0, "where the area begins, in dots from the top", 0, 4096),
        "screen": Option(int, ANY, "number of the screen; 65534 is any", 0, 65535),
        "hanzi_font": Option(str, "", "a GB2312 dot font of 16 × 16 (HZK16); without it Hanzi are squares"),
        **ONE_WAY_OPTIONS,
        **PORT_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        chosen = self._options
        for key, step in (("width", CELL_WIDTH), ("height", CELL_HEIGHT)):
            if chosen[key] % step:
                raise ValueError(
                    f"driver {self.DRIVER!r}, option {key!r}: found {chosen[key]}; "
                    f"allowed: a multiple of {step}"
                )
        self._font = Font(chosen["hanzi_font"])
        self._slot = self._port.slot()
        self._command(self._picture([], False))  # an area that no frame carries is a mistake of configuration

    def _dialect(self) -> _Dialect:
        chosen = self._options
        profile = bx5_profile(chosen["profile"])
        self._bx5 = _Dialect(
            self._name,
            profile,
            self._timing,
            chosen["screen"],
            chosen["refresh_s"],
            lambda: self._port.again(),
        )
        return self._bx5

    @property
    def _columns(self) -> int:
        columns: int = self._options["width"] // CELL_WIDTH
        return columns

    @property
    def _lines(self) -> int:
        lines: int = self._options["height"] // CELL_HEIGHT
        return lines

    def _picture(self, lines: Sequence[str], blink: bool) -> Area:
        padded = [*lines, *[""] * (self._lines - len(lines))]
        rows = tuple(row for line in padded for row in self._font.draw(line, self._columns))
        return Area(self._options["x"], self._options["y"], rows, blink)

    def _command(self, what: Area) -> _Command:
        body = area(self._bx5.ops["area"], what, self._options["screen"])
        return _Command(self._bx5, body, "show")

    async def _show(self, lines: Sequence[str], blink: bool, wait_s: float) -> Truth:
        picture = self._picture(lines, blink)
        return await self._slot.wait(self._slot.put(lambda: self._command(picture)), wait_s)

    @property
    @abstractmethod
    def capabilities(self) -> Any:
        """What it can do."""


class OnbonStrip(_Screen):
    """Strip display 条屏."""

    DRIVER = "onbon-strip"
    DEVICE_CLASS = DeviceClass.COUNTER_DISPLAY
    tells_restart = False

    @property
    def capabilities(self) -> CounterDisplayCapabilities:
        return CounterDisplayCapabilities(self._lines, self._columns, self._font.charset, True, True)

    async def show(self, lines: Sequence[str], *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        self._require(len(lines) <= self._lines, f"{len(lines)} lines (it has {self._lines})")
        await trio.lowlevel.checkpoint()
        return await self._show(lines, blink, wait_s)


class OnbonHall(_Screen):
    """Hall display 综合屏: a row is a line, number left and counter right; the footer is the last line."""

    DRIVER = "onbon-hall"
    DEVICE_CLASS = DeviceClass.HALL_DISPLAY
    tells_restart = False
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        **_Screen.OPTIONS,
        "width": Option(int, 192, "dots of the area, a multiple of 8", 32, 1024),
        "height": Option(int, 96, "dots of the area, a multiple of 16", 32, 512),
    }

    @property
    def capabilities(self) -> HallDisplayCapabilities:
        charset = self._font.charset
        return HallDisplayCapabilities(self._lines - 1, self._columns, charset, True, False, True)

    async def show(self, rows: Sequence[HallRow], *, footer: str = "", wait_s: float = 0.0) -> Truth:
        """As the interface says; notes are left out."""
        self._require(len(rows) < self._lines, f"{len(rows)} rows (it has {self._lines - 1})")
        self._require(not any(row.highlight for row in rows), "highlighting")
        await trio.lowlevel.checkpoint()
        half = self._columns // 2
        lines = [columns_of(row.number, row.counter, half) for row in rows]
        lines += [""] * (self._lines - 1 - len(lines))
        return await self._show([*lines, footer], False, wait_s)


def columns_of(left: str, right: str, half: int) -> str:
    """Two columns of `half` cells."""
    first = fit(left, half - 1)
    return first + " " * (half - cells(first)) + right
