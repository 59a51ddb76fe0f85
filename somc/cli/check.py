"""`somc check HALL.toml`: every mistake in a hall's configuration, each on a line; opens nothing else.

What must stay true: exit 0 for a valid file, 2 for faults; with `--json` stdout is one JSON document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import trio

from somc.composition import read_overrides
from somc.config import Drivers, HallConfig, Kinds, load
from somc.config.load import Models, Paths
from somc.errors import ConfigurationError, Fault, SomcError
from somc.runtime.drivers import Offered
from somc.runtime.plugins import installed
from somc.scheduler.kinds import BUILT_IN

__all__ = ["Overrides", "command", "command_with", "installed_command"]

Overrides = Callable[[Path, Mapping[str, Any]], Mapping[str, Any]]
"""`overrides(data_dir, values)`: for every key that a record of the journal in `data_dir` overrides, the
value that will be in force when a hall with `values` starts there; None for a key that is gone."""


@dataclass(frozen=True, slots=True)
class _Override:
    key: str
    written: Any
    in_force: Any


def command_with(
    *,
    drivers: Drivers | None = None,
    plugins: Callable[[], Collection[str]] | None = None,
    kinds: Kinds = BUILT_IN,
    overrides: Overrides | None = None,
    models: Models | None = None,
    at_paths: Paths | None = None,
) -> click.Command:
    """The command, told what is installed and how a journal is read; without `overrides` no `--data`."""

    @click.command("check", help="Validate a hall's configuration; open nothing.")
    @click.argument("hall", metavar="HALL.toml", type=click.Path(path_type=Path))
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @click.pass_context
    def check(context: click.Context, hall: Path, as_json: bool, data: Path | None = None) -> None:
        try:
            config = load(
                hall,
                drivers=drivers,
                plugins=plugins and plugins(),
                kinds=kinds,
                models=models,
                at_paths=at_paths,
            )
        except ConfigurationError as error:
            _say_faults(hall, error.faults, as_json)
            context.exit(2)
        differing: list[_Override] = []
        if data is not None and overrides is not None:
            try:
                in_force = overrides(data, config.values)
            except SomcError as error:
                raise click.ClickException(f"the journal in {data} cannot be read: {error}") from error
            differing = [
                _Override(key, config.values.get(key), value)
                for key, value in sorted(in_force.items())
                if config.values.get(key) != value
            ]
        _say_valid(config, differing, as_json)

    if overrides is not None:
        option = click.Option(
            ["--data"],
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="Show what the journal in this data folder overrides.",
        )
        check.params.append(option)
    return check


command = command_with()


def _say_faults(hall: Path, faults: tuple[Fault, ...], as_json: bool) -> None:
    if as_json:
        _print_json({"file": str(hall), "valid": False, "faults": [asdict(fault) for fault in faults]})
        return
    for fault in faults:
        click.echo(str(fault))


def _say_valid(config: HallConfig, differing: list[_Override], as_json: bool) -> None:
    settings = config.settings
    counts = {
        "services": len(settings.services),
        "classes": len(settings.classes),
        "counters": len(settings.counters),
        "devices": len(config.devices),
        "customers": len(config.customers),
        "plugins": len(config.plugins),
    }
    if as_json:
        answer = {"file": str(config.file), "valid": True, "faults": [], "org": config.org, **counts}
        _print_json({**answer, "overridden": [asdict(one) for one in differing]})
        return
    summary = ", ".join(f"{name} {count}" for name, count in counts.items())
    click.echo(f"{config.file}: valid: {config.org}: {summary}")
    for one in differing:
        click.echo(
            f"overridden: {one.key}: {_plain(one.written)} in the file, {_plain(one.in_force)} in force"
        )


def _plain(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _print_json(document: Mapping[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False))


def installed_command() -> click.Command:
    """The command with what is installed here."""
    offered = Offered()
    return command_with(
        drivers=offered.drivers,
        plugins=installed,
        kinds=offered.policies,
        overrides=_overrides,
        models=offered.models,
        at_paths=offered.at_paths,
    )


def _overrides(folder: Path, values: Mapping[str, Any]) -> Mapping[str, Any]:
    return trio.run(read_overrides, folder, dict(values))
