"""The boards of a hall (条屏, 综合屏, the displays of keypads), kept like the state that is on disk.

What must stay true
- Only what changed is sent, and only the newest picture: any number of records make one drawing.
- A board that cannot be drawn delays no other and is tried again with the next record; a driver keeps
  what its display should show and sends it when the display is back.
- One drawing at a time, so that an older picture never follows a newer one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
import trio

from somc.announce import boards
from somc.announce.devices import HallDevices
from somc.domain.state import HallState
from somc.errors import ShuttingDown, StoreError
from somc.runtime.hall import Hall
from somc_hal.errors import DeviceError

__all__ = ["Screens"]

log = structlog.get_logger(__name__)

SHOW_TIMEOUT_S = 2.0
"""Handing a picture to a driver waits for no device; a driver that hangs all the same is left."""

Show = Callable[[], Awaitable[object]]


class Screens:
    """Every board of one hall. `run` must be running. `stepped` is called after each drawing."""

    def __init__(self, hall: Hall, devices: HallDevices, stepped: Callable[[], None]) -> None:
        self._hall = hall
        self._devices = devices
        self._stepped = stepped
        self._dirty = trio.Event()
        self._drawing = trio.Lock()
        self._shown: dict[str, object] = {}

    @property
    def busy(self) -> bool:
        """Whether a drawing is due or under way."""
        return self._dirty.is_set() or self._drawing.locked()

    def refresh(self) -> None:
        """The state has changed: draw soon."""
        self._dirty.set()

    async def run(self) -> None:
        """Draw whenever something has changed, until cancelled."""
        while True:
            await self._dirty.wait()
            self._dirty = trio.Event()
            try:
                await self.draw()
            finally:
                self._stepped()

    async def draw(self) -> None:
        """Bring every board to the present state."""
        async with self._drawing:
            try:
                pictures = await self._hall.read(lambda state, now: self._pictures(state))
            except (StoreError, ShuttingDown):
                return  # the hall is stopping; what is shown stays
            for name, (picture, show) in pictures.items():
                if self._shown.get(name) != picture and await _shown(name, show):
                    self._shown[name] = picture

    def _pictures(self, state: HallState) -> dict[str, tuple[object, Show]]:
        """Every board's picture by device name, with what sends it."""
        pictures: dict[str, tuple[object, Show]] = {}
        for hall_display in self._devices.hall_displays:
            about = hall_display.capabilities
            rows = boards.hall_rows(state, about.rows, highlight=about.highlight)
            footer = boards.hall_footer(state, about.columns) if about.footer else ""
            pictures[hall_display.name] = (rows, footer), partial(hall_display.show, rows, footer=footer)
        for number, strip in self._devices.strips:
            size = strip.capabilities
            lines = boards.strip_lines(state, state.counters.get(number), size.lines, size.columns)
            pictures[strip.name] = lines, partial(strip.show, lines)
        for number, keypad in self._devices.keypads:
            if keypad.capabilities.display:
                face = boards.keypad_face(state, state.counters.get(number))
                pictures[keypad.name] = face, partial(keypad.show, *face)
        return pictures


async def _shown(name: str, show: Show) -> bool:
    """Whether the driver took the picture."""
    try:
        with trio.fail_after(SHOW_TIMEOUT_S):
            await show()
    except (DeviceError, trio.TooSlowError) as error:
        log.warning("board not drawn", board=name, error=str(error) or "the driver hangs")
        return False
    except Exception:
        # A driver may be anybody's: its mistake costs its own board, never the hall.
        log.exception("board not drawn: the driver failed", board=name)
        return False
    return True
