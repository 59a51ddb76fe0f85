"""`somc channel simulate`: the other end of a channel for messages, played.

What must stay true: it prints one line `ready HOST:PORT` when it can be used, tells what happens on stderr,
takes orders on stdin, and ends cleanly with SIGINT and SIGTERM.
"""

from __future__ import annotations

import difflib
import signal
import sys
from collections.abc import Callable

import click
import trio

from somc.api.channels import SimulatedGateway
from somc.cli.failures import failing_clearly
from somc.errors import UsageError
from somc.runtime.plugins import Plugins, installed

__all__ = ["command"]


@click.group("channel", help="Channels for messages: their gateways, simulated.")
def command() -> None:
    pass


@command.command(
    "simulate", help="Play the gateway of a kind of channel; lines on stdin drive it, such as `cut`."
)
@click.argument("kind", metavar="KIND")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="TCP port; 0 picks a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@click.option("--password", default="secret", show_default=True, help="What a client must know.")
@click.option(
    "--throttle", type=click.IntRange(0), default=0, help="Answer every so many-th message with 'too fast'."
)
@click.option("--delay", type=click.FloatRange(0), default=0.0, help="Answer after so many seconds.")
@click.option("--drop", type=click.IntRange(0), default=0, help="Never answer every so many-th message.")
@click.option("--lie", is_flag=True, help="Receipts that are not so, twice; a login that proves nothing.")
def simulate(
    kind: str, port: int, host: str, password: str, throttle: int, delay: float, drop: int, lie: bool
) -> None:
    with failing_clearly():
        makers = installed_gateways()
        if kind not in makers:
            near = difflib.get_close_matches(kind, makers, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(makers)) or 'none'}"
            raise UsageError(f"no installed plugin brings a gateway of the kind '{kind}'; {hint}")
        gateway = makers[kind]()
        gateway.password, gateway.throttle, gateway.delay_s = password, throttle, delay
        gateway.drop, gateway.lie = drop, lie
        gateway.told = lambda words: click.echo(words, err=True)
        try:
            trio.run(_simulate, gateway, host, port)
        except OSError as error:
            raise UsageError(f"port {port} on {host}: {error}") from error


def installed_gateways() -> dict[str, Callable[[], SimulatedGateway]]:
    """The simulated gateways of every installed plugin, by kind. `UsageError`."""
    return Plugins(sorted(installed())).gateways()


async def _simulate(gateway: SimulatedGateway, host: str, port: int) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_until_signal, nursery.cancel_scope)

        async def run(task_status: trio.TaskStatus[int]) -> None:
            await gateway.run(port, host, task_status=task_status)

        taken = await nursery.start(run)
        click.echo(f"ready {host}:{taken}")
        sys.stdout.flush()
        while True:
            # A cancelled read of stdin leaves its thread waiting, which ends with us.
            line = await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
            if not line:
                await trio.sleep_forever()
            said = await gateway.do(line)
            if said:
                click.echo(said, err=True)


async def _until_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return
