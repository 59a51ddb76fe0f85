"""What a hall.toml says, as frozen values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from somc.config.customers import CustomerTable
from somc.config.halls import Directory
from somc.domain.templates import BUILT_IN, Template
from somc.domain.values import HallSettings, OpeningHours, Words

__all__ = [
    "AnnouncementSettings",
    "Checker",
    "DeviceSettings",
    "DriverTerms",
    "HallConfig",
    "PluginSettings",
    "PublicSettings",
    "ServerSettings",
    "StaffMember",
    "VisitorSettings",
]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the hall listens, and how browsers reach it if that differs (without a slash at the end)."""

    host: str
    port: int
    public_url: str | None


@dataclass(frozen=True, slots=True)
class PublicSettings:
    """What anybody may see of the hall, and how often one address may ask. Off unless `queue`."""

    queue: bool = False
    per_minute: int = 120
    refresh_s: int = 30
    idle_s: int = 600


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """One device of the hall. Exactly one of `url` and `simulated` (`pty` or `tcp`) is set."""

    name: str
    driver: str
    url: str | None
    simulated: str | None
    counter: int | None
    options: Mapping[str, Any]
    place: str | None = None
    """Where in the hall it is; inputs of one place are one kiosk."""
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Of a hardware monitor: kind of reading to the lowest and highest good value."""


@dataclass(frozen=True, slots=True)
class AnnouncementSettings:
    """How calls are spoken, and what boards show when there is no call. `stale_after_s`: after a restart,
    older calls are not spoken and older slips not printed any more. `None` is the usual text."""

    languages: tuple[str, ...]
    repeat: int
    stale_after_s: int
    idle: Words | None = None
    paused: Words | None = None
    closed: Words | None = None
    footer: Words | None = None
    footer_waiting: bool = True
    rating_wait_s: int = 30
    """How long a customer is asked for a rating at the counter."""


@dataclass(frozen=True, slots=True)
class VisitorSettings:
    """Simulated people. `services` and `classes` are shares of any sum, one for each service and class of the
    hall (those the file leaves out have 0; if it names none, all have 1)."""

    enabled: bool
    per_hour: int
    patience_s: int | None
    agents: bool
    services: Mapping[str, int]
    classes: Mapping[str, int]
    seed: int


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """What hall.toml says of one plugin: `options` are its own, the rest is the host's. `None`: as usual."""

    options: Mapping[str, Any] = field(default_factory=dict)
    isolation: str | None = None
    deadline_ms: int | None = None
    memory_mb: int = 1024


Checker = Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]
"""Every key of a plugin's options that is wrong, with why."""


@dataclass(frozen=True, slots=True)
class DriverTerms:
    """What a driver asks of its `[device.NAME]`.

    `options` maps each option to a type that `msgspec.convert` understands (`int`, `Literal["a", "b"]`,
    `Annotated[int, msgspec.Meta(ge=1, le=16)]`); `required` names those without a default. `at_counter` says
    whether `counter` must be given (True), must not (False), or may (None); `measures` whether `limits` may.
    `plugin` brings it; `apart`: its author advises a process of its own, and hall.toml may say otherwise.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    at_counter: bool | None = None
    measures: bool = False
    plugin: str = ""
    apart: bool = False


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody of the staff who is told by message. `hours`: when on duty; None is always."""

    name: str
    phone: str
    language: str
    duties: tuple[str, ...]
    devices: tuple[str, ...] = ()
    hours: OpeningHours | None = None


@dataclass(frozen=True, slots=True)
class HallConfig:
    """All of one hall.toml and its customer table.

    `values` is the flat table of `somc.domain.settings` (sorted by key, defaults spelled out, None left out):
    the first `config.changed` record. `settings` is what these values spell. `data_dir` is where the hall
    writes unless it is told otherwise; nothing was opened or created there. `media_dir` is where the hall
    display's pictures and videos are.
    """

    file: Path
    org: str
    values: Mapping[str, Any]
    settings: HallSettings
    server: ServerSettings
    devices: tuple[DeviceSettings, ...]
    announcements: AnnouncementSettings
    visitors: VisitorSettings
    plugins: tuple[str, ...]
    customers: CustomerTable
    data_dir: Path
    media_dir: Path
    public: PublicSettings = PublicSettings()
    halls: Directory = field(default_factory=Directory)
    """What the directory says, if hall.toml names one."""
    templates: Mapping[str, Template] = field(default_factory=lambda: BUILT_IN)
    """SOMC's own and the hall's."""
    staff: tuple[StaffMember, ...] = ()
    plugin_paths: tuple[Path, ...] = ()
    plugin_settings: Mapping[str, PluginSettings] = field(default_factory=dict)
