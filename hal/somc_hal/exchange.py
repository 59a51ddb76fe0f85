"""One command on its way: what to send, how to know the answer, and how it ended.

What must stay true
- An exchange ends exactly once: with a truth, or with an error that says whether bytes went out.
- Its caller may stop waiting at any time (`abandon`). Not yet begun, it is never sent; begun, it is
  cut off between two frames, never within one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import trio

from somc_hal.errors import DeviceError, DeviceOffline, DeviceTimeout, OutcomeUnknown
from somc_hal.status import Truth

__all__ = ["Exchange"]

FrameT = TypeVar("FrameT")


class Exchange(ABC, Generic[FrameT]):
    """Made by a driver, carried out by its port.

    It is written up to `attempts` times until its answer comes, always with the same bytes. Losing it
    after it was begun is `OutcomeUnknown` with `at_most_once`, else merely `DeviceOffline` or
    `DeviceTimeout`. `ends_session`: no answer means that the peer is gone.
    """

    def __init__(
        self,
        device: str,
        what: str,
        *,
        timeout_s: float,
        attempts: int = 1,
        at_most_once: bool = False,
        ends_session: bool = True,
    ) -> None:
        self.device = device
        self.what = what
        self.timeout_s = timeout_s
        self.attempts = attempts
        self.at_most_once = at_most_once
        self.ends_session = ends_session
        self.begun = False
        self.abandoned = False
        self._ended: trio.Event | None = None  # made for whoever waits: for contents of displays nobody does
        self._outcome: Truth | DeviceError | None = None

    @abstractmethod
    def frames(self) -> Sequence[bytes]:
        """What to write, frame by frame; asked once, when its turn has come, and sent again as it was."""

    @abstractmethod
    def hears(self, frame: FrameT) -> bool:
        """Whether this frame from the device belongs to this exchange; calls `end` if it completes it."""

    @property
    def answers(self) -> bool:
        """Whether an answer is to be waited for; a one-way command ends when it is written."""
        return True

    def cut_off(self) -> bytes:
        """What to write instead of the remaining frames when abandoned half-way; empty: nothing."""
        return b""

    @property
    def ended(self) -> bool:
        """Whether it is settled."""
        return self._outcome is not None

    @property
    def outcome(self) -> Truth | DeviceError | None:
        """How it ended; `None` while it has not."""
        return self._outcome

    def end(self, outcome: Truth | DeviceError) -> None:
        """Settle it; only the first call counts."""
        if self._outcome is None:
            self._outcome = outcome
            if self._ended is not None:
                self._ended.set()

    def silent(self) -> None:
        """No answer came in time."""
        kind = OutcomeUnknown if self.at_most_once else DeviceTimeout
        self.end(kind(self.device, f"{self.what}: sent, no answer within {self.timeout_s:g} s"))

    def lost(self, why: str) -> None:
        """The connection went away, before or after it was begun."""
        if self.begun and self.at_most_once:
            self.end(OutcomeUnknown(self.device, f"{self.what}: lost while sending: {why}"))
        else:
            self.end(DeviceOffline(self.device, f"{self.what}: {why}"))

    async def wait(self) -> Truth:
        """The outcome. Cancelling it abandons the exchange. Raises the `DeviceError` it ended with."""
        if self._ended is None:
            self._ended = trio.Event()
            if self._outcome is not None:
                self._ended.set()
        try:
            await self._ended.wait()
        except trio.Cancelled:
            self.abandoned = True
            raise
        assert self._outcome is not None  # set before the event
        if isinstance(self._outcome, DeviceError):
            # The same outcome may be asked for twice; a second raise must not grow the first traceback.
            raise self._outcome.with_traceback(None)
        return self._outcome
