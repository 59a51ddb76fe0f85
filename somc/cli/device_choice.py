"""Which driver, with which options, at which URL: what the device commands share.

What must stay true: a wrong name, option or URL is a `UsageError` that says what is allowed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from somc.errors import UsageError
from somc.runtime.plugins import Plugins, installed
from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.options import Option, checked
from somc_hal.links import check_url
from somc_hal.ports import Ports
from somc_hal.simulators.base import Simulator

__all__ = [
    "check_fit",
    "driver_option",
    "drivers_of",
    "installed_drivers",
    "installed_simulators",
    "option_option",
    "options_of",
    "url_of",
]


def driver_option(words: str, *, required: bool = True) -> Callable[[Any], Any]:
    """`--driver NAME`."""
    return click.option("--driver", metavar="NAME", required=required, help=words)


option_option = click.option(
    "--option", "-o", multiple=True, metavar="KEY=VALUE", help="An option of the driver; may be repeated."
)


def installed_drivers() -> list[tuple[str, DriverSpec]]:
    """Every driver of every installed plugin, with its plugin's name. `UsageError`."""
    return [(name, spec) for name in sorted(installed()) for spec in Plugins([name]).drivers().values()]


def installed_simulators() -> dict[str, Callable[[], Simulator]]:
    """Every simulator of every installed plugin. `UsageError`."""
    return {
        driver: make for name in sorted(installed()) for driver, make in Plugins([name]).simulators().items()
    }


def drivers_of(name: str | None) -> tuple[DriverSpec, ...]:
    """The driver of that name, or all. `UsageError` names those there are."""
    specs = {spec.name: spec for _, spec in installed_drivers()}
    if name is None:
        return tuple(specs.values())
    if name not in specs:
        raise UsageError(unknown("driver", name, list(specs)))
    return (specs[name],)


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """That there is no such thing, and what there is."""
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(known))}"
    return f"there is no {what} '{name}'; {hint}"


def options_of(spec: DriverSpec, written: Sequence[str]) -> dict[str, Any]:
    """`key=value` as the driver's options. `UsageError`."""
    options: dict[str, Any] = {}
    for one in written:
        key, equals, text = one.partition("=")
        if not equals:
            raise UsageError(f"--option {one!r}: write KEY=VALUE")
        schema = spec.options_schema.get(key)
        options[key] = text if schema is None else _value(schema, text)
    try:
        checked(spec.name, spec.options_schema, options)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return options


def _value(option: Option, text: str) -> Any:
    """What the text means; what it cannot mean is left as it is, for `checked` to refuse."""
    if option.type is bool:
        return {"true": True, "false": False}.get(text, text)
    if option.type is tuple:
        return [part for part in text.split(",") if part]
    try:
        return option.type(text)
    except ValueError:
        return text


def check_fit(spec: DriverSpec, url: str, options: Mapping[str, Any]) -> None:
    """`UsageError` if the driver can do nothing with this URL and these options. Opens nothing."""
    try:
        spec.make("check", url, options, ports=Ports())
    except ValueError as error:
        raise UsageError(str(error)) from error


def url_of(url: str) -> str:
    """The URL, if it can be meant. `UsageError`."""
    try:
        check_url(url)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return url
