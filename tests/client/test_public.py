"""`somc.client` is a promise: what it exports is pinned, and its reference page describes all of it."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import somc.client
from somc.client import ClientSettings, HallClient, HallHttp
from somc.testing.client_cases import CASES
from somc.testing.server_checks import CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "client.md").read_text(encoding="utf-8")

EXPORTED = """
ClassState ClientError ClientSettings CounterState DeviceState Figures HallClient HallFigures HallHttp
HallRefused HallState HallUnreachable Message NoAnswer NotAdmitted Position Reader RecentCall Record Resync
ServiceFigures ServiceState Snapshot TicketState Welcome Words open_client open_http ticket_by
"""


def test_what_is_exported() -> None:
    assert sorted(somc.client.__all__) == sorted(EXPORTED.split())
    assert all(hasattr(somc.client, name) for name in somc.client.__all__)


def test_the_page_names_everything() -> None:
    missing = [name for name in somc.client.__all__ if not re.search(rf"`{name}\b", PAGE)]
    for kind in (HallClient, HallHttp):
        public = [name for name, _ in inspect.getmembers(kind) if not name.startswith("_")]
        missing += [name for name in public if not re.search(rf"`(await )?{name}\b", PAGE)]
    assert missing == ["run"], "`run` is open_client's own affair; the rest stands on the page"


def test_the_page_has_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE[PAGE.index("## Settings") :], re.MULTILINE))
    settings = {field.name: field.default for field in dataclasses.fields(ClientSettings)}
    assert rows.keys() == settings.keys()
    for name, default in settings.items():
        if isinstance(default, int | float):
            assert float(rows[name].replace(",", "").split()[0]) == default, name


def test_the_conformance_page_has_every_check_and_case() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "protocol-conformance.md").read_text("utf-8")
    servers, clients = page.split("## A client")
    row = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
    assert row.findall(servers) == list(CHECKS)
    assert row.findall(clients) == list(CASES)
