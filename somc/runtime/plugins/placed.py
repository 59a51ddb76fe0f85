"""Drivers where their plugins work: in the hall's process, or each in its plugin's own.

What must stay true
- Whoever makes a device is given a `DriverSpec` and need not know where its driver works, but that a
  `RemoteSpec` has to learn what a device can before it makes one.
- A plugin has one board for as long as the hall runs, whatever becomes of its processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from somc.runtime.plugins.board import HOOK, Board
from somc.runtime.plugins.brought import Plugins
from somc.runtime.plugins.loading import Loaded
from somc.runtime.plugins.remote_classes import make_remote
from somc_hal.drivers.base import DriverSpec
from somc_hal.simulators.base import Simulator

__all__ = ["Boards", "Placed", "RemoteSpec"]


@dataclass(frozen=True, slots=True)
class RemoteSpec(DriverSpec):
    """A driver in its plugin's process. `make` takes only what `learn` has learned."""

    learn: Callable[[str, str, Mapping[str, Any]], Any]
    """`await learn(name, url, options)`: `ValueError` in the driver's words for what it does not take."""


def remote_spec(board: Board, spec: DriverSpec) -> RemoteSpec:
    """The same driver, at work behind `board`."""
    return RemoteSpec(
        name=spec.name,
        device_class=spec.device_class,
        make=partial(make_remote, board, spec),
        options_schema=spec.options_schema,
        doc=spec.doc,
        learn=partial(board.learn, spec),
    )


class Boards:
    """The boards of a hall's plugins. `apart` says whether a plugin works in a process of its own."""

    def __init__(self, apart: Callable[[Loaded], bool]) -> None:
        self._apart = apart
        self._boards: dict[str, Board] = {}

    def of(self, loaded: Loaded) -> Board | None:
        """The plugin's board; `None` if it brings no drivers, or they work in the hall's process."""
        if HOOK not in loaded.hooks or not self._apart(loaded):
            return None
        return self._boards.setdefault(loaded.name, Board(loaded.name))


class Placed:
    """What `plugins` bring for the hall's devices, each driver where its plugin works."""

    def __init__(self, plugins: Plugins, boards: Boards) -> None:
        self._plugins = plugins
        self._boards = boards

    def drivers(self) -> dict[str, DriverSpec]:
        """As `Plugins.drivers`."""
        placed: dict[str, DriverSpec] = {}
        for name, (plugin, spec) in self._plugins.drivers_of().items():
            board = self._boards.of(self._plugins.loaded[plugin])
            placed[name] = spec if board is None else remote_spec(board, spec)
        return placed

    def simulators(self) -> dict[str, Callable[[], Simulator]]:
        """As `Plugins.simulators`: the other end of a line is the hall's, wherever its driver works."""
        return self._plugins.simulators()
