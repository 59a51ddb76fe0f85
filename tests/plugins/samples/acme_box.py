"""A vendor's box: its own drivers, whatever isolation the hall gives it. Some of them misbehave when told."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import trio
import trio.lowlevel

from somc.api import hookimpl
from somc_hal.codecs.stx import StxFrame
from somc_hal.drivers.announcer import ReferenceAnnouncer
from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.escpos import EscposPrinter
from somc_hal.drivers.options import Option
from somc_hal.drivers.reference import ReferenceKeypad, ReferenceStripDisplay
from somc_hal.status import Truth

NESTED = b"\x91" * 20_000 + b"\xc0"


class Strip(ReferenceStripDisplay):
    """Takes every second wiring only, which no table of options says."""

    OPTIONS: ClassVar[Any] = {
        **ReferenceStripDisplay.OPTIONS,
        "wiring": Option(int, 1, "how it is wired; odd numbers", 1, 99),
    }

    def __init__(self, name: str, url: str, options: Any, **more: Any) -> None:
        super().__init__(name, url, options, **more)
        if self._options["wiring"] % 2 == 0:
            raise ValueError(f"{name}: the wiring {self._options['wiring']} is even; allowed: odd numbers")


class Moody(Strip):
    """Does what it is told to by what it should show."""

    async def show(self, lines: Sequence[str], *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        text = "".join(lines)
        if "BLOCK" in text:
            time.sleep(3600)  # noqa: ASYNC251 - that is the fault
        if "LIE" in text:
            return "shown"  # type: ignore[return-value] # that is the fault
        if "BREAK" in text:
            raise LookupError("its table is empty")
        if "NONSENSE" in text:  # on its own pipe to the hall: a frame that nests without end
            os.write(int(sys.argv[1]), len(NESTED).to_bytes(4, "big") + NESTED)
        if "STUBBORN" in text:
            with trio.CancelScope(shield=True):
                await trio.sleep_forever()
        if "FLOOD" in text:
            for number in range(1000):
                self._on_status(replace(self.status, detail=f"number {number}"))
                await trio.lowlevel.checkpoint()
        return await super().show(lines, blink=blink, wait_s=wait_s)


class Babbler(ReferenceKeypad):
    """Tells its first key as a text."""

    _babbled = False

    def _event(self, frame: StxFrame) -> bool | None:
        if not Babbler._babbled:
            Babbler._babbled = True
            self._pressed.send_nowait("a key")  # type: ignore[arg-type] # that is the fault
            return True
        return super()._event(frame)


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    made = {
        "acme-strip": Strip,
        "acme-moody": Moody,
        "acme-keypad": ReferenceKeypad,
        "acme-babbler": Babbler,
        "acme-printer": EscposPrinter,
        "acme-voice": ReferenceAnnouncer,
    }
    return [DriverSpec(name, of.DEVICE_CLASS, of, of.OPTIONS, "") for name, of in made.items()]
