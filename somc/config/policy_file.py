"""A routing policy (排队策略) in a file of its own: `[policy]`, `[class.X]` and `[service.S]` as in
hall.toml, but only what routing reads of them, and only what is to be different.

What must stay true
- Keys, types and ranges are those of hall.toml: the same schema reads both.
- Nothing is filled in: a key that is not in the file is not changed.
- Every mistake names file, line and key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somc.config.reading import FAULTY, Place, Reading, found_words, one_of
from somc.config.schema import CLASS, POLICY, SERVICE, TABLES, Table
from somc.config.toml_lines import KeyPath
from somc.config.toml_text import read_toml
from somc.domain.policy import is_policy_key
from somc.domain.values import HallSettings
from somc.errors import ConfigurationError, Fault

__all__ = ["PolicyFile", "read_policy_file"]


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """The settings that a policy file gives, by dotted key, and where in the file each stands."""

    path: Path
    changes: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def check_names(self, settings: HallSettings) -> None:
        """`ConfigurationError` for a class or service that the hall does not have."""
        reading = Reading(str(self.path), self.lines)
        for dotted, value in self.changes.items():
            table, *rest = dotted.split(".")
            if table == POLICY.name:
                continue
            at = reading.at(table, rest[0])
            known: Collection[str] = settings.services if table == SERVICE.name else settings.classes
            if rest[0] not in known:
                at.fault(f"the {table} '{rest[0]}'", one_of(rest[0], known))
            elif table == SERVICE.name and isinstance(value, dict):
                _check_classes(value, settings.classes, at / rest[1])
        if reading.faults:
            raise ConfigurationError(list(dict.fromkeys(reading.faults)))

    def refused(self, keys: Collection[str], why: str) -> ConfigurationError:
        """The error for a hall that refuses this policy, because of the settings `keys` (dotted)."""
        reading = Reading(str(self.path), self.lines)
        for dotted in keys or (POLICY.name,):
            table, *entry, field = dotted.split(".")
            spelt = [
                key.name for each in TABLES if each.name == table for key in each.keys if key.field == field
            ]
            at = reading.at(table, *entry, *spelt)
            reading.faults.append(
                Fault(str(self.path), at.line, dotted, "a policy that the hall refuses", why)
            )
        return ConfigurationError(reading.faults)


def _check_classes(named: Mapping[str, Any], classes: Collection[str], at: Place) -> None:
    for name in named:
        if name not in classes:
            (at / name).fault(f"the class '{name}'", one_of(name, classes))


def read_policy_file(path: Path) -> PolicyFile:
    """What `path` holds. `ConfigurationError` with every mistake in it; one that gives nothing is one."""
    text = read_toml(path)
    if text.values is None:
        raise ConfigurationError(text.faults)
    reading = Reading(str(path), text.lines, text.partial)
    reading.faults += text.faults
    changes: dict[str, Any] = {}
    tables = {table.name: table for table in (POLICY, CLASS, SERVICE)}
    for name, raw in text.values.items():
        at = reading.at(name)
        if name not in tables:
            at.fault("a table that a policy file does not have", one_of(name, tables))
        elif not isinstance(raw, dict):
            at.fault(found_words(raw), f"a table {tables[name].heading}")
        elif (entry_kind := tables[name].entry) is None:
            changes |= _read(tables[name], name, raw, at)
        else:
            for entry, fields in raw.items():
                if entry_kind.read(entry, at / entry) is FAULTY:
                    continue
                if isinstance(fields, dict):
                    changes |= _read(tables[name], f"{name}.{entry}", fields, at / entry)
                else:
                    (at / entry).fault(found_words(fields), f"a table {tables[name].heading}")
    if not changes and not reading.faults:
        reading.at("policy").fault("nothing", "at least one key that differs from the hall's")
    if reading.faults:
        raise ConfigurationError(sorted(reading.faults, key=lambda fault: (fault.line, fault.key)))
    return PolicyFile(path, changes, text.lines)


def _read(table: Table, stem: str, raw: Mapping[str, Any], at: Place) -> dict[str, Any]:
    keys = {key.name: key for key in table.keys if is_policy_key(f"{stem}.{key.field}")}
    read: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in keys:
            what = f"a key that {table.heading} of a policy file does not have"
            (at / name).fault(what, one_of(name, keys))
            continue
        found = keys[name].kind.read(value, at / name)
        if found is not FAULTY:
            read[f"{stem}.{keys[name].field}"] = found
    return read
