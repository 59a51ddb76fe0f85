"""The announcer: follows the journal and drives the devices of the hall.

    records ──▶ slips (printing) · calls (speech, a queue for each voice) · boards (screens)
                · questions for a rating (ratings)

What must stay true
- Its position is stored before a slip is printed: after a crash a slip is printed at most once
  (an agent can print a copy).
- A queued call is spoken unless its ticket is no longer called at that counter, or the call came more
  than `stale_after_s` before this process started. Nor is a slip that old printed: whoever took it has
  left the kiosk, and the next in line would take it for theirs.
- A dead device delays nobody: printing, speaking and drawing are tasks of their own with bounded
  queues, and what cannot be done is logged and left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio

from somc.announce.boards import USUAL, BoardWords
from somc.announce.devices import HallDevices
from somc.announce.printing import SlipQueue
from somc.announce.screens import Screens
from somc.announce.speech import Call, Speaker
from somc.config import AnnouncementSettings
from somc.domain import events as e
from somc.domain.values import TicketState, Words
from somc.journal.record import Record
from somc.runtime.hall import Hall
from somc.runtime.records import event_of

__all__ = ["NAME", "Announcer"]

log = structlog.get_logger(__name__)

NAME = "announcer"
"""The follower's name: its position in the journal is kept under it."""

PRINTED_CHANNELS = frozenset(("kiosk", "floor"))
"""Channels whose customers stand in front of the printer."""


class Announcer:
    """Drives the devices of one hall. `run` must be running."""

    def __init__(self, hall: Hall, devices: HallDevices, settings: AnnouncementSettings) -> None:
        self.hall = hall
        self.devices = devices
        self.position = hall.journal.position(NAME)
        self._oldest_at = hall.now() - settings.stale_after_s * 1000
        self._stepped = trio.Event()
        self._slips = SlipQueue(devices.printers, hall.state, self._step)
        self._screens = Screens(hall, devices, self._step, board_words(settings))
        self.speakers = [Speaker(voice, settings, self._still_wanted) for voice in devices.announcers]
        self._settings = settings
        self._nursery: trio.Nursery | None = None
        self._voices: dict[str, trio.CancelScope] = {}
        self._gone = (0, 0)
        """Calls spoken and not spoken by voices that are gone."""

    def say_beside(self, lines: tuple[Words, ...]) -> None:
        """What plugins say to everybody: on the hall's displays, until there are other lines."""
        self._screens.say_beside(lines)

    # -- tasks ------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow until cancelled. On a journal that it never saw, old records are not acted upon."""
        if self.position == 0:
            self.position = self.hall.journal.head
            self.hall.journal.note_position(NAME, self.position)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._slips.run)
            self._nursery = nursery
            for speaker in self.speakers:
                self._start(speaker)
            nursery.start_soon(self._screens.run)
            self._screens.refresh()
            task_status.started()
            await self._follow()

    def rearrange(self) -> None:
        """The hall's devices are others now: draw the new ones, let the new voices speak what still waits.

        A printer is found when a slip's turn comes. Calls that waited for a voice that is gone go to the
        one of the same name."""
        self._screens.rearrange()
        waiting = {speaker.voice.name: speaker.calls() for speaker in self.speakers}
        stay = {id(speaker.voice): speaker for speaker in self.speakers}
        speakers = []
        for voice in self.devices.announcers:
            speaker = stay.pop(id(voice), None)
            if speaker is None:
                if (scope := self._voices.pop(voice.name, None)) is not None:
                    scope.cancel()
                speaker = Speaker(voice, self._settings, self._still_wanted)
                for call in waiting.get(voice.name, ()):
                    speaker.add(call)
                self._start(speaker)
            speakers.append(speaker)
        names = {voice.name for voice in self.devices.announcers}
        for name in [name for name in self._voices if name not in names]:
            self._voices.pop(name).cancel()
        spoken, dropped = self._gone
        self._gone = (
            spoken + sum(speaker.spoken for speaker in stay.values()),
            dropped + sum(speaker.dropped for speaker in stay.values()),
        )
        self.speakers = speakers

    def _start(self, speaker: Speaker) -> None:
        if self._nursery is not None:
            self._voices[speaker.voice.name] = scope = trio.CancelScope()
            self._nursery.start_soon(_within, scope, speaker.run)

    @property
    def busy(self) -> bool:
        """Whether it is behind the journal, or a slip or board is on its way. Speech waits for time only."""
        behind = self.position < self.hall.journal.head
        return behind or self._screens.busy or self._slips.busy

    async def wait_idle(self) -> None:
        """Return when it has caught up and everything but speech is done."""
        while self.busy:
            await self._stepped.wait()

    def put_panel(self, ticket: str, lines: Sequence[str]) -> None:
        """Show `lines` on the second screen (双屏) before the customer of `ticket`, for as long as they are
        served: for plugins' content. Whatever was shown for the ticket before is replaced."""
        self._screens.put_panel(ticket, lines)

    async def draw_last(self) -> None:
        """Bring every board to the present state; for the end of a run."""
        self._screens.refresh()
        while self._screens.busy:
            await self._stepped.wait()

    @property
    def spoken(self) -> int:
        """Calls spoken, over all voices."""
        return self._gone[0] + sum(speaker.spoken for speaker in self.speakers)

    @property
    def dropped(self) -> int:
        """Calls that were not spoken, over all voices."""
        return self._gone[1] + sum(speaker.dropped for speaker in self.speakers)

    def _step(self) -> None:
        self._stepped.set()
        self._stepped = trio.Event()

    async def _follow(self) -> None:
        journal = self.hall.journal
        while True:
            await journal.wait_beyond(self.position)
            for record in await journal.records_after(self.position):
                await self._heed(record)
                self.position = record.seq
            self._screens.refresh()
            journal.note_position(NAME, self.position)
            self._step()

    async def _heed(self, record: Record) -> None:
        match event_of(record):
            case e.TicketTaken() as taken if taken.channel in PRINTED_CHANNELS:
                await self._queue_slip(record, taken.ticket, 0)
            case e.TicketPrinted() as printed:
                await self._queue_slip(record, printed.ticket, printed.copy)
            case e.TicketCalled() | e.TicketRecalled() as called:
                call = Call(called.ticket, called.number, called.counter, record.at)
                for speaker in self.speakers:
                    speaker.add(call)
            case e.TicketServiceStarted() as started:
                for desk in self.devices.evaluators:
                    if desk.counter == started.counter:
                        desk.started()
            case e.TicketFinished() as finished if record.at >= self._oldest_at:
                for desk in self.devices.evaluators:
                    if desk.counter == finished.counter:
                        desk.finished(finished.ticket, finished.number)

    async def _queue_slip(self, record: Record, ticket_id: str, copy: int) -> None:
        ticket = self.hall.state.tickets.get(ticket_id)
        if ticket is None or not self.devices.printers:
            return
        if record.at < self._oldest_at:
            log.warning("slip not printed: it was asked for long before this start", number=ticket.number)
            return
        await self.hall.journal.store_position(NAME, record.seq)
        self._slips.add(ticket, copy)

    def _still_wanted(self, call: Call) -> bool:
        ticket = self.hall.state.tickets.get(call.ticket)
        if ticket is None or ticket.state is not TicketState.CALLED or ticket.counter != call.counter:
            return False
        return call.at >= self._oldest_at


def board_words(settings: AnnouncementSettings) -> BoardWords:
    """What the hall's boards say: its own texts, the usual ones where it has none."""
    return BoardWords(
        settings.idle or USUAL.idle,
        settings.paused or USUAL.paused,
        settings.closed or USUAL.closed,
        settings.footer,
        settings.footer_waiting,
    )


async def _within(scope: trio.CancelScope, run: Callable[[], Awaitable[None]]) -> None:
    with scope:
        await run()
