"""The device classes of a hall, as interfaces: what a caller may ask of a device.

Terms follow UPOS (JavaPOS) and XFS4IoT where they have one; the Chinese name is the hall's.

What must stay true
- Capabilities are declared (`capabilities`); asking for more raises `Unsupported` before any byte.
- **A dead device never blocks its caller.** Displays keep the newest content and show it when the
  device is back; a printer or announcer that is away raises `DeviceOffline` after `timeout_s`.
- An answer of `Truth.YES` means that the device itself confirmed. `Truth.UNKNOWN` means that the
  content was accepted by this layer and that nobody confirmed it (yet).
- What a device tells of itself (keys, ratings, cards, counts, readings) comes through a bounded channel,
  each once and in order. Is nobody reading, it is not acknowledged, and the device keeps the rest if it can.
  A driver whose device cannot says `keeps_events = False`: then what finds no room is lost.
- Every awaiting method may be cancelled and leaves the device usable.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import trio

from somc_hal.capabilities import (
    AnnouncerCapabilities,
    CameraCapabilities,
    CardReaderCapabilities,
    CounterCallerCapabilities,
    CounterDisplayCapabilities,
    EvaluatorCapabilities,
    HallDisplayCapabilities,
    HardwareMonitorCapabilities,
    IndicatorCapabilities,
    KioskInputCapabilities,
    PeopleCounterCapabilities,
    SecondScreenCapabilities,
    TicketPrinterCapabilities,
)
from somc_hal.ports import Ports
from somc_hal.status import DeviceStatus, Truth
from somc_hal.values import (
    Align,
    CardRead,
    Colour,
    HallRow,
    Key,
    KeyEvent,
    Passage,
    Phrase,
    Rating,
    Reading,
    ScreenContent,
    SlipCode,
    SlipImage,
    SlipLine,
    SlipPart,
    Typed,
)

__all__ = [
    "Align",
    "Announcer",
    "Camera",
    "CardReader",
    "CounterCaller",
    "CounterDisplay",
    "Device",
    "DeviceClass",
    "DeviceMaker",
    "Evaluator",
    "HallDisplay",
    "HallRow",
    "HardwareMonitor",
    "Indicator",
    "Key",
    "KeyEvent",
    "KioskInput",
    "PeopleCounter",
    "Phrase",
    "SecondScreen",
    "SlipCode",
    "SlipImage",
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
    EVALUATOR = "evaluator"
    KIOSK_INPUT = "kiosk_input"
    CARD_READER = "card_reader"
    INDICATOR = "indicator"
    SECOND_SCREEN = "second_screen"
    PEOPLE_COUNTER = "people_counter"
    CAMERA = "camera"
    HARDWARE_MONITOR = "hardware_monitor"


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


@runtime_checkable
class Evaluator(Device, Protocol):
    """Evaluator 评价器: the customer rates the service (UPOS POSKeyboard, XFS4IoT Keyboard)."""

    @property
    def capabilities(self) -> EvaluatorCapabilities: ...

    @property
    def address(self) -> int:
        """The bus address of this evaluator, as in its ratings."""

    @property
    def ratings(self) -> trio.MemoryReceiveChannel[Rating]:
        """What was pressed. A customer who presses nothing sends nothing: how long to wait is the hall's."""

    async def ask(self, ticket: str) -> None:
        """Ask for a rating of the service given to `ticket` now. Not kept for later, because the customer
        is about to go. Raises `Unsupported`, `DeviceOffline`, `DeviceBusy`, `DeviceTimeout`,
        `ProtocolFault`."""


@runtime_checkable
class KioskInput(Device, Protocol):
    """Keypad or scanner of a kiosk 取号机输入 (UPOS POSKeyboard and Scanner, XFS4IoT Keyboard and
    BarcodeReader)."""

    @property
    def capabilities(self) -> KioskInputCapabilities: ...

    @property
    def typed(self) -> trio.MemoryReceiveChannel[Typed]:
        """Whole texts: what was typed up to the confirming key, or one scanned code."""


@runtime_checkable
class CardReader(Device, Protocol):
    """Card reader 读卡器 (UPOS MSR and SmartCardRW, XFS4IoT CardReader)."""

    @property
    def capabilities(self) -> CardReaderCapabilities: ...

    @property
    def cards(self) -> trio.MemoryReceiveChannel[CardRead]:
        """The cards read. They are personal data: pass them on, keep them nowhere."""


@runtime_checkable
class Indicator(Device, Protocol):
    """Indicator lamp 指示灯 (UPOS Lights, XFS4IoT Lights)."""

    @property
    def capabilities(self) -> IndicatorCapabilities: ...

    async def set(self, colour: Colour | None, *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        """Let it shine in `colour` from now on (`None`: dark); kept and waited for as on a
        `CounterDisplay`."""


@runtime_checkable
class SecondScreen(Device, Protocol):
    """The customer's screen at a counter 双屏 (UPOS GraphicDisplay, XFS4IoT TextTerminal)."""

    @property
    def capabilities(self) -> SecondScreenCapabilities: ...

    async def show(self, content: ScreenContent, *, wait_s: float = 0.0) -> Truth:
        """As `CounterDisplay.show`. An empty content lets the screen show its own page; so does a screen
        whose line is dead."""


@runtime_checkable
class PeopleCounter(Device, Protocol):
    """People counter 客流计数器: how many come and go (no class of its own in UPOS and XFS4IoT)."""

    @property
    def capabilities(self) -> PeopleCounterCapabilities: ...

    @property
    def passages(self) -> trio.MemoryReceiveChannel[Passage]:
        """The passages since the last one, by door. None is counted twice."""


@runtime_checkable
class Camera(Device, Protocol):
    """Camera 摄像头: stills (UPOS VideoCapture, XFS4IoT Camera)."""

    @property
    def capabilities(self) -> CameraCapabilities: ...

    async def still(self, *, timeout_s: float = 10.0) -> bytes:
        """A picture taken now, whole. Raises `DeviceOffline`, `DeviceBusy` (another still is under way),
        `DeviceTimeout` after `timeout_s`, `ProtocolFault` (what came is no picture)."""


@runtime_checkable
class HardwareMonitor(Device, Protocol):
    """Watch over power, temperature and doors 环境监控 (UPOS POSPower and DeviceMonitor, XFS4IoT
    PowerManagement)."""

    @property
    def capabilities(self) -> HardwareMonitorCapabilities: ...

    @property
    def readings(self) -> trio.MemoryReceiveChannel[Reading]:
        """What was measured, when the device says it."""


class DeviceMaker(Protocol):
    """How a driver is built: no I/O happens here. `ValueError` names what is wrong with url or options.

    `ports` are the process's shared ports; without them the device shares its line with nobody."""

    def __call__(
        self,
        name: str,
        url: str,
        options: Mapping[str, Any],
        *,
        on_status: Callable[[DeviceStatus], None] = ...,
        random_source: Callable[[], float] = ...,
        ports: Ports | None = ...,
    ) -> Device: ...
