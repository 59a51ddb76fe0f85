"""A plugin's configuration: its table in hall.toml and what was configured since, held against its model.

What must stay true: a key whose type holds a `Secret` anywhere is never part of a record, an answer or a
page: it comes from hall.toml alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

import msgspec

from somc.errors import UsageError

__all__ = ["MASK", "build", "secret_keys", "shown", "split", "wrong_keys"]

MASK = "•••"

PLACE = re.compile(r" - at `\$\.?([^`]*)`$")


def build(name: str, model: type[msgspec.Struct] | None, table: Mapping[str, Any]) -> Any:
    """An instance of the model; without one, None. `UsageError` names plugin and key."""
    if model is None:
        if table:
            raise UsageError(f"the plugin '{name}' takes no configuration; given: {', '.join(sorted(table))}")
        return None
    try:
        return msgspec.convert(dict(table), model)
    except msgspec.ValidationError as error:
        key, why = _parts(str(error))
        raise UsageError(f"plugin.{name}{'.' + key if key else ''}: {why}") from error


def wrong_keys(model: type[msgspec.Struct] | None, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every first-level key that is wrong, with why; the whole table's mistakes under ""."""
    if model is None:
        yield from ((key, "the plugin takes no configuration") for key in table)
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    told = False
    for key, value in table.items():
        if key not in fields:
            told = True
            yield key, f"no such key; known: {', '.join(sorted(fields)) or 'none'}"
            continue
        try:
            msgspec.convert(value, fields[key].type)
        except msgspec.ValidationError as error:
            told = True
            place, why = _parts(str(error))
            yield f"{key}.{place}" if place else key, why
    if not told:
        try:
            msgspec.convert(dict(table), model)
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            key, why = _parts(str(error))
            yield key, why


def secret_keys(model: type[msgspec.Struct] | None) -> frozenset[str]:
    """The first-level keys that hold a secret somewhere."""
    if model is None:
        return frozenset()
    hints = get_type_hints(model, include_extras=True)
    return frozenset(
        field.encode_name
        for field in msgspec.structs.fields(model)
        if _holds_secret(hints.get(field.name, field.type), set())
    )


def split(
    model: type[msgspec.Struct] | None, table: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What may be told, and what may not."""
    hidden = secret_keys(model)
    plain = {key: value for key, value in table.items() if key not in hidden}
    return plain, {key: value for key, value in table.items() if key in hidden}


def shown(model: type[msgspec.Struct] | None, config: Any) -> dict[str, Any]:
    """The configuration in force for pages: defaults spelled out, secrets masked."""
    if config is None:
        return {}
    hidden = secret_keys(model)
    plain: dict[str, Any] = msgspec.to_builtins(config, str_keys=True)
    return {key: MASK if key in hidden and value else value for key, value in plain.items()}


def _holds_secret(kind: Any, seen: set[Any]) -> bool:
    for extra in getattr(kind, "__metadata__", ()):
        if isinstance(extra, msgspec.Meta) and (extra.extra or {}).get("secret"):
            return True
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind in seen:
            return False
        seen.add(kind)
        return any(_holds_secret(each, seen) for each in get_type_hints(kind, include_extras=True).values())
    return any(_holds_secret(each, seen) for each in get_args(kind))


def _parts(text: str) -> tuple[str, str]:
    """The key that msgspec names, and what it says."""
    found = PLACE.search(text)
    return (found[1], text[: found.start()]) if found else ("", text)
