"""Options of a driver: declared as data, checked before anything is opened.

What must stay true: a wrong option is a `ValueError` that names the driver, the option, what was
found and what is allowed; every option has a default and a sentence for the reference page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Option", "checked"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its type (`int`, `float`, `bool`, `str` or `tuple` of strings), default and meaning.

    `low` and `high` bound numbers (both allowed); `choices` lists the allowed strings, or the allowed
    members of a tuple.
    """

    type: type
    default: Any
    doc: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        if self.type is bool:
            return "true or false"
        if self.type is tuple:
            return f"a list of: {', '.join(self.choices)}" if self.choices else "a list of strings"
        if self.choices:
            return ", ".join(self.choices)
        if self.type is str:
            return "a string"
        noun = "a whole number" if self.type is int else "a number"
        return f"{noun} from {self.low:g} to {self.high:g}" if math.isfinite(self.high) else noun

    def accepts(self, value: object) -> bool:
        """Whether `value`, as TOML gives it, is allowed."""
        if self.type is bool:
            return isinstance(value, bool)
        if self.type is tuple:
            return (
                isinstance(value, list | tuple)
                and all(
                    isinstance(item, str) and (not self.choices or item in self.choices) for item in value
                )
                and len(set(value)) == len(value)
            )
        if self.type is str:
            return isinstance(value, str) and (not self.choices or value in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.type is int and not isinstance(value, int):
            return False
        return self.low <= value <= self.high


def checked(driver: str, schema: Mapping[str, Option], options: Mapping[str, Any]) -> dict[str, Any]:
    """All options with their values. `ValueError` names the first one that is wrong."""
    for key, value in options.items():
        option = schema.get(key)
        if option is None:
            raise ValueError(f"driver {driver!r}: found option {key!r}; allowed: {', '.join(sorted(schema))}")
        if not option.accepts(value):
            raise ValueError(f"driver {driver!r}, option {key!r}: found {value!r}; allowed: {option.allowed}")
    values = {key: options.get(key, option.default) for key, option in schema.items()}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
