"""What a device can do, as values: one frozen dataclass per device class.

What must stay true: a driver declares its capabilities at construction and never changes them;
whatever is not declared is refused with `Unsupported` before a byte is sent. `acknowledged` is a
capability because much display hardware is write-only: without it "shown" means "sent".
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AnnouncerCapabilities",
    "CameraCapabilities",
    "CardReaderCapabilities",
    "CounterCallerCapabilities",
    "CounterDisplayCapabilities",
    "EvaluatorCapabilities",
    "HallDisplayCapabilities",
    "HardwareMonitorCapabilities",
    "IndicatorCapabilities",
    "KioskInputCapabilities",
    "PeopleCounterCapabilities",
    "SecondScreenCapabilities",
    "TicketPrinterCapabilities",
]


@dataclass(frozen=True, slots=True)
class TicketPrinterCapabilities:
    """UPOS `CapRec…` of a receipt station. `columns` counts half-width characters a line."""

    columns: int
    charset: str
    cut: bool
    partial_cut: bool
    double_size: bool
    qr: bool
    raster: bool
    paper_sensor: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class CounterDisplayCapabilities:
    """UPOS LineDisplay `DeviceRows`, `DeviceColumns` (half-width cells), `CapBlink`."""

    lines: int
    columns: int
    charset: str
    blink: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class HallDisplayCapabilities:
    """`rows` called numbers at a time; `footer`: one free text line below them."""

    rows: int
    columns: int
    charset: str
    footer: bool
    highlight: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class AnnouncerCapabilities:
    """`languages` are BCP 47 primary tags, e.g. `zh`, `en`; `acknowledged`: it says when it has spoken."""

    languages: tuple[str, ...]
    charset: str
    interruptible: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class CounterCallerCapabilities:
    """`keys` are names of `somc_hal.devices.Key`; `digits`: a number can be typed before a key."""

    keys: tuple[str, ...]
    digits: bool
    display: bool
    beep: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class EvaluatorCapabilities:
    """`levels`: how many values a rating has; `prompt`: it can be told to ask now; `names_ticket`: it shows
    or says which ticket it asks about."""

    levels: int
    prompt: bool
    names_ticket: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class KioskInputCapabilities:
    """`sources` are names of `somc_hal.values.InputSource`; a text has at most `max_length` characters."""

    sources: tuple[str, ...]
    max_length: int
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class CardReaderCapabilities:
    """UPOS MSR and SmartCardRW. `kinds` are names of `somc_hal.values.CardKind`."""

    kinds: tuple[str, ...]
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class IndicatorCapabilities:
    """UPOS Lights `CapColor`, `CapBlink`. `colours` are names of `somc_hal.values.Colour`."""

    colours: tuple[str, ...]
    blink: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class SecondScreenCapabilities:
    """`lines` of `columns` half-width cells; `images`: it can show a picture it holds, by name."""

    lines: int
    columns: int
    charset: str
    images: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class PeopleCounterCapabilities:
    """`directions`: it tells those who enter from those who leave; else it counts all as entered."""

    directions: bool
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class CameraCapabilities:
    """`media_type` of a still, and the longest one it gives."""

    media_type: str
    max_bytes: int
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class HardwareMonitorCapabilities:
    """UPOS POSPower and DeviceMonitor. `kinds` are names of `somc_hal.values.ReadingKind`."""

    kinds: tuple[str, ...]
    acknowledged: bool
