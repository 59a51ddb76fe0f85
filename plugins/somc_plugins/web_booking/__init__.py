"""Booking on the web (网上预约): public pages for a phone, and the JSON behind them.

    [plugins]
    enabled = ["web_booking"]

    [plugin.web_booking]
    near_halls = true

A customer chooses a service, a date and a slot, proves the phone number by a code sent to it, and is told
the code of the appointment, also as a QR code. The receipt, reminders and the cancellation come as messages
of the hall. With the code the page shows the appointment and, once it is checked in, the place in line, live.
Reference: docs/reference/plugins/web_booking.md.

Store: `secret`; `proof/ID` a number that is being proved or was (sealed); `sent/HASH/DATE` messages sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from somc.api import PUBLIC, About, Page, PluginContext, Route, SocketRoute, Words, hookimpl
from somc_plugins.web_booking.config import WebBookingConfig
from somc_plugins.web_booking.proof import Proofs
from somc_plugins.web_booking.qr import require_segno
from somc_plugins.web_booking.serving import Site, routes

__all__ = ["WebBookingConfig"]


@hookimpl
def somc_plugin() -> About:
    return About(
        title=Words("网上预约", "Booking on the web"),
        config=WebBookingConfig,
        sees=frozenset(("phone",)),  # a code is sent to the number that a customer types
    )


@hookimpl
def somc_routes(context: PluginContext) -> Iterable[Route | SocketRoute]:
    return routes(context)


@hookimpl
def somc_pages(context: PluginContext) -> Iterable[Page]:
    return [Page(path="/", title=Words("网上预约", "Booking"), roles=PUBLIC, icon="calendar")]


@hookimpl
async def somc_start(context: PluginContext) -> None:
    require_segno()
    proofs = Proofs(context.store, context.config, context.now)
    await proofs.start()
    context.state = Site(proofs)
    context.nursery.start_soon(proofs.tidy)
