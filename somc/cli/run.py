"""`somc run`: one hall, from its start to a clean end on SIGTERM, or an end at once on a second one."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeGuard

import click
import trio

from somc.cli.failures import failing_clearly
from somc.composition import Node, Options, load_config, run_node
from somc.config import HallConfig
from somc.errors import SomcError, UsageError
from somc.example import example_hall
from somc.runtime.garbage import keep_collecting
from somc.runtime.plugins import Plugins
from somc.serve_only import Reader, run_reader
from somc.server.access import admin_token
from somc.simulate.arrivals import Arrival, Mapped, read_arrivals, read_mapping

__all__ = ["command"]

OWN_COUNTER = 8
"""The counter of the example hall that simulated agents leave to whoever tries the pages."""

STOPPED_AT_ONCE = 130
"""Exit code after a second SIGTERM or SIGINT: what a shell says of a program ended by Ctrl-C."""


@click.command("run")
@click.argument("file", metavar="[HALL.toml]", type=click.Path(path_type=Path), required=False)
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here; 0 picks a free port.")
@click.option("--host", help="Listen on this address instead of hall.toml's.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep the journal here.")
@click.option(
    "--admin-token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Holds an admin API token; made (mode 0600) if it is missing.",
)
@click.option("--no-visitors", is_flag=True, help="Example hall: nobody comes by himself.")
@click.option(
    "--arrivals", type=click.Path(path_type=Path, exists=True), help="Play the visits of this CSV file."
)
@click.option(
    "--mapping", type=click.Path(path_type=Path, exists=True), help="How the CSV file's columns read."
)
@click.option(
    "--serve-only",
    is_flag=True,
    help="Serve screens from the journal that a hall of this machine writes; passes commands on to it.",
)
@click.option(
    "--speed", type=click.FloatRange(0.1, 1000), default=1.0, help="Example hall: hall seconds per second."
)
def command(
    file: Path | None,
    port: int | None,
    host: str | None,
    data: Path | None,
    admin_token_file: Path | None,
    no_visitors: bool,
    arrivals: Path | None,
    mapping: Path | None,
    speed: float,
    serve_only: bool,
) -> None:
    """Run one hall; with no file, the example hall with simulated devices and visitors."""
    with failing_clearly():
        if serve_only and file is None and data is None:
            raise UsageError("--serve-only needs the hall.toml of a running hall, or the --data it was given")
        config, plugins = load_config(example_hall() if file is None else file)
        visits = None if arrivals is None else one_day(arrivals, mapping, config)
        example = file is None or config.visitors.enabled or visits is not None
        if speed != 1.0 and not example:
            raise UsageError("--speed is for halls with simulated visitors: real time cannot be sped up")
        token = None if admin_token_file is None else admin_token(admin_token_file)
        with data_folder(file, data, config) as folder:
            options = Options(
                data_dir=folder,
                host=host or config.server.host,
                port=config.server.port if port is None else port,
                speed=speed,
                admin=token,
                visitors=config.visitors.enabled and not no_visitors and visits is None,
                arrivals=visits,
                example=example,
                own_counter=OWN_COUNTER if OWN_COUNTER in config.settings.counters else None,
            )
            try:
                run = run_reader if serve_only else run_node
                if not trio.run(serve_until_signal, run, config, plugins, options):
                    click.echo(
                        "stopped at once by a second signal; what was acknowledged is on disk", err=True
                    )
                    sys.exit(STOPPED_AT_ONCE)
            except* OSError as group:
                error = next(flatten(group))
                if not cannot_listen(error):
                    raise
                if error.errno == errno.EADDRINUSE:
                    why = (
                        "is taken by another program: end it, name another with --port N, "
                        "or let one be picked with --port 0"
                    )
                else:
                    what = (error.strerror or str(error)).rpartition(": ")[2]
                    why = f"cannot be served on ({what}): see --host, --port and [server] in hall.toml"
                raise UsageError(f"port {options.port} on {options.host} {why}") from error


def cannot_listen(error: BaseException) -> TypeGuard[OSError]:
    """Whether the address to serve on is what was wrong: it has no number, or `serve` says so."""
    return isinstance(error, socket.gaierror) or (
        isinstance(error, OSError) and "cannot listen on" in (error.strerror or "")
    )


Run = Callable[..., Awaitable[None]]
"""`run_node` or `run_reader`: starts with a `Node` or a `Reader`."""


async def serve_until_signal(run: Run, config: HallConfig, plugins: Plugins, options: Options) -> bool:
    """Serve, say so on stdout, and stop in order on SIGTERM or SIGINT; at once on a second one.

    Whether it was stopped in order. After the second signal the handlers are the usual ones again, so
    that a third ends a process that even then is held up (a thread in a system call cannot be cancelled).
    """
    shutdown = trio.Event()
    in_order = True
    async with trio.open_nursery() as nursery:

        async def heed_signals(task_status: trio.TaskStatus[None]) -> None:
            nonlocal in_order
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                task_status.started()
                async for _ in signals:
                    if shutdown.is_set():
                        in_order = False
                        nursery.cancel_scope.cancel()
                        return
                    shutdown.set()

        async def serve(task_status: trio.TaskStatus[Node | Reader]) -> None:
            await run(config, plugins, options, shutdown=shutdown, task_status=task_status)
            nursery.cancel_scope.cancel()
            if isinstance(node, Node) and node.plugins.stuck:
                leave(node.plugins.stuck)

        await nursery.start(heed_signals)
        node: Node | Reader = await nursery.start(serve)
        nursery.start_soon(keep_collecting, lambda: len(node.app.feed.clients), lambda: not node.hall.busy)
        click.echo(f"ready {node.urls[0]}")
        if isinstance(node, Node):
            if not sys.stdin.isatty():  # from a terminal SIGHUP says that it was closed
                nursery.start_soon(heed_reloads, node)
            for page, link in node.links.items():
                click.echo(f"{page:<15} {link}")
        sys.stdout.flush()
    return in_order


def leave(stuck: list[str]) -> NoReturn:
    """End this process though tasks of plugins do not: all that was acknowledged is on disk, and what a hall
    has to do in order is done."""
    click.echo(f"stopped; tasks of {', '.join(stuck)} did not end and were left", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def heed_reloads(node: Node) -> None:
    """On each SIGHUP: hall.toml's devices anew. A mistake is told and changes nothing."""
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        async for _ in signals:
            try:
                changes = await node.reload()
            except SomcError as error:
                click.echo(f"error: devices are as they were: {error}", err=True)
            else:
                named = {key: names for key, names in changes.items() if key != "kept" and names}
                said = "; ".join(f"{key} {', '.join(names)}" for key, names in named.items())
                click.echo(f"devices read anew: {said or 'nothing has changed'}", err=True)


def one_day(path: Path, mapping: Path | None, config: HallConfig) -> list[Arrival]:
    """The file's visits, its days one after the other."""
    beside = path.with_suffix(".toml")
    mapped = read_mapping(mapping or beside) if mapping or beside.exists() else Mapped()
    days = read_arrivals(
        path, mapped, config.settings.classes, config.settings.services, config.visitors.seed
    )
    visits: list[Arrival] = []
    for number, day in enumerate(days.values()):
        for visit in day:
            at_s = visit.at_s + number * 86_400
            visits.append(
                Arrival(at_s, visit.customer_class, visit.service, visit.service_s, visit.patience_s)
            )
    first_s = visits[0].at_s if visits else 0.0
    return [
        Arrival(visit.at_s - first_s, visit.customer_class, visit.service, visit.service_s, visit.patience_s)
        for visit in visits
    ]


@contextmanager
def data_folder(file: Path | None, data: Path | None, config: HallConfig) -> Iterator[Path]:
    """Where the journal is kept; the bare example hall forgets its day unless `--data` is given."""
    if data is not None:
        yield data
    elif file is not None:
        yield config.data_dir
    else:
        with tempfile.TemporaryDirectory(prefix="somc-example-") as folder:
            yield Path(folder)


def flatten(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The exceptions inside nested groups."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from flatten(error)
        else:
            yield error
