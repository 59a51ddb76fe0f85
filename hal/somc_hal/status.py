"""What a device says of itself: XFS4IoT's device values, three-valued truth, paper.

What must stay true
- ONLINE means that the session can serve: the device answered. An open port is not yet online.
- "Unknown" and "not supported" are values of their own; nothing is `yes` because nobody denied it.
- The enumerations' values are the spelling of XFS4IoT `Common.Status`, so they can be put into
  records and JSON as they are.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["DeviceState", "DeviceStatus", "PaperSupply", "Truth"]


class Truth(enum.Enum):
    """Yes, no, or nobody knows. It has no truth value of its own: compare it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        # `if status.cover_open:` would take UNKNOWN for yes; the comparison has to be written out.
        raise TypeError("a Truth has three values: compare it with Truth.YES, Truth.NO or Truth.UNKNOWN")


class DeviceState(enum.Enum):
    """XFS4IoT `Common.Status.device`, with its spelling."""

    ONLINE = "online"
    OFFLINE = "offline"
    POWER_OFF = "powerOff"
    NO_DEVICE = "noDevice"
    HARDWARE_ERROR = "hardwareError"
    USER_ERROR = "userError"
    DEVICE_BUSY = "deviceBusy"
    FRAUD_ATTEMPT = "fraudAttempt"
    POTENTIAL_FRAUD = "potentialFraud"


class PaperSupply(enum.Enum):
    """XFS4IoT `Printer.Status.paper` for the one supply a ticket printer has."""

    FULL = "full"
    LOW = "low"
    OUT = "out"
    JAMMED = "jammed"
    UNKNOWN = "unknown"
    NOT_SUPPORTED = "notSupported"


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """One device at one moment; equal statuses are published once.

    `confirmed` says whether the device itself answered (`UNKNOWN` on a one-way line, where `state`
    is only that of the port). `userError` is used whenever a person has to act: no paper, cover
    open. `detail` is one sentence for the operator, in English, empty when all is well.
    """

    device: str
    state: DeviceState
    confirmed: Truth = Truth.UNKNOWN
    paper: PaperSupply = PaperSupply.NOT_SUPPORTED
    cover_open: Truth = Truth.UNKNOWN
    detail: str = ""

    @property
    def serving(self) -> bool:
        """Whether a command given now would be carried out."""
        return self.state in (DeviceState.ONLINE, DeviceState.DEVICE_BUSY)
