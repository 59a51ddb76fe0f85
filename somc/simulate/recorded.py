"""Arrivals files of a scenario: which rows each class takes, as days.

What must stay true: every class that names a file finds rows of its own there, or that is a fault; rows that
no class takes, and rows outside the run, are counted in a note and never dropped in silence.
"""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from somc.config.reading import FAULTY, Reading
from somc.errors import ConfigurationError, Fault
from somc.simulate.arrivals import MOST_FAULTS, Mapped, Row, read_mapping, read_rows

__all__ = ["Recorded", "RecordedFiles", "read_recorded"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The arrivals of one class: per day the visits as (seconds into the run, service seconds or `None`: to
    be drawn, patience seconds or `None`), in the order of time."""

    days: tuple[tuple[tuple[float, float | None, float | None], ...], ...]
    service_mean_s: float

    def rows(self, ticks_per_s: int) -> tuple[array[int], ...]:
        """As `ClassModel.days`."""
        return tuple(
            array(
                "q",
                [
                    -1 if seconds is None else round(seconds * ticks_per_s)
                    for visit in day
                    for seconds in visit
                ],
            )
            for day in self.days
        )


@dataclass(slots=True)
class RecordedFiles:
    """What the files gave: by the number of the class; the last second; how many days; faults and notes."""

    of_class: dict[int, Recorded] = field(default_factory=dict)
    last_s: float = 0.0
    days: int = 1
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_recorded(
    scenario: Path, classes: Sequence[Mapping[str, Any]], run: Mapping[str, Any], reading: Reading
) -> RecordedFiles:
    """Read every file that a class names, once."""
    found = RecordedFiles()
    files: dict[tuple[Path, Path | None], list[int]] = {}
    for number, row in enumerate(classes):
        named = (
            row["arrivals_file"],
            row["arrivals_mapping"],
            row["name"],
            row["service"],
            row["customer_class"],
        )
        if row["arrivals_file"] is None or FAULTY in named:
            continue
        path = scenario.parent / row["arrivals_file"]
        mapping = row["arrivals_mapping"] and scenario.parent / row["arrivals_mapping"]
        beside = path.with_suffix(".toml")
        if mapping is None and beside.exists() and not (scenario.exists() and beside.samefile(scenario)):
            mapping = beside
        files.setdefault((path, mapping), []).append(number)
    for (path, mapping), numbers in files.items():
        try:
            mapped = Mapped() if mapping is None else read_mapping(mapping)
        except ConfigurationError as error:
            found.faults += error.faults
            continue
        rows, faults = read_rows(path, mapped)
        found.faults += faults[:MOST_FAULTS]
        if not faults:
            _share_out(path, rows, numbers, classes, run, reading, found)
    return found


def _share_out(
    path: Path,
    rows: Sequence[Row],
    numbers: Sequence[int],
    classes: Sequence[Mapping[str, Any]],
    run: Mapping[str, Any],
    reading: Reading,
    found: RecordedFiles,
) -> None:
    starts_s = 0.0 if run["starts_at_s"] is FAULTY else run["starts_at_s"]
    horizon_h = run["horizon_h"]
    ends_s = float("inf") if horizon_h in (None, FAULTY) else horizon_h * 3600
    dates = sorted({row.date for row in rows})
    by_words: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_words.setdefault((row.customer_class, row.service), []).append(row)
    outside = 0
    for number in numbers:
        wanted = classes[number]
        words = (wanted["customer_class"] or wanted["name"], wanted["service"])
        its = by_words.pop(words, [])
        inside = [row for row in its if 0 <= row.time_s - starts_s < ends_s]
        outside += len(its) - len(inside)
        if not inside:
            there = Counter((row.customer_class, row.service) for row in rows).most_common(4)
            listed = ", ".join(f"{who} for {what}" for (who, what), _ in there) or "nothing"
            reading.at("class", number, "arrivals_file").fault(
                f"no visit of '{words[0]}' for '{words[1]}' during the run in {path}",
                f"a file with such rows (it has {listed}), or a mapping that turns its words into these",
            )
            continue
        times = [row.service_s for row in its if row.service_s is not None]
        made = _recorded(inside, times, dates, starts_s, wanted, number, run, reading)
        if made is not None:
            found.of_class[number] = made
            found.last_s = max(found.last_s, max(row.time_s for row in inside) - starts_s)
    found.days = max(found.days, len(dates))
    if left := sum(map(len, by_words.values())):
        some = ", ".join(f"{who} for {what}" for who, what in sorted(by_words)[:4])
        found.notes.append(f"{path}: {left} rows that no [[class]] takes ({some}) were left out")
    if outside:
        found.notes.append(f"{path}: {outside} rows before or after the run were left out")


def _recorded(
    rows: Sequence[Row],
    given: Sequence[float],
    dates: Sequence[str],
    starts_s: float,
    wanted: Mapping[str, Any],
    number: int,
    run: Mapping[str, Any],
    reading: Reading,
) -> Recorded | None:
    """The class's rows within the run as its arrivals; `given` are the service times of all its rows."""
    mean_s = wanted["service_mean_s"]
    if mean_s is None and not (given and sum(given) > 0):
        reading.at("class", number, "service_mean_s").fault(
            "nothing, and no service_s in the file", "a number above 0, or a file with service times"
        )
        return None
    # An empty service_s is drawn by the class's law if it has one, else from the file's own times.
    chance = random.Random(1 if run["seed"] is FAULTY else run["seed"])
    visits: dict[str, list[tuple[float, float | None, float | None]]] = {date: [] for date in dates}
    for row in sorted(rows, key=lambda row: row.time_s):
        service_s = row.service_s
        if service_s is None and mean_s is None:
            service_s = chance.choice(given)
        visits[row.date].append((row.time_s - starts_s, service_s, row.patience_s))
    mean = mean_s if mean_s not in (None, FAULTY) else sum(given) / len(given) if given else 1.0
    return Recorded(tuple(tuple(day) for day in visits.values()), mean)
