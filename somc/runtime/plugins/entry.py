"""One plugin from its start to its end: opened, followed, taken down.

What must stay true
- Nothing is left of a plugin that cannot start.
- It is asked no more before it stops itself, and its tasks are ended after that, whatever `somc_stop` did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
import trio

from somc.config import PluginSettings
from somc.errors import UsageError
from somc.journal.record import Record
from somc.runtime.plugins.asking import IDENTIFY_S, Sights
from somc.runtime.plugins.behind import HallBehind
from somc.runtime.plugins.configuring import build
from somc.runtime.plugins.faults import heard, report
from somc.runtime.plugins.followers import RECORD_S, Follower
from somc.runtime.plugins.ledger import HookFailed, Ledger
from somc.runtime.plugins.loading import Loaded
from somc.runtime.plugins.local import LocalPlugin
from somc.runtime.plugins.process import START_S, ProcessPlugin
from somc.runtime.plugins.store import FileStore
from somc.runtime.plugins.views import record_view

if TYPE_CHECKING:
    from somc.runtime.plugins.host import PluginHost

__all__ = ["Entry", "close_entry", "follow", "open_entry", "take_down"]

log = structlog.get_logger(__name__)

STOP_S = 5.0


@dataclass(slots=True)
class Entry:
    """One enabled plugin at work."""

    loaded: Loaded
    settings: PluginSettings
    config: Any
    runner: Any
    store: FileStore
    behind: HallBehind
    ledger: Ledger
    sights: Sights
    since: int
    serving: bool = False
    follower: trio.CancelScope | None = None
    sockets: set[trio.CancelScope] = field(default_factory=set)
    told: dict[str, float] = field(default_factory=dict)


async def open_entry(host: PluginHost, loaded: Loaded, table: Mapping[str, Any]) -> Entry:
    """Make its runner and start it. `UsageError`: nothing of it is left."""
    name = loaded.name
    settings = host.tables.settings(name)
    config = build(name, loaded.about.config, table)
    ledger = Ledger()
    behind = HallBehind(
        name,
        loaded.about.sees,
        host.hall,
        host.facts,
        host.actions,
        host.tending.look_again,
        lambda why: ledger.fault("do", "flood", why),
    )
    store = FileStore(host.data_dir / f"{name}.sqlite", host.hall.journal.key_for(name))
    apart = host.tables.apart(loaded)
    make: Any = ProcessPlugin if apart else LocalPlugin
    runner = make(loaded, config, host.data_dir / name, store, behind, ledger)
    if apart:
        runner.memory_mb = settings.memory_mb
        runner.paths = host.plugins.paths
        runner.sealing_key = host.hall.journal.key_for(name)
        runner.board = host.boards.of(loaded)
    identify_s = IDENTIFY_S if settings.deadline_ms is None else settings.deadline_ms / 1000
    sights = Sights(frozenset(loaded.about.sees), identify_s)
    entry = Entry(loaded, settings, config, runner, store, behind, ledger, sights, since=host.hall.now())
    ledger.on_fault = lambda hook, kind, why: heard(host, entry, hook, kind, why)
    host.starting.add(name)
    try:
        await runner.open()
        if "somc_start" in loaded.hooks:
            await runner.call("somc_start", START_S)
    except BaseException as error:
        with trio.CancelScope(shield=True):
            await close_entry(host, entry)
        if isinstance(error, HookFailed):
            raise UsageError(f"the plugin '{name}' does not start: {error.why}") from error
        raise
    finally:
        host.starting.discard(name)
    return entry


async def follow(host: PluginHost, entry: Entry, scope: trio.CancelScope) -> None:
    """Tell the plugin of what happened, from where it stopped, until cancelled."""

    async def tell(record: Any) -> None:
        await entry.runner.call("somc_record", RECORD_S, record=record)

    async def passed_over(record: Record, why: str) -> None:
        await report(host, entry, "somc_record", why, "passed_over", record.seq)

    follower = Follower(
        entry.loaded.name,
        entry.loaded.about,
        host.hall.journal,
        tell,
        lambda record: record_view(record, person=entry.behind.knows_people),
        passed_over,
        host.hall.now,
    )
    host.followers.add(follower)
    with scope:
        await follower.run()


async def take_down(host: PluginHost, entry: Entry, *, keep_running: bool = False) -> None:
    """It is asked no more, its sockets are closed, its follower stops, then it stops itself; what still runs
    of it is ended, unless it is to be kept."""
    name = entry.loaded.name
    entry.serving = False
    host.count_hooks()
    for scope in list(entry.sockets):
        scope.cancel()
    if entry.follower is not None:
        entry.follower.cancel()
        entry.follower = None
        host.followers.remove(name)
    if "somc_stop" in entry.loaded.hooks:
        try:
            await entry.runner.call("somc_stop", STOP_S)
        except HookFailed as error:
            log.error("plugin did not stop in order", plugin=name, why=error.why)
    if not keep_running:
        await close_entry(host, entry)


async def close_entry(host: PluginHost, entry: Entry) -> None:
    """End whatever of it still runs."""
    name = entry.loaded.name
    if not await entry.runner.close():
        host.stuck.append(name)
        log.error(
            "a plugin's tasks do not end though cancelled: they run on until the hall's process ends",
            plugin=name,
            remedy=f'[plugin.{name}.host] isolation = "process"',
        )
    await entry.store.close()
