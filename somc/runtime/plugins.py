"""The plugin host: finds installed plugins, loads those that hall.toml names, calls their hooks.

What must stay true
- Bundled plugins are found by the same entry points as anybody's; nothing runs that hall.toml does not name.
- What is wrong with a plugin is found at the start and said with the plugin's name: one that is missing
  or does not load, a hook that does not exist or is of the wrong colour, a hook that raises or gives
  something else than it should, a name that two plugins bring.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

import pluggy
import structlog

from somc.api import PROJECT, HallHooks
from somc.errors import UsageError
from somc.scheduler.kinds import BUILT_IN
from somc.scheduler.policy import Candidate, Pick, PolicyKind, check_picked
from somc_hal.drivers.base import DriverSpec
from somc_hal.simulators.base import Simulator

__all__ = ["GROUP", "Plugins", "installed"]

GROUP = "somc.plugins"
"""The entry-point group."""

KIND_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")

T = TypeVar("T")

log = structlog.get_logger(__name__)


def installed() -> dict[str, EntryPoint]:
    """Every installed plugin by name, loaded or not; of two that share a name, the last one found."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


class Plugins:
    """The loaded plugins of one hall, and what they bring."""

    def __init__(self, names: Collection[str]) -> None:
        """Load the plugins `names`. `UsageError` names one that is missing, does not load, or
        implements a hook that is none."""
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(HallHooks)
        for name in dict.fromkeys(names):
            entry = _entry(name)
            try:
                plugin = entry.load()
                self.manager.register(plugin, name)
            except Exception as error:
                raise UsageError(f"the plugin '{name}' ({entry.value}) does not load: {error!r}") from error
            self._check(name, plugin)

    def _check(self, name: str, plugin: object) -> None:
        """That every hook it implements exists, and is sync where the specification is."""
        known = [hook for hook in dir(HallHooks) if hook.startswith(f"{PROJECT}_")]
        for caller in self.manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                near = difflib.get_close_matches(caller.name, known, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
                raise UsageError(f"the plugin '{name}' implements '{caller.name}', which is no hook; {hint}")
            spec = vars(HallHooks)[caller.name]
            for implementation in caller.get_hookimpls():
                if implementation.plugin_name == name:
                    _check_colour(name, caller.name, spec, implementation.function)

    def drivers(self) -> dict[str, DriverSpec]:
        """Every device driver by name. `UsageError` if two plugins bring the same name, and for a plugin
        whose hook fails."""
        drivers: dict[str, DriverSpec] = {}
        owners: dict[str, str] = {}
        for plugin, spec in self._brought("somc_device_drivers", _drivers_in):
            if drivers.get(spec.name, spec) is not spec:
                raise _two("driver", spec.name, owners[spec.name], plugin)
            drivers[spec.name] = spec
            owners.setdefault(spec.name, plugin)
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
        """What each plugin's hook gives, with the plugin's name, in the order of hall.toml.

        The plugins are asked one by one, because pluggy does not say whose hook raised.
        """
        everybody = self.manager.list_name_plugin()
        for name, plugin in everybody:
            others = [other for _, other in everybody if other is not plugin]
            try:
                answers = self.manager.subset_hook_caller(hook, others)()
                things = [thing for answer in answers for thing in things_in(answer)]
            except Exception as error:
                raise UsageError(f"the plugin '{name}' failed in '{hook}': {error!r}") from error
            yield from ((name, thing) for thing in things)


def _check_colour(name: str, hook: str, spec: object, function: object) -> None:
    """A hook is async where its specification is, and only there. `UsageError`."""
    wanted = "async" if inspect.iscoroutinefunction(spec) else "sync"
    if inspect.isasyncgenfunction(function) or inspect.iscoroutinefunction(function):
        found = "async"
    else:
        found = "sync"
    write = "`async def` instead of `def`" if wanted == "async" else "`def` instead of `async def`"
    if inspect.isasyncgenfunction(function) and wanted == "async":
        found, write = "async generator", "`return` instead of `yield`"
    if found != wanted:
        article = "a" if found == "sync" else "an"
        raise UsageError(
            f"the plugin '{name}' implements '{hook}' as {article} {found} function; this hook is {wanted}: "
            f"write {write}"
        )


def _entry(name: str) -> EntryPoint:
    """The entry point of the plugin `name`; `UsageError` if there is none, or two that differ."""
    found = {entry.value: entry for entry in entry_points(group=GROUP, name=name)}
    if not found:
        known = ", ".join(sorted(installed())) or "none"
        raise UsageError(f"the plugin '{name}' is not installed; installed: {known}")
    if len(found) > 1:
        both = " and ".join(sorted(found))
        raise UsageError(f"two installed packages bring a plugin '{name}' ({both}): uninstall one of them")
    return next(iter(found.values()))


def _drivers_in(answer: object) -> list[DriverSpec]:
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
