"""What the host does about a plugin's faults: it tells, and in the end it disables.

What must stay true: a fault of one hook is kept as a record at most every `TOLD_EVERY_S`, all are counted;
a plugin that is in use is told of and kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
import trio

from somc.api import Words
from somc.domain import commands as c
from somc.errors import SomcError
from somc.runtime.plugins.in_use import InUse

if TYPE_CHECKING:
    from somc.runtime.plugins.entry import Entry
    from somc.runtime.plugins.host import PluginHost

__all__ = ["heard", "quarantine", "report"]

TOLD_EVERY_S = 600.0

log = structlog.get_logger(__name__)


def heard(host: PluginHost, entry: Entry, hook: str, kind: str, why: str) -> None:
    """A plugin failed: into the log, now and then into the records, and in the end into quarantine."""
    name = entry.loaded.name
    log.error("plugin failed", plugin=name, hook=hook, kind=kind, why=why)
    now = trio.current_time()
    if entry.serving and now - entry.told.get(hook, -TOLD_EVERY_S) >= TOLD_EVERY_S:
        entry.told[hook] = now
        action = "blocked" if kind == "blocked" else "restarted" if kind == "down" else "left_out"
        host.nursery.start_soon(report, host, entry, hook, why, action, None)
    if entry.ledger.given_up is not None and entry.serving and host.entries.get(name) is entry:
        host.nursery.start_soon(quarantine, host, entry)


async def report(
    host: PluginHost, entry: Entry, hook: str, why: str, action: str, record: int | None
) -> None:
    command = c.ReportPluginFault(
        by="host",
        plugin=entry.loaded.name,
        hook=hook,
        why=why,
        action=action,
        record=record,
        faults=entry.ledger.faults,
    )
    try:
        await host.submit(command)
    except SomcError as error:
        log.warning("a plugin's fault is not on record", plugin=entry.loaded.name, why=str(error))


async def quarantine(host: PluginHost, entry: Entry) -> None:
    """Disable it for what it did, unless somebody was quicker or it cannot be spared."""
    name, why = entry.loaded.name, entry.ledger.given_up or "it failed"
    async with host.changing:
        if host.entries.get(name) is not entry:
            return
        try:
            await host.disable_now(name, "host", "quarantine", why)
        except InUse as error:
            log.error("a plugin fails again and again, and is in use", plugin=name, why=str(error))
            entry.ledger.given_up = None
        except SomcError as error:
            log.error("a plugin could not be disabled", plugin=name, why=str(error))
            return
    words = Words(
        zh=f"插件 {name} 屡次出错，已停用", en=f"The plugin {name} failed again and again: it is off"
    )
    try:
        await host.submit(c.RaisePluginAlert(by="host", plugin=name, name="quarantined", words=words))
    except SomcError as error:
        log.warning("a quarantine raised no alert", plugin=name, why=str(error))
