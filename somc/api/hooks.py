"""The hook specifications: what a plugin may add to a hall, and when it is asked.

A hook is an empty typed function whose docstring is its contract. A specification written with `async def`
takes `async def` only, one with `def` takes `def` only: the host refuses the other colour by name.

    starting        before or while the plugin comes up: what it brings
    identifying     a customer stands there: who is it (async, one deadline for all)
    contributing    what to say about it (sync and pure)
    after the fact  what has happened (async, the plugin's own follower)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pluggy

from somc.api.about import About, AlertRule, Page
from somc.api.channels import Channel, SimulatedGateway
from somc.api.context import PluginContext
from somc.api.values import (
    Advice,
    CardSection,
    DeviceLine,
    HallView,
    Identity,
    Json,
    Panel,
    Prompt,
    Record,
    TicketView,
    Visit,
    Words,
)
from somc.api.web import Route, SocketRoute
from somc.scheduler.policy import PolicyKind
from somc_hal.drivers.base import DriverSpec
from somc_hal.simulators.base import Simulator

__all__ = ["MOMENTS", "PROJECT", "HallHooks", "hookimpl"]

PROJECT = "somc"
"""pluggy's project name and the prefix of every hook."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HallHooks:
    """Moments of a hall at which plugins are asked."""

    # -- starting -------------------------------------------------------------------------------------

    @hookspec
    def somc_plugin(self) -> About:  # type: ignore[empty-body] # a specification
        """What this plugin is, what it needs and what it may see. Since 0.2.

        When: first of all, whenever the plugin is loaded, also by `somc check` and `somc plugin check`.
        Sync; must not wait or touch anything. Several plugins: each is asked for its own; one that has no
        such hook is made for API 1, takes no configuration, sees nothing and follows nothing. If it raises,
        or gives something else: the plugin is not loaded; at the start that stops the start with its name.
        """

    @hookspec
    def somc_device_drivers(self) -> Iterable[DriverSpec]:  # type: ignore[empty-body] # as above
        """The device drivers that this plugin brings. Since 0.1.

        When: once at the start, before any device is opened, in the main task. Sync; must not wait.
        Several plugins: their drivers are joined; a name that two bring stops the start with both names.
        If it raises: the start stops with the plugin's name. In a plugin of a process of its own it is asked
        in the hall's process, for what there is, and in the plugin's, where the devices are made and run.
        """

    @hookspec
    def somc_device_simulators(self) -> Mapping[str, Callable[[], Simulator]]:  # type: ignore[empty-body] # as above
        """Simulated devices, by the name of the driver that speaks to them. Since 0.1.

        When, several plugins, if it raises: as `somc_device_drivers`. They run in the hall's process,
        wherever the drivers work: a simulator stands for what is at the other end of the line.
        """

    @hookspec
    def somc_routing_policies(self) -> Iterable[PolicyKind]:  # type: ignore[empty-body] # as above
        """Kinds of routing policy (排队策略) that hall.toml and `PUT /policy` may then name. Since 0.1.

        When: once at the start, before hall.toml's policy is checked, in the main task, and by `somc check`.
        Sync; must not wait. Several plugins: their kinds are joined; a name that two bring, or that SOMC has,
        stops the start. If it raises: the start stops with the plugin's name.

        A kind's `compile` is asked whenever the policy or a setting that it may read changes: pure, from
        numbers to terms. If it raises then, the change is refused. A kind's `pick` is asked at every call,
        inside the deciding task: it is trusted code, must be quick, and must answer the same for the same
        heads; if it raises or answers nonsense, the compiled terms decide and the call's reason says so.
        """

    @hookspec
    def somc_routes(self, context: PluginContext) -> Iterable[Route | SocketRoute]:  # type: ignore[empty-body] # as above
        """HTTP and WebSocket of the plugin, below `/plugins/NAME/`. Since 0.2.

        When: once whenever the plugin is enabled, before `somc_start`; the routes answer once that has
        returned, and are gone, their sockets closed with 1001, when it is disabled. Sync; must not wait.
        Several plugins: each has its own place. If it raises: the plugin is not enabled. What a handler
        raises is a 500 that names the plugin, and a fault of the plugin.
        """

    @hookspec
    def somc_pages(self, context: PluginContext) -> Iterable[Page]:  # type: ignore[empty-body] # as above
        """Pages of the plugin for the menus of those who may see them. Since 0.2.

        When: as `somc_routes`, right after it. Sync; must not wait. Several plugins: all pages are listed,
        in the order of the plugins. If it raises: the plugin is not enabled.
        """

    @hookspec
    def somc_channels(self, context: PluginContext) -> Iterable[Channel]:  # type: ignore[empty-body] # as above
        """Channels for messages to customers (SMS). Since 0.2.

        When: once whenever the plugin is enabled. Sync; must not wait: connecting is what the channel's
        `run` does. Several plugins: their channels stand side by side; a name that two bring is refused
        with both. If it raises: the plugin is not enabled.
        """

    @hookspec
    def somc_channel_simulators(self) -> Mapping[str, Callable[[], SimulatedGateway]]:  # type: ignore[empty-body] # as above
        """Simulated peers of channels (a gateway), by the name of the channel's kind. Since 0.2.

        When, several plugins, if it raises: as `somc_device_simulators`.
        """

    @hookspec
    def somc_alert_rules(self, context: PluginContext) -> Iterable[AlertRule]:  # type: ignore[empty-body] # as above
        """Warnings of the plugin's own. Since 0.2.

        When: once whenever the plugin is enabled; the rules' `check` is asked every few seconds in a
        thread, must be pure and quick. Sync. Several plugins: all rules stand side by side, each under its
        plugin's name. If it raises: the plugin is not enabled; a `check` that raises is a fault of the
        plugin, and its alert stays as it is.
        """

    @hookspec
    async def somc_start(self, context: PluginContext) -> None:
        """Come up: what must be there before the plugin is of use. Since 0.2.

        When: whenever the plugin is enabled, and at the start of a hall, after all that it brings was
        checked; it is ready when this returns, within 30 s. Long tasks go to `context.nursery`. Async.
        Several plugins: one after the other in the order of hall.toml. If it raises or takes too long: the
        plugin is not enabled; at a hall's start, that stops the start with its name.
        """

    @hookspec
    async def somc_stop(self, context: PluginContext) -> None:
        """Go down in order: the last chance to write something. Since 0.2.

        When: when the plugin is disabled and at the end of a hall, before its nursery is cancelled, within
        5 s. Async. Several plugins: one after the other, the last that started first. If it raises or takes
        too long: logged and counted; the plugin is gone all the same.
        """

    # -- identifying ----------------------------------------------------------------------------------

    @hookspec
    async def somc_identify(self, context: PluginContext, visit: Visit) -> Identity | None:
        """Who is this, and what is known that matters today? Since 0.2.

        When: somebody takes a ticket, before the hall decides, in the task of the request; all plugins side
        by side within one deadline (300 ms). Async; may wait, and is cancelled at the deadline. Several
        plugins: the first, in the order of hall.toml, that gives a `customer_class` settles it; facts are
        kept of each. If it raises or is late: the ticket is taken without it, the ticket's `class_source`
        says so, and it counts as a fault (late: only when it happens again and again).
        """

    @hookspec
    async def somc_card(  # type: ignore[empty-body] # as above
        self, context: PluginContext, ticket: TicketView, visit: Visit
    ) -> Iterable[CardSection]:
        """What the counter sees of the customer before he sits down. Since 0.2.

        When: whenever a card is asked for (`GET /tickets/{id}/card`), at a call or for a preview; all
        plugins side by side within one deadline (1 s). Async. Several plugins: their sections stand in the
        order of hall.toml. If it raises or is late: the card names the plugin as late, the other sections
        are there.
        """

    # -- contributing ---------------------------------------------------------------------------------

    @hookspec
    def somc_slip_lines(  # type: ignore[empty-body] # as above
        self, context: PluginContext, ticket: TicketView, facts: Mapping[str, Json]
    ) -> Iterable[Words]:
        """Lines for the slip: an offer, papers to bring. Since 0.2.

        When: a ticket is taken, after identifying and before the hall decides (number, place and estimate
        are not known yet: the ticket's `number` is empty), in a worker thread. Sync and pure; must not
        wait. They are kept in `ticket.taken`, and carry no name and no number. Several plugins: lines are
        joined in the order of hall.toml, at most 8 in all. If it raises, is late or gives something else:
        its lines are left out, and it is a fault.
        """

    @hookspec
    def somc_counter_prompts(  # type: ignore[empty-body] # as above
        self, context: PluginContext, ticket: TicketView, facts: Mapping[str, Json]
    ) -> Iterable[Prompt]:
        """Hints to the agent about this customer: an offer, a script, care. Since 0.2.

        When: with the card, in a worker thread. Sync and pure; must not wait. Several plugins: joined in
        the order of hall.toml. If it raises, is late or gives something else: its prompts are left out, and
        it is a fault.
        """

    @hookspec
    def somc_second_screen(  # type: ignore[empty-body] # as above
        self, context: PluginContext, ticket: TicketView, facts: Mapping[str, Json]
    ) -> Iterable[Panel]:
        """What the customer at the counter sees on its second screen (双屏). Since 0.2.

        When: the second screen of a counter is asked for while somebody is there. Sync and pure, in a
        worker thread. Several plugins: panels follow one another in the order of hall.toml. If it raises,
        is late or gives something else: its panels are left out, and it is a fault.
        """

    @hookspec
    def somc_display_lines(self, context: PluginContext, hall: HallView) -> Iterable[Words]:  # type: ignore[empty-body] # as above
        """Lines for the hall's displays (综合屏): guidance at a peak. Since 0.2.

        When: when the hall has changed, at most every few seconds, and after `announce_changed`. Sync and
        pure, in a worker thread. Several plugins: joined in the order of hall.toml, at most 8 in all. If it
        raises, is late or gives something else: its lines are gone until it gives some again, and it is a
        fault.
        """

    @hookspec
    def somc_kiosk_advice(  # type: ignore[empty-body] # as above
        self, context: PluginContext, service: str, hall: HallView
    ) -> Iterable[Advice]:
        """What a kiosk says before it gives a ticket: papers to bring, a machine that is free. Since 0.2.

        When: a kiosk asks about a service (`GET /services/{id}/advice`). Sync and pure, in a worker thread.
        Several plugins: joined in the order of hall.toml. If it raises, is late or gives something else:
        its advice is left out, and it is a fault.
        """

    @hookspec
    def somc_devices(self, context: PluginContext, hall: HallView) -> Iterable[DeviceLine]:  # type: ignore[empty-body] # as above
        """Devices that the plugin knows of and the hall does not drive (自助终端). Since 0.2.

        When: when the hall has changed, at most every few seconds, and after `announce_changed`. Sync and
        pure, in a worker thread. Each stands in `GET /devices` and on the monitor as `PLUGIN.NAME`; a change
        of its status or detail is a `device.status`. Several plugins: all stand side by side. If it raises,
        is late or gives something else: its devices are gone until it gives some again, and it is a fault.
        """

    # -- after the fact -------------------------------------------------------------------------------

    @hookspec
    async def somc_record(self, context: PluginContext, record: Record) -> None:
        """Something has happened, and is on disk. Since 0.2.

        When: for each record of the types in `About.follows`, in order, in the plugin's own follower task;
        its position is durable. At least once: a record may come again after a crash, so be idempotent by
        `seq`. Async; within 30 s each. Several plugins: each has its own follower and position, none waits
        for another. If it raises or is late: the same record is tried again with growing pauses, three
        times; then it is passed over, said in the log and counted, and `plugin.faulted` says which.
        """


MOMENTS: Mapping[str, tuple[str, ...]] = {
    "starting": (
        "somc_plugin",
        "somc_device_drivers",
        "somc_device_simulators",
        "somc_routing_policies",
        "somc_routes",
        "somc_pages",
        "somc_channels",
        "somc_channel_simulators",
        "somc_alert_rules",
        "somc_start",
        "somc_stop",
    ),
    "identifying": ("somc_identify", "somc_card"),
    "contributing": (
        "somc_slip_lines",
        "somc_counter_prompts",
        "somc_second_screen",
        "somc_display_lines",
        "somc_kiosk_advice",
        "somc_devices",
    ),
    "after the fact": ("somc_record",),
}
"""Moment → its hooks, in the order of the specifications."""
