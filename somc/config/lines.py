"""Lines that devices share: one process has a line, so devices whose drivers work in different ones do not
share it.

What must stay true: two URLs of one line are one line, whatever speed or other way of opening they name; what
is no line, a file or a loudspeaker, is nobody's alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from somc.config.hall_config import DriverTerms
from somc.config.reading import FAULTY, Reading
from somc.config.tables import Entries

__all__ = ["check_lines", "line_of"]

BY_PATH = ("serial", "serial+aio", "pty", "device")
BY_PLACE = ("tcp", "agent", "usb")


def line_of(url: str) -> str | None:
    """What the URL plugs into, the same text for the same line; `None` if that is no line."""
    parts = urlsplit(url.removeprefix("record+"))
    if parts.scheme in BY_PATH:
        return f"path {parts.path}"
    if parts.scheme in BY_PLACE:
        return f"{parts.scheme} {parts.netloc.lower()}{parts.path}"
    return None


def check_lines(
    devices: Entries, drivers: Mapping[str, DriverTerms], hosts: Entries, reading: Reading
) -> None:
    """Every line has one process. `hosts` are the tables `[plugin.NAME.host]`."""
    first: dict[str, tuple[str, str, str]] = {}
    for name, device in devices.items():
        url, terms = device["url"], drivers.get(device["driver"])
        if terms is None or not isinstance(url, str) or (line := line_of(url)) is None:
            continue
        process = _process_of(terms, hosts)
        other, its_process, its_words = first.setdefault(line, (name, process, _words(process)))
        if its_process != process:
            reading.at("device", name, "url").fault(
                f"the line of the device '{other}', which {its_words} has",
                f"a line of its own, because its driver works in {_words(process)}; or one process for both: "
                f'[plugin.{process or its_process}.host] isolation = "in-process"',
            )


def _process_of(terms: DriverTerms, hosts: Entries) -> str:
    """The plugin in whose process the driver works; empty: the hall's."""
    host: Mapping[str, Any] = hosts.get(terms.plugin, {})
    isolation = host.get("isolation")
    apart = terms.apart if isolation in (None, FAULTY) else isolation == "process"
    return terms.plugin if apart else ""


def _words(process: str) -> str:
    return f"the process of the plugin '{process}'" if process else "the hall's process"
