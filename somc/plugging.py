"""Plugins beside the rest of a hall: what follows when one comes or goes, and why one may not go.

What must stay true: composition opens and closes; here is only what joins the plugin host to policies,
devices, displays and the watchdog.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog
import trio

from somc.announce.announcer import Announcer
from somc.api import Done, PermissionRefused, Refusal, SendMessage
from somc.config import HallConfig
from somc.domain.events import TYPE_OF
from somc.domain.refusals import refuse
from somc.errors import SomcError, UsageError
from somc.messages.office import PostOffice
from somc.rack import Rack
from somc.runtime.hall import Decided, Hall
from somc.runtime.plugins import Plugins
from somc.runtime.plugins.host import BLOCK_WEIGHT, PluginHost
from somc.runtime.plugins.loading import Loaded
from somc.runtime.plugins.watchdog import BLOCKED_S, Block, Watchdog
from somc.scheduler.kinds import BUILT_IN

__all__ = ["join", "make_host", "watch_loop"]

log = structlog.get_logger(__name__)


def make_host(
    hall: Hall, plugins: Plugins, config: HallConfig, data_dir: Path, draw_id: Callable[[str], str]
) -> PluginHost:
    """The host over a hall whose settings are not applied yet: the policy kinds of what was enabled in the
    running hall are there from now on."""
    host = PluginHost(hall, plugins, config.plugin_settings, data_dir, draw_id)
    host.load_enabled()
    hall.state.kinds = plugins.policies()
    return host


MESSAGE_CLASSES = {"urgent": "alarm", "service": "notice", "marketing": "marketing"}
"""What a plugin calls a message → its class in the outbox."""


def join(
    host: PluginHost,
    rack: Rack,
    announcer: Announcer,
    office: PostOffice,
    reload: Callable[[], Awaitable[Any]],
) -> None:
    """Let policies, devices, displays and channels follow what plugins bring, and keep what is in use."""

    def policy_in_force(loaded: Loaded) -> str | None:
        kind = host.hall.state.hall.policy.kind
        mine = Plugins.of([loaded]).policies().keys() - BUILT_IN.keys()
        return f"the routing policy '{kind}' in force is its own: set another first" if kind in mine else None

    def device_at_work(loaded: Loaded) -> str | None:
        mine = Plugins.of([loaded]).drivers().keys()
        used = sorted(name for name, about in rack.about.items() if about["driver"] in mine)
        return (
            f"the devices {', '.join(used)} use its drivers: take them out of hall.toml first"
            if used
            else None
        )

    async def kinds_follow() -> None:
        host.hall.state.kinds = host.plugins.policies()

    known = set(host.plugins.drivers())

    async def devices_follow() -> None:
        nonlocal known
        drivers = set(host.plugins.drivers())
        if drivers > known:
            try:
                await reload()
            except SomcError as error:
                log.warning("a plugin brings drivers, and hall.toml's devices are not taken", why=str(error))
        known = drivers

    at_work: dict[str, list[Any]] = {}

    async def channels_follow() -> None:
        brought = {name: entry.runner.channels for name, entry in host.entries.items()}
        for name in [name for name, channels in at_work.items() if brought.get(name) is not channels]:
            await office.remove_channels(name)
            del at_work[name]
        for name, channels in brought.items():
            if channels and name not in at_work:
                office.add_channels(name, channels)
                at_work[name] = channels

    async def send_message(plugin: str, sees: frozenset[str], action: SendMessage) -> Done | Refusal:
        if action.phone is not None and "phone" not in sees:
            raise PermissionRefused(
                f"the plugin '{plugin}' may not write to a number: declare sees={{'phone'}} in its About"
            )
        state = host.hall.state
        try:
            outcome = await office.messenger.send(
                action.template,
                action.values,
                by=f"plugin:{plugin}",
                person=action.person,
                phone=action.phone,
                message_class=MESSAGE_CLASSES[action.class_],
                key=None if action.key is None else f"plugin:{plugin}:{action.key}",
                ticket=action.about if action.about in state.tickets else None,
                appointment=action.about if action.about in state.bookings.all else None,
            )
        except UsageError as error:
            return refuse("bad_kind", field="template", value=action.template, allowed=str(error))
        if isinstance(outcome, Refusal):
            return outcome
        assert isinstance(outcome, Decided)
        return Done(seq=outcome.seq, records=[TYPE_OF[type(event)] for event in outcome.events])

    shown: list[str] = []

    def devices_listed() -> None:
        for name in shown:
            rack.about.pop(name, None)
        shown[:] = host.tending.devices
        for name, (plugin, line) in host.tending.devices.items():
            used = {"kind": "uses_today", "place": "", "value": line.uses_today, "at": host.hall.now()}
            rack.about[name] = {
                "driver": f"plugin {plugin}",
                "device_class": line.device_class,
                "counter": None,
                "place": line.place,
                "readings": [] if line.uses_today is None else [used],
            }

    host.drivers_in_use = lambda: {about["driver"] for about in rack.about.values()}
    host.in_use += [policy_in_force, device_at_work]
    host.on_change += [kinds_follow, devices_follow, channels_follow]
    host.tending.on_lines = announcer.say_beside
    host.tending.on_devices = devices_listed
    host.actions.add(SendMessage, send_message)


async def watch_loop(host: PluginHost) -> None:
    """Watch over this loop until cancelled: a plugin that holds it is named, and that is its fault."""

    def roots() -> dict[str, str]:
        return {entry.loaded.module: name for name, entry in list(host.entries.items())}

    def on_block(block: Block) -> None:
        entry = host.entries.get(block.plugin or "")
        if entry is not None:
            why = f"it held the hall's loop for {block.lasted_s:.1f} s in {block.where}"
            entry.ledger.fault("loop", "blocked", why, weight=BLOCK_WEIGHT)

    watchdog = Watchdog(roots, on_block, BLOCKED_S)
    watchdog.start()
    try:
        await trio.sleep_forever()
    finally:
        watchdog.stop()
