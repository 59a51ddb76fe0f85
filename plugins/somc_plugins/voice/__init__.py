"""Voice 音箱 out of the hall's own machine: recorded segments, put together, to a player or to WAV files.

    phrases ─ reading ─▶ units ─ pack ─▶ segments ─ sound ─▶ chime, samples at the hour's volume ─▶ sink

What must stay true: a call is spoken whole or not at all. Half of a number would send somebody to the wrong
counter, so a text for which the pack lacks a segment is refused before anything sounds.
"""

from __future__ import annotations

from collections.abc import Iterable

from somc.api import hookimpl
from somc_hal.drivers import DriverSpec

from .driver import VoiceAnnouncer

__all__ = ["DRIVERS", "somc_device_drivers"]

DRIVERS: tuple[DriverSpec, ...] = (
    DriverSpec(
        VoiceAnnouncer.DRIVER,
        VoiceAnnouncer.DEVICE_CLASS,
        VoiceAnnouncer,
        VoiceAnnouncer.OPTIONS,
        "Announcer of recorded segments, played by this machine or written as WAV files.",
    ),
)


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    """The driver of this plugin. It has no wire, so there is nothing to simulate: `wav://` is its test."""
    return DRIVERS
