"""The announcer: follows the journal and drives printer, strips, hall display and voice.

What must stay true
- Its position is stored before a slip is printed: after a crash a slip is printed at most once
  (an agent can print a copy).
- Announcements never talk over each other. A queued call is spoken unless its ticket is no longer
  called at that counter, or the call came more than `stale_after_s` before this process started.
- Boards are drawn from the state that is on disk, not from the event; only what changed is sent.
- A dead device delays nobody: printing, speaking and drawing are tasks of their own with bounded
  queues, and what cannot be done is logged and left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
import trio

from somc.announce import boards
from somc.announce.devices import HallDevices
from somc.announce.slip import slip
from somc.announce.wording import call_text
from somc.config import AnnouncementSettings
from somc.domain import events as e
from somc.domain.state import HallState
from somc.domain.values import TicketState
from somc.errors import StoreError
from somc.journal.record import Record
from somc.runtime.hall import Hall
from somc.runtime.records import event_of
from somc_hal.devices import Announcer as Voice
from somc_hal.errors import DeviceError
from somc_hal.values import Phrase, SlipPart

__all__ = ["NAME", "Announcer"]

log = structlog.get_logger(__name__)

NAME = "announcer"
"""The follower's name: its position in the journal is kept under it."""

MOST_CALLS = 64
"""Calls that may wait to be spoken: at five seconds each, five minutes of speech; older ones go."""

MOST_SLIPS = 64
"""Slips that may wait for the printer; further ones are logged and left to be printed again."""

PRINT_TIMEOUT_S = 5.0
SPEAK_TIMEOUT_S = 1.0
PRINTED_CHANNELS = frozenset(("kiosk", "floor"))
"""Channels whose customers stand in front of the printer."""

Show = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call to be spoken."""

    ticket: str
    number: str
    counter: int
    at: int


class Announcer:
    """Drives the devices of one hall. `run` must be running."""

    def __init__(self, hall: Hall, devices: HallDevices, settings: AnnouncementSettings) -> None:
        self.hall = hall
        self.devices = devices
        self.settings = settings
        self.position = hall.journal.position(NAME)
        self._started_at = hall.now()
        self._calls: deque[Call] = deque(maxlen=MOST_CALLS)
        self._calls_changed = trio.Event()
        self._boards_dirty = trio.Event()
        self._drawing = False
        self._printing = 0
        self._slips_in, self._slips_out = trio.open_memory_channel[tuple[str, Sequence[SlipPart]]](MOST_SLIPS)
        self._shown: dict[str, object] = {}
        self._stepped = trio.Event()
        self.spoken = 0
        self.dropped = 0

    # -- tasks ------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow until cancelled. On a journal that it never saw, old records are not acted upon."""
        if self.position == 0:
            self.position = self.hall.journal.head
            self.hall.journal.note_position(NAME, self.position)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._print)
            for voice in self.devices.announcers:
                nursery.start_soon(self._speak, voice)
            nursery.start_soon(self._draw)
            self._boards_dirty.set()
            task_status.started()
            await self._follow()

    @property
    def busy(self) -> bool:
        """Whether it is behind the journal, or a slip or board is on its way. Speech waits for time only."""
        behind = self.position < self.hall.journal.head
        dirty = self._boards_dirty.is_set() or self._drawing
        return behind or dirty or bool(self._printing)

    async def wait_idle(self) -> None:
        """Return when it has caught up and everything but speech is done."""
        while self.busy:
            await self._stepped.wait()

    def _step(self) -> None:
        self._stepped.set()
        self._stepped = trio.Event()

    async def draw_last(self) -> None:
        """Bring every board to the present state; for the end of a run."""
        await self._draw_boards()

    async def _follow(self) -> None:
        journal = self.hall.journal
        while True:
            await journal.wait_beyond(self.position)
            for record in await journal.records_after(self.position):
                await self._heed(record)
                self.position = record.seq
            self._boards_dirty.set()
            journal.note_position(NAME, self.position)
            self._step()

    async def _heed(self, record: Record) -> None:
        match event_of(record):
            case e.TicketTaken() as taken if taken.channel in PRINTED_CHANNELS:
                await self._queue_slip(record.seq, taken.ticket, 0)
            case e.TicketPrinted() as printed:
                await self._queue_slip(record.seq, printed.ticket, printed.copy)
            case e.TicketCalled() | e.TicketRecalled() as called:
                self._queue_call(Call(called.ticket, called.number, called.counter, record.at))

    # -- slips ------------------------------------------------------------------------------------

    async def _queue_slip(self, seq: int, ticket_id: str, copy: int) -> None:
        ticket = self.hall.state.tickets.get(ticket_id)
        if ticket is None or not self.devices.printers:
            return
        await self.hall.journal.store_position(NAME, seq)
        job = f"{ticket_id}.{copy}" if copy else ticket_id
        try:
            self._slips_in.send_nowait((job, slip(self.hall.state, ticket, copy)))
            self._printing += 1
        except trio.WouldBlock:
            log.error("slip not printed: too many wait for the printer", number=ticket.number)

    async def _print(self) -> None:
        async for job, parts in self._slips_out:
            for printer in self.devices.printers:
                try:
                    await printer.print(job, parts, timeout_s=PRINT_TIMEOUT_S)
                    break
                except DeviceError as error:
                    log.error("slip not printed", job=job, printer=printer.name, error=str(error))
            self._printing -= 1
            self._step()

    # -- voice ------------------------------------------------------------------------------------

    def _queue_call(self, call: Call) -> None:
        # A recall of somebody whose call still waits to be spoken adds nothing.
        if any((waiting.ticket, waiting.counter) == (call.ticket, call.counter) for waiting in self._calls):
            return
        self._calls.append(call)
        self._calls_changed.set()

    def _still_wanted(self, call: Call) -> bool:
        ticket = self.hall.state.tickets.get(call.ticket)
        if ticket is None or ticket.state is not TicketState.CALLED or ticket.counter != call.counter:
            return False
        return call.at >= self._started_at - self.settings.stale_after_s * 1000

    async def _speak(self, voice: Voice) -> None:
        while True:
            while not self._calls:
                self._calls_changed = trio.Event()
                await self._calls_changed.wait()
            call = self._calls.popleft()
            if not self._still_wanted(call):
                self.dropped += 1
                continue
            known = [name for name in self.settings.languages if name in voice.capabilities.languages]
            phrases = [Phrase(call_text(call.number, call.counter, name), name) for name in known]
            try:
                await voice.announce(phrases * self.settings.repeat, timeout_s=SPEAK_TIMEOUT_S)
                self.spoken += 1
            except DeviceError as error:
                self.dropped += 1
                log.warning("call not spoken", number=call.number, voice=voice.name, error=str(error))

    # -- boards -----------------------------------------------------------------------------------

    async def _draw(self) -> None:
        while True:
            await self._boards_dirty.wait()
            self._boards_dirty = trio.Event()
            self._drawing = True
            try:
                await self._draw_boards()
            finally:
                self._drawing = False
                self._step()

    async def _draw_boards(self) -> None:
        try:
            pictures = await self.hall.read(lambda state, now: self._pictures(state))
        except StoreError:
            return  # the hall is stopping; what is shown stays
        for name, (picture, show) in pictures.items():
            if self._shown.get(name) == picture:
                continue
            try:
                await show()
                self._shown[name] = picture
            except DeviceError as error:
                log.warning("board not drawn", board=name, error=str(error))

    def _pictures(self, state: HallState) -> dict[str, tuple[object, Show]]:
        """Every board's picture by device name, with what sends it."""
        pictures: dict[str, tuple[object, Show]] = {}
        for hall_display in self.devices.hall_displays:
            about = hall_display.capabilities
            rows = boards.hall_rows(state, about.rows)
            footer = boards.hall_footer(state, about.columns) if about.footer else ""
            pictures[hall_display.name] = (rows, footer), partial(hall_display.show, rows, footer=footer)
        for number, strip in self.devices.strips:
            size = strip.capabilities
            lines = boards.strip_lines(state, state.counters[number], size.lines, size.columns)
            pictures[strip.name] = lines, partial(strip.show, lines)
        for number, keypad in self.devices.keypads:
            if keypad.capabilities.display:
                face = boards.keypad_face(state, state.counters[number])
                pictures[keypad.name] = face, partial(keypad.show, *face)
        return pictures
