"""A plugin as loaded: its module, its own description, and a pluggy manager with nothing else in it.

What must stay true
- What is wrong with a plugin is found here and said with its name: it does not import, implements a hook
  that is none or of the other colour, was made for another API, says something else of itself than it may.
- Every plugin has a manager of its own, so that an answer always has an owner, no plugin can wrap another's
  hooks, and letting go of a plugin is letting go of its manager. The order of plugins is hall.toml's.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, get_args

import msgspec
import pluggy

from somc.api import API_VERSION, PROJECT, About, HallHooks, Words
from somc.api.values import Sight
from somc.errors import UsageError
from somc.runtime.plugins.finding import Found

__all__ = ["HOOKS", "Loaded", "forget_modules", "load"]

HOOKS = {name: spec for name, spec in vars(HallHooks).items() if name.startswith(f"{PROJECT}_")}
"""Every hook with its specification."""

SIGHTS = frozenset(get_args(Sight))

RECORD_TYPE = re.compile(r"[a-z]+\.[a-z_]+|#")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One loaded plugin. `hooks` are those that it implements."""

    name: str
    found: Found
    plugin: object
    about: About
    version: str | None
    manager: pluggy.PluginManager
    hooks: frozenset[str]

    def ask(self, hook: str, **arguments: Any) -> Any:
        """What the plugin's own function of this hook gives; `None` if it has none. Whatever it raises.

        For an async hook that is the coroutine.
        """
        answers = getattr(self.manager.hook, hook)(**arguments)
        return answers[0] if answers else None

    @property
    def module(self) -> str:
        """The module of its entry point."""
        return self.found.entry.module

    @property
    def title(self) -> Words:
        title = self.about.title
        return title if title.zh or title.en else Words(zh=self.name, en=self.name)


def load(found: Found) -> Loaded:
    """Import the plugin and look at it. `UsageError` names it and what is wrong."""
    name = found.name
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HallHooks)
    try:
        plugin = found.load()
        manager.register(plugin, name)
    except Exception as error:
        raise UsageError(f"the plugin '{name}' ({found.entry.value}) does not load: {error!r}") from error
    hooks = _checked_hooks(name, plugin, manager)
    about = About()
    if "somc_plugin" in hooks:
        try:
            about = getattr(manager.hook, "somc_plugin")()[0]  # noqa: B009 - as every hook is asked
        except Exception as error:
            raise UsageError(f"the plugin '{name}' failed in 'somc_plugin': {error!r}") from error
        _check_about(name, about)
    _check_follower(name, about, hooks)
    return Loaded(name, found, plugin, about, about.version or found.version, manager, hooks)


def _checked_hooks(name: str, plugin: object, manager: pluggy.PluginManager) -> frozenset[str]:
    """Those that it implements: each exists, is of its specification's colour, and is no wrapper."""
    hooks = set()
    for caller in manager.get_hookcallers(plugin) or ():
        if caller.name not in HOOKS:
            near = difflib.get_close_matches(caller.name, HOOKS, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(HOOKS))}"
            raise UsageError(f"the plugin '{name}' implements '{caller.name}', which is no hook; {hint}")
        for implementation in caller.get_hookimpls():
            if implementation.wrapper or implementation.hookwrapper:
                raise UsageError(
                    f"the plugin '{name}' implements '{caller.name}' as a wrapper: there is nothing to wrap"
                )
            _check_colour(name, caller.name, HOOKS[caller.name], implementation.function)
        hooks.add(caller.name)
    return frozenset(hooks)


def _check_colour(name: str, hook: str, spec: object, function: object) -> None:
    """A hook is async where its specification is, and only there. `UsageError`."""
    wanted = "async" if inspect.iscoroutinefunction(spec) else "sync"
    asyncgen = inspect.isasyncgenfunction(function)
    found = "async" if asyncgen or inspect.iscoroutinefunction(function) else "sync"
    write = "`async def` instead of `def`" if wanted == "async" else "`def` instead of `async def`"
    if asyncgen and wanted == "async":
        found, write = "async generator", "`return` instead of `yield`"
    if found != wanted:
        article = "a" if found == "sync" else "an"
        raise UsageError(
            f"the plugin '{name}' implements '{hook}' as {article} {found} function; this hook is {wanted}: "
            f"write {write}"
        )


def _check_about(name: str, about: object) -> None:
    if not isinstance(about, About):
        raise UsageError(f"the plugin '{name}' gave {about!r} in 'somc_plugin', which is no About")
    wrong = None
    if not isinstance(about.title, Words):
        wrong = "title is no Words"
    elif about.config is not None and not _is_model(about.config):
        wrong = "config is no msgspec Struct class"
    elif unknown := set(about.sees) - SIGHTS:
        wrong = f"sees names {sorted(map(str, unknown))}; allowed: {', '.join(sorted(SIGHTS))}"
    elif any(not RECORD_TYPE.fullmatch(str(kind)) for kind in about.follows):
        wrong = f"follows is {about.follows!r}; allowed: record types such as 'ticket.taken', or '#'"
    elif about.catch_up not in ("continue", "skip") or about.isolation not in ("in-process", "process"):
        wrong = f"catch_up is {about.catch_up!r}, isolation {about.isolation!r}"
    elif about.skip_older_s is not None and not _is_whole(about.skip_older_s):
        wrong = f"skip_older_s is {about.skip_older_s!r}; allowed: seconds"
    if wrong is not None:
        known = ", ".join(field.name for field in fields(About))
        raise UsageError(f"the plugin '{name}' says wrong things of itself: {wrong} (an About has {known})")
    _check_api(name, about.api)


def _is_model(config: object) -> bool:
    return isinstance(config, type) and issubclass(config, msgspec.Struct)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_api(name: str, api: object) -> None:
    """The same major version, and no later minor one. `UsageError` with what to do."""
    major, minor = API_VERSION
    match = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,3}))?", api) if isinstance(api, str) else None
    if match is None:
        raise UsageError(
            f"the plugin '{name}' was made for API {api!r}, which is no version; write '{major}'"
        )
    wants = (int(match[1]), int(match[2] or 0))
    if wants[0] != major:
        what = "a newer SOMC" if wants[0] > major else "a newer version of the plugin"
        raise UsageError(
            f"the plugin '{name}' was made for API {api}, this hall has {major}.{minor}: it needs {what}"
        )
    if wants[1] > minor:
        here = f"this hall has {major}.{minor}"
        raise UsageError(f"the plugin '{name}' was made for API {api}, {here}: it needs a newer SOMC")


def _check_follower(name: str, about: About, hooks: frozenset[str]) -> None:
    if "somc_record" in hooks and not about.follows:
        raise UsageError(
            f"the plugin '{name}' implements 'somc_record' and follows nothing: "
            "name the record types in About.follows, or '#' for all"
        )
    if about.follows and "somc_record" not in hooks:
        raise UsageError(f"the plugin '{name}' follows {about.follows} and has no 'somc_record'")


def forget_modules(loaded: Loaded, others: Iterable[Loaded]) -> dict[str, Any]:
    """Take the plugin's modules out of Python's table, so that loading imports them anew; those taken out.

    They are the top package of its entry point, or, where other plugins share that, its module alone.
    """
    top = loaded.module.split(".")[0]
    shared = any(other.module.split(".")[0] == top for other in others if other is not loaded)
    root = loaded.module if shared or top in ("somc", "somc_hal", "somc_plugins") else top
    mine = [name for name in sys.modules if name == root or name.startswith(f"{root}.")]
    return {name: sys.modules.pop(name) for name in mine}
