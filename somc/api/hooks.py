"""The hook specifications: what a plugin may add to a hall, and when it is asked.

A hook is an empty typed function whose docstring is its contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pluggy

from somc.scheduler.policy import PolicyKind
from somc_hal.drivers.base import DriverSpec
from somc_hal.simulators.base import Simulator

__all__ = ["PROJECT", "HallHooks", "hookimpl"]

PROJECT = "somc"
"""pluggy's project name and the prefix of every hook."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HallHooks:
    """Moments of a hall at which plugins are asked."""

    @hookspec
    def somc_device_drivers(self) -> Iterable[DriverSpec]:  # type: ignore[empty-body] # a specification
        """The device drivers that this plugin brings. Since 0.1.

        When: once at the start, before any device is opened, in the main task. Sync; must not wait.
        Several plugins: their drivers are joined; a name that two bring stops the start with both names.
        If it raises: the start stops with the plugin's name.
        """

    @hookspec
    def somc_device_simulators(self) -> Mapping[str, Callable[[], Simulator]]:  # type: ignore[empty-body] # as above
        """Simulated devices, by the name of the driver that speaks to them. Since 0.1.

        When, several plugins, if it raises: as `somc_device_drivers`.
        """

    @hookspec
    def somc_routing_policies(self) -> Iterable[PolicyKind]:  # type: ignore[empty-body] # as above
        """Kinds of routing policy (排队策略) that hall.toml and `PUT /policy` may then name. Since 0.1.

        When: once at the start, before hall.toml's policy is checked, in the main task, and by `somc check`.
        Sync; must not wait. Several plugins: their kinds are joined; a name that two bring, or that SOMC has,
        stops the start. If it raises: the start stops with the plugin's name.

        A kind's `compile` is asked whenever the policy or a setting that it may read changes: pure, from
        numbers to terms. If it raises then, the change is refused. A kind's `pick` is asked at every call,
        inside the deciding task: it is trusted code, must be quick, and must answer the same for the same
        heads; if it raises or answers nonsense, the compiled terms decide and the call's reason says so.
        """
