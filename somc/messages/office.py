"""The post office of one hall: its channels while they come and go, the dispatcher, and who is told of what.

    plugins ── channels ──▶ gateways ◀── dispatcher ◀── outbox
    records ── triggers ──▶ messenger ──▶ outbox            what somebody writes ──▶ commands, replies

What must stay true: channels compose at run time: enabling or losing one leaves messages queued, and its
state is visible; nothing here is needed for calling tickets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
import trio

from somc.api.channels import Channel, Inbound
from somc.config.hall_config import StaffMember
from somc.domain.templates import Template
from somc.errors import UsageError
from somc.messages.dispatcher import Dispatcher
from somc.messages.gateways import Gateway
from somc.messages.inbound import Reception
from somc.messages.messenger import Messenger
from somc.messages.triggers import Triggers
from somc.runtime.hall import Hall
from somc.runtime.ids import IdSource

__all__ = ["PostOffice"]

log = structlog.get_logger(__name__)


class PostOffice:
    """Messages of one hall. `run` must be running before channels are added."""

    def __init__(
        self,
        hall: Hall,
        ids: IdSource,
        templates: Mapping[str, Template],
        staff: Sequence[StaffMember],
        device_classes: Mapping[str, Any] | None = None,
    ) -> None:
        self.hall = hall
        self.messenger = Messenger(hall, ids, templates)
        self.dispatcher = Dispatcher(hall)
        self.reception = Reception(hall, ids, self.messenger)
        self.triggers = Triggers(hall, self.messenger, staff, device_classes or {})
        self.gateways = self.dispatcher.gateways
        self._nursery: trio.Nursery | None = None
        self._inbound_busy = 0

    @property
    def busy(self) -> bool:
        """Whether something could be done now, or is under way."""
        return self.dispatcher.busy or self.triggers.busy or bool(self._inbound_busy)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await nursery.start(self.dispatcher.run)
            await nursery.start(self.triggers.run)
            task_status.started()
            await trio.sleep_forever()

    async def finish(self, patience_s: float) -> None:
        """Give nothing more out, and wait a little for what is under way."""
        await self.dispatcher.finish(patience_s)

    # -- channels -----------------------------------------------------------------------------------

    def add_channels(self, plugin: str, channels: Iterable[Channel]) -> None:
        """Let these run from now on. `UsageError` if one has the name of another; then none does."""
        assert self._nursery is not None, "run is running"
        added: dict[str, Channel] = {}
        for channel in channels:
            other = self.gateways.get(channel.name)
            if other is not None or channel.name in added:
                whose = plugin if other is None else other.plugin
                raise UsageError(
                    f"two channels are called '{channel.name}', of {whose} and {plugin}: rename one of them"
                )
            added[channel.name] = channel
        for channel in added.values():
            gateway = Gateway(self.hall, channel, plugin, self._receive, self.dispatcher.changed)
            self.gateways[gateway.name] = gateway
            self._nursery.start_soon(gateway.run)
        self.dispatcher.changed()

    async def remove_channels(self, plugin: str) -> None:
        """End the channels of a plugin, and return when they have; what they had goes to others or waits."""
        going = [gateway for gateway in self.gateways.values() if gateway.plugin == plugin]
        for gateway in going:
            gateway.stop()
        for gateway in going:
            await gateway.ended.wait()
            del self.gateways[gateway.name]
        self.dispatcher.changed()

    async def _receive(self, gateway: Gateway, message: Inbound) -> None:
        self._inbound_busy += 1
        try:
            await self.reception.receive(gateway.name, message)
        finally:
            self._inbound_busy -= 1

    # -- looking ------------------------------------------------------------------------------------

    def channel_views(self) -> list[dict[str, Any]]:
        """Every channel that runs, for `GET /channels`."""
        return [
            {
                "name": gateway.name,
                "plugin": gateway.plugin,
                "kinds": sorted(gateway.channel.kinds),
                "weight": gateway.channel.weight,
                "status": gateway.status,
                "detail": gateway.detail,
                "since": gateway.since,
                "under_way": gateway.under_way,
                "sent": gateway.sent,
                "refused": gateway.refused,
                "receipts": gateway.receipted,
                "received": gateway.received,
                "faults": gateway.faults,
            }
            for gateway in self.gateways.values()
        ]
