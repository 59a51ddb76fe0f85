"""Drivers for what a hall shows and sees beside its displays, over the reference protocol: indicator,
second screen, camera.

What must stay true: lamps and screens keep the newest content like any display; a still is one
picture taken at one moment, or an error, never two halves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import trio

from somc_hal.capabilities import CameraCapabilities, IndicatorCapabilities, SecondScreenCapabilities
from somc_hal.codecs.reference import CHARSET, Kind
from somc_hal.codecs.reference_events import (
    STILL_LIMIT_BYTES,
    read_piece,
    write_light,
    write_offset,
    write_screen,
)
from somc_hal.codecs.stx import Op
from somc_hal.devices import DeviceClass
from somc_hal.drivers.options import Option
from somc_hal.drivers.reference import STX_OPTIONS, ReferenceDisplay, StxDriver
from somc_hal.errors import DeviceBusy, DeviceTimeout, ProtocolFault
from somc_hal.status import Truth
from somc_hal.text import fit
from somc_hal.values import Colour, ScreenContent

__all__ = ["ReferenceCamera", "ReferenceIndicator", "ReferenceSecondScreen"]

_IMAGE_CELLS = 64  # a picture's name is a file name, not a path


class ReferenceIndicator(ReferenceDisplay):
    """Indicator lamp 指示灯 over the reference protocol."""

    DRIVER = "reference-indicator"
    DEVICE_CLASS = DeviceClass.INDICATOR
    KIND = Kind.INDICATOR
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "colours": Option(
            tuple,
            ("red", "yellow", "green"),
            "the colours it has",
            choices=tuple(colour.value for colour in Colour),
        ),
        "blink": Option(bool, True, "whether it can blink"),
        **STX_OPTIONS,
    }

    @property
    def capabilities(self) -> IndicatorCapabilities:
        return IndicatorCapabilities(self._options["colours"], self._options["blink"], True)

    async def set(self, colour: Colour | None, *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        can = self.capabilities
        self._require(
            colour is None or colour.value in can.colours, f"the colour {colour.value if colour else ''}"
        )
        self._require(can.blink or not blink, "blinking")
        return await self._show(Op.LIGHT, write_light(colour, blink), wait_s)


class ReferenceSecondScreen(ReferenceDisplay):
    """Second screen 双屏 over the reference protocol."""

    DRIVER = "reference-second-screen"
    DEVICE_CLASS = DeviceClass.SECOND_SCREEN
    KIND = Kind.SECOND_SCREEN
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "lines": Option(int, 8, "lines of text", 1, 16),
        "columns": Option(int, 40, "half-width cells a line", 8, 60),
        "images": Option(bool, True, "whether it can show a picture it holds"),
        **STX_OPTIONS,
    }

    @property
    def capabilities(self) -> SecondScreenCapabilities:
        options = self._options
        return SecondScreenCapabilities(
            options["lines"], options["columns"], CHARSET, options["images"], True
        )

    async def show(self, content: ScreenContent, *, wait_s: float = 0.0) -> Truth:
        can = self.capabilities
        self._require(len(content.lines) <= can.lines, f"{len(content.lines)} lines (it has {can.lines})")
        self._require(can.images or not content.image, "pictures")
        lines = tuple(fit(line, can.columns) for line in content.lines)
        return await self._show(
            Op.SCREEN, write_screen(ScreenContent(lines, fit(content.image, _IMAGE_CELLS))), wait_s
        )


class ReferenceCamera(StxDriver):
    """Camera 摄像头 over the reference protocol: a still travels in pieces, each acknowledged."""

    DRIVER = "reference-camera"
    DEVICE_CLASS = DeviceClass.CAMERA
    KIND = Kind.CAMERA
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "max_bytes": Option(int, 500_000, "longest picture it gives", 1000, STILL_LIMIT_BYTES),
        **STX_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._taking = False

    @property
    def capabilities(self) -> CameraCapabilities:
        return CameraCapabilities("image/jpeg", self._options["max_bytes"], True)

    async def still(self, *, timeout_s: float = 10.0) -> bytes:
        if self._taking:
            raise DeviceBusy(self._name, "still: another picture is being taken")
        self._taking = True
        try:
            with trio.fail_after(timeout_s):
                picture = await self._picture()
        except trio.TooSlowError:
            raise DeviceTimeout(self._name, f"still: not whole within {timeout_s:g} s") from None
        finally:
            self._taking = False
        # A JPEG file begins with SOI and ends with EOI (ITU-T T.81, B.1.1.3).
        if not (picture.startswith(b"\xff\xd8") and picture.endswith(b"\xff\xd9")):
            raise ProtocolFault(self._name, "still: what came is no JPEG picture")
        return picture

    async def _picture(self) -> bytes:
        picture = bytearray()
        total = 0
        while not picture or len(picture) < total:
            command = self._stx.command(Op.STILL, write_offset(len(picture)), "still")
            self._port.submit(command)
            await command.wait()
            piece = read_piece(command.answer)
            if piece is None or not piece[1] or (picture and piece[0] != total):
                raise ProtocolFault(self._name, "still: the picture broke off")
            total = piece[0]
            if total > self._options["max_bytes"]:
                raise ProtocolFault(self._name, f"still: {total} bytes, more than max_bytes allows")
            picture += piece[1]
        return bytes(picture)
