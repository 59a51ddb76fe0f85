"""Every plugin of a hall for those who watch over it: state, version, hooks, calls, time, faults, lag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from somc.api import SocketRoute
from somc.runtime.plugins.configuring import shown
from somc.runtime.plugins.finding import found_at, installed

if TYPE_CHECKING:
    from somc.runtime.plugins.host import PluginHost

__all__ = ["view_of", "views_of"]


def views_of(host: PluginHost) -> list[dict[str, Any]]:
    """Those at work first, in the order of hall.toml; then what else is installed, lies on a path, or was at
    work once."""
    known = host.hall.state.plugins
    on_path = found_at(host.plugins.paths)
    names = [*host.entries, *sorted({*known, *installed(), *on_path} - host.entries.keys())]
    return [view_of(host, name) for name in names]


def view_of(host: PluginHost, name: str) -> dict[str, Any]:
    """One plugin; one that is off has only its name, its state and why."""
    entry, known = host.entries.get(name), host.hall.state.plugins.get(name)
    if entry is None:
        state = "failed" if name in host.failed else "off"
        if known is not None and known.cause == "quarantine" and not known.enabled:
            state = "quarantined"
        if name in host.starting:
            state = "starting"
        return {
            "name": name,
            "state": state,
            "why": host.failed.get(name) or (None if known is None else known.why),
            "version": None if known is None else known.version,
            "stuck": name in host.stuck,
        }
    follower = host.followers.follower(name)
    loaded = entry.loaded
    return {
        "name": name,
        "state": "on" if entry.serving else "stopping",
        "why": None,
        "version": loaded.version,
        "title": {"zh": loaded.title.zh, "en": loaded.title.en},
        "api": loaded.about.api,
        "origin": loaded.found.origin,
        "isolation": entry.runner.isolation,
        "since": entry.since,
        "sees": sorted(loaded.about.sees),
        "follows": list(loaded.about.follows),
        "config": shown(loaded.about.config, entry.config),
        "hooks": {hook: entry.ledger.figures().get(hook) for hook in sorted(loaded.hooks)},
        "other": {
            what: figures for what, figures in entry.ledger.figures().items() if what not in loaded.hooks
        },
        "faults": entry.ledger.faults,
        "last_fault": entry.ledger.last_fault,
        "lag": host.followers.lag(name),
        "skipped": None if follower is None else follower.skipped,
        "held_back": entry.behind.rate.held_back,
        "restarts": getattr(entry.runner, "restarts", 0),
        "stuck": name in host.stuck,
        "routes": [
            f"{'WEBSOCKET' if isinstance(route, SocketRoute) else route.method} {route.path}"
            for route in entry.runner.routes
        ],
        "pages": [page.path for page in entry.runner.pages],
    }
