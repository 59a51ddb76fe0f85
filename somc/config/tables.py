"""Reads the tables of a hall.toml by the schema: types, ranges, unknown and missing keys.

What must stay true: a table comes back with every key of its schema, defaults filled in and `FAULTY` where a
mistake was reported. What one table says about another is checked in `references.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from somc.config.reading import FAULTY, Place, Reading, found_words, one_of
from somc.config.schema import REQUIRED, TABLES, Key, Table

__all__ = ["OPTIONS", "Entries", "read_fields", "read_tables"]

Fields = dict[str, Any]
"""Key as in the file → value as in the settings, or `FAULTY`."""

Entries = dict[str, Fields]
"""Name → fields. A table that is no family has the one name ""."""

_ABSENT = object()

OPTIONS = ""
"""The name under which an entry keeps what the schema does not know of it."""


def read_tables(values: Mapping[str, Any], reading: Reading) -> dict[str, Entries]:
    """Every table of the schema by its name. A table that stands alone and is absent is there too."""
    known = {table.name: table for table in TABLES}
    for name in sorted(values.keys() - known.keys()):
        homes = [table.heading for table in TABLES if not table.entry and name in _key_names(table)]
        what = "a table" if isinstance(values[name], dict | list) else "a key outside a table"
        allowed = f"below {' or '.join(homes)}" if homes else one_of(name, known)
        reading.at(name).fault(f"{what} that hall.toml does not have", allowed)
    return {name: _read_family(table, values.get(name, _ABSENT), reading) for name, table in known.items()}


def _key_names(table: Table) -> list[str]:
    return [key.name for key in table.keys]


def _read_family(table: Table, raw: Any, reading: Reading) -> Entries:
    at = reading.at(table.name)
    if raw is _ABSENT:
        if table.least:
            at.doubt("nothing", f"a table {table.heading}")
        # A required table was just reported as a whole: not each of its keys again.
        return (
            {}
            if table.entry
            else {"": dict.fromkeys(_key_names(table), FAULTY) if table.least else read_fields(table, {}, at)}
        )
    if not isinstance(raw, dict):
        at.fault(found_words(raw), f"a table {table.heading}")
        return {} if table.entry else {"": dict.fromkeys(_key_names(table), FAULTY)}
    if table.entry is None:
        return {"": read_fields(table, raw, at)}
    if len(raw) < table.least:
        at.doubt("an empty table", f"a table {table.heading}")
    entries: Entries = {}
    for name, fields in raw.items():
        if not isinstance(fields, dict):
            words = f"a key outside a {table.heading}" if name in _key_names(table) else found_words(fields)
            (at / name).fault(words, f"a table {table.heading} with the key below it")
        else:
            # Kept also under a wrong name, so that whoever refers to it is not reported besides.
            table.entry.read(name, at / name)
            if table.below is None:
                entries[name] = read_fields(table, fields, at / name)
            else:
                entries[name] = _read_below(table, table.below, fields, at / name)
    return entries


def _read_below(table: Table, below: str, raw: Mapping[str, Any], at: Place) -> Fields:
    """The fields of the table below, and what is beside it, as it is, under `OPTIONS`."""
    inner = raw.get(below, {})
    if not isinstance(inner, dict):
        (at / below).fault(found_words(inner), f"a table {table.heading}")
        inner = {}
    fields = read_fields(table, inner, at / below)
    return {**fields, OPTIONS: {key: value for key, value in raw.items() if key != below}}


def read_fields(table: Table, raw: Mapping[str, Any], at: Place) -> Fields:
    """The fields of one table that stands at `at`."""
    names = _key_names(table)
    misspelt: list[str] = []
    for name in sorted(raw.keys() - set(names)):
        (at / name).fault(f"a key that {table.heading} does not have", one_of(name, names))
        misspelt += difflib.get_close_matches(name.lower(), names, n=1)
    return {
        # A key that is there under a misspelt name is one mistake, not also a missing key.
        key.name: FAULTY
        if key.name in misspelt and key.name not in raw
        else _read_key(key, raw, at / key.name)
        for key in table.keys
    }


def _read_key(key: Key, raw: Mapping[str, Any], at: Place) -> Any:
    if key.name in raw:
        return key.kind.read(raw[key.name], at)
    if key.default is REQUIRED:
        return at.doubt("nothing", key.kind.allowed)
    return None if key.default is None else key.kind.read(key.default, at)
