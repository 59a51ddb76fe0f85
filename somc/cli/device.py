"""`somc device …`: drivers and what is plugged in; is anybody there. The rest is in the rooms beside it.

What must stay true: nothing is written to a device unless its URL was given; with `--json` stdout is one JSON
document; exit 0 done, 1 failed, 2 wrong usage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import click
import trio

from somc.cli.device_bench import agent, check, simulate
from somc.cli.device_choice import (
    driver_option,
    drivers_of,
    installed_drivers,
    option_option,
    options_of,
    url_of,
)
from somc.cli.device_wire import capture, replay
from somc.cli.failures import failing_clearly
from somc_hal.discovery import Found, found
from somc_hal.drivers.base import DriverSpec
from somc_hal.ports import Ports
from somc_hal.status import DeviceState, DeviceStatus, Truth

__all__ = ["command"]


@click.group("device", help="Drivers, devices, their wires and their simulators.")
def command() -> None:
    pass


@command.command("list", help="Installed drivers, and what is plugged in.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(as_json: bool) -> None:
    with failing_clearly():
        drivers = installed_drivers()
        plugged: tuple[Found, ...] = trio.run(found)
    if as_json:
        document = {
            "drivers": [
                {
                    "name": spec.name,
                    "device_class": spec.device_class.value,
                    "plugin": plugin,
                    "about": spec.doc,
                }
                for plugin, spec in drivers
            ],
            "plugged_in": [asdict(one) for one in plugged],
        }
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    for plugin, spec in drivers:
        click.echo(f"{spec.name:24} {spec.device_class.value:18} {plugin:18} {spec.doc}")
    click.echo()
    for one in plugged:
        click.echo(f"{one.url}  {one.description}")
    if not plugged:
        click.echo("nothing is plugged in that a URL could name")


command.add_command(simulate)
command.add_command(check)
command.add_command(capture)
command.add_command(replay)
command.add_command(agent)


@command.command("probe", help="Ask whether a device answers at URL. This writes to it.")
@click.argument("url", metavar="URL")
@driver_option("Try this driver only; without it all of them, one after the other.", required=False)
@option_option
@click.option("--timeout", default=3.0, show_default=True, help="Seconds for each driver.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def probe(
    context: click.Context,
    url: str,
    driver: str | None,
    option: tuple[str, ...],
    timeout: float,
    as_json: bool,
) -> None:
    with failing_clearly():
        url = url_of(url)
        specs = drivers_of(driver)
        chosen = {spec.name: options_of(spec, option) for spec in specs}
    answered: list[dict[str, Any]] = []

    def tried(spec: DriverSpec, status: DeviceStatus) -> None:
        if status.serving and status.confirmed.value == "yes":
            answered.append(
                {
                    "driver": spec.name,
                    "device_class": spec.device_class.value,
                    "state": status.state.value,
                    "detail": status.detail,
                }
            )
        if not as_json:
            words = status.detail or status.state.value
            one_way = status.serving and status.confirmed.value != "yes"
            click.echo(f"{spec.name:24} {'one-way, nobody can say' if one_way else words}")

    trio.run(_probe, url, specs, chosen, timeout, tried)
    if as_json:
        click.echo(json.dumps({"url": url, "answered": answered}, ensure_ascii=False))
    if not answered:
        context.exit(1)


async def _probe(
    url: str,
    specs: tuple[DriverSpec, ...],
    chosen: Mapping[str, Mapping[str, Any]],
    timeout_s: float,
    tried: Callable[[DriverSpec, DeviceStatus], None],
) -> None:
    for spec in specs:
        told: list[DeviceStatus] = []
        try:
            device: Any = spec.make("probe", url, chosen[spec.name], on_status=told.append, ports=Ports())
        except ValueError as error:
            # Not every driver speaks over every link, and some are told by options what they stand at.
            tried(spec, DeviceStatus("probe", DeviceState.NO_DEVICE, Truth.NO, detail=str(error)))
            continue
        async with trio.open_nursery() as nursery:
            await nursery.start(device.run)
            with trio.move_on_after(timeout_s):
                await device.wait_online()
            status = device.status
            if not told:
                status = replace(status, detail=f"no answer within {timeout_s:g} s")
            nursery.cancel_scope.cancel()
        tried(spec, status)
