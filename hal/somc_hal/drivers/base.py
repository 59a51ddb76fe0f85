"""What all drivers share: checked options, one port, one status that is published when it changes.

What must stay true
- Building a driver does no I/O; `run` owns everything that waits.
- The status is ONLINE only while the port's session is answered and the device's own condition
  allows it to serve.
- Each status is published once, in the supervisor's task; `on_status` must not raise and not wait.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import trio

from somc_hal.bus import BusCodec, Station
from somc_hal.devices import DeviceClass, DeviceMaker
from somc_hal.drivers.options import Option, checked
from somc_hal.errors import DeviceOffline, Unsupported
from somc_hal.links import check_url
from somc_hal.port import LinkReport, Port, Timing
from somc_hal.ports import Ports
from somc_hal.status import DeviceState, DeviceStatus, Truth
from somc_hal.turn import Turn

__all__ = ["BUS_OPTIONS", "POLL_S", "PORT_OPTIONS", "BusDriver", "Driver", "DriverSpec"]

FrameT = TypeVar("FrameT")

_TIMING = Timing()

PORT_OPTIONS: Mapping[str, Option] = {
    "answer_timeout_s": Option(
        float, _TIMING.answer_timeout_s, "how long to wait for the answer to one frame", 0.01, 60
    ),
    "attempts": Option(int, _TIMING.attempts, "how often a frame is sent before the device is gone", 1, 20),
    "heartbeat_s": Option(
        float, _TIMING.heartbeat_s, "silence after which the device is polled", 0.01, 86400
    ),
    "connect_timeout_s": Option(
        float, _TIMING.connect_timeout_s, "how long opening the port may take", 0.01, 120
    ),
    "frame_timeout_s": Option(
        float, _TIMING.frame_timeout_s, "how long writing one frame may take", 0.01, 120
    ),
    "backoff_first_s": Option(
        float, _TIMING.backoff_first_s, "pause before the first reconnect", 0.001, 3600
    ),
    "backoff_cap_s": Option(float, _TIMING.backoff_cap_s, "longest pause between reconnects", 0.001, 3600),
    "jitter": Option(float, _TIMING.jitter, "share by which each pause is varied", 0, 1),
    "queue_limit": Option(int, 16, "commands that may wait; one more is refused", 1, 1000),
}
"""Options that every driver has."""

POLL_S = 0.1

BUS_OPTIONS: Mapping[str, Option] = {
    **{key: option for key, option in PORT_OPTIONS.items() if key != "heartbeat_s"},
    "answer_timeout_s": Option(float, 0.1, "how long to wait for the answer to one frame", 0.01, 60),
    "poll_s": Option(
        float, POLL_S, "pause between two polls of this address; the line may be slower", 0.001, 3600
    ),
    "address": Option(int, 1, "the device's bus address", 1, 254),
}
"""Options of every driver that stands on a polled bus: instead of a heartbeat it is polled."""


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """A driver as data: for configuration, reference pages and `somc device list`."""

    name: str
    device_class: DeviceClass
    make: DeviceMaker
    options_schema: Mapping[str, Option]
    doc: str


def ignore_status(_status: DeviceStatus) -> None:
    """For callers that only look at `status`."""


class Driver(ABC, Generic[FrameT]):
    """Base of all drivers. A subclass names `DRIVER`, `DEVICE_CLASS`, `OPTIONS` and gives `_dialect`."""

    DRIVER: ClassVar[str]
    DEVICE_CLASS: ClassVar[DeviceClass]
    OPTIONS: ClassVar[Mapping[str, Option]]
    keeps_events: ClassVar[bool] = True
    """Whether the device keeps what it has to tell until it is acknowledged."""
    tells_restart: ClassVar[bool] = True
    """Whether it shows that the device was switched off and on; else its content is sent again in time."""

    def __init__(
        self,
        name: str,
        url: str,
        options: Mapping[str, Any],
        *,
        on_status: Callable[[DeviceStatus], None] = ignore_status,
        random_source: Callable[[], float] = random.random,
        ports: Ports | None = None,
    ) -> None:
        self._check_url(url)
        self._options = checked(self.DRIVER, self.OPTIONS, options)
        self._name = name
        self._url = url
        self._on_status = on_status
        self._link = LinkReport(False, DeviceState.OFFLINE, "not started")
        self._changed = Turn()
        self._random = random_source
        self._timing = self._times()
        self._port: Port[FrameT] | Station[FrameT] = self._make_port(ports or Ports())
        self._status = self._current_status()

    @property
    def name(self) -> str:
        return self._name

    @property
    def url(self) -> str:
        return self._url

    @property
    def device_class(self) -> DeviceClass:
        return self.DEVICE_CLASS

    @property
    def status(self) -> DeviceStatus:
        return self._status

    @property
    def busy(self) -> bool:
        return self._port.busy

    async def wait_idle(self) -> None:
        await self._port.wait_idle()

    async def wait_online(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self._status.serving:
            await self._changed.wait()

    async def wait_not_online(self) -> None:
        """Return when the device does not serve."""
        await trio.lowlevel.checkpoint()
        while self._status.serving:
            await self._changed.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        try:
            await self._port.run()
        finally:
            self._linked(LinkReport(False, DeviceState.OFFLINE, "stopped"))

    # --- for subclasses ------------------------------------------------------------------------

    def _check_url(self, url: str) -> None:
        """`ValueError` for a URL that this driver can never use."""
        check_url(url)

    def _times(self) -> Timing:
        """The port's times, from the options."""
        return Timing(**{key: self._options[key] for key in Timing.__dataclass_fields__})

    def _make_port(self, ports: Ports) -> Port[FrameT] | Station[FrameT]:
        """A port of its own; a driver on a bus asks `ports` for a station instead."""
        return Port(
            self._name,
            self._url,
            self._dialect(),
            self._timing,
            queue_limit=self._options["queue_limit"],
            on_link=self._linked,
            random_source=self._random,
        )

    @abstractmethod
    def _dialect(self) -> Any:
        """The protocol, a `Dialect` (on a bus a `StationDialect`); called once, at construction, when the
        options are checked."""

    def _condition(self, link: LinkReport) -> DeviceStatus:
        """The status while the session is answered; for devices that report more than that."""
        return DeviceStatus(self._name, link.state, Truth.YES, detail=link.detail)

    def _link_lost(self) -> None:
        """Called when the connection went away; for what a driver itself waits for."""

    def _current_status(self) -> DeviceStatus:
        if self._link.up:
            return self._condition(self._link)
        return DeviceStatus(self._name, self._link.state, Truth.NO, detail=self._link.detail)

    def _linked(self, report: LinkReport) -> None:
        self._link = report
        if not report.up:
            self._link_lost()
        self._refresh()

    def _refresh(self) -> None:
        """Publish the status if it has changed."""
        status = self._current_status()
        if status != self._status:
            self._status = status
            self._changed.turn()
            self._on_status(status)

    def _require(self, declared: bool, what: str) -> None:
        if not declared:
            raise Unsupported(self._name, f"{what} is not among its capabilities")

    async def _await_online(self, what: str, timeout_s: float) -> None:
        """Return when the session is answered; `DeviceOffline` after `timeout_s`."""
        with trio.move_on_after(timeout_s):
            await self._port.wait_online()
        if not self._port.online:
            raise DeviceOffline(self._name, f"{what}: {self._link.detail or 'offline'}")


class BusDriver(Driver[FrameT]):
    """Base of drivers on a polled bus. A subclass names `PROTOCOL` beside the rest, takes `BUS_OPTIONS`, and
    gives `_codec` and, as `_dialect`, a `StationDialect`."""

    PROTOCOL: ClassVar[str]

    @property
    def address(self) -> int:
        """The device's bus address."""
        address: int = self._options["address"]
        return address

    @abstractmethod
    def _codec(self) -> BusCodec[FrameT]:
        """The frames of the bus; called when this device is the first behind its URL."""

    def _place(self) -> int:
        """Where it stands on the bus; its address, unless two devices answer to one."""
        return self.address

    def _protocol(self) -> str:
        """What is spoken on the bus: two devices share it only if this is the same."""
        return self.PROTOCOL

    def _times(self) -> Timing:
        chosen = {key: self._options[key] for key in Timing.__dataclass_fields__ if key != "heartbeat_s"}
        return Timing(**chosen, heartbeat_s=self._options["poll_s"])

    def _make_port(self, ports: Ports) -> Port[FrameT] | Station[FrameT]:
        return Station(
            ports.bus(self._url, self._protocol(), self._codec),
            self._name,
            self._place(),
            self._dialect(),
            self._timing,
            queue_limit=self._options["queue_limit"],
            on_link=self._linked,
            random_source=self._random,
        )
