"""Onbon 仰邦 BX-5E LED controllers, after the maker's own manual: strip and hall display on a dynamic area.

What must stay true: the simulated screens know what they show from the dots that came, and from nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from somc.api import hookimpl
from somc_hal.codecs.frames import Frame
from somc_hal.codecs.reference import StripContent
from somc_hal.drivers import Driver, DriverSpec
from somc_hal.simulators import HallContent, Simulator
from somc_hal.simulators.reference import HISTORY
from somc_hal.values import HallRow

from .dots import CELL_HEIGHT, read_text
from .drivers import OnbonHall, OnbonStrip, bx5_profile
from .wire import ANY, BUSY, Area, answer, read_request

__all__ = [
    "DRIVERS",
    "SIMULATORS",
    "OnbonHallSimulator",
    "OnbonStripSimulator",
    "somc_device_drivers",
    "somc_device_simulators",
]


class _ScreenSimulator(Simulator):
    """A controller with one dynamic area. `error` refuses the next areas with that number."""

    def __init__(self, *, screen: int = 1) -> None:
        super().__init__()
        self.screen = screen
        self.area: Area | None = None
        self.error = 0
        self._profile = bx5_profile("onbon_bx5")
        self._codec = self._profile.codec()

    def _plugged(self) -> None:
        self._codec.gap()

    def _forget(self) -> None:
        self._codec.gap()
        self.area = None

    def _received(self, data: bytes) -> None:
        for frame in self._codec.feed(data):
            request = read_request(frame.body)
            if request is not None and request[0] in (ANY, self.screen):
                self._request(*request[1:])

    def _request(self, op: int, area: Area | None) -> None:
        ops = self._profile.ops
        error = 0
        if op == ops["area"]:
            if area is None:
                error = 18
            elif self.error:
                error, self.error = self.error, 0 if self.error == BUSY else self.error
            elif area != self.area:
                self.area = area
                self._show(area)
        elif op != ops["ping"]:
            error = 2
        said = answer(ops["nack"] if error else ops["ack"], self.screen, error)
        self._say(self._codec.encode(Frame((), said)))

    def _show(self, area: Area) -> None:
        raise NotImplementedError


def _lines(area: Area) -> list[str]:
    return [read_text(list(area.rows[at : at + CELL_HEIGHT])) for at in range(0, len(area.rows), CELL_HEIGHT)]


class OnbonStripSimulator(_ScreenSimulator):
    """Strip display 条屏. A Hanzi without a font reads as □."""

    DRIVER = "onbon-strip"

    def __init__(self, *, screen: int = 1) -> None:
        super().__init__(screen=screen)
        self.history: deque[StripContent] = deque(maxlen=HISTORY)

    @property
    def shown(self) -> StripContent:
        """What it shows now."""
        return StripContent(()) if self.area is None else _content(self.area)

    def _show(self, area: Area) -> None:
        self.history.append(_content(area))


def _content(area: Area) -> StripContent:
    return StripContent(tuple(_lines(area)), area.blink)


class OnbonHallSimulator(_ScreenSimulator):
    """Hall display 综合屏."""

    DRIVER = "onbon-hall"

    def __init__(self, *, screen: int = 1) -> None:
        super().__init__(screen=screen)
        self.history: deque[HallContent] = deque(maxlen=HISTORY)

    def _show(self, area: Area) -> None:
        *lines, footer = _lines(area)
        parts = (line.partition(" ") for line in lines if line)
        rows = tuple(HallRow(number, counter.strip()) for number, _, counter in parts)
        self.history.append(HallContent(rows, footer))


def _spec(make: type[Driver[Any]], doc: str) -> DriverSpec:
    return DriverSpec(make.DRIVER, make.DEVICE_CLASS, make, make.OPTIONS, doc)


DRIVERS: tuple[DriverSpec, ...] = (
    _spec(OnbonStrip, "Strip display on an Onbon BX-5E LED controller."),
    _spec(OnbonHall, "Hall display on an Onbon BX-5E LED controller."),
)
SIMULATORS: Mapping[str, Callable[[], Simulator]] = {
    OnbonStripSimulator.DRIVER: OnbonStripSimulator,
    OnbonHallSimulator.DRIVER: OnbonHallSimulator,
}


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    """The drivers of this plugin."""
    return DRIVERS


@hookimpl
def somc_device_simulators() -> Mapping[str, Callable[[], Simulator]]:
    """And the simulators that speak to them."""
    return SIMULATORS
