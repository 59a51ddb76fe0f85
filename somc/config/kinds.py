"""The kinds of values that a key of hall.toml can have.

Each kind is a small frozen value: `type` and `allowed` are the words of messages and of the reference page,
`read` turns what TOML gave into what the settings hold, or reports the mistake and returns `FAULTY`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from somc.config.reading import FAULTY, Place, found_words, one_line, one_of

__all__ = [
    "Choice",
    "DeviceUrl",
    "Fields",
    "FilePath",
    "Free",
    "GridPlace",
    "Host",
    "Kind",
    "Limits",
    "ListOf",
    "MapOf",
    "Offered",
    "Pattern",
    "Rate",
    "Switch",
    "WebUrl",
    "Whole",
    "WordsPair",
]

LANGUAGES = ("zh", "en")
TEXT_LIMIT = 200
"""Longer than any wording that fits a slip or a screen."""

_SCHEMES = ("serial", "serial+aio", "tcp", "usb", "pty", "device", "memory", "agent")
DEVICE_SCHEMES = (*_SCHEMES, *(f"record+{scheme}" for scheme in _SCHEMES), "replay", "audio", "wav")


class Kind(Protocol):
    """What a value must be."""

    @property
    def type(self) -> str:
        """In two or three words."""

    @property
    def allowed(self) -> str:
        """What a manager may write, as the end of a sentence."""

    def read(self, raw: Any, at: Place) -> Any:
        """The value for the settings, or `FAULTY` after the mistake was reported at `at`."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text of a given form; `allowed` says the form in words."""

    form: str
    allowed: str
    type: str = "text"

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str) and re.fullmatch(self.form, raw, re.ASCII):
            return raw
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `lowest` to `highest`, of `unit`."""

    lowest: int
    highest: int
    unit: str = ""
    type: str = "whole number"

    @property
    def allowed(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"a whole number from {self.lowest} to {self.highest}{unit}"

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, int) and not isinstance(raw, bool) and self.lowest <= raw <= self.highest:
            return raw
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class Rate:
    """A number with at most three decimals, kept in thousandths: the scheduler has whole numbers only."""

    lowest: float
    highest: float
    type: str = "number"

    @property
    def allowed(self) -> str:
        return f"a number from {self.lowest:g} to {self.highest:g} with at most three decimals"

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, int | float) and not isinstance(raw, bool) and self.lowest <= raw <= self.highest:
            thousandths = round(raw * 1000)
            if math.isclose(raw * 1000, thousandths, rel_tol=0, abs_tol=1e-6):
                return thousandths
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class Switch:
    """Yes or no."""

    type: str = "true or false"
    allowed: str = "true or false (without quotation marks)"

    def read(self, raw: Any, at: Place) -> Any:
        return raw if isinstance(raw, bool) else at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few texts."""

    options: tuple[str, ...]
    type: str = "text"

    @property
    def allowed(self) -> str:
        return " or ".join(f'"{option}"' for option in self.options)

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str) and raw in self.options:
            return raw
        if isinstance(raw, str):
            return at.fault(found_words(raw), one_of(raw, self.options))
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class Offered:
    """The name of one of `what`: `built_in` ones, or one that a plugin brings (checked later: which plugins
    there are is not known while a value is read)."""

    what: str
    built_in: tuple[str, ...]
    others: str
    type: str = "text"

    @property
    def allowed(self) -> str:
        return " or ".join(f'"{name}"' for name in self.built_in) + f", or a {self.what} that {self.others}"

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str) and re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", raw, re.ASCII):
            return raw
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class WordsPair:
    """A text in both languages of the hall; one text alone stands for both."""

    longest: int = TEXT_LIMIT
    type: str = "words"
    allowed: str = '{ zh = "…", en = "…" }, or one text for both languages'

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str):
            text = self._text(raw, at)
            return FAULTY if text is FAULTY else dict.fromkeys(LANGUAGES, text)
        if not isinstance(raw, dict):
            return at.fault(found_words(raw), self.allowed)
        words: dict[str, Any] = {}
        for language in LANGUAGES:
            if language in raw:
                words[language] = self._text(raw[language], at / language)
            else:
                words[language] = (at / language).fault("nothing", self.allowed)
        for other in sorted(raw.keys() - set(LANGUAGES)):
            words[other] = (at / other).fault(f"the language '{other}'", one_of(other, LANGUAGES))
        return FAULTY if FAULTY in words.values() else words

    def _text(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str) and raw.strip() and one_line(raw) and len(raw) <= self.longest:
            return raw
        return at.fault(found_words(raw), f"a text of 1 to {self.longest} characters on one line")


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one kind, none of them twice."""

    item: Kind
    least: int = 0

    @property
    def type(self) -> str:
        return "list"

    @property
    def allowed(self) -> str:
        return (
            f"a list{' of at least one' if self.least else ''} in square brackets, each {self.item.allowed}"
        )

    def read(self, raw: Any, at: Place) -> Any:
        if not isinstance(raw, list) or len(raw) < self.least:
            return at.fault(found_words(raw), self.allowed)
        items: list[Any] = []
        for number, one in enumerate(raw):
            value = self.item.read(one, at / number)
            if value is not FAULTY and value in items:
                value = (at / number).fault(f"{found_words(one)} a second time", "each item once")
            items.append(value)
        return FAULTY if FAULTY in items else items


@dataclass(frozen=True, slots=True)
class GridPlace:
    """A place on the floor plan: column and row."""

    most: int = 99
    type: str = "list"

    @property
    def allowed(self) -> str:
        return f"[COLUMN, ROW], each a whole number from 0 to {self.most}, [0, 0] the upper left"

    def read(self, raw: Any, at: Place) -> Any:
        whole = isinstance(raw, list) and len(raw) == 2 and all(type(one) is int for one in raw)
        if whole and all(0 <= one <= self.most for one in raw):
            return raw
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class MapOf:
    """An inline table from names to values of one kind. Whether the names exist is checked later."""

    names: str
    value: Kind
    least: int = 0

    @property
    def type(self) -> str:
        return "inline table"

    @property
    def allowed(self) -> str:
        least = " (at least one)" if self.least else ""
        return f"{{ {self.names.upper()} = N, … }}{least}, each N {self.value.allowed}"

    def read(self, raw: Any, at: Place) -> Any:
        if not isinstance(raw, dict) or len(raw) < self.least:
            return at.fault(found_words(raw), self.allowed)
        values = {name: self.value.read(one, at / name) for name, one in raw.items()}
        return FAULTY if FAULTY in values.values() else values


@dataclass(frozen=True, slots=True)
class Fields:
    """An inline table with keys of its own, none of which must be there."""

    fields: tuple[tuple[str, Kind], ...]
    type: str = "inline table"

    @property
    def allowed(self) -> str:
        each = "; ".join(f"{name} is {kind.allowed}" for name, kind in self.fields)
        return f"{{ {self.fields[0][0]} = N, … }}, where {each}"

    def read(self, raw: Any, at: Place) -> Any:
        if not isinstance(raw, dict):
            return at.fault(found_words(raw), self.allowed)
        known = dict(self.fields)
        values: dict[str, Any] = {}
        for name, one in raw.items():
            if name in known:
                values[name] = known[name].read(one, at / name)
            else:
                values[name] = (at / name).fault("a key that is not known here", one_of(name, known))
        return FAULTY if FAULTY in values.values() else values


@dataclass(frozen=True, slots=True)
class Limits:
    """An inline table from some of `names` to a lowest and a highest value."""

    names: tuple[str, ...]
    type: str = "inline table"

    @property
    def allowed(self) -> str:
        return (
            f"{{ NAME = [LOWEST, HIGHEST], … }} with NAME {' or '.join(self.names)} and LOWEST below HIGHEST"
        )

    def read(self, raw: Any, at: Place) -> Any:
        if not isinstance(raw, dict) or not all(self._good(name, pair) for name, pair in raw.items()):
            return at.fault(found_words(raw), self.allowed)
        return {name: (float(pair[0]), float(pair[1])) for name, pair in raw.items()}

    def _good(self, name: str, pair: Any) -> bool:
        if name not in self.names or not isinstance(pair, list) or len(pair) != 2:
            return False
        numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in pair)
        return numbers and math.isfinite(pair[0]) and math.isfinite(pair[1]) and pair[0] < pair[1]


@dataclass(frozen=True, slots=True)
class Free:
    """A table whose keys somebody else knows (a driver): taken as it stands."""

    type: str = "inline table"
    allowed: str = "{ OPTION = value, … } with the options of the driver"

    def read(self, raw: Any, at: Place) -> Any:
        return raw if isinstance(raw, dict) else at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class FilePath:
    """A path, relative to the folder of hall.toml or absolute."""

    type: str = "path"
    allowed: str = "a path relative to the folder of hall.toml, or an absolute one"

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str) and raw.strip() and one_line(raw):
            return Path(raw)
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class Host:
    """An address to listen on."""

    type: str = "text"
    allowed: str = 'an address of this machine such as "127.0.0.1", "0.0.0.0" (all of them) or "::"'

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str) and re.fullmatch(r"[A-Za-z0-9.:_%-]{1,253}", raw, re.ASCII):
            return raw
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class WebUrl:
    """The address under which browsers reach the hall."""

    type: str = "text"
    allowed: str = 'a web address such as "https://hall.example.com" without a query'

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str) and _parsed(raw, ("http", "https")) and "?" not in raw and "#" not in raw:
            return raw.rstrip("/")
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class DeviceUrl:
    """Where a real device is reached (the device URLs of the contract)."""

    schemes: Sequence[str] = DEVICE_SCHEMES
    type: str = "text"

    @property
    def allowed(self) -> str:
        return 'a device address such as "tcp://192.168.1.20:9100", "serial:///dev/ttyUSB0?baud=9600" or "usb://04B8:0202"'

    def read(self, raw: Any, at: Place) -> Any:
        if not isinstance(raw, str) or not _parsed(raw, self.schemes):
            return at.fault(found_words(raw), self.allowed)
        parts = urlsplit(raw)
        if parts.scheme == "tcp" and not (parts.hostname and parts.port):
            return at.fault(found_words(raw), "tcp://HOST:PORT with a port from 1 to 65535")
        if parts.scheme == "usb" and not re.fullmatch(r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}", parts.netloc):
            return at.fault(
                found_words(raw), "usb://VID:PID or usb://VID:PID/SERIAL with four hexadecimal digits each"
            )
        return raw


def _parsed(raw: str, schemes: Sequence[str]) -> bool:
    """Whether `raw` is an address with one of these schemes, and with a place behind it."""
    if not raw.isprintable() or " " in raw:
        return False
    try:
        parts = urlsplit(raw)
        if parts.scheme != "usb":  # there the second half is a product number, which need not be a port
            _ = parts.port
    except ValueError:
        return False
    netloc_needed = parts.scheme in ("http", "https")
    return parts.scheme in schemes and bool(parts.hostname if netloc_needed else parts.netloc + parts.path)
