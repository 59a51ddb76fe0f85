"""The device classes of a hall, as interfaces: what a caller may ask of a device.

Terms follow UPOS (JavaPOS) and XFS4IoT where they have one; the Chinese name is the hall's.

What must stay true
- Capabilities are declared (`capabilities`); asking for more raises `Unsupported` before any byte.
- **A dead device never blocks its caller.** Displays keep the newest content and show it when the
  device is back; a printer or announcer that is away raises `DeviceOffline` after `timeout_s`.
- An answer of `Truth.YES` means that the device itself confirmed. `Truth.UNKNOWN` means that the
  content was accepted by this layer and that nobody confirmed it (yet).
- Every awaiting method may be cancelled and leaves the device usable.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import trio

from somc_hal.capabilities import (
    AnnouncerCapabilities,
    CounterCallerCapabilities,
    CounterDisplayCapabilities,
    HallDisplayCapabilities,
    TicketPrinterCapabilities,
)
from somc_hal.status import DeviceStatus, Truth
from somc_hal.values import Align, HallRow, Key, KeyEvent, Phrase, SlipCode, SlipLine, SlipPart

__all__ = [
    "Align",
    "Announcer",
    "CounterCaller",
    "CounterDisplay",
    "Device",
    "DeviceClass",
    "DeviceMaker",
    "HallDisplay",
    "HallRow",
    "Key",
    "KeyEvent",
    "Phrase",
    "SlipCode",
    "SlipLine",
    "SlipPart",
    "TicketPrinter",
]


class DeviceClass(enum.Enum):
    """The device classes of this version; the value is the name used in configuration."""

    TICKET_PRINTER = "ticket_printer"
    COUNTER_DISPLAY = "counter_display"
    HALL_DISPLAY = "hall_display"
    ANNOUNCER = "announcer"
    COUNTER_CALLER = "counter_caller"


@runtime_checkable
class Device(Protocol):
    """What every device has, whatever its class (UPOS `BaseControl`)."""

    @property
    def name(self) -> str:
        """The configured name, unique in the hall."""

    @property
    def url(self) -> str:
        """Where it is plugged in, see `somc_hal.links.open_link`."""

    @property
    def device_class(self) -> DeviceClass:
        """Which of the interfaces below it implements."""

    @property
    def status(self) -> DeviceStatus:
        """The newest status; every change was also given to `on_status`."""

    @property
    def busy(self) -> bool:
        """Whether anything is queued or unanswered on the wire. An offline device is not busy: what
        it keeps for later waits for the device, not the other way round. Speech that is being
        spoken is not busy either: it only waits for time to pass."""

    async def wait_idle(self) -> None:
        """Return when `busy` is false."""

    async def wait_online(self) -> None:
        """Return when the device serves (`status.serving`)."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The device's one supervisor task; runs until cancelled.

        `started()` is called once commands are accepted, not when the device is online: a dead
        device does not hold up the start of a hall.
        """


@runtime_checkable
class TicketPrinter(Device, Protocol):
    """Ticket printer 打印机 (UPOS POSPrinter, XFS4IoT Printer)."""

    @property
    def capabilities(self) -> TicketPrinterCapabilities: ...

    async def print(self, job_id: str, lines: Sequence[SlipPart], *, timeout_s: float = 0.0) -> Truth:
        """Print one slip and cut it, at most once per `job_id`.

        A job id that was printed before returns its outcome and sends nothing; one whose outcome is
        unknown raises `OutcomeUnknown` again. `timeout_s` is how long to wait for a printer that is
        away. `YES`: the printer said it processed all of it; `UNKNOWN`: sent on a one-way line.

        Raises `Unsupported`, `DeviceOffline`, `NeedsOperator`, `DeviceBusy` (nothing was sent, the job
        id stays free) or `OutcomeUnknown` (bytes were sent).
        """


@runtime_checkable
class CounterDisplay(Device, Protocol):
    """Strip display over a counter 条屏 (UPOS LineDisplay, XFS4IoT TextTerminal)."""

    @property
    def capabilities(self) -> CounterDisplayCapabilities: ...

    async def show(self, lines: Sequence[str], *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        """Let the display show these lines from now on, also after a reconnect; the newest call wins.

        Waits at most `wait_s` for the acknowledgement: `YES` when it came, else `UNKNOWN`. Text
        beyond `columns` is cut. Raises `Unsupported` (too many lines, blink), `ProtocolFault` if the
        device refused the content within `wait_s`.
        """


@runtime_checkable
class HallDisplay(Device, Protocol):
    """Display of the whole hall 综合屏 (UPOS GraphicDisplay, XFS4IoT TextTerminal)."""

    @property
    def capabilities(self) -> HallDisplayCapabilities: ...

    async def show(self, rows: Sequence[HallRow], *, footer: str = "", wait_s: float = 0.0) -> Truth:
        """As `CounterDisplay.show`, for rows of called numbers, newest first, and one line of text."""


@runtime_checkable
class Announcer(Device, Protocol):
    """Voice 音箱 (UPOS SpeechSynthesis / SoundPlayer, XFS4IoT Auxiliaries)."""

    @property
    def capabilities(self) -> AnnouncerCapabilities: ...

    @property
    def speaking(self) -> bool:
        """Whether an announcement is being spoken."""

    async def announce(self, phrases: Sequence[Phrase], *, timeout_s: float = 0.0) -> Truth:
        """Speak the phrases one after the other; returns when they were spoken.

        Cancelling it stops the speech if the device is interruptible. Nothing is kept for later: an
        announcer that is away for `timeout_s` raises `DeviceOffline`, because a call that is spoken
        late misleads. Raises `DeviceBusy` while another announcement is being spoken (the caller
        owns the queue), `Unsupported` (language), `Interrupted`, `DeviceTimeout`, `OutcomeUnknown`.
        """

    async def interrupt(self) -> None:
        """Stop what is being spoken; its `announce` raises `Interrupted`. `Unsupported` if it cannot."""


@runtime_checkable
class CounterCaller(Device, Protocol):
    """Counter keypad 叫号器 (UPOS POSKeyboard with LineDisplay, XFS4IoT Keyboard with TextTerminal)."""

    @property
    def capabilities(self) -> CounterCallerCapabilities: ...

    @property
    def address(self) -> int:
        """The bus address of this keypad, as in its key events."""

    @property
    def keys(self) -> trio.MemoryReceiveChannel[KeyEvent]:
        """The keys pressed, each once and in order. Bounded: while nobody reads, the keypad is not
        acknowledged and keeps the rest."""

    async def show(self, number: str, waiting: int, *, wait_s: float = 0.0) -> Truth:
        """The number at this counter ("" for none) and how many wait; kept and waited for as on a
        `CounterDisplay`."""

    async def beep(self) -> None:
        """One short tone. Not kept for later: raises `DeviceOffline` when the keypad is away."""


class DeviceMaker(Protocol):
    """How a driver is built: no I/O happens here. `ValueError` names what is wrong with url or options."""

    def __call__(
        self,
        name: str,
        url: str,
        options: Mapping[str, Any],
        *,
        on_status: Callable[[DeviceStatus], None] = ...,
        random_source: Callable[[], float] = ...,
    ) -> Device: ...
