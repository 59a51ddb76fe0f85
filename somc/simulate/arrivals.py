"""Arrivals (客流) as data: a CSV file of real visits, or a random stream from a seed.

A file has one row a visit. The columns are `time_s` (second of the day), `class`, `service` and
`service_s`, and may be `date`, `waited_s` and `outcome`; a mapping TOML names other columns and turns
the file's words into the hall's:

    [columns]
    time_s = "arrival_s"
    [classes]
    premium = "gotone"
    [services]
    PS = "business"
    [outcomes]
    left = ["abandoned"]

Somebody who left did so `waited_s` seconds after coming. An empty `service_s` is drawn from the
services of the same kind in the file, by seed.
"""

from __future__ import annotations

import csv
import itertools
import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from somc.errors import ConfigurationError, Fault

__all__ = ["Arrival", "Mapped", "Row", "random_arrivals", "read_arrivals", "read_mapping", "read_rows"]

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Arrival:
    """One visit: when (seconds after the stream's beginning), who, for what, for how long.

    `patience_s` is how long the visitor waits before leaving; `None` waits for ever.
    """

    at_s: float
    customer_class: str
    service: str
    service_s: float
    patience_s: float | None = None


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the file's columns hold what."""

    time_s: str = "time_s"
    customer_class: str = msgspec.field(name="class", default="class")
    service: str = "service"
    service_s: str = "service_s"
    date: str | None = None
    waited_s: str | None = None
    outcome: str | None = None


class Outcomes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the file's outcomes mean that the visitor left unserved."""

    left: tuple[str, ...] = ("abandoned",)


class Mapped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a file's columns and words become the hall's."""

    columns: Columns = Columns()
    classes: dict[str, str] = {}
    services: dict[str, str] = {}
    outcomes: Outcomes = Outcomes()


def read_mapping(path: Path) -> Mapped:
    """The mapping that `path` holds. `ConfigurationError` names file and fault."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Mapped)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        allowed = "the tables columns, classes, services and outcomes"
        raise ConfigurationError([Fault(str(path), 0, "mapping", str(error), allowed)]) from error


def read_arrivals(
    path: Path, mapping: Mapped, classes: Mapping[str, object], services: Mapping[str, object], seed: int = 1
) -> dict[str, list[Arrival]]:
    """Every visit of the file by date (`""` if it has no date column), in the order of arrival.

    `ConfigurationError` with every faulty row: a missing column, a word that is no class or service of
    the hall, a number that is none.
    """
    rows, faults = read_rows(path, mapping)
    samples: dict[str, list[float]] = {}
    for row in rows:
        if row.service_s is not None:
            samples.setdefault(row.service, []).append(row.service_s)
    for row in rows:
        for word, known, what in ((row.customer_class, classes, "class"), (row.service, services, "service")):
            if word not in known:
                faults.append(Fault(str(path), row.line, what, f"'{word}'", ", ".join(known)))
        if row.service_s is None and row.service not in samples:
            faults.append(
                Fault(str(path), row.line, "service_s", "nothing", "a time for some visit of its kind")
            )
    if faults:
        raise ConfigurationError(faults[:MOST_FAULTS])
    source = random.Random(seed)
    days: dict[str, list[Arrival]] = {}
    for row in rows:
        service_s = row.service_s if row.service_s is not None else source.choice(samples[row.service])
        visit = Arrival(row.time_s, row.customer_class, row.service, service_s, row.patience_s)
        days.setdefault(row.date, []).append(visit)
    for visits in days.values():
        visits.sort(key=lambda visit: visit.at_s)
    return dict(sorted(days.items()))


RUSH = 12
"""How much faster than later the first visitors of a morning come."""

MOST_FAULTS = 50
"""A file with the wrong mapping has as many faults as rows: these are enough to see why."""

ROW_ALLOWED = "a cell for every column; seconds from 0 up; waited_s for whoever left"


@dataclass(frozen=True, slots=True)
class Row:
    """One visit as the file has it, in the hall's words: `None` where a cell is empty."""

    line: int
    date: str
    time_s: float
    customer_class: str
    service: str
    service_s: float | None
    patience_s: float | None


def read_rows(path: Path, mapping: Mapped) -> tuple[list[Row], list[Fault]]:
    """Every readable row, in the order of the file, and every fault. Words are not checked."""
    columns = mapping.columns
    rows: list[Row] = []
    faults: list[Fault] = []
    try:
        # Spreadsheets put a byte order mark before the first column's name: -sig takes it away.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            wanted = [name for name in msgspec.structs.astuple(columns) if name is not None]
            missing = [name for name in wanted if name not in (reader.fieldnames or ())]
            if missing:
                found = ", ".join(reader.fieldnames or ["nothing"])
                fault = Fault(str(path), 1, "columns", found, f"also {', '.join(missing)} (see the mapping)")
                return rows, [fault]
            for raw in reader:
                # Not a count of rows: empty lines are none, and a quoted field may hold some.
                line = reader.line_num
                try:
                    rows.append(_row(line, raw, mapping, wanted))
                except ValueError as error:
                    faults.append(Fault(str(path), line, "row", str(error), ROW_ALLOWED))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return rows, [Fault(str(path), 0, "file", str(error), "a readable CSV file in UTF-8")]
    return rows, faults


def _row(line: int, raw: Mapping[str, str | None], mapping: Mapped, wanted: Sequence[str]) -> Row:
    columns = mapping.columns
    cells = {name: cell for name in wanted if (cell := raw[name]) is not None}
    if short := [name for name in wanted if name not in cells]:
        raise ValueError(f"the row ends before {', '.join(short)}")
    left = columns.outcome is not None and cells[columns.outcome] in mapping.outcomes.left
    waited_s = _seconds(cells[columns.waited_s]) if columns.waited_s is not None else None
    if left and waited_s is None:
        raise ValueError("the visitor left, and nothing says after how long")
    customer_class, service = cells[columns.customer_class], cells[columns.service]
    time_s = _seconds(cells[columns.time_s])
    if time_s is None:
        raise ValueError("no time of arrival")
    return Row(
        line=line,
        date=cells[columns.date] if columns.date is not None else "",
        time_s=time_s,
        customer_class=mapping.classes.get(customer_class, customer_class),
        service=mapping.services.get(service, service),
        service_s=_seconds(cells[columns.service_s]),
        patience_s=waited_s if left else None,
    )


def _seconds(text: str) -> float | None:
    if text.strip() == "":
        return None
    seconds = float(text)
    if not 0 <= seconds < 1e6:
        raise ValueError(f"{text} seconds")
    return seconds


def random_arrivals(
    *,
    per_hour: float,
    services: Mapping[str, int],
    classes: Mapping[str, int],
    means_s: Mapping[str, float],
    patience_s: float | None,
    seed: int,
    rush: int = 0,
) -> Iterator[Arrival]:
    """An endless Poisson stream: exponential gaps, services and patience; shares as weights.

    The first `rush` visitors were waiting at the door: they come `RUSH` times as fast.
    """
    source = random.Random(seed)
    at_s = 0.0
    for number in itertools.count():
        hurry = RUSH if number < rush else 1
        at_s += source.expovariate(per_hour * hurry / 3600)
        service = source.choices(list(services), list(services.values()))[0]
        customer_class = source.choices(list(classes), list(classes.values()))[0]
        service_s = source.expovariate(1 / means_s[service])
        patience = None if patience_s is None else source.expovariate(1 / patience_s)
        yield Arrival(at_s, customer_class, service, service_s, patience)
