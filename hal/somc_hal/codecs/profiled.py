"""The frames of a wire profile on a bus: which address a frame belongs to is one of its fields.

What must stay true: a profile without that field is refused when the driver is built.
"""

from __future__ import annotations

from collections.abc import Sequence

from somc_hal.codecs.frames import Frame, FrameCodec, FrameFormat

__all__ = ["ProfiledBusCodec"]


class ProfiledBusCodec:
    """A bus's codec (`somc_hal.bus.BusCodec`). `gap_s`: how long the line rests before the host writes."""

    def __init__(self, form: FrameFormat, *, gap_s: float) -> None:
        if "address" not in form.fields:
            raise ValueError("layout: found no field 'address', by which the devices of a bus are told apart")
        self._at = form.fields.index("address")
        self._codec = FrameCodec(form)
        self.gap_s = gap_s

    def opened(self) -> None:
        self._codec.gap()

    def feed(self, data: bytes) -> Sequence[Frame]:
        return self._codec.feed(data)

    def address(self, frame: Frame) -> int:
        return frame.fields[self._at]
