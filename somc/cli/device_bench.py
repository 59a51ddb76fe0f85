"""`somc device simulate`, `check` and `agent`: a device played, a device proven, a PC's devices served.

What must stay true: `simulate` and `agent` print one line `ready …` when they can be used, and end
cleanly with SIGINT and SIGTERM.
"""

from __future__ import annotations

import inspect
import json
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click
import trio

from somc.cli.device_choice import (
    check_fit,
    driver_option,
    drivers_of,
    installed_simulators,
    option_option,
    options_of,
    unknown,
    url_of,
)
from somc.cli.failures import failing_clearly
from somc.errors import UsageError
from somc_hal.agent import Agent
from somc_hal.links.agent import read_token
from somc_hal.simulators.base import Simulator
from somc_hal.simulators.host import SimulatorHost, Where
from somc_hal.testing.on_the_bench import Finding, check_device

__all__ = ["agent", "check", "simulate"]


@click.command("simulate", help="Play the device of a driver; lines on stdin drive it, such as `press next`.")
@click.argument("driver", metavar="DRIVER")
@click.option("--on", "where", type=click.Choice(["pty", "tcp"]), default="pty", show_default=True)
@click.option("--port", default=0, help="TCP port; 0 picks a free one.")
def simulate(driver: str, where: str, port: int) -> None:
    with failing_clearly():
        makers = installed_simulators()
        if driver not in makers:
            raise UsageError(unknown("simulator of", driver, list(makers)))
        try:
            trio.run(_simulate, makers[driver](), cast(Where, where), port)
        except OSError as error:
            raise UsageError(f"port {port}: {error}") from error


async def _simulate(simulator: Simulator, where: Where, port: int) -> None:
    host = SimulatorHost(simulator, where, port=port)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_until_signal, nursery.cancel_scope)
        url = await nursery.start(host.run)
        click.echo(f"ready {url}")
        acts = acts_of(simulator)
        click.echo(f"acts: {', '.join(acts)}, unplug, replug", err=True)
        while True:
            # Not abandoned in silence: a cancelled read of stdin leaves its thread waiting, which ends
            # with us.
            line = await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
            if not line:
                await trio.sleep_forever()
            await _driven(host, acts, line)


def acts_of(simulator: Simulator) -> list[str]:
    """What can be done to a simulated device: its public methods, but for those of its host."""
    methods = inspect.getmembers(type(simulator), inspect.isfunction)
    return sorted(name for name, method in methods if not name.startswith("_") and name != "serve")


async def _driven(host: SimulatorHost, acts: list[str], line: str) -> None:
    """Do what the line says; a mistake is told and changes nothing."""
    try:
        words = shlex.split(line)
        if not words:
            return
        name, *arguments = words
        if name in ("unplug", "replug"):
            await getattr(host, name)()
        elif name in acts:
            act = getattr(host.simulator, name)
            act(*_meant(act, arguments))
        else:
            raise ValueError(unknown("act", name, [*acts, "unplug", "replug"]))
    except (ValueError, TypeError, OverflowError) as error:
        click.echo(f"error: {error}", err=True)


def _meant(act: Callable[..., Any], words: list[str]) -> list[Any]:
    """The words as what the act takes: numbers, bytes in hexadecimal, or themselves. `ValueError`."""
    kinds = [str(parameter.annotation) for parameter in inspect.signature(act).parameters.values()]
    if len(words) > len(kinds):
        raise ValueError(f"{act.__name__} takes {len(kinds)} words, found {len(words)}")
    meanings: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bytes": bytes.fromhex}
    return [meanings.get(kind.split(" | ")[0], str)(word) for kind, word in zip(kinds, words, strict=False)]


async def _until_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


@click.command("check", help="Run the conformance kit against the device at URL. This writes to it.")
@click.argument("url", metavar="URL")
@driver_option("The driver of the device.")
@option_option
@click.option("--interactive", is_flag=True, help="Somebody is at the device and answers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def check(
    context: click.Context, url: str, driver: str, option: tuple[str, ...], interactive: bool, as_json: bool
) -> None:
    with failing_clearly():
        (spec,) = drivers_of(driver)
        options = options_of(spec, option)
        url = url_of(url)
        check_fit(spec, url, options)

    def tell(finding: Finding) -> None:
        if not as_json:
            click.echo(f"{finding.outcome:8} {finding.step}{': ' if finding.words else ''}{finding.words}")

    async def ask(words: str) -> bool:
        return await trio.to_thread.run_sync(lambda: click.confirm(words, err=True), abandon_on_cancel=True)

    async def run() -> list[Finding]:
        return await check_device(spec, url, options, ask=ask if interactive else None, tell=tell)

    findings = trio.run(run)
    failed = [finding for finding in findings if finding.outcome == "failed"]
    if as_json:
        document = {
            "url": url,
            "driver": driver,
            "passed": not failed,
            "findings": [asdict(finding) for finding in findings],
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    if failed:
        context.exit(1)


@click.command("agent", help="Serve this PC's devices to the hall over TCP, to whoever knows the token.")
@click.option("--device", multiple=True, required=True, metavar="NAME=URL", help="A device; may be repeated.")
@click.option(
    "--token-file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Holds the token, at least 16 characters.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@click.option("--port", default=9700, show_default=True, help="Listen here; 0 picks a free port.")
def agent(device: tuple[str, ...], token_file: Path, host: str, port: int) -> None:
    with failing_clearly():
        devices = dict(_named(one) for one in device)
        try:
            served = Agent(devices, read_token(token_file))
        except (ValueError, OSError) as error:
            raise UsageError(str(error)) from error
        try:
            trio.run(_serve, served, host, port)
        except* OSError as errors:
            raise UsageError(f"{host}:{port}: {errors.exceptions[0]}; --port 0 picks a free port") from errors


def _named(one: str) -> tuple[str, str]:
    name, equals, url = one.partition("=")
    if not equals:
        raise UsageError(f"--device {one!r}: write NAME=URL")
    return name, url_of(url)


async def _serve(served: Agent, host: str, port: int) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_until_signal, nursery.cancel_scope)
        listeners = await nursery.start(served.serve, host, port)
        click.echo(f"ready agent://{host}:{listeners[0].socket.getsockname()[1]}/")
