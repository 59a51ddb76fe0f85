"""The configuration of `care`: papers, machines, near halls, and when a wait is long.

What must stay true: a service's ways elsewhere are data; what nobody could take is refused with its key.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from somc.api import Words
from somc_plugins.json_source import Source, check_template

__all__ = ["CareConfig", "HallDirectory", "Machine", "NearHall", "Online"]

Id = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$(?!\n)")]
"""What a machine or a hall is called in the table of hall.toml, in URLs and in records."""


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root of the tables."""


class Machine(Model, frozen=True, kw_only=True):
    """A self-service machine (自助终端): a payment terminal, a call-record printer."""

    title: Words
    services: Annotated[tuple[str, ...], Meta(min_length=1)]
    """What it can do instead of a counter."""
    place: Words | None = None
    """Where it stands."""


class NearHall(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another hall to go to. `url` is its `…/plugins/care/waits`; it is asked once a minute, never for a
    customer."""

    title: Words
    way: Words | None = None
    """How to get there."""


class HallDirectory(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The company's directory. `url` is this or another hall's
    `…/api/v1/public/halls?service={service}&latitude=…&longitude=…`; it is asked once a minute for each
    service, never for a customer."""

    here: str
    """What this hall is called in it: nobody is sent where he is."""
    timeout_ms: Annotated[int, Meta(ge=10, le=10_000)] = 4000
    """How long an answer may take: that hall waits two seconds for the others."""

    def __post_init__(self) -> None:
        check_template("url", self.url, frozenset(("service",)))
        if "{service}" not in self.url:
            raise ValueError("url: {service} is missing: how long somebody waits is another for each service")


class Online(Model, frozen=True, kw_only=True):
    """How a service is done without coming (短信, 掌厅, 网厅)."""

    how: Words


class CareConfig(Model, frozen=True, kw_only=True):
    """`[plugin.care]`."""

    papers: dict[str, tuple[Words, ...]] = {}
    """Service → papers to bring beside those that hall.toml's `[service.NAME]` prints already."""
    machines: dict[Id, Machine] = {}
    near: dict[Id, NearHall] = {}
    directory: HallDirectory | None = None
    """Near halls by the company's directory, beside those of `near`."""
    online: dict[str, Online] = {}
    """Service → how to do it online."""
    divert_after_s: Annotated[int, Meta(ge=0, le=86_400)] = 600
    """From this expected wait on a kiosk speaks of near halls and quieter hours; of a machine always."""
    nearer_by_s: Annotated[int, Meta(ge=0, le=86_400)] = 300
    """A near hall is worth speaking of if its wait is so much shorter."""
    machine_silent_s: Annotated[int, Meta(ge=10, le=86_400)] = 180
    """A machine that has not reported for so long is not spoken of."""
    near_target_s: Annotated[int, Meta(ge=0, le=3600)] = 120
    """Who is so near the end of the promise stands on the floor's list."""
    return_days: Annotated[int, Meta(ge=1, le=365)] = 30
    """Whoever was told how to do it online and comes for the same within so many days has returned."""
    follow_up: dict[str, str] = {}
    """Service → the template of the message that is sent after it (`SendMessage`); `default` for others."""
    kinds: tuple[Annotated[str, Meta(min_length=1, max_length=40)], ...] = (
        "关怀 care",
        "致歉 apology",
        "指引 guidance",
    )
    """What the floor's page offers to log."""
