"""SOMC's hardware abstraction layer: device classes, drivers, links, simulators, conformance kit.

It knows nothing of halls, tickets or plugins, and imports nothing of `somc`. What is re-exported here
is a promise; start with `somc_hal.devices`.
"""

from __future__ import annotations

from somc_hal.capabilities import (
    AnnouncerCapabilities,
    CounterCallerCapabilities,
    CounterDisplayCapabilities,
    HallDisplayCapabilities,
    TicketPrinterCapabilities,
)
from somc_hal.devices import (
    Announcer,
    CounterCaller,
    CounterDisplay,
    Device,
    DeviceClass,
    DeviceMaker,
    HallDisplay,
    TicketPrinter,
)
from somc_hal.drivers.base import Driver, DriverSpec
from somc_hal.drivers.catalogue import DRIVERS, driver_spec
from somc_hal.drivers.options import Option
from somc_hal.errors import (
    DeviceBusy,
    DeviceError,
    DeviceOffline,
    DeviceTimeout,
    Interrupted,
    NeedsOperator,
    OutcomeUnknown,
    ProtocolFault,
    Unsupported,
)
from somc_hal.links import check_url, open_link
from somc_hal.status import DeviceState, DeviceStatus, PaperSupply, Truth
from somc_hal.values import Align, HallRow, Key, KeyEvent, Phrase, SlipCode, SlipLine, SlipPart

__all__ = [
    "DRIVERS",
    "Align",
    "Announcer",
    "AnnouncerCapabilities",
    "CounterCaller",
    "CounterCallerCapabilities",
    "CounterDisplay",
    "CounterDisplayCapabilities",
    "Device",
    "DeviceBusy",
    "DeviceClass",
    "DeviceError",
    "DeviceMaker",
    "DeviceOffline",
    "DeviceState",
    "DeviceStatus",
    "DeviceTimeout",
    "Driver",
    "DriverSpec",
    "HallDisplay",
    "HallDisplayCapabilities",
    "HallRow",
    "Interrupted",
    "Key",
    "KeyEvent",
    "NeedsOperator",
    "Option",
    "OutcomeUnknown",
    "PaperSupply",
    "Phrase",
    "ProtocolFault",
    "SlipCode",
    "SlipLine",
    "SlipPart",
    "TicketPrinter",
    "TicketPrinterCapabilities",
    "Truth",
    "Unsupported",
    "check_url",
    "driver_spec",
    "open_link",
]
