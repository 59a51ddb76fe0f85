"""The one place that builds everything and opens the one nursery of a hall.

    journal ── replay ──▶ state ──▶ hall (decider) ──▶ announcer · live feed · server · people

What must stay true
- Everything that runs is a task of one nursery; a fault in one that the hall cannot do without
  (journal, decider, server) ends the process with its message.
- The end is orderly: nobody new is let in, what is inside is finished, the devices get their last
  state, then the tasks are cancelled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import structlog
import trio

from somc.announce.announcer import NAME, Announcer
from somc.config import HallConfig, load
from somc.config.policy_file import PolicyFile
from somc.domain import commands as c
from somc.domain.events import AlertRaised
from somc.domain.policy import PolicyKinds
from somc.domain.refusals import Refusal
from somc.domain.settings import differences
from somc.domain.state import HallState
from somc.errors import ConfigurationError, Fault
from somc.journal.entry import Token
from somc.journal.opening import open_journal
from somc.journal.plain_reading import records_in
from somc.messages.office import PostOffice
from somc.plugging import join, make_host, watch_loop
from somc.rack import Doors, Rack
from somc.runtime.clock import Clock, SystemClock
from somc.runtime.drivers import Offered
from somc.runtime.hall import Decided, Hall
from somc.runtime.health import Health
from somc.runtime.ids import IdSource
from somc.runtime.plugins import Plugins, installed
from somc.runtime.plugins.host import PluginHost
from somc.runtime.replay import replay
from somc.runtime.upkeep import keep_deadlines, keep_snapshots
from somc.scheduler.choose import factory
from somc.scheduler.kinds import BUILT_IN
from somc.server import access
from somc.server.access import Principal, issue, keep_file_token
from somc.server.acts import BY_NAME
from somc.server.admission import link_path
from somc.server.app import Application
from somc.server.desk import Desk
from somc.server.local_door import serve_locally
from somc.server.problems import Problem
from somc.server.queries import Floor
from somc.server.serve import ServeSettings, serve
from somc.simulate.arrivals import Arrival, random_arrivals
from somc.simulate.comparison import Comparison
from somc.simulate.crowd import Crowd
from somc.simulate.model import LoopFactory
from somc.simulate.recorded_day import recorded_days
from somc.simulate.what_if import PolicyRefused, play_again
from somc_hal.devices import Device
from somc_hal.simulators.host import SimulatorHost

__all__ = [
    "Node",
    "Options",
    "load_config",
    "open_hall",
    "play_recorded",
    "run_node",
    "simulation_loop",
]

log = structlog.get_logger(__name__)

LAST_STATE_S = 3.0
"""How long the devices may take to show their last state at the end."""

LAST_MESSAGES_S = 3.0
"""How long gateways may take to answer for the messages that are under way."""

MUCH_AHEAD_S = 60
"""A clock may be corrected by seconds; beyond a minute somebody must look at it."""

OPENING_RUSH = 24
"""Simulated visitors who stand at the door when the example hall opens: something to watch at once."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside hall.toml."""

    data_dir: Path
    host: str
    port: int
    speed: float = 1.0
    admin: Token | None = None
    visitors: bool = False
    arrivals: list[Arrival] | None = None
    example: bool = False
    """A hall for looking: it prints sign-in links, and its time goes on where its journal ended."""
    own_counter: int | None = None
    """A counter that simulated agents leave to a real one."""

    @property
    def simulated(self) -> bool:
        """Whether simulated people visit."""
        return self.visitors or self.arrivals is not None


@dataclass(slots=True)
class Node:
    """A running hall, as the command line and tests see it."""

    hall: Hall
    app: Application
    announcer: Announcer
    devices: dict[str, Device]
    simulators: dict[str, SimulatorHost]
    reload: Callable[[], Awaitable[dict[str, Any]]]
    """Reads hall.toml's devices anew, see `reload_devices`."""
    office: PostOffice
    """Messages, and the channels of plugins."""
    plugins: PluginHost
    urls: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)


# -- configuration ----------------------------------------------------------------------------------


def load_config(path: Path) -> tuple[HallConfig, Plugins]:
    """hall.toml, held against the plugins that it enables. `ConfigurationError`, `UsageError`."""
    offered = Offered()
    config = load(
        path,
        plugins=set(installed()),
        drivers=offered.drivers,
        kinds=offered.policies,
        models=offered.models,
        at_paths=offered.at_paths,
    )
    return config, offered.plugins(config.plugins)


# -- the hall without its edges -----------------------------------------------------------------------


@asynccontextmanager
async def open_hall(
    config: HallConfig,
    data_dir: Path,
    clock: Clock,
    ids: IdSource,
    kinds: PolicyKinds = BUILT_IN,
    before_settings: Callable[[Hall], None] = lambda hall: None,
) -> AsyncIterator[tuple[Hall, trio.Nursery]]:
    """Journal, state and decider of one hall, running in the nursery that is given out with it.

    hall.toml's changes since the last start are applied; `kinds` are the policy kinds that there are, to
    which `before_settings` may add. At the end the door is closed and what is inside is on disk before the
    nursery is cancelled.
    """
    async with open_journal(data_dir, new_epoch=lambda: ids.draw("e"), clock_ms=clock.now_ms) as journal:
        state, snapshot_seq = await replay(journal, factory(), kinds)
        hall = Hall(state, journal, clock)
        warn_of_the_future(hall)
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            decided = trio.Event()
            nursery.start_soon(_then_set, hall.run, decided)
            before_settings(hall)
            await apply_config(hall, config)
            nursery.start_soon(keep_deadlines, hall)
            nursery.start_soon(keep_snapshots, hall, snapshot_seq)
            yield hall, nursery
            await hall.close_door()
            await decided.wait()
            await journal.wait_idle()
            nursery.cancel_scope.cancel()


def warn_of_the_future(hall: Hall) -> None:
    """Time never runs backwards: while the clock is behind the journal, a hall's time stands still."""
    ahead_s = (hall.state.at - hall.clock.now_ms()) // 1000
    if ahead_s > MUCH_AHEAD_S:
        log.error(
            "the journal is ahead of this machine's clock: until then the hall's time stands still",
            ahead_s=ahead_s,
            remedy="set the clock right; if it was far ahead before, begin a new journal with --data",
        )


async def _then_set(run: Callable[[], Any], done: trio.Event) -> None:
    await run()
    done.set()


async def apply_config(hall: Hall, config: HallConfig) -> None:
    """What hall.toml says otherwise than at the last start becomes a record.

    `ConfigurationError` if the hall cannot take it now (a service is gone for which people wait).
    """
    changes = {**differences(hall.state.file_values, config.values), **voided(hall.state, config)}
    # Without a change too: a journal from before policies had versions gets its first, a plugin's kind may
    # compute otherwise than at the last start.
    command = c.ChangeConfig(by="config", changes=changes)
    outcome = await hall.submit(command, lambda state, events, now: None)
    if isinstance(outcome, Refusal):
        why = outcome.words.en
        raise ConfigurationError([Fault(str(config.file), 0, "hall.toml", why, "what the hall stands on")])
    if changes:
        log.info("configuration applied", keys=len(changes))
    for event in outcome.events if isinstance(outcome, Decided) else ():
        if isinstance(event, AlertRaised) and event.words is not None:
            log.warning(event.words.en, appointments=" ".join(event.appointments))


def voided(state: HallState, config: HallConfig) -> dict[str, Any]:
    """Managers' choices that name what hall.toml no longer has (a service, a class, a plugin's policy kind):
    hall.toml's own come back."""
    return {
        key: config.values.get(key)
        for key, value in state.values.items()
        if value != config.values.get(key) and _names_what_is_gone(state, config, key, value)
    }


def _names_what_is_gone(state: HallState, config: HallConfig, key: str, value: Any) -> bool:
    services, classes = config.settings.services, config.settings.classes
    match key.split("."):
        case ["policy", "kind"]:
            return value not in state.kinds
        case ["counter", _, "skills"]:
            return not value.keys() <= services.keys()
        case ["class", name, _]:
            return name not in classes
        case ["service", name, _] if name not in services:
            return True
        case ["service", _, "target_wait_s" | "weight" | "max_wait_s"]:
            return not value.keys() <= classes.keys()
    return False


# -- devices ------------------------------------------------------------------------------------------


async def reload_devices(rack: Rack, config: HallConfig, host: PluginHost) -> dict[str, Any]:
    """hall.toml anew, as far as its devices go. `ConfigurationError`, `UsageError`: nothing has changed.

    What else is written otherwise than at the start waits for the next one, and is named.
    """
    fresh, plugins = await trio.to_thread.run_sync(load_config, config.file)
    changes = await rack.set_up(fresh.devices, host.placed(plugins, fresh.plugin_settings))
    waits = sorted(differences(config.values, fresh.values))
    return {**asdict(changes), "waits_for_restart": waits}


def doors_of(desk: Desk) -> Doors:
    """Of kiosks without a page, what may be done at keypad, scanner and card reader: what a page may."""

    async def act(name: str, kiosk: str, fields: dict[str, Any]) -> str:
        act = BY_NAME[name]
        answer = await desk.do(act, act.body(**fields), Principal(kiosk, ("kiosk",)))
        return answer.detail if isinstance(answer, Problem) else ""

    async def take(kiosk: str, service: str, phone: str | None) -> str:
        return await act("tickets.take", kiosk, {"service": service, "phone": phone, "channel": "kiosk"})

    async def print_copy(kiosk: str, ticket: str) -> str:
        return await act("tickets.print", kiosk, {"ticket": ticket})

    async def check_in(kiosk: str, code: str) -> str:
        return await act("tickets.take", kiosk, {"appointment_code": code, "channel": "kiosk"})

    return Doors(take, print_copy, check_in)


# -- the whole node -------------------------------------------------------------------------------------


async def run_node(
    config: HallConfig,
    plugins: Plugins,
    options: Options,
    *,
    shutdown: trio.Event,
    task_status: trio.TaskStatus[Node] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run one hall until `shutdown` is set; `started` is given the node when it serves.

    Raises what its parts raise: `ConfigurationError`, `StoreError`, `OSError` for a port that is taken.
    """
    ids = IdSource()
    clock = await start_clock(options, ids)
    kinds = plugins.policies()
    host: PluginHost

    def plug_in(hall: Hall) -> None:
        nonlocal host
        host = make_host(hall, plugins, config, options.data_dir, ids.draw)

    async with open_hall(config, options.data_dir, clock, ids, kinds, plug_in) as (hall, nursery):
        health = Health()
        desk = Desk(hall, ids, lambda: config.customers, config.templates)
        rack = Rack(
            hall,
            options.speed,
            health.report,
            str(config.file),
            rating_wait_s=config.announcements.rating_wait_s,
            doors=doors_of(desk),
        )
        await nursery.start(rack.run)
        nursery.start_soon(health.run, hall)
        announcer = Announcer(hall, rack.arranged, config.announcements)
        rack.on_change = announcer.rearrange
        office = PostOffice(hall, ids, config.templates, config.staff, rack.about)
        await nursery.start(office.run)

        serving = True
        floor = Floor(hall, rack.about, office.channel_views)
        floor.lines = lambda: host.tending.lines
        floor.finder = desk.appointments.finder  # tries in vain are counted once, whatever they are made with

        async def reload() -> dict[str, Any]:
            return await reload_devices(rack, config, host)

        app = Application(floor, desk, ready=lambda: serving, public_url=config.server.public_url)
        app.add_reload(reload)
        app.add_public(config.public, config.halls)
        app.add_media(config.media_dir)
        app.add_what_if(simulation_loop())
        app.add_stills(rack.still)
        app.add_plugins(host)
        join(host, rack, announcer, office, reload)
        await nursery.start(host.run)
        nursery.start_soon(watch_loop, host)
        await host.start_all()
        # A driver may work in its plugin's process: that is up now, and says what its devices can.
        await rack.set_up(config.devices, host.placed(plugins, config.plugin_settings))
        await nursery.start(announcer.run)
        desk.plugins = host
        await nursery.start(app.feed.run)
        await keep_file_token(hall.journal, options.admin)
        node = Node(hall, app, announcer, rack.devices, rack.hosts, reload, office, host)
        stop_server, stopped = trio.Event(), trio.Event()
        await nursery.start(serve_locally, app, options.data_dir, stop_server)

        async def serve_until(task_status: trio.TaskStatus[list[str]]) -> None:
            await serve(
                app,
                sockets_or_binds=[(options.host, options.port)],
                settings=ServeSettings(),
                shutdown=stop_server,
                task_status=task_status,
            )
            stopped.set()

        node.urls = await nursery.start(serve_until)
        if options.example:
            node.links = await sign_in_links(hall, config.server.public_url or node.urls[0])
        crowd_scope = trio.CancelScope()
        if options.simulated:
            nursery.start_soon(_run_crowd, crowd_of(hall, config, options, ids), crowd_scope)
        task_status.started(node)

        await shutdown.wait()
        log.info("stopping")
        serving = False
        crowd_scope.cancel()
        stop_server.set()
        await stopped.wait()
        desk.plugins = None
        await host.stop_all(keep_lasting=True)
        await office.finish(LAST_MESSAGES_S)
        with trio.move_on_after(LAST_STATE_S):
            await rack.write_counts()
            await announcer.wait_idle()
            await announcer.draw_last()
            for device in rack.arranged.all():
                await device.wait_idle()
        await hall.journal.store_position(NAME, announcer.position)
        await host.stop_lasting()


async def start_clock(options: Options, ids: IdSource) -> SystemClock:
    """The wall clock; for an example hall, one that goes on where its journal ended.

    A day played at sixty times the speed leaves records of tomorrow: time never runs backwards, so
    the next run begins there.
    """
    plain = SystemClock()
    if not options.example:
        return plain
    folder = options.data_dir
    async with open_journal(folder, new_epoch=lambda: ids.draw("e"), clock_ms=plain.now_ms) as journal:
        if options.speed == 1.0 and journal.last_at <= plain.now_ms():
            return plain
        return SystemClock(speed=options.speed, start_ms=max(plain.now_ms(), journal.last_at))


async def _run_crowd(crowd: Crowd, scope: trio.CancelScope) -> None:
    with scope:
        await crowd.live()


def crowd_of(hall: Hall, config: HallConfig, options: Options, ids: IdSource) -> Crowd:
    """The simulated people of an example hall."""
    settings = config.visitors
    means_s = {name: service.mean_service_s for name, service in config.settings.services.items()}
    arrivals: Iterator[Arrival]
    if options.arrivals is not None:
        arrivals = iter(options.arrivals)
    else:
        arrivals = random_arrivals(
            per_hour=settings.per_hour,
            services=settings.services,
            classes=settings.classes,
            means_s=means_s,
            patience_s=settings.patience_s,
            seed=settings.seed,
            rush=OPENING_RUSH,
        )
    counters = {
        number: f"sim-{number}"
        for number in config.settings.counters
        if settings.agents and number != options.own_counter
    }
    return Crowd(
        hall, arrivals, begin_ms=hall.now(), counters=counters, ids=ids, seed=settings.seed, phones=True
    )


async def sign_in_links(hall: Hall, url: str) -> dict[str, str]:
    """One-time links for the pages of an example hall."""
    links = {}
    for name, role, page in (
        ("kiosk", "kiosk", None),
        ("display", "display", None),
        ("counter", "agent", None),
        ("monitor", "manager", None),
        ("policy", "manager", "policy"),
        ("administration", "admin", None),
    ):
        principal = Principal(f"demo-{name}", (role,))
        secret = await issue(hall.journal, principal, "link", access.until(hall, access.LINK_LIFE_MS))
        links[name] = url + link_path(secret, page)
    return links


async def read_overrides(folder: Path, values: dict[str, Any]) -> dict[str, Any]:
    """For every setting that the journal in `folder` overrides: the value that will be in force when a
    hall with hall.toml's `values` starts there, `None` for a setting that is gone."""
    plain = SystemClock()
    async with open_journal(folder, new_epoch=str, clock_ms=plain.now_ms, read_only=True) as journal:
        state, _ = await replay(journal, factory())
    in_force = {**state.values, **differences(state.file_values, values)}
    keys = sorted(in_force.keys() | values.keys())
    return {key: in_force.get(key) for key in keys if in_force.get(key) != values.get(key)}


def play_recorded(
    journal: Path,
    policy: PolicyFile | None = None,
    *,
    wanted: Callable[[str], bool] = lambda day: True,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    plugins: Sequence[str] = (),
) -> Comparison:
    """The business days of `journal` (a data folder or its file) that are `wanted`, played again under
    `policy`, or under their own: what happened beside what would have. The policy kinds of `plugins` are
    there beside SOMC's own.

    Raises `ConfigurationError` if the hall refuses the policy or it names what the hall does not have,
    `UsageError` if there is no journal or no such plugin, `StoreError` if the journal cannot be read.
    """
    kinds = Plugins(tuple(plugins)).policies()
    comparison = Comparison()
    changes = {} if policy is None else policy.changes
    make_scheduler = factory()
    for day in recorded_days(records_in(journal, on_progress), make_scheduler, wanted):
        if policy is not None:
            policy.check_names(day.hall)
        try:
            comparison.add(day, play_again(day, changes, make_scheduler, kinds))
        except PolicyRefused as refused:
            assert policy is not None, "a hall refuses no change to refuse"
            raise policy.refused(refused.refusal.keys, str(refused)) from refused
    return comparison


def simulation_loop() -> LoopFactory:
    """The loop of `somc simulate`, over the same kind of scheduler that a hall would run on here."""
    if factory()().implementation == "reference":
        from somc.simulate.twin import TwinLoop

        return TwinLoop
    from somc.simulate.native import NativeLoop

    return NativeLoop
