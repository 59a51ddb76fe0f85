"""Care for whoever waits: papers, machines and near halls before a ticket, the floor's page while waiting.

    [plugins]
    enabled = ["care"]

    [plugin.care.machines.pay-1]
    title = { zh = "1号缴费终端", en = "Payment terminal 1" }
    services = ["payment"]

Before a ticket is taken the kiosk says what to bring, and which machine does it without waiting; when the
wait is long, which near hall is idler and when it is quiet here. Displays say so at peaks. Floor staff have a
list on their phones, `/plugins/care/`: complaints, long waits, promises about to be missed; what they did is
a record. Afterwards a message may follow. Reference: docs/reference/plugins/care.md.

    config    the tables                     service   what machines and near halls say, counts
    advice    what to say (pure)             serving   the routes
    floor     the floor's list (pure)        tally     a day's counts (pure)
    machines  machines as devices (pure)
"""

from __future__ import annotations

from collections.abc import Iterable

from somc.api import (
    About,
    Advice,
    AlertRule,
    DeviceLine,
    HallView,
    Page,
    PluginContext,
    Prompt,
    Record,
    Route,
    TicketView,
    Words,
    hookimpl,
)
from somc_plugins.care.advice import advice, guidance, stopped_machines
from somc_plugins.care.config import CareConfig
from somc_plugins.care.machines import device_lines
from somc_plugins.care.service import Care
from somc_plugins.care.serving import FLOOR, routes

__all__ = ["CareConfig"]

TITLE = Words("客户关怀", "Customer care")


@hookimpl
def somc_plugin() -> About:
    return About(
        title=TITLE,
        config=CareConfig,
        sees=frozenset(("history",)),
        follows=("ticket.taken", "ticket.finished", "ticket.diverted", "care.logged"),
    )


@hookimpl
async def somc_start(context: PluginContext) -> None:
    context.state = await Care.open(context)
    if context.config.near or context.config.directory is not None:
        context.nursery.start_soon(context.state.ask_near_halls)


@hookimpl
async def somc_stop(context: PluginContext) -> None:
    await context.state.aclose()


@hookimpl
def somc_routes(context: PluginContext) -> Iterable[Route]:
    return routes(context)


@hookimpl
def somc_pages() -> Iterable[Page]:
    return [Page(path="/", title=TITLE, roles=FLOOR, icon="care")]


@hookimpl
def somc_alert_rules(context: PluginContext) -> Iterable[AlertRule]:
    """A machine that said it is out of order, or has fallen silent: somebody must go and look (CA-06)."""

    def stopped(hall: HallView) -> int | None:
        return stopped_machines(context.config, hall.now, context.state.outside)

    words = Words("自助终端停止服务或失去联系", "A self-service machine has stopped or fallen silent")
    return [AlertRule(name="machines", words=words, check=stopped, limit=1)]


@hookimpl
def somc_kiosk_advice(context: PluginContext, service: str, hall: HallView) -> Iterable[Advice]:
    return advice(context.config, service, hall, context.state.outside)


@hookimpl
def somc_devices(context: PluginContext, hall: HallView) -> Iterable[DeviceLine]:
    """The machines stand among the hall's devices, with their state and today's use (CA-06)."""
    care: Care = context.state
    return device_lines(context.config, hall.now, care.day_of(hall.now), care.outside)


@hookimpl
def somc_display_lines(context: PluginContext, hall: HallView) -> Iterable[Words]:
    return guidance(context.config, hall, context.state.outside)


@hookimpl
def somc_slip_lines(context: PluginContext, ticket: TicketView) -> Iterable[Words]:
    """How to do it without coming, the next time (CA-05)."""
    online = context.config.online.get(ticket.service)
    return [] if online is None else [online.how]


@hookimpl
def somc_counter_prompts(ticket: TicketView) -> Iterable[Prompt]:
    if ticket.waited_s <= ticket.target_wait_s:
        return []
    late = (ticket.waited_s - ticket.target_wait_s) // 60
    words = Words(
        f"等候超出承诺 {late} 分钟，请先致歉", f"Waited {late} min beyond the promise: apologise first"
    )
    return [Prompt(id="late", kind="care", tone="warn", words=words)]


@hookimpl
async def somc_record(context: PluginContext, record: Record) -> None:
    await context.state.record(record)
