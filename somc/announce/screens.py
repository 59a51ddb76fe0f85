"""The boards and lamps of a hall (条屏, 综合屏, 双屏, 指示灯, keypads), kept like the state that is on disk.

What must stay true
- Only what changed is sent, and only the newest picture: any number of records make one drawing.
- A board that cannot be drawn, or whose driver hangs, delays no other, neither in this drawing nor in the
  next, and is tried again with the next record; a driver keeps what its display should show and sends it
  when the display is back.
- One drawing of a board at a time, so that an older picture never follows a newer one. So there are never
  more tasks than boards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog
import trio

from somc.announce import boards, lamps
from somc.announce.boards import USUAL, BoardWords
from somc.announce.devices import HallDevices
from somc.domain.state import HallState
from somc.domain.values import Words
from somc.errors import ShuttingDown, StoreError
from somc.runtime.hall import Hall
from somc_hal.devices import CounterCaller, CounterDisplay, HallDisplay, Indicator, SecondScreen
from somc_hal.errors import DeviceError

__all__ = ["Screens"]

log = structlog.get_logger(__name__)

SHOW_TIMEOUT_S = 2.0
"""Handing a picture to a driver waits for no device; a driver that hangs all the same is left."""

MOST_PANEL_LINES = 16
"""No second screen has more; a plugin that says more is cut."""

Show = Callable[[], Awaitable[object]]

Picture = tuple[object, Show]
"""What a board should show, and what sends it. Pictures that are equal look the same."""


@dataclass(slots=True)
class Board:
    """One board: what it should show, and what its driver took last (`None`: unknown)."""

    device: object
    name: str
    picture_of: Callable[[HallState], Picture]
    wanted: Picture | None = None
    shown: object = None
    drawing: bool = False
    """Whether a task brings it up to what is wanted."""


class Screens:
    """Every board of one hall. `run` must be running. `stepped` is called after each drawing."""

    def __init__(
        self, hall: Hall, devices: HallDevices, stepped: Callable[[], None], words: BoardWords = USUAL
    ) -> None:
        self._hall = hall
        self._stepped = stepped
        self._dirty = trio.Event()
        self._reading = False
        self._devices = devices
        self._words = words
        self._panels: dict[str, tuple[str, ...]] = {}
        self._boards = list(boards_of(devices, words, self._panels))

    @property
    def busy(self) -> bool:
        """Whether a drawing is due or under way."""
        return self._dirty.is_set() or self._reading or any(board.drawing for board in self._boards)

    def refresh(self) -> None:
        """The state has changed: draw soon."""
        self._dirty.set()

    def put_panel(self, ticket: str, lines: Sequence[str]) -> None:
        """Show `lines` to the customer of `ticket`, below the hall's own, for as long as they are served."""
        self._panels[ticket] = tuple(lines[:MOST_PANEL_LINES])
        self.refresh()

    def rearrange(self) -> None:
        """The hall's devices are others now. What a board that stays has shown is still known."""
        known = {id(board.device): board for board in self._boards}
        self._boards = [
            known.get(id(board.device), board)
            for board in boards_of(self._devices, self._words, self._panels)
        ]
        self.refresh()

    def say_beside(self, lines: tuple[Words, ...]) -> None:
        """Displays of the hall say these lines too, from the next drawing on."""
        self._words = replace(self._words, beside=lines)
        fresh = {id(board.device): board for board in boards_of(self._devices, self._words, self._panels)}
        for board in self._boards:
            if id(board.device) in fresh:
                board.picture_of = fresh[id(board.device)].picture_of
        self.refresh()

    async def run(self) -> None:
        """Draw whenever something has changed, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                await self._dirty.wait()
                self._dirty = trio.Event()
                self._reading = True
                try:
                    pictures = await self._hall.read(lambda state, now: self._pictures(state))
                except (StoreError, ShuttingDown):
                    continue  # the hall is stopping; what is shown stays
                finally:
                    self._reading = False
                    self._stepped()
                for board, picture in pictures:
                    # A board that is still being drawn goes on with the newest one.
                    board.wanted = picture
                    if not board.drawing:
                        board.drawing = True
                        nursery.start_soon(self._draw, board)

    def _pictures(self, state: HallState) -> list[tuple[Board, Picture]]:
        """What each board should show. They are noted only after the state is on disk."""
        for ticket in [name for name in self._panels if not _at_counter(state, name)]:
            del self._panels[ticket]
        pictures = []
        for board in self._boards:
            try:
                pictures.append((board, board.picture_of(state)))
            except Exception:
                # Ours or a driver's capabilities: it costs this board its picture, never the hall.
                log.exception("board not drawn: its picture cannot be made", board=board.name)
        return pictures

    async def _draw(self, board: Board) -> None:
        """Hand the newest picture to the board's driver, until there is no newer one."""
        try:
            while board.wanted is not None:
                (picture, show), board.wanted = board.wanted, None
                if picture != board.shown:
                    # A driver that fails may have taken it all the same: then nothing is known.
                    board.shown = None
                    if await _shown(board.name, show):
                        board.shown = picture
        finally:
            board.drawing = False
            self._stepped()


def _at_counter(state: HallState, ticket: str) -> bool:
    found = state.tickets.get(ticket)
    return found is not None and found.state.at_counter


def boards_of(devices: HallDevices, words: BoardWords, panels: lamps.Panels) -> Iterator[Board]:
    """Everything among `devices` that shows something."""
    for hall_display in devices.hall_displays:
        yield Board(hall_display, hall_display.name, partial(_on_hall_display, hall_display, words))
    for number, strip in devices.strips:
        yield Board(strip, strip.name, partial(_on_strip, strip, number, words))
    for number, keypad in devices.keypads:
        if keypad.capabilities.display:
            yield Board(keypad, keypad.name, partial(_on_keypad, keypad, number))
    for number, screen in devices.second_screens:
        yield Board(screen, screen.name, partial(_on_second_screen, screen, number, words, panels))
    for number, lamp in devices.indicators:
        yield Board(lamp, lamp.name, partial(_on_lamp, lamp, number))


def _on_hall_display(display: HallDisplay, words: BoardWords, state: HallState) -> Picture:
    about = display.capabilities
    rows = boards.hall_rows(state, about.rows, highlight=about.highlight)
    footer = boards.hall_footer(state, about.columns, words) if about.footer else ""
    return (rows, footer), partial(display.show, rows, footer=footer)


def _on_strip(strip: CounterDisplay, number: int, words: BoardWords, state: HallState) -> Picture:
    size = strip.capabilities
    lines = boards.strip_lines(state, state.counters.get(number), size.lines, size.columns, words)
    return lines, partial(strip.show, lines)


def _on_keypad(keypad: CounterCaller, number: int, state: HallState) -> Picture:
    face = boards.keypad_face(state, state.counters.get(number))
    return face, partial(keypad.show, *face)


def _on_second_screen(
    screen: SecondScreen, number: int, words: BoardWords, panels: lamps.Panels, state: HallState
) -> Picture:
    size = screen.capabilities
    content = lamps.second_screen(state, state.counters.get(number), size.lines, size.columns, words, panels)
    return content, partial(screen.show, content)


def _on_lamp(lamp: Indicator, number: int, state: HallState) -> Picture:
    can = lamp.capabilities
    if number:
        colour, blink = lamps.counter_lamp(state, state.counters.get(number), can.colours, can.blink)
    else:
        colour, blink = lamps.hall_lamp(state, can.colours)
    return (colour, blink), partial(lamp.set, colour, blink=blink)


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
