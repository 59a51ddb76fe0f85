"""Devices that never say anything: much display hardware is like that.

What must stay true
- It is online when its port is open, `confirmed` stays unknown, and nothing shown is ever `YES`.
- It cannot tell that it was switched off and on, so its content is sent again every `refresh_s`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import trio

from somc_hal.drivers.options import Option
from somc_hal.exchange import Exchange
from somc_hal.status import DeviceStatus, Truth

__all__ = ["ONE_WAY_OPTIONS", "OneWayCommand", "OneWayDialect", "unconfirmed"]

ONE_WAY_OPTIONS: Mapping[str, Option] = {
    "refresh_s": Option(
        float, 30.0, "how often the content is sent again, since nobody says that it was lost", 0.1, 86400
    ),
}
"""Options of displays without a way back."""


class OneWayCommand(Exchange[Any]):
    """Bytes that nobody answers."""

    def __init__(self, device: str, what: str, wire: bytes) -> None:
        super().__init__(device, what, timeout_s=0.0)
        self._wire = wire

    @property
    def answers(self) -> bool:
        return False

    def frames(self) -> Sequence[bytes]:
        return (self._wire,)

    def hears(self, frame: Any) -> bool:
        return False


class OneWayDialect:
    """Asks nothing and hears nothing; `on_refresh` is called when the content is due again. Serves a port of
    its own as well as a place on a bus."""

    def __init__(self, refresh_s: float, on_refresh: Callable[[], None]) -> None:
        self._refresh_s = refresh_s
        self._on_refresh = on_refresh
        self._refreshed_at = math.inf

    def opened(self) -> None:
        # A new connection sends everything anyway.
        self._refreshed_at = math.inf

    def feed(self, data: bytes) -> Sequence[Any]:
        return ()

    def polls(self) -> Sequence[Exchange[Any]]:
        return ()

    def settled(self) -> bool:
        now = trio.current_time()
        if now >= self._refreshed_at + self._refresh_s:
            self._on_refresh()
            self._refreshed_at = now
        elif self._refreshed_at == math.inf:
            self._refreshed_at = now
        return True

    def unasked(self, frame: Any) -> bytes:
        return b""


def unconfirmed(status: DeviceStatus) -> DeviceStatus:
    """The same, with nothing confirmed."""
    return DeviceStatus(status.device, status.state, Truth.UNKNOWN, detail=status.detail)
