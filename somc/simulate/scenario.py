"""A scenario file (TOML) → `Scenario`: what `somc simulate` runs. `compile.py` makes a `HallModel` of it.

What must stay true
- The outcome of reading is a `Scenario` or a `ConfigurationError` with every fault: file, line, key, what was
  found, what is allowed. Nothing but the file and the arrivals files it names is opened.
- A scenario whose every customer can be served by some counter; a class that none could is a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from somc.config.reading import FAULTY, Place, Reading, found_words, one_of
from somc.config.schema import Table
from somc.config.tables import read_fields
from somc.config.toml_text import read_toml
from somc.errors import ConfigurationError
from somc.scheduler.interface import GROUP_LIMIT
from somc.simulate.recorded import Recorded, RecordedFiles, read_recorded
from somc.simulate.schema import POLICY, RUN, TABLES, WORST_SKILL

__all__ = ["ClassTerms", "CounterTerms", "PolicyTerms", "Scenario", "load_scenario", "reserved_idle"]

COUNTERS_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """`[policy]`. `max_wait_s`: `None` or 0 is no guard."""

    kind: str = "gcmu"
    max_wait_s: float | None = None
    alpha: float = 1.0
    distribution: str = "longest_idle"


@dataclass(frozen=True, slots=True)
class ClassTerms:
    """One `[[class]]`; see `schema.py` for each key. `recorded` are the arrivals of its file, by day."""

    name: str
    customer_class: str
    service: str
    service_mean_s: float
    arrivals_per_h: tuple[float, ...] = (0.0,)
    arrivals_every_s: float = 1800.0
    recorded: Recorded | None = None
    diverted: float = 0.0
    service_distribution: str = "exponential"
    service_cv: float = 0.0
    patience_mean_s: float | None = None
    priority: int = 1
    rate: float = 1.0
    target_wait_s: float | None = None
    weight: float | None = None
    share: int = 1
    max_wait_s: float | None = None
    boost_after_s: float | None = None
    boost: float = 2.0
    reserved_idle: int = 0


@dataclass(frozen=True, slots=True)
class CounterTerms:
    """One `[[counter]]`: so many equal counters."""

    skills: Mapping[str, int]
    count: int = 1
    overflow_s: Mapping[str, float] = field(default_factory=dict)
    reserved_for: tuple[str, ...] = ()
    opens_after_s: float | None = None

    def offered_after_s(self, customer: ClassTerms) -> float | None:
        """After which wait these customers are called here; `None`: never."""
        if customer.service not in self.skills:
            return None
        overflow_s = self.overflow_s.get(customer.service, 0.0)
        if not self.reserved_for or customer.customer_class in self.reserved_for:
            return overflow_s
        return None if self.opens_after_s is None else max(overflow_s, self.opens_after_s)

    def level_of(self, customer: ClassTerms) -> int:
        """At which level they are called here: guests of a reserved counter when none of its own waits."""
        level = self.skills[customer.service]
        guest = self.reserved_for and customer.customer_class not in self.reserved_for
        return level + WORST_SKILL if guest else level


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole file, checked. `notes` are what a person should know about how it was read."""

    classes: tuple[ClassTerms, ...]
    counters: tuple[CounterTerms, ...]
    policy: PolicyTerms
    horizon_h: float
    warmup_h: float = 0.0
    replications: int = 1
    seed: int = 1
    notes: tuple[str, ...] = ()


# -- reading ------------------------------------------------------------------------------------------


def load_scenario(path: Path) -> Scenario:
    """The scenario that `path` holds. `ConfigurationError` with every fault, in the order of their lines."""
    text = read_toml(path)
    if text.values is None:
        raise ConfigurationError(text.faults)
    reading = Reading(str(path), text.lines, text.partial, list(text.faults))
    tables = {table.name: _read_table(table, text.values, reading) for table in TABLES}
    known = {table.name for table in TABLES}
    for name in sorted(text.values.keys() - known):
        reading.at(name).fault("a table or key that a scenario does not have", one_of(name, known))
    recorded = read_recorded(path, tables["class"], tables["run"][0], reading)
    _check_classes(tables["class"], reading)
    _check_counters(tables["class"], tables["counter"], reading)
    _check_run(tables["run"][0], tables["class"], recorded, reading)
    _check_groups(tables["policy"][0], tables["class"], reading)
    if reading.faults or recorded.faults:
        in_order = sorted(reading.faults, key=lambda fault: (fault.line, fault.key))
        raise ConfigurationError([*in_order, *recorded.faults])
    scenario = _scenario(tables, recorded.of_class, recorded.last_s, recorded.days, recorded.notes)
    _check_served(scenario, reading)
    if reading.faults:
        raise ConfigurationError(reading.faults)
    return scenario


def _read_table(table: Table, values: Mapping[str, Any], reading: Reading) -> list[dict[str, Any]]:
    """The fields of a table, or of each that is listed under its name."""
    at, raw = reading.at(table.name), values.get(table.name)
    if table in (RUN, POLICY):
        if raw is None or isinstance(raw, dict):
            return [read_fields(table, raw or {}, at)]
        at.fault(found_words(raw), f"a table {table.heading}")
        return [{key.name: FAULTY for key in table.keys}]
    if raw is None:
        at.doubt("nothing", f"at least one table {table.heading}")
        return []
    if not isinstance(raw, list) or not raw or not all(isinstance(one, dict) for one in raw):
        at.fault(found_words(raw), f"tables {table.heading}, with double brackets")
        return []
    return [read_fields(table, one, at / number) for number, one in enumerate(raw)]


def _check_classes(classes: Sequence[Mapping[str, Any]], reading: Reading) -> None:
    seen: set[str] = set()
    for number, row in enumerate(classes):
        at = reading.at("class", number)
        if row["name"] in seen and row["name"] is not FAULTY:
            (at / "name").fault(
                found_words(row["name"]) + " a second time", "another name for each [[class]]"
            )
        seen.add(row["name"])
        _check_source(row, at)
        if row["service_distribution"] == "lognormal" and row["service_cv"] is None:
            (at / "service_cv").doubt("nothing", "a number, for service_distribution is lognormal")
        if row["service_distribution"] not in ("lognormal", FAULTY) and row["service_cv"] is not None:
            (at / "service_cv").fault(
                f"a key that {row['service_distribution']} does not use", 'service_distribution = "lognormal"'
            )


def _check_source(row: Mapping[str, Any], at: Place) -> None:
    rates, file = row["arrivals_per_h"], row["arrivals_file"]
    if rates is None and file is None:
        (at / "arrivals_per_h").doubt("nothing", "arrivals_per_h = N, or arrivals_file = a CSV file")
    if rates is not None and file is not None:
        (at / "arrivals_file").fault("arrivals_per_h beside it", "one of the two")
    if file is None and row["arrivals_mapping"] not in (None, FAULTY):
        (at / "arrivals_mapping").fault("no arrivals_file", "arrivals_file = the CSV file that it is for")
    if file is None and row["service_mean_s"] is None:
        (at / "service_mean_s").doubt("nothing", "a number above 0: seconds")


def _check_counters(
    classes: Sequence[Mapping[str, Any]], counters: Sequence[Mapping[str, Any]], reading: Reading
) -> None:
    services = {row["service"] for row in classes} - {FAULTY}
    groups = {row["customer_class"] or row["name"] for row in classes} - {FAULTY}
    count = 0
    for number, row in enumerate(counters):
        at = reading.at("counter", number)
        for key in ("skills", "overflow_s"):
            for service in row[key] if row[key] is not FAULTY else ():
                if service not in services:
                    words = f"a service that no [[class]] comes for: '{service}'"
                    (at / key / service).doubt(words, one_of(service, services))
                elif key == "overflow_s" and row["skills"] is not FAULTY and service not in row["skills"]:
                    (at / key / service).fault(f"no skill for '{service}'", "a service of its skills")
        for place, name in enumerate(row["reserved_for"] if row["reserved_for"] is not FAULTY else ()):
            if name not in groups:
                (at / "reserved_for" / place).doubt(f"no such customer class: '{name}'", one_of(name, groups))
        if row["opens_after_s"] not in (None, FAULTY) and row["reserved_for"] == []:
            (at / "opens_after_s").fault("no reserved_for", "reserved_for = [customer classes] beside it")
        count += 0 if row["count"] is FAULTY else row["count"]
    if count > COUNTERS_LIMIT:
        reading.at("counter").fault(f"{count} counters", f"at most {COUNTERS_LIMIT}")


def _check_groups(policy: Mapping[str, Any], classes: Sequence[Mapping[str, Any]], reading: Reading) -> None:
    count = len({row["customer_class"] or row["name"] for row in classes})
    if policy["kind"] == "ratio" and count > GROUP_LIMIT:
        reading.at("class").fault(f"{count} customer classes under ratio", f"at most {GROUP_LIMIT}")


def _check_run(
    run: Mapping[str, Any], classes: Sequence[Mapping[str, Any]], recorded: RecordedFiles, reading: Reading
) -> None:
    horizon_h, warmup_h, at = run["horizon_h"], run["warmup_h"], reading.at("run", "horizon_h")
    if horizon_h is None and not (classes and all(row["arrivals_file"] is not None for row in classes)):
        at.doubt("nothing", "a number of hours, for not all classes have an arrivals_file")
    if horizon_h not in (None, FAULTY) and warmup_h is not FAULTY and warmup_h >= horizon_h:
        reading.at("run", "warmup_h").fault(found_words(warmup_h), "fewer hours than horizon_h")
    last_h = recorded.last_s / 3600
    if horizon_h is None and recorded.of_class and warmup_h is not FAULTY and warmup_h > last_h:
        words = f"fewer hours than {last_h:.9g}, when the last customer of the files comes; or horizon_h"
        reading.at("run", "warmup_h").fault(found_words(warmup_h), words)


def _check_served(scenario: Scenario, reading: Reading) -> None:
    """Everybody has a counter that will call him."""
    count = sum(counter.count for counter in scenario.counters)
    kept = sum(reserved_idle(scenario.classes).values())
    for number, customer in enumerate(scenario.classes):
        at = reading.at("class", number)
        if not any(customer.service in counter.skills for counter in scenario.counters):
            (at / "service").fault(
                f"'{customer.service}', which no counter serves", "a service of some counter's skills"
            )
        elif all(counter.offered_after_s(customer) is None for counter in scenario.counters):
            (at / "service").fault(
                f"'{customer.service}', whose counters are all reserved for other customer classes",
                "opens_after_s at one of these counters, or the customer class in its reserved_for",
            )
        others = kept - reserved_idle(scenario.classes)[customer.customer_class]
        if others >= count:
            (at / "reserved_idle").fault(
                f"{others} counters kept idle for others than '{customer.customer_class}'",
                f"fewer than the {count} counters that there are",
            )


def _scenario(
    tables: Mapping[str, list[dict[str, Any]]],
    recorded: Mapping[int, Recorded],
    last_s: float,
    days: int,
    notes: Iterable[str],
) -> Scenario:
    run, policy = tables["run"][0], tables["policy"][0]
    classes = []
    for number, row in enumerate(tables["class"]):
        its = recorded.get(number)
        values = {key: value for key, value in row.items() if not key.startswith("arrivals_")}
        values |= {
            "customer_class": row["customer_class"] or row["name"],
            "service_mean_s": row["service_mean_s"] or (its.service_mean_s if its else 0.0),
            "service_cv": row["service_cv"] or 0.0,
            "arrivals_every_s": row["arrivals_every_s"],
            "arrivals_per_h": row["arrivals_per_h"] or (0.0,),
            "recorded": its,
        }
        classes.append(ClassTerms(**values))
    counters = (
        CounterTerms(**{**row, "reserved_for": tuple(row["reserved_for"])}) for row in tables["counter"]
    )
    return Scenario(
        classes=tuple(classes),
        counters=tuple(counters),
        policy=PolicyTerms(**policy),
        horizon_h=run["horizon_h"] or (last_s + 1) / 3600,
        warmup_h=run["warmup_h"],
        replications=run["replications"] or days,
        seed=run["seed"],
        notes=tuple(notes),
    )


def reserved_idle(classes: Sequence[ClassTerms]) -> dict[str, int]:
    """Customer class → the idle counters kept for it (the most that any of its tables says)."""
    kept: dict[str, int] = {}
    for each in classes:
        kept[each.customer_class] = max(kept.get(each.customer_class, 0), each.reserved_idle)
    return kept
