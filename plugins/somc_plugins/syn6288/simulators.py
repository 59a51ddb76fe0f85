"""The simulated chip.

What must stay true: what it spoke was decoded from the bytes that came; a new text cuts off the one being
spoken, as the chip does.
"""

from __future__ import annotations

import re
from collections import deque

import trio

from somc_hal.simulators import Simulator, SpokenAnnouncement
from somc_hal.simulators.reference import HISTORY
from somc_hal.text import cells
from somc_hal.values import Phrase

from .drivers import GBK_PARAMETER, Said, syn6288_profile

__all__ = ["Syn6288Simulator"]


class Syn6288Simulator(Simulator):
    """The chip. Speaking takes `s_per_cell` seconds a half-width cell; `spoken` holds what was spoken."""

    DRIVER = "syn6288"
    CHECKED = False  # its answers are single bytes without a check
    NOISE = bytes(byte for byte in range(256) if byte not in set(Said))

    def __init__(self, *, s_per_cell: float = 0.12) -> None:
        super().__init__()
        self.s_per_cell = s_per_cell
        self.volume = 10
        self.spoken: deque[SpokenAnnouncement] = deque(maxlen=HISTORY)
        self._profile = syn6288_profile("syn6288")
        self._codec = self._profile.codec()
        self._text: str | None = None
        self._ends_at = 0.0

    @property
    def speaking(self) -> bool:
        """Whether it speaks now."""
        return self._text is not None

    def power_on(self) -> None:
        was_off = not self.powered
        super().power_on()
        if was_off:
            self._say(bytes((Said.STARTED,)))

    def _plugged(self) -> None:
        self._codec.gap()

    def _forget(self) -> None:
        self._codec.gap()
        self._text = None

    def _received(self, data: bytes) -> None:
        for frame in self._codec.feed(data):
            if self._deaf:
                self._deaf -= 1
                continue
            (command,) = frame.fields
            if command == self._profile.ops["status"]:
                self._say(bytes((Said.SPEAKING if self.speaking else Said.SILENT,)))
            elif command == self._profile.ops["stop"]:
                self._say(bytes((Said.UNDERSTOOD,)))
                self._end(whole=False)
            elif command == self._profile.ops["speak"] and frame.body[:1] == bytes((GBK_PARAMETER,)):
                self._speak(frame.body[1:])
            else:
                self._say(bytes((Said.NOT_UNDERSTOOD,)))

    def _speak(self, text: bytes) -> None:
        self._say(bytes((Said.UNDERSTOOD,)))
        # A new text cuts off the one being spoken, without a word.
        if self._text is not None:
            self.spoken.append(SpokenAnnouncement((Phrase(self._text),), False))
        said = text.decode("gbk", errors="replace")
        if found := re.match(r"\[v(\d+)\]", said):
            self.volume = int(found[1])
            said = said[found.end() :]
        self._text = said
        self._ends_at = trio.current_time() + cells(said) * self.s_per_cell
        if self.s_per_cell == 0:
            self._end(whole=True)

    def _end(self, *, whole: bool) -> None:
        if self._text is not None:
            self.spoken.append(SpokenAnnouncement((Phrase(self._text),), whole))
            self._text = None
            self._say(bytes((Said.SILENT,)))

    async def _behave(self) -> None:
        while True:
            while self._text is None:
                await self.changed.wait()
            while self._text is not None and trio.current_time() < self._ends_at:
                await self.changed.wait(self._ends_at)
            self._end(whole=True)
