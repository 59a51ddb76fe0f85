"""The directory of halls (网点目录), a TOML file: where the company's halls are and how they are asked.

    [directory]
    datum = "WGS-84"

    [hall.xidan]
    name = { zh = "西单营业厅", en = "Xidan Hall" }
    latitude = 39.9075
    longitude = 116.3740
    url = "https://xidan.example.com"

What must stay true: all coordinates of a file are of one datum, which is said. Distances between points of
the same datum are right; a point of the other one is off by some hundred metres in mainland China.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somc.config.kinds import Choice, Pattern, WebUrl, WordsPair
from somc.config.reading import FAULTY, Place, Reading, found_words, one_of
from somc.config.schema import NAME, ORG, REQUIRED, Key, Table
from somc.config.tables import read_fields
from somc.config.toml_text import read_toml
from somc.domain.values import Words
from somc.errors import ConfigurationError

__all__ = ["DIRECTORY_TABLES", "Directory", "KnownHall", "directory_rows", "read_halls"]

DATUMS = ("WGS-84", "GCJ-02")


@dataclass(frozen=True, slots=True)
class Degrees:
    """A coordinate in degrees."""

    most: int
    type: str = "number"

    @property
    def allowed(self) -> str:
        return f"degrees from -{self.most} to {self.most}"

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, int | float) and not isinstance(raw, bool) and -self.most <= raw <= self.most:
            return float(raw)
        return at.fault(found_words(raw), self.allowed)


TELEPHONE = Pattern(r"[0-9+ -]{3,24}", "a telephone number of digits, spaces, + and -")

DIRECTORY = Table(
    "directory",
    (
        Key(
            "datum",
            Choice(DATUMS),
            "WGS-84",
            'What the coordinates refer to: "WGS-84" (GPS, browsers) or "GCJ-02" (maps of mainland China)',
        ),
    ),
)
HALLS = Table(
    "hall",
    (
        Key("name", WordsPair(), REQUIRED, "What the hall is called"),
        Key("address", WordsPair(), None, "Where it is, in words"),
        Key("latitude", Degrees(90), REQUIRED, "Where it is; north is positive"),
        Key("longitude", Degrees(180), REQUIRED, "Where it is; east is positive"),
        Key("url", WebUrl(), REQUIRED, "Its public address, at which it is asked for its line"),
        Key("org", ORG, None, "Its place in the organisation; a hall that reads its own needs no network"),
        Key("telephone", TELEPHONE, None, "Its telephone"),
    ),
    entry=NAME,
    least=1,
)
DIRECTORY_TABLES = (DIRECTORY, HALLS)


@dataclass(frozen=True, slots=True)
class KnownHall:
    """One hall of the directory; `url` has no slash at its end."""

    id: str
    name: Words
    address: Words | None
    latitude: float
    longitude: float
    url: str
    org: str | None
    telephone: str | None


@dataclass(frozen=True, slots=True)
class Directory:
    """The halls in the order of the file, and the datum of their coordinates."""

    datum: str = DATUMS[0]
    halls: tuple[KnownHall, ...] = ()


def read_halls(path: Path) -> Directory:
    """What `path` holds. `ConfigurationError` with every mistake in it."""
    text = read_toml(path)
    if text.values is None:
        raise ConfigurationError(text.faults)
    reading = Reading(str(path), text.lines, text.partial)
    reading.faults += text.faults
    for name in sorted(text.values.keys() - {table.name for table in DIRECTORY_TABLES}):
        reading.at(name).fault(
            "a table that the directory does not have", one_of(name, ("directory", "hall"))
        )
    head = text.values.get("directory", {})
    if not isinstance(head, dict):
        reading.at("directory").fault(found_words(head), "a table [directory]")
        head = {}
    fields = read_fields(DIRECTORY, head, reading.at("directory"))
    halls = [_hall(name, raw, reading) for name, raw in _entries(text.values, reading)]
    if reading.faults:
        raise ConfigurationError(sorted(reading.faults, key=lambda fault: (fault.line, fault.key)))
    return Directory(fields["datum"], tuple(hall for hall in halls if hall is not None))


def directory_rows() -> list[tuple[str, str, str, str]]:
    """One row for each key: dotted key, type, allowed, meaning; for the reference page."""
    return [
        (f"{table.heading.strip('[]')}.{key.name}", key.kind.type, key.kind.allowed, key.meaning)
        for table in DIRECTORY_TABLES
        for key in table.keys
    ]


def _entries(values: dict[str, Any], reading: Reading) -> list[tuple[str, Any]]:
    raw = values.get("hall", {})
    if not isinstance(raw, dict) or not raw:
        reading.at("hall").doubt("nothing", "a table [hall.NAME] for each hall")
        return []
    return list(raw.items())


def _hall(name: str, raw: Any, reading: Reading) -> KnownHall | None:
    at = reading.at("hall", name)
    if not isinstance(raw, dict):
        at.fault(found_words(raw), "a table [hall.NAME]")
        return None
    NAME.read(name, at)
    fields = read_fields(HALLS, raw, at)
    if FAULTY in fields.values():
        return None
    texts = {key: None if fields[key] is None else Words(**fields[key]) for key in ("name", "address")}
    return KnownHall(id=name, **{**fields, **texts})
