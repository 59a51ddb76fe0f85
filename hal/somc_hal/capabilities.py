"""What a device can do, as values: one frozen dataclass per device class.

What must stay true: a driver declares its capabilities at construction and never changes them;
whatever is not declared is refused with `Unsupported` before a byte is sent. `acknowledged` is a
capability because much display hardware is write-only: without it "shown" means "sent".
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AnnouncerCapabilities",
    "CounterCallerCapabilities",
    "CounterDisplayCapabilities",
    "HallDisplayCapabilities",
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
