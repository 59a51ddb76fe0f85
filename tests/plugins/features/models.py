"""The tables of a plugin's configuration, read from its model: what its reference page must list."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

__all__ = ["tables"]


def tables(kind: type[msgspec.Struct], heading: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each table's heading as hall.toml has it, and its keys with their defaults."""
    rows, below = [], []
    for field in msgspec.structs.fields(kind):
        rows.append((field.encode_name, default_of(field)))
        inner = bare(field.type)
        if is_struct(inner):
            below.append((inner, f"{heading}.{field.encode_name}"))
        elif typing.get_origin(inner) is dict and is_struct(bare(typing.get_args(inner)[1])):
            below.append((bare(typing.get_args(inner)[1]), f"{heading}.{field.encode_name}.NAME"))
        elif typing.get_origin(inner) is tuple and is_struct(bare(typing.get_args(inner)[0])):
            below.append((bare(typing.get_args(inner)[0]), f"[{heading}.{field.encode_name}]"))
    yield f"[{heading}]", rows
    for inner, name in below:
        yield from tables(inner, name)


def is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__name__ != "Words"


def bare(kind: Any) -> Any:
    """The type without what Annotated adds, and without `| None`."""
    if typing.get_origin(kind) is typing.Annotated:
        return bare(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        rest = [each for each in typing.get_args(kind) if each is not type(None)]
        return bare(rest[0]) if len(rest) == 1 else kind
    return kind


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """As the page writes it."""
    if field.required:
        return "required"
    if field.default is None or field.default == () or field.default == "":
        return "none"
    if field.default is msgspec.NODEFAULT:
        made = field.default_factory()  # type: ignore[operator] # not required, so it is there
        return f"`{toml(made)}`" if made else "none"
    if isinstance(field.default, msgspec.Struct):
        return "as below"
    return f"`{toml(field.default)}`"


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(toml(each) for each in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml(each)}' for key, each in value.items())} }}"
    return str(value)
