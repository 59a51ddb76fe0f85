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

from somc_hal.devices import DeviceClass, DeviceMaker
from somc_hal.drivers.options import Option, checked
from somc_hal.errors import DeviceOffline, Unsupported
from somc_hal.links import check_url
from somc_hal.port import Dialect, LinkReport, Port, Timing
from somc_hal.status import DeviceState, DeviceStatus, Truth
from somc_hal.turn import Turn

__all__ = ["PORT_OPTIONS", "Driver", "DriverSpec"]

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

    def __init__(
        self,
        name: str,
        url: str,
        options: Mapping[str, Any],
        *,
        on_status: Callable[[DeviceStatus], None] = ignore_status,
        random_source: Callable[[], float] = random.random,
    ) -> None:
        check_url(url)
        self._options = checked(self.DRIVER, self.OPTIONS, options)
        self._name = name
        self._url = url
        self._on_status = on_status
        self._link = LinkReport(False, DeviceState.OFFLINE, "not started")
        self._changed = Turn()
        chosen = self._options
        self._timing = Timing(**{key: chosen[key] for key in Timing.__dataclass_fields__})
        self._port: Port[FrameT] = Port(
            name,
            url,
            self._dialect(),
            self._timing,
            queue_limit=chosen["queue_limit"],
            on_link=self._linked,
            random_source=random_source,
        )
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

    @abstractmethod
    def _dialect(self) -> Dialect[FrameT]:
        """The protocol; called once, at construction, when the options are checked."""

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
