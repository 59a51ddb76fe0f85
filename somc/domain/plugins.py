"""Rules of plugins: which of them work here, what they warn of, what they keep.

What must stay true
- Whether a plugin can be enabled, and what its configuration means, is the host's to know: here stands what
  was settled, so that a restart finds it again.
- A plugin is switched and configured only by a change: what is so already is no fact.
- One alert of a plugin and name stands at a time; it goes when the plugin takes it back or is disabled, and
  when the day ends.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.guards import MOBILE, plain_text
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState
from somc.domain.values import Alert

__all__ = [
    "DATA_LIMIT",
    "clear_alert",
    "configure",
    "note",
    "raise_alert",
    "reload",
    "report_fault",
    "switch",
]

KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
KIND_WORDS = "a-z, 0-9, _ (1-32)"

DATA_LIMIT = 4096
"""Bytes of JSON in one note: records are kept for ever."""


def switch(state: HallState, command: c.SwitchPlugin, now: int) -> list[e.Event] | Refusal:
    known = state.plugins.get(command.plugin)
    if command.enabled:
        settled = known is not None and known.enabled and (command.by != "config" or known.in_file)
        if settled and known is not None and known.version == command.version:
            return []
        return [e.PluginEnabled(by=command.by, plugin=command.plugin, version=command.version)]
    if known is None or (not known.enabled and not (command.by == "config" and known.in_file)):
        return []
    disabled = e.PluginDisabled(
        by=command.by, plugin=command.plugin, cause=command.cause, why=_shown(command.why)
    )
    mine = [alert for alert in state.alerts.values() if alert.plugin == command.plugin]
    return [disabled, *(_cleared(command, alert, "plugin_disabled") for alert in mine)]


def reload(state: HallState, command: c.ReloadPlugin, now: int) -> list[e.Event] | Refusal:
    """Always a fact: other code works from now on, and its version need not say so."""
    known = state.plugins.get(command.plugin)
    if known is None or not known.enabled:
        return []
    return [e.PluginReloaded(by=command.by, plugin=command.plugin, version=command.version)]


def configure(state: HallState, command: c.ConfigurePlugin, now: int) -> list[e.Event] | Refusal:
    known = state.plugins.get(command.plugin)
    values = {} if known is None else known.values
    file_values = {} if known is None else known.file_values
    before = file_values if command.by == "config" else values
    changes = {key: value for key, value in command.changes.items() if before.get(key) != value}
    if refused := _too_much(changes):
        return refused
    return [e.PluginConfigured(by=command.by, plugin=command.plugin, changes=changes)] if changes else []


def report_fault(state: HallState, command: c.ReportPluginFault, now: int) -> list[e.Event] | Refusal:
    return [
        e.PluginFaulted(
            by=command.by,
            plugin=command.plugin,
            hook=command.hook,
            why=_shown(command.why) or "",
            action=command.action,
            record=command.record,
            faults=command.faults,
        )
    ]


def note(state: HallState, command: c.NotePlugin, now: int) -> list[e.Event] | Refusal:
    if not KIND.fullmatch(command.kind):
        return refuse("bad_kind", field="kind", value=command.kind, allowed=KIND_WORDS)
    if refused := _too_much(command.data):
        return refused
    return [e.PluginNoted(by=command.by, plugin=command.plugin, kind=command.kind, data=command.data)]


def raise_alert(state: HallState, command: c.RaisePluginAlert, now: int) -> list[e.Event] | Refusal:
    if not KIND.fullmatch(command.name):
        return refuse("bad_kind", field="name", value=command.name, allowed=KIND_WORDS)
    for text in (command.words.zh, command.words.en):
        if refused := plain_text("words", text):
            return refused
    if command.service is not None and command.service not in state.hall.services:
        return refuse("unknown_service", service=command.service, known=", ".join(state.hall.services))
    if command.about is not None and command.about not in state.tickets:
        return refuse("unknown_ticket", ticket=command.about)
    if _standing(state, command.plugin, command.name) is not None:
        return []
    return [
        e.AlertRaised(
            by=command.by,
            alert=f"{command.plugin}.{command.name}:{state.watch.serial + 1}",
            kind="plugin",
            plugin=command.plugin,
            name=command.name,
            words=command.words,
            value=command.value,
            limit=command.limit,
            service=command.service,
            about=command.about,
        )
    ]


def clear_alert(state: HallState, command: c.ClearPluginAlert, now: int) -> list[e.Event] | Refusal:
    stands = _standing(state, command.plugin, command.name)
    return [] if stands is None else [_cleared(command, stands, "taken_back")]


def _standing(state: HallState, plugin: str, name: str) -> Alert | None:
    return next((a for a in state.alerts.values() if (a.plugin, a.name) == (plugin, name)), None)


def _cleared(command: c.Command, alert: Alert, cause: str) -> e.AlertCleared:
    return e.AlertCleared(by=command.by, alert=alert.id, cause=cause)


def _too_much(data: dict[str, Any]) -> Refusal | None:
    """Why this cannot be kept for ever, if it cannot."""
    written = msgspec.json.encode(data)
    if len(written) > DATA_LIMIT:
        return refuse("data_too_large", size=len(written), limit=DATA_LIMIT)
    if MOBILE.search(written.decode()):
        return refuse("phone_in_text", field="data")
    return None


def _shown(text: str | None) -> str | None:
    """What a program said, fit for a record: one line, not long, and nobody's number."""
    if text is None:
        return None
    line = " ".join(text.split())[:200]
    return MOBILE.sub("(number)", "".join(sign for sign in line if sign.isprintable()))
