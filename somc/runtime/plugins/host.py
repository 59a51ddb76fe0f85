"""The plugins of one running hall: enabled, disabled, configured and reloaded while customers wait.

    enable ──▶ load ──▶ configuration ──▶ what it brings ──▶ somc_start ──▶ follower, routes, rules ──▶ record
    disable ─▶ may it go? ──▶ routes and follower gone ──▶ somc_stop ──▶ tasks ended ──▶ record

What must stay true
- One change at a time; a change that fails leaves the plugin as it was, or off, and everything else
  untouched.
- What is switched and configured is on record before the asker is answered, and a restart finds it again.
- A plugin that fails too often is disabled by the host itself, with a record and an alert that say why.
- Nothing of a plugin is ever called by the deciding task.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Awaitable, Callable, Mapping, Set
from pathlib import Path
from typing import Any

import structlog
import trio

from somc.config import PluginSettings
from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.errors import UsageError
from somc.journal.record import Record
from somc.runtime.hall import Hall
from somc.runtime.plugins.acting import Actions
from somc.runtime.plugins.asking import Asking, Sights
from somc.runtime.plugins.brought import Plugins
from somc.runtime.plugins.configuring import build, secret_keys, shown
from somc.runtime.plugins.entry import Entry, close_entry, follow, open_entry, take_down
from somc.runtime.plugins.facts import TicketFacts
from somc.runtime.plugins.finding import find, installed
from somc.runtime.plugins.followers import Followers
from somc.runtime.plugins.in_use import InUse
from somc.runtime.plugins.loading import Loaded, forget_modules, load
from somc.runtime.plugins.newcomers import Newcomers
from somc.runtime.plugins.placed import Boards, Placed
from somc.runtime.plugins.status import views_of
from somc.runtime.plugins.store import FileStore
from somc.runtime.plugins.tables import Tables
from somc.runtime.plugins.tending import Tending
from somc.runtime.plugins.web import Web

__all__ = ["InUse", "PluginHost"]

log = structlog.get_logger(__name__)

FACTS = "facts"
"""The host's own store, beside those of plugins; no plugin is called so."""

LAST_FACTS_S = 5.0
"""For the last facts to reach the disk at the end of a hall."""

BLOCK_WEIGHT = 4
"""Holding the hall's loop counts so many faults: three times is a quarantine."""


class PluginHost:
    """Made by composition over a running hall. `run` must be running before plugins are enabled.

    `plugins` are those that hall.toml names, loaded; it is kept to what is enabled, so that whoever asks it
    for drivers and policy kinds gets those that there are.
    """

    def __init__(
        self,
        hall: Hall,
        plugins: Plugins,
        settings: Mapping[str, PluginSettings],
        data_dir: Path,
        draw_id: Callable[[str], str],
    ) -> None:
        self.hall = hall
        self.plugins = plugins
        self.draw_id = draw_id
        self.actions = Actions(hall)
        self.tables = Tables(hall, settings)
        self.in_use: list[Callable[[Loaded], str | None]] = []
        """Each says why a plugin may not go now, or None."""
        self.drivers_in_use: Callable[[], Set[str]] = frozenset
        """The drivers of the hall's devices."""
        self.on_change: list[Callable[[], Awaitable[None]]] = []
        """Called after a plugin was enabled or disabled: devices, policy kinds, channels follow."""
        self.entries: dict[str, Entry] = {}
        self.boards = Boards(self.tables.apart)
        self.data_dir = data_dir / "plugins"
        self.facts_store = FileStore(self.data_dir / f"{FACTS}.sqlite", hall.journal.key_for(FACTS))
        self.facts = TicketFacts(self.facts_store)
        self.followers = Followers(hall.journal)
        self._present: frozenset[str] = frozenset()
        self.asking = Asking(self._runners, lambda: self._present)
        self.newcomers = Newcomers(hall, self.asking)
        self.web = Web(lambda: self.entries)
        self.tending = Tending(self)
        self.failed: dict[str, str] = {}
        """Plugins that should work and do not, with why."""
        self.starting: set[str] = set()
        """Plugins that are coming up and do not serve yet."""
        self.stuck: list[str] = []
        """Disabled plugins whose tasks do not end."""
        self.changing = trio.Lock()
        self.nursery: trio.Nursery
        self._first = tuple(plugins.loaded)
        self._kept_running: list[Entry] = []

    def placed(self, plugins: Plugins, settings: Mapping[str, PluginSettings]) -> Placed:
        """What `plugins` bring, each driver where its plugin works. `settings` are hall.toml's as it is now:
        what it says of a plugin that is not at work is heard."""
        self.tables.hear(settings, self.entries)
        return Placed(plugins, self.boards)

    def _runners(self) -> list[tuple[Any, Sights]]:
        return [(entry.runner, entry.sights) for entry in self.entries.values() if entry.serving]

    def count_hooks(self) -> None:
        """Which hooks anybody at work has: asked at every ticket, so it is known beforehand."""
        hooks = [entry.runner.hooks for entry in self.entries.values() if entry.serving]
        self._present = frozenset().union(*hooks)

    # -- life -------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be there for plugins until cancelled."""
        await self.facts.load(self.hall.state.tickets)
        self.followers.on_record.append(self._heed)
        async with trio.open_nursery() as nursery:
            self.nursery = nursery
            nursery.start_soon(self.facts.run)
            nursery.start_soon(self.followers.run)
            nursery.start_soon(self.tending.run)
            task_status.started()
            await trio.sleep_forever()

    async def start_all(self) -> None:
        """Enable what hall.toml names and what was enabled since. `UsageError` names one that cannot start.

        One that was enabled in the running hall, and cannot start now, stays off and is told of: a restart in
        the morning does not fail for it.
        """
        state = self.hall.state
        for name in self._first:
            if name not in state.plugins or not state.plugins[name].in_file:
                await self._record_switch(name, True, by="config", version=self.plugins.loaded[name].version)
        for name, known in list(state.plugins.items()):
            if known.in_file and name not in self._first:
                await self._record_switch(name, False, by="config", cause="config")
        for name in [*self._first, *(name for name in state.plugins if name not in self._first)]:
            if name in state.plugins and not state.plugins[name].enabled:
                self.plugins.loaded.pop(name, None)
                log.warning("plugin is off", plugin=name, cause=state.plugins[name].cause)
                continue
            try:
                loaded = self.plugins.loaded.get(name) or load(find(name, self.plugins.paths))
                await self._bring_up(loaded)
                if loaded.version != state.plugins[name].version:  # its package was changed meanwhile
                    await self.submit(c.ReloadPlugin(by="config", plugin=name, version=loaded.version))
            except UsageError as error:
                if name in self._first:
                    raise
                self.failed[name] = str(error)
                self.plugins.loaded.pop(name, None)
                log.error("plugin does not start", plugin=name, why=str(error))
        for heed in self.on_change:
            await heed()

    def load_enabled(self) -> None:
        """Before the hall's settings are applied: load what was enabled in the running hall, let go of what
        was disabled, so that policy kinds are there."""
        for name, known in self.hall.state.plugins.items():
            if not known.enabled and known.in_file:
                self.plugins.loaded.pop(name, None)
            elif known.enabled and not known.in_file and name not in self.plugins.loaded:
                try:
                    self.plugins.loaded[name] = load(find(name, self.plugins.paths))
                except UsageError as error:
                    self.failed[name] = str(error)

    async def stop_all(self, *, keep_lasting: bool = False) -> None:
        """Let every plugin go down in order; the last that started first. Nothing of it is a change.

        `keep_lasting`: devices and channels go on in their plugins' processes until `stop_lasting`."""
        with trio.CancelScope(shield=True):
            async with self.changing:
                for entry in reversed(list(self.entries.values())):
                    keep = keep_lasting and entry.runner.outlasts
                    await take_down(self, entry, keep_running=keep)
                    if keep:
                        self._kept_running.append(entry)
            self.followers.note_all()
            with trio.move_on_after(LAST_FACTS_S):
                await self.facts.finish()
            await self.facts_store.close()

    async def stop_lasting(self) -> None:
        """End what `stop_all` let go on; nobody is told that it is away."""
        with trio.CancelScope(shield=True):
            while self._kept_running:
                entry = self._kept_running.pop()
                entry.runner.end_quietly()
                await close_entry(self, entry)

    # -- changes ----------------------------------------------------------------------------------

    async def enable(self, name: str, by: str) -> None:
        """Let the plugin work from now on. `UsageError` says why it cannot; then nothing has changed."""
        async with self.changing:
            if name in self.entries:
                return
            loaded = load(find(name, self.plugins.paths))
            await self._bring_up(loaded)
            await self._record_switch(name, True, by=by, version=loaded.version)
            await self.hall.submit(
                c.ClearPluginAlert(by=by, plugin=name, name="quarantined"), lambda state, events, now: None
            )
            await self._changed()

    async def disable(self, name: str, by: str, *, cause: str = "asked", why: str | None = None) -> None:
        """Let the plugin work no more. `InUse` if something of it is needed, `UsageError` if unknown."""
        async with self.changing:
            await self.disable_now(name, by, cause, why)

    async def configure(self, name: str, changes: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Change its configuration: key → value, None for hall.toml's own. It is restarted with it.

        `UsageError` names a key that is wrong, or a secret; then nothing has changed.
        """
        async with self.changing:
            entry = self.entries.get(name)
            loaded = entry.loaded if entry is not None else load(find(name, self.plugins.paths))
            model = loaded.about.config
            hidden = secret_keys(model) & changes.keys()
            if hidden:
                raise UsageError(
                    f"plugin.{name}: {', '.join(sorted(hidden))} is secret: set it in hall.toml, not here"
                )
            table = self.tables.in_force(loaded)
            file_values = self.tables.file_values(loaded)[0]
            wanted = {**table, **{key: value for key, value in changes.items() if value is not None}}
            for key in (key for key, value in changes.items() if value is None):
                wanted.pop(key, None)
                if key in file_values:
                    wanted[key] = file_values[key]
            build(name, model, wanted)
            if entry is not None:
                await self._replace(entry, loaded, wanted)
            await self.submit(c.ConfigurePlugin(by=by, plugin=name, changes=dict(changes)))
            await self._changed()
            return shown(model, build(name, model, wanted))

    async def reload(self, name: str, by: str) -> str | None:
        """Import the plugin anew, as an upgrade of its package left it; the version that works then.

        `UsageError` if the new one cannot work: the old one goes on.
        """
        async with self.changing:
            entry = self._entry(name)
            before = forget_modules(entry.loaded, self.plugins.loaded.values())
            importlib.invalidate_caches()
            try:
                loaded = load(find(name, self.plugins.paths))
                self._check_kept(entry.loaded, loaded)
                await self._replace(entry, loaded, self.tables.in_force(loaded))
            except (InUse, UsageError):
                sys.modules.update(before)
                raise
            await self.submit(c.ReloadPlugin(by=by, plugin=name, version=loaded.version))
            await self._changed()
            return loaded.version

    def about(self) -> list[dict[str, Any]]:
        """Every plugin that is installed, lies on a path, or works: what it is and how it does."""
        return views_of(self)

    # -- one change -------------------------------------------------------------------------------

    def _entry(self, name: str) -> Entry:
        entry = self.entries.get(name)
        if entry is None:
            raise UsageError(f"the plugin '{name}' is not enabled")
        return entry

    async def _bring_up(self, loaded: Loaded) -> None:
        """Let it work; nothing is left of one that cannot. `UsageError`."""
        if changes := self.tables.news(loaded):
            await self.submit(c.ConfigurePlugin(by="config", plugin=loaded.name, changes=changes))
        entry = await open_entry(self, loaded, self.tables.in_force(loaded))
        self._admit(entry)

    def _admit(self, entry: Entry) -> None:
        """It is up: let it be asked, and followed."""
        name = entry.loaded.name
        order = {known: place for place, known in enumerate((*self._first, *self.hall.state.plugins))}
        self.entries[name] = entry
        self.entries = dict(sorted(self.entries.items(), key=lambda item: order.get(item[0], len(order))))
        self.plugins.loaded[name] = entry.loaded
        self.failed.pop(name, None)
        entry.serving = True
        self.count_hooks()
        if entry.runner.isolation == "process":
            entry.runner.take_devices()
        if entry.loaded.about.follows:
            entry.follower = trio.CancelScope()
            self.nursery.start_soon(follow, self, entry, entry.follower)
        log.info("plugin is on", plugin=name, version=entry.loaded.version, isolation=entry.runner.isolation)

    async def disable_now(self, name: str, by: str, cause: str, why: str | None) -> None:
        entry = self.entries.get(name)
        if entry is None:
            if name not in self.hall.state.plugins and name not in installed():
                raise UsageError(f"there is no plugin '{name}'")
        else:
            self._check_unused(entry.loaded)
            await take_down(self, entry)
            if entry.runner.board is not None:
                entry.runner.board.off()
            del self.entries[name]
            self.plugins.loaded.pop(name, None)
        self.failed.pop(name, None)
        await self._record_switch(name, False, by=by, cause=cause, why=why)
        await self._changed()
        log.info("plugin is off", plugin=name, cause=cause)

    async def _replace(self, entry: Entry, loaded: Loaded, table: Mapping[str, Any]) -> None:
        """Another one in its place. `UsageError`: the old one goes on."""
        build(loaded.name, loaded.about.config, table)
        name = loaded.name
        if entry.runner.isolation == "process":
            # The old code is gone from the disk and could not be started again: the new one is up first.
            fresh = await open_entry(self, loaded, table)
            await take_down(self, entry)
            del self.entries[name]
        else:
            # Two of one module in one process would meet: the old one stops first, and comes back if it must.
            await take_down(self, entry)
            del self.entries[name]
            try:
                fresh = await open_entry(self, loaded, table)
            except UsageError:
                self._admit(await open_entry(self, entry.loaded, self.tables.in_force(entry.loaded)))
                raise
        self._admit(fresh)

    def _check_unused(self, loaded: Loaded) -> None:
        for needs in self.in_use:
            why = needs(loaded)
            if why is not None:
                raise InUse(f"the plugin '{loaded.name}' cannot be disabled now: {why}")

    def _check_kept(self, old: Loaded, new: Loaded) -> None:
        """A reload must bring what is in use again."""
        if "somc_routing_policies" in old.hooks - new.hooks:
            self._check_unused(old)
        drivers = Plugins.of([old]).drivers().keys() - Plugins.of([new]).drivers().keys()
        if used := sorted(drivers & self.drivers_in_use()):
            raise InUse(
                f"the plugin '{old.name}' cannot be reloaded now: devices use {', '.join(used)}, "
                "which it does not bring any more: take them out of hall.toml first"
            )

    async def _changed(self) -> None:
        self.tending.look_again()
        for heed in self.on_change:
            await heed()

    # -- records ----------------------------------------------------------------------------------

    async def _record_switch(self, name: str, enabled: bool, **more: Any) -> None:
        await self.submit(c.SwitchPlugin(plugin=name, enabled=enabled, **more))

    async def submit(self, command: c.Command) -> None:
        outcome = await self.hall.submit(command, lambda state, events, now: None)
        if isinstance(outcome, Refusal):
            raise UsageError(outcome.words.en)

    def _heed(self, record: Record) -> None:
        if record.type == "day.ended":
            self.facts.keep(self.hall.state.tickets)
