"""hall.toml → `HallConfig`, or every mistake in it at once.

What must stay true
- Nothing but hall.toml and the customer table it names is opened; nothing is written.
- Whatever the bytes of the file, the outcome is a `HallConfig` or a `ConfigurationError`.
- The same bytes give the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from somc.config.customers import CustomerTable, read_customers
from somc.config.hall_config import (
    AnnouncementSettings,
    Checker,
    DeviceSettings,
    DriverTerms,
    HallConfig,
    PluginSettings,
    PublicSettings,
    ServerSettings,
    StaffMember,
    VisitorSettings,
)
from somc.config.halls import Directory, read_halls
from somc.config.hours import hours_from
from somc.config.lines import check_lines
from somc.config.reading import FAULTY, Reading
from somc.config.references import (
    check_devices,
    check_kind,
    check_messages,
    check_names,
    check_plugin_tables,
    check_plugins,
    check_policy,
)
from somc.config.schema import (
    ALERTS,
    APPOINTMENTS,
    CALENDAR,
    CLASS,
    COUNTER,
    DISPLAY,
    ESTIMATES,
    HALL,
    MESSAGES,
    POLICY,
    SERVICE,
    Key,
    Table,
)
from somc.config.tables import OPTIONS, Entries, read_tables
from somc.config.toml_text import read_toml
from somc.domain.policy import PolicyKinds
from somc.domain.settings import settings_from
from somc.domain.templates import BUILT_IN as TEMPLATES
from somc.domain.templates import Template, placeholders
from somc.domain.values import OpeningHours, Words
from somc.errors import ConfigurationError, Fault, UsageError
from somc.scheduler.kinds import BUILT_IN

__all__ = ["Drivers", "Kinds", "load"]

Drivers = Mapping[str, DriverTerms] | Callable[[tuple[str, ...]], Mapping[str, DriverTerms]]
"""The drivers by name, or from the enabled plugins to them."""

Kinds = PolicyKinds | Callable[[tuple[str, ...]], PolicyKinds]
"""The policy kinds by name, or from the enabled plugins to them."""

Models = Callable[[tuple[str, ...]], Mapping[str, Checker]]
"""From the enabled plugins to what checks the options of each."""

Paths = Callable[[tuple[Path, ...]], Collection[str]]
"""From the folders of plugins that are not installed to their names; `UsageError` if there is none at one."""

Thing = TypeVar("Thing")

NOT_SETTINGS = {"customer_table", "data", "media_folder"}
"""Keys that say where files are: they belong to this machine, not to the hall's records."""


def load(
    path: Path,
    *,
    drivers: Drivers | None = None,
    plugins: Collection[str] | None = None,
    kinds: Kinds = BUILT_IN,
    models: Models | None = None,
    at_paths: Paths | None = None,
) -> HallConfig:
    """The configuration that `path` holds.

    `drivers` and `plugins` are the installed ones; None leaves their names and options unchecked. `kinds`
    are the policy kinds that there are, `models` check the plugins' own tables, `at_paths` finds those that
    are not installed. What depends on the plugins is given as a function, called with those the file
    enables.

    Raises `ConfigurationError` with every fault, in the order of their files and lines.
    """
    text = read_toml(path)
    faults: list[Fault] = list(text.faults)
    if text.values is None:
        raise ConfigurationError(faults)
    reading = Reading(str(path), text.lines, text.partial)
    tables = read_tables(text.values, reading)
    hours = None
    if "hours" in text.values:
        given = {key: spans for key, spans in tables["hours"][""].items() if spans is not None}
        hours = hours_from(given, reading.at("hours"))
    check_names(tables, reading)
    check_messages(tables, reading)
    enabled = tables["plugins"][""]["enabled"]
    paths = _paths(path, tables["plugins"][""]["paths"])
    if at_paths is not None and plugins is not None:
        try:
            plugins = {*plugins, *at_paths(paths)}
        except UsageError as error:
            reading.at("plugins", "paths").fault(str(error), "folders or files with a plugin")
    check_plugins(enabled, plugins, reading.at("plugins", "enabled"))
    check_plugin_tables(tables["plugin"], _brought(models, enabled, plugins), plugins, reading)
    known = _brought(drivers, enabled, plugins)
    check_devices(tables["device"], tables["counter"], known, plugins or (), reading)
    check_lines(tables["device"], known or {}, tables["plugin"], reading)
    offered = _brought(kinds, enabled, plugins)
    check_kind(tables["policy"][""]["kind"], offered, reading.at("policy", "kind"))
    customers, customer_faults = _customers(path, tables, reading)
    faults += reading.faults
    values: dict[str, Any] = {}
    if not faults and offered is not None:
        # Whether somebody could starve is asked of a whole policy only.
        values = _flat(tables, hours)
        check_policy(settings_from(values), offered, reading)
        faults += reading.faults
    directory, directory_faults = _directory(path, tables)
    if faults or customer_faults or directory_faults:
        raise ConfigurationError(
            [*sorted(faults, key=lambda fault: (fault.line, fault.key)), *customer_faults, *directory_faults]
        )
    return HallConfig(
        file=path,
        org=values["hall.org"],
        values=MappingProxyType(values),
        settings=settings_from(values),
        server=ServerSettings(**tables["server"][""]),
        public=PublicSettings(**{key: one for key, one in tables["public"][""].items() if key != "halls"}),
        halls=directory,
        devices=_devices(tables["device"]),
        announcements=_announcements(tables["announcements"][""]),
        visitors=_visitors(tables),
        plugins=tuple(enabled),
        customers=customers,
        plugin_paths=paths,
        plugin_settings=MappingProxyType(
            {
                name: PluginSettings(
                    options=MappingProxyType(fields[OPTIONS]),
                    **{key: value for key, value in fields.items() if key != OPTIONS},
                )
                for name, fields in tables["plugin"].items()
            }
        ),
        data_dir=path.parent / tables["hall"][""]["data"],
        templates=_templates(tables["template"]),
        staff=_staff(tables["staff"]),
        media_dir=path.parent / tables["display"][""]["media_folder"],
    )


def _brought(
    things: Mapping[str, Thing] | Callable[[tuple[str, ...]], Mapping[str, Thing]] | None,
    enabled: Any,
    plugins: Collection[str] | None,
) -> Mapping[str, Thing] | None:
    """What the enabled plugins bring; `None` if that is not known."""
    if things is None or isinstance(things, Mapping):
        return things
    if enabled is FAULTY or (plugins is not None and not set(enabled) <= set(plugins)):
        return None  # a plugin that is not there may have it: one mistake, one fault
    return things(tuple(enabled))


def _paths(file: Path, named: Any) -> tuple[Path, ...]:
    """The folders of plugins, relative to hall.toml."""
    return (
        ()
        if named is FAULTY
        else tuple((file.parent / name).resolve() for name in named if name is not FAULTY)
    )


def _customers(
    path: Path, tables: Mapping[str, Entries], reading: Reading
) -> tuple[CustomerTable, list[Fault]]:
    named = tables["hall"][""]["customer_table"]
    if named is None or named is FAULTY:
        return CustomerTable(), []
    at = reading.at("hall", "customer_table")
    # After a syntax mistake a class may be unread, and with none given each row would only repeat that.
    classes = None if reading.partial or not tables["class"] else tables["class"].keys()
    return read_customers(path.parent / named, classes, (reading.file, at.line, "hall.customer_table"))


def _directory(path: Path, tables: Mapping[str, Entries]) -> tuple[Directory, tuple[Fault, ...]]:
    named = tables["public"][""]["halls"]
    if named is None or named is FAULTY:
        return Directory(), ()
    try:
        return read_halls(path.parent / named), ()
    except ConfigurationError as error:
        return Directory(), tuple(error.faults)


def _flat(tables: Mapping[str, Entries], hours: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for table in (
        *(HALL, CALENDAR, POLICY, ALERTS, APPOINTMENTS, ESTIMATES, DISPLAY, MESSAGES),
        *(CLASS, SERVICE, COUNTER),
    ):
        for place, (name, fields) in enumerate(tables[table.name].items()):
            stem = f"{table.name}.{name}" if table.entry else table.name
            for key in _setting_keys(table):
                values[f"{stem}.{key.field}"] = fields[key.name]
            if table in (CLASS, SERVICE):
                values[f"{stem}.order"] = place
            if table is COUNTER and fields["name"] is None:
                values[f"{stem}.name"] = {"zh": f"{name}号台席", "en": f"Counter {name}"}
    values["hall.hours"] = hours
    return {key: value for key, value in sorted(values.items()) if value is not None}


def _setting_keys(table: Table) -> list[Key]:
    return [key for key in table.keys if key.name not in NOT_SETTINGS]


def _devices(entries: Entries) -> tuple[DeviceSettings, ...]:
    return tuple(
        DeviceSettings(
            name=name,
            **{**fields, **{key: MappingProxyType(fields[key]) for key in ("options", "limits")}},
        )
        for name, fields in entries.items()
    )


def _announcements(fields: Mapping[str, Any]) -> AnnouncementSettings:
    texts = {
        name: None if fields[name] is None else Words(**fields[name])
        for name in ("idle", "paused", "closed", "footer")
    }
    return AnnouncementSettings(**{**fields, **texts, "languages": tuple(fields["languages"])})


def _templates(entries: Entries) -> Mapping[str, Template]:
    """SOMC's own templates, the hall's words in their place, and the hall's own."""
    templates = dict(TEMPLATES)
    for name, fields in entries.items():
        words = Words(**fields["text"])
        usual = TEMPLATES.get(name)
        if usual is not None:
            kind, names = fields["class"] or usual.message_class, usual.placeholders
        else:
            kind = fields["class"] or "notice"
            names = tuple(dict.fromkeys([*placeholders(words.zh), *placeholders(words.en)]))
        templates[name] = Template(words, kind, names)
    return MappingProxyType(templates)


def _staff(entries: Entries) -> tuple[StaffMember, ...]:
    return tuple(
        StaffMember(
            name=name,
            phone=fields["phone"],
            language=fields["language"],
            duties=tuple(fields["duties"]),
            devices=tuple(fields["devices"]),
            hours=None if fields["on_duty"] is None else msgspec.convert(fields["on_duty"], OpeningHours),
        )
        for name, fields in entries.items()
    )


def _visitors(tables: Mapping[str, Entries]) -> VisitorSettings:
    fields = dict(tables["visitors"][""])
    for key, table in (("services", "service"), ("classes", "class")):
        shares = fields[key]
        usual = 0 if shares else 1
        fields[key] = MappingProxyType({name: shares.get(name, usual) for name in tables[table]})
    return VisitorSettings(**fields)
