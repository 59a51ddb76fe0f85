"""The calls that wait to be spoken by one voice (音箱), and the task that speaks them one by one.

What must stay true
- Announcements of one voice never talk over each other: one task speaks, and waits for the end.
- Each voice has its own queue and speaks every call. Two voices stand in two zones of a hall; with one
  queue between them each zone would hear half of the calls.
- A call is looked at when its turn comes: it is spoken only if somebody still waits to hear it.
- A voice that is dead, hung or faulty holds up nothing but itself; its queue is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog
import trio

from somc.announce.wording import call_text
from somc.config import AnnouncementSettings
from somc_hal.devices import Announcer as Voice
from somc_hal.errors import DeviceError
from somc_hal.values import Phrase

__all__ = ["MOST_CALLS", "Call", "Speaker"]

log = structlog.get_logger(__name__)

MOST_CALLS = 64
"""Calls that may wait to be spoken: at five seconds each, five minutes of speech; older ones go."""

SPEAK_TIMEOUT_S = 1.0
"""How long a call waits for a voice that is away: one that is spoken late misleads."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call to be spoken. `at` is when it was made (Unix ms)."""

    ticket: str
    number: str
    counter: int
    at: int


class Speaker:
    """One voice and its calls. `run` must be running."""

    def __init__(
        self, voice: Voice, settings: AnnouncementSettings, still_wanted: Callable[[Call], bool]
    ) -> None:
        self.voice = voice
        self.spoken = 0
        self.dropped = 0
        """Calls that were not spoken: nobody waited for them any more, or the voice could not."""
        self._still_wanted = still_wanted
        self._repeat = settings.repeat
        self._languages = [name for name in settings.languages if name in voice.capabilities.languages]
        self._calls: deque[Call] = deque()
        self._added = trio.Event()
        if not self._languages:
            wanted = ", ".join(settings.languages)
            log.error(
                "voice never speaks: it has none of the hall's languages", voice=voice.name, wanted=wanted
            )

    @property
    def waiting(self) -> int:
        """How many calls wait to be spoken; what is being spoken is not among them."""
        return len(self._calls)

    def calls(self) -> tuple[Call, ...]:
        """Those that wait to be spoken, oldest first."""
        return tuple(self._calls)

    def add(self, call: Call) -> None:
        """Queue `call`. Of a ticket whose call to this counter still waits it is the same call."""
        if not self._languages:
            self.dropped += 1
            return
        for place, waiting in enumerate(self._calls):
            if (waiting.ticket, waiting.counter) == (call.ticket, call.counter):
                # A recall adds nothing, but it is the newer call: the old one may be too old to speak.
                self._calls[place] = call
                return
        if len(self._calls) >= MOST_CALLS:
            oldest = self._calls.popleft()
            self.dropped += 1
            log.warning("call not spoken: too many wait", number=oldest.number, voice=self.voice.name)
        self._calls.append(call)
        self._added.set()

    async def run(self) -> None:
        """Speak until cancelled."""
        while True:
            while not self._calls:
                self._added = trio.Event()
                await self._added.wait()
            call = self._calls.popleft()
            if self._still_wanted(call):
                await self._speak(call)
            else:
                self.dropped += 1

    async def _speak(self, call: Call) -> None:
        try:
            phrases = [Phrase(call_text(call.number, call.counter, name), name) for name in self._languages]
            await self.voice.announce(phrases * self._repeat, timeout_s=SPEAK_TIMEOUT_S)
        except DeviceError as error:
            self.dropped += 1
            log.warning("call not spoken", number=call.number, voice=self.voice.name, error=str(error))
        except Exception:
            # A driver may be anybody's: its mistake costs its own calls, never the hall.
            self.dropped += 1
            log.exception("call not spoken: the driver failed", number=call.number, voice=self.voice.name)
        else:
            self.spoken += 1
