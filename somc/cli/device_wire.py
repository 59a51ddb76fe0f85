"""`somc device capture` and `replay`: a wire kept in a file, and a driver against such a file.

What must stay true: a capture with a driver writes to the device what the driver writes; without one nothing
is written.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import trio
import trio.lowlevel

from somc.cli.device_choice import check_fit, driver_option, drivers_of, option_option, options_of, url_of
from somc.cli.failures import failing_clearly
from somc.errors import UsageError
from somc_hal.drivers.base import DriverSpec
from somc_hal.links import open_link
from somc_hal.links.capture import read_capture
from somc_hal.ports import Ports
from somc_hal.status import DeviceStatus
from somc_hal.testing.hands import HANDS

__all__ = ["capture", "replay"]


@click.command("capture", help="Keep what passes between a driver and the device at URL in FILE.")
@click.argument("url", metavar="URL")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@driver_option("Run this driver meanwhile; without it only listen.", required=False)
@option_option
@click.option("--seconds", default=math.inf, help="End after so long; without it, when interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end.")
@click.pass_context
def capture(
    context: click.Context,
    url: str,
    file: Path,
    driver: str | None,
    option: tuple[str, ...],
    seconds: float,
    as_json: bool,
) -> None:
    with failing_clearly():
        recorded = url_of(f"record+{url_of(url)}{'&' if '?' in url else '?'}record={quote(str(file))}")
        spec = drivers_of(driver)[0] if driver is not None else None
        options = options_of(spec, option) if spec is not None else {}
        if spec is not None:
            check_fit(spec, recorded, options)
        if file.exists():
            raise UsageError(f"{file} exists already: name a new file")
        told = _Told(quiet=as_json)
        try:
            trio.run(_capture, recorded, spec, options, seconds, told)
        except KeyboardInterrupt:
            pass  # that is how it ends
        except OSError as error:
            click.echo(f"error: {error}", err=True)
            context.exit(1)
    if not file.exists():
        click.echo(f"error: {url} was never opened: {told.detail}", err=True)
        context.exit(1)
    kept = read_capture(file)
    counts = {"to_device": len(kept.bytes_to("device")), "to_host": len(kept.bytes_to("host"))}
    if as_json:
        click.echo(json.dumps({"file": str(file), "url": url, **counts}))
    else:
        click.echo(f"{file}: {counts['to_device']} bytes to the device, {counts['to_host']} to the host")


class _Told:
    """Prints what a driver says of its device; keeps the last of it."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self.detail = ""
        self.statuses: list[DeviceStatus] = []

    def __call__(self, status: DeviceStatus) -> None:
        self.statuses.append(status)
        self.detail = status.detail
        if not self._quiet:
            click.echo(f"{status.state.value} {status.detail}".rstrip())


async def _capture(
    url: str, spec: DriverSpec | None, options: dict[str, Any], seconds: float, told: _Told
) -> None:
    with trio.move_on_after(seconds):
        if spec is None:
            async with await open_link(url) as stream:
                try:
                    while await stream.receive_some(4096):
                        pass
                except trio.BrokenResourceError as error:
                    told.detail = str(error)
            return
        device = spec.make("capture", url, options, on_status=told, ports=Ports())
        await device.run()


@click.command("replay", help="Run a driver against the device of a capture; say what it makes of it.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@driver_option("The driver to run.")
@option_option
@click.option("--pace", is_flag=True, help="Keep the times of the capture.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end.")
@click.pass_context
def replay(
    context: click.Context, file: Path, driver: str, option: tuple[str, ...], pace: bool, as_json: bool
) -> None:
    with failing_clearly():
        (spec,) = drivers_of(driver)
        options = options_of(spec, option)
        try:
            kept = read_capture(file)
        except ValueError as error:
            raise UsageError(str(error)) from error
        url = url_of(f"replay://{quote(str(file.resolve()))}{'?pace=1' if pace else ''}")
        check_fit(spec, url, options)
    told = _Told(quiet=as_json)
    events: list[str] = []
    longest_s = (kept.passed[-1].at if pace and kept.passed else 0.0) + 30.0
    trio.run(_replay, url, spec, options, told, events, as_json, longest_s)
    online = any(status.serving for status in told.statuses)
    if as_json:
        states = [{"state": status.state.value, "detail": status.detail} for status in told.statuses]
        click.echo(json.dumps({"online": online, "statuses": states, "events": events}, ensure_ascii=False))
    if not online:
        context.exit(1)


async def _replay(
    url: str,
    spec: DriverSpec,
    options: dict[str, Any],
    told: _Told,
    events: list[str],
    quiet: bool,
    longest_s: float,
) -> None:
    device: Any = spec.make("replay", url, options, on_status=told, ports=Ports())

    async def hear() -> None:
        sources = HANDS[spec.device_class].events
        if sources is not None:
            async for event in sources.told(device):
                events.append(str(event))
                if not quiet:
                    click.echo(str(event))

    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        nursery.start_soon(hear)
        with trio.move_on_after(longest_s):
            await device.wait_online()
            # What the capture still holds comes at once, or in its own time; then the device falls silent.
            await device.wait_not_online()
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
