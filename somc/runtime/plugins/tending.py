"""What the host does by itself every few seconds: alert rules, display lines, devices, stubborn calls.

What must stay true: it reads the hall once a turn, and only when some plugin wants to know; a turn in which
the hall has not changed costs nothing but time's own changes, which are looked at every `AT_LEAST_S`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
import trio

from somc.api import DeviceLine, HallView, Words
from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.errors import SomcError
from somc.runtime.plugins.ledger import HookFailed
from somc.runtime.plugins.views import hall_view

if TYPE_CHECKING:
    from somc.runtime.plugins.entry import Entry
    from somc.runtime.plugins.host import PluginHost

__all__ = ["Tending"]

log = structlog.get_logger(__name__)

EVERY_S = 2.0
AT_LEAST_S = 20.0


class Tending:
    """The host's own round. `lines` are what displays say beside the calls."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self.lines: tuple[Words, ...] = ()
        self.on_lines: Callable[[tuple[Words, ...]], None] = lambda lines: None
        self.devices: dict[str, tuple[str, DeviceLine]] = {}
        """Devices that plugins know of, by the hall's name for them, each with its plugin."""
        self.on_devices: Callable[[], None] = lambda: None
        self._seen: tuple[int, float] = (-1, 0.0)
        self._again = False
        self._woken = trio.Event()
        self.rounds = 0

    def look_again(self) -> None:
        """Something was changed by a plugin: look soon."""
        self._again = True
        self._woken.set()

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            with trio.move_on_after(EVERY_S):
                await self._woken.wait()
            self._woken = trio.Event()
            try:
                await self.go_round()
            except SomcError as error:
                log.warning("plugins were not tended to", why=str(error))

    async def go_round(self) -> None:
        """One round; what is not due is passed over."""
        entries = [entry for entry in self._host.entries.values() if entry.serving]
        for entry in entries:
            for hook in entry.runner.stubborn():
                entry.ledger.fault(hook, "late", "it does not end though it was cancelled", weight=2)
        with_rules = [entry for entry in entries if entry.runner.rules]
        with_lines = any("somc_display_lines" in entry.runner.hooks for entry in entries)
        with_devices = any("somc_devices" in entry.runner.hooks for entry in entries)
        if not with_lines:
            self._show(())
        if not with_devices:
            await self._list({})
        if not with_rules and not with_lines and not with_devices:
            return
        seq, now_s = self._host.hall.state.seq, trio.current_time()
        if not self._again and seq == self._seen[0] and now_s - self._seen[1] < AT_LEAST_S:
            return
        self._again = False
        view = await self._host.hall.read(hall_view)
        self._seen = (seq, now_s)
        for entry in with_rules:
            for number, _ in enumerate(entry.runner.rules):
                await self._check(entry, number, view)
        if with_lines:
            self._show(tuple(await self._host.asking.display_lines(view)))
        if with_devices:
            found = await self._host.asking.devices(view)
            await self._list({f"{plugin}.{line.name}": (plugin, line) for plugin, line in found})
        self.rounds += 1

    async def _check(self, entry: Entry, number: int, view: HallView) -> None:
        rule = entry.runner.rules[number]
        name = entry.loaded.name
        try:
            value = await entry.runner.check_rule(number, entry.sights.contribute_s, view)
        except HookFailed:
            return  # counted; its alert stays as it is
        command: Any
        stands = any(
            (alert.plugin, alert.name) == (name, rule.name) for alert in self._host.hall.state.alerts.values()
        )
        if value is not None and value >= rule.limit:
            if stands:
                return
            command = c.RaisePluginAlert(
                by=f"plugin:{name}",
                plugin=name,
                name=rule.name,
                words=rule.words,
                value=value,
                limit=rule.limit,
            )
        elif stands:
            command = c.ClearPluginAlert(by=f"plugin:{name}", plugin=name, name=rule.name)
        else:
            return
        outcome = await self._host.hall.submit(command, lambda state, events, now: None)
        if isinstance(outcome, Refusal):
            entry.ledger.fault("check", "wrong", outcome.words.en)

    def _show(self, lines: tuple[Words, ...]) -> None:
        if lines != self.lines:
            self.lines = lines
            self.on_lines(lines)

    async def _list(self, devices: dict[str, tuple[str, DeviceLine]]) -> None:
        """They stand in the hall's list now; what has changed of one's health is a record."""
        if devices == self.devices:
            return
        self.devices = devices
        self.on_devices()
        for name, (plugin, line) in devices.items():
            report = c.ReportDevice(
                by=f"plugin:{plugin}", device=name, status=line.status, detail=line.detail
            )
            await self._host.hall.submit(report, lambda state, events, now: None)
