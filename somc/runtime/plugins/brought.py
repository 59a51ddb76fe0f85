"""What plugins bring that hall.toml may name: drivers, their simulators, policy kinds.

What must stay true
- Nothing runs that hall.toml does not name.
- What is wrong is said with the plugin's name: a hook that raises or gives something else than it should, a
  name that two plugins bring.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import structlog

from somc.api.channels import SimulatedGateway
from somc.errors import UsageError
from somc.runtime.plugins.finding import find
from somc.runtime.plugins.loading import Loaded, load
from somc.scheduler.kinds import BUILT_IN
from somc.scheduler.policy import Candidate, Pick, PolicyKind, check_picked
from somc_hal.drivers.base import DriverSpec
from somc_hal.simulators.base import Simulator

__all__ = ["Plugins", "drivers_in"]

KIND_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Plugins:
    """The loaded plugins of one hall, and what they bring."""

    def __init__(self, names: Collection[str], paths: Sequence[Path] = ()) -> None:
        """Load the plugins `names`, found on `paths` or installed. `UsageError` names one that is missing,
        does not load, or implements a hook that is none."""
        self.paths = tuple(paths)
        self.loaded: dict[str, Loaded] = {name: load(find(name, self.paths)) for name in dict.fromkeys(names)}
        """By name, in the order of hall.toml; the host adds and removes what is enabled and disabled."""

    @classmethod
    def of(cls, loaded: Collection[Loaded], paths: Sequence[Path] = ()) -> Plugins:
        """Those that are loaded already."""
        made = cls((), paths)
        made.loaded = {one.name: one for one in loaded}
        return made

    def drivers(self) -> dict[str, DriverSpec]:
        """Every device driver by name. `UsageError` if two plugins bring the same name, and for a plugin
        whose hook fails."""
        return {name: spec for name, (_, spec) in self.drivers_of().items()}

    def drivers_of(self) -> dict[str, tuple[str, DriverSpec]]:
        """As `drivers`, each with the plugin that brings it."""
        drivers: dict[str, tuple[str, DriverSpec]] = {}
        for plugin, spec in self._brought("somc_device_drivers", drivers_in):
            owner, first = drivers.setdefault(spec.name, (plugin, spec))
            if first is not spec:
                raise _two("driver", spec.name, owner, plugin)
        return drivers

    def simulators(self) -> dict[str, Callable[[], Simulator]]:
        """Every simulator by the name of its driver. `UsageError` as for `drivers`."""
        simulators: dict[str, Callable[[], Simulator]] = {}
        owners: dict[str, str] = {}
        for plugin, (driver, make) in self._brought("somc_device_simulators", _simulators_in):
            if simulators.get(driver, make) is not make:
                raise _two("simulator of", driver, owners[driver], plugin)
            simulators[driver] = make
            owners.setdefault(driver, plugin)
        return simulators

    def gateways(self) -> dict[str, Callable[[], SimulatedGateway]]:
        """Every simulated gateway by the kind of its channel. `UsageError` as for `drivers`."""
        gateways: dict[str, Callable[[], SimulatedGateway]] = {}
        owners: dict[str, str] = {}
        for plugin, (kind, make) in self._brought("somc_channel_simulators", _gateways_in):
            if gateways.get(kind, make) is not make:
                raise _two("simulated gateway", kind, owners[kind], plugin)
            gateways[kind] = make
            owners.setdefault(kind, plugin)
        return gateways

    def policies(self) -> dict[str, PolicyKind]:
        """Every kind of routing policy by name: SOMC's own, then the plugins'. `UsageError` for a name that
        is there already, and for a plugin whose hook fails. A `pick` that raises is logged, once."""
        kinds = dict(BUILT_IN)
        for plugin, kind in self._brought("somc_routing_policies", _policies_in):
            if kind.name in BUILT_IN:
                raise UsageError(
                    f"the plugin '{plugin}' brings the kind '{kind.name}', which SOMC has itself"
                )
            first = kinds.get(kind.name)
            if first is not None and first.plugin is not None:
                raise _two("policy kind", kind.name, first.plugin, plugin)
            pick = None if kind.pick is None else _logged_once(plugin, kind.name, kind.pick)
            kinds[kind.name] = replace(kind, plugin=plugin, pick=pick)
        return kinds

    def _brought(self, hook: str, things_in: Callable[[object], list[T]]) -> Iterator[tuple[str, T]]:
        """What each plugin's hook gives, with the plugin's name, in the order of hall.toml."""
        for name, plugin in self.loaded.items():
            try:
                answer = plugin.ask(hook)
                things = [] if answer is None else things_in(answer)
            except Exception as error:
                raise UsageError(f"the plugin '{name}' failed in '{hook}': {error!r}") from error
            yield from ((name, thing) for thing in things)


def drivers_in(answer: object) -> list[DriverSpec]:
    """The drivers of one answer. `TypeError` says what else is in it."""
    if answer is None or isinstance(answer, str | Mapping):
        raise TypeError(f"it gave {answer!r}, not an iterable of DriverSpec")
    drivers = []
    for spec in answer:  # type: ignore[attr-defined] # what is not iterable raises the TypeError meant here
        if not isinstance(spec, DriverSpec):
            raise TypeError(f"it gave {spec!r}, which is no DriverSpec")
        drivers.append(spec)
    return drivers


def _simulators_in(answer: object) -> list[tuple[str, Callable[[], Simulator]]]:
    if not isinstance(answer, Mapping):
        raise TypeError(f"it gave {answer!r}, not a mapping of driver names to simulators")
    for driver, make in answer.items():
        if not isinstance(driver, str) or not callable(make):
            raise TypeError(f"it gave {driver!r}: {make!r}, which is no driver's name with its simulator")
    return list(answer.items())


def _gateways_in(answer: object) -> list[tuple[str, Callable[[], SimulatedGateway]]]:
    if not isinstance(answer, Mapping):
        raise TypeError(f"it gave {answer!r}, not a mapping of kinds of channels to simulated gateways")
    for kind, make in answer.items():
        if not isinstance(kind, str) or not callable(make):
            raise TypeError(f"it gave {kind!r}: {make!r}, which is no kind of channel with its gateway")
    return list(answer.items())


def _policies_in(answer: object) -> list[PolicyKind]:
    if answer is None or isinstance(answer, str | Mapping):
        raise TypeError(f"it gave {answer!r}, not an iterable of PolicyKind")
    kinds = []
    for kind in answer:  # type: ignore[attr-defined] # what is not iterable raises the TypeError meant here
        if not isinstance(kind, PolicyKind):
            raise TypeError(f"it gave {kind!r}, which is no PolicyKind")
        if not KIND_NAME.fullmatch(kind.name):
            raise ValueError(f"the policy kind {kind.name!r} needs a name of small letters, digits, - and _")
        kinds.append(kind)
    return kinds


def _logged_once(plugin: str, kind: str, pick: Pick) -> Pick:
    """`pick`, whose first failure is logged; it is asked at every call, and a log of each would be a
    flood."""
    told: list[str] = []

    def logged(heads: Sequence[Candidate], now: int) -> int:
        try:
            chosen = pick(heads, now)
            check_picked(chosen, heads)
        except Exception as error:
            if not told:
                told.append(repr(error))
                log.error(
                    "a policy's own choice failed: its coefficients decide",
                    plugin=plugin,
                    kind=kind,
                    error=repr(error),
                )
            raise
        return chosen

    return logged


def _two(what: str, name: str, first: str, second: str) -> UsageError:
    return UsageError(f"two plugins bring the {what} '{name}', {first} and {second}: enable only one of them")
