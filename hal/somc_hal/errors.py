"""Every exception that the hardware layer raises on purpose.

    DeviceError
    ├── Unsupported        you: the device does not declare this capability; no byte was sent
    ├── DeviceOffline      it: nobody answers at that port; no byte of this command was sent
    ├── DeviceTimeout      it: the command was sent, the answer did not come in time
    ├── DeviceBusy         it: the queue is full, or the device is already at it; nothing was sent
    ├── NeedsOperator      it: a person must act first (paper, cover); nothing was sent
    ├── ProtocolFault      it: the device refused the command, or is not what it should be
    ├── OutcomeUnknown     it: bytes went out and no confirmation came back; never repeated by itself
    └── Interrupted        somebody stopped the announcement before its end

What must stay true: an error says whether bytes may have reached the device, because that decides
whether the caller may try again. Links below this layer raise only trio's stream exceptions and
`OSError`. A wrong URL or option is a `ValueError`: it is a mistake of configuration, not of a device.
"""

from __future__ import annotations

__all__ = [
    "DeviceBusy",
    "DeviceError",
    "DeviceOffline",
    "DeviceTimeout",
    "Interrupted",
    "NeedsOperator",
    "OutcomeUnknown",
    "ProtocolFault",
    "Unsupported",
]


class DeviceError(Exception):
    """Root of the tree. `device` is the configured name of the device that raised it."""

    def __init__(self, device: str, what: str) -> None:
        self.device = device
        self.what = what
        super().__init__(f"{device}: {what}")


class Unsupported(DeviceError):
    """The capability is not declared (UPOS `E_ILLEGAL`). Raised before any byte is sent."""


class DeviceOffline(DeviceError):
    """The device does not serve at present (UPOS `E_OFFLINE`). Nothing of this command was sent."""


class DeviceTimeout(DeviceError):
    """The command was sent, its answer did not come in time (UPOS `E_TIMEOUT`)."""


class DeviceBusy(DeviceError):
    """The queue is full or the device is at another job (UPOS `E_BUSY`). Nothing was sent."""


class NeedsOperator(DeviceError):
    """A person must act before the device can go on: paper, cover. Nothing was sent."""


class ProtocolFault(DeviceError):
    """The device refused the command, or it is not the kind of device it was configured as."""


class OutcomeUnknown(DeviceError):
    """Bytes went out, no confirmation came back. The command is not repeated by this layer."""


class Interrupted(DeviceError):
    """The announcement was stopped before its end."""
