"""Every table and key of a scenario file, as data: what is read, what is allowed, what the reference page
says.

What must stay true: this is the only list of keys. `scenario.py` reads by it, docs/reference/scenario.md is
checked against it. Names mean what they mean in hall.toml (`somc/config/schema.py`); numbers may be finer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from somc.config.kinds import Choice, ListOf, MapOf, Pattern, Whole
from somc.config.reading import FAULTY, Place, found_words, one_line
from somc.config.schema import REQUIRED, Key, Table
from somc.scheduler.interface import DISTRIBUTIONS, LEVEL_LIMIT, SHARE_LIMIT
from somc.scheduler.kinds import BUILT_IN
from somc.scheduler.policy import BOOST_LIMIT, DEFAULT_KIND, PRIORITY_LIMIT
from somc.simulate.model import LAWS

__all__ = [
    "CLASS",
    "COUNTER",
    "POLICY",
    "RUN",
    "TABLES",
    "WORST_SKILL",
    "ListedTable",
    "Number",
    "reference_rows",
]

WORST_SKILL = LEVEL_LIMIT // 2
"""The last preference level of a skill; beyond it stand the guests of reserved counters."""

HOURS_LIMIT = 1_000_000
SECONDS_LIMIT = 10_000_000
RATE_LIMIT_PER_H = 100_000_000
PIECES_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `lowest` (or above it) to `highest`, of `unit`."""

    lowest: float
    highest: float
    unit: str = ""
    above: bool = False
    type: str = "number"

    @property
    def allowed(self) -> str:
        lowest = f"above {self.lowest:.9g} and up to" if self.above else f"from {self.lowest:.9g} to"
        return f"a number {lowest} {self.highest:.9g}{f' {self.unit}' if self.unit else ''}"

    def read(self, raw: Any, at: Place) -> Any:
        # A comparison with a whole number of thousands of digits is exact; only then is it made a float.
        a_number = isinstance(raw, int | float) and not isinstance(raw, bool)
        if a_number and self.lowest <= raw <= self.highest and not (self.above and raw == self.lowest):
            return float(raw)
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class NumberOrList:
    """One number, or a list of them."""

    number: Number
    most: int
    type: str = "number or list"

    @property
    def allowed(self) -> str:
        return f"{self.number.allowed}, or a list of 1 to {self.most} of them in square brackets"

    def read(self, raw: Any, at: Place) -> Any:
        if not isinstance(raw, list):
            return self._alone(raw, at)
        if not 1 <= len(raw) <= self.most:
            return at.fault(found_words(raw), self.allowed)
        numbers = [self.number.read(one, at / place) for place, one in enumerate(raw)]
        return FAULTY if FAULTY in numbers else tuple(numbers)

    def _alone(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            number = self.number.read(raw, at)
            return FAULTY if number is FAULTY else (number,)
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class FileBeside:
    """A path, relative to the folder of the scenario or absolute."""

    type: str = "path"
    allowed: str = "a path relative to the scenario's folder, or an absolute one"

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str) and raw.strip() and one_line(raw):
            return Path(raw)
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class ListedTable(Table):
    """A table that is given once for each of several things: `[[name]]`."""

    @property
    def heading(self) -> str:
        return f"[[{self.name}]]"


NAME = Pattern(
    r"[^\x00-\x20\x7f/\[\]](?:[^\x00-\x1f\x7f/\[\]]{0,38}[^\x00-\x20\x7f/\[\]])?",
    "a name of 1 to 40 characters without / [ ]",
    "name",
)
WAIT = Number(0, SECONDS_LIMIT, "seconds", above=True)

RUN = Table(
    "run",
    (
        Key(
            "horizon_h",
            Number(0, HOURS_LIMIT, "hours", above=True),
            None,
            "How long customers come; whoever is inside by then is still served",
            "until the last arrival, if all classes have an arrivals_file",
        ),
        Key(
            "warmup_h",
            Number(0, HOURS_LIMIT, "hours"),
            0.0,
            "Who arrives before is simulated but not counted",
        ),
        Key(
            "replications",
            Whole(1, 1_000_000),
            None,
            "How often it is run, each time with other random numbers, beginning with an empty hall",
            "the days of the arrivals files, else 1",
        ),
        Key("seed", Whole(0, 2**63 - 1), 1, "The same seed brings the same customers, under every policy"),
        Key(
            "starts_at_s",
            Number(0, 86_400, "seconds"),
            0.0,
            "The second of the day at which a run begins, for the times in arrivals files",
        ),
    ),
)

POLICY = Table(
    "policy",
    (
        Key("kind", Choice(tuple(BUILT_IN)), DEFAULT_KIND, "How the next customer is chosen"),
        Key(
            "max_wait_s",
            Number(0, SECONDS_LIMIT, "seconds"),
            None,
            "Whoever waited longer comes before everybody else, the oldest first; 0 is no such limit",
            "no such limit (a hall's default is 2100)",
        ),
        Key("alpha", Number(0, 1), 1.0, "Under `gcmu`: how much short work goes first"),
        Key(
            "distribution",
            Choice(DISTRIBUTIONS),
            DISTRIBUTIONS[0],
            "Which of several idle counters gets the next customer",
        ),
    ),
)

CLASS = ListedTable(
    "class",
    (
        Key("name", NAME, REQUIRED, "What the answer calls these customers; another one for each table"),
        Key(
            "customer_class",
            NAME,
            None,
            "Their customer class, if several tables are of one: it is summed up besides",
            "`name`",
        ),
        Key(
            "arrivals_per_h",
            NumberOrList(Number(0, RATE_LIMIT_PER_H, "customers an hour"), PIECES_LIMIT),
            None,
            "How many come (Poisson); a list has one rate for each piece of the run, over and over",
            "none: then `arrivals_file`",
        ),
        Key(
            "arrivals_every_s",
            Number(1, SECONDS_LIMIT, "seconds"),
            1800.0,
            "How long a rate of the list holds",
        ),
        Key(
            "arrivals_file",
            FileBeside(),
            None,
            "A CSV file of arrivals; of its rows those of this class and service are taken",
            "none: then `arrivals_per_h`",
        ),
        Key(
            "arrivals_mapping",
            FileBeside(),
            None,
            "A TOML file that says how the CSV file's columns and words read",
            "a `.toml` file of the same name beside it, if there is one",
        ),
        Key("diverted", Number(0, 1), 0.0, "The share that goes elsewhere, as to self-service; not counted"),
        Key("service", NAME, REQUIRED, "What they come for: counters have skills for it"),
        Key(
            "service_mean_s",
            WAIT,
            None,
            "How long one takes on average",
            "required; with an `arrivals_file` the mean of its rows",
        ),
        Key("service_distribution", Choice(LAWS), "exponential", "How long one takes"),
        Key(
            "service_cv",
            Number(0, 100),
            None,
            "Standard deviation over mean of a `lognormal` service",
            "required for `lognormal`",
        ),
        Key(
            "patience_mean_s",
            Number(0, SECONDS_LIMIT, "seconds"),
            None,
            "Who waits longer than his patience leaves; exponential; 0: whoever must wait leaves at once",
            "nobody leaves",
        ),
        Key("priority", Whole(1, PRIORITY_LIMIT), 1, "Under `strict`: who is served first, 1 before 2"),
        Key(
            "rate",
            Number(0, 1_000_000, above=True),
            1.0,
            "Under `accumulating`: how fast waiting counts against that of the other classes",
        ),
        Key(
            "target_wait_s",
            Number(0, SECONDS_LIMIT, "seconds"),
            None,
            "The wait promised: `within_target` counts by it, `deadline` and `gcmu` go by it",
            "none",
        ),
        Key(
            "weight",
            Number(0, 1_000_000, above=True),
            None,
            "Under `gcmu`: what a minute of its waiting costs",
            "1 / `target_wait_s` in minutes",
        ),
        Key(
            "share",
            Whole(1, SHARE_LIMIT),
            1,
            "Under `ratio`: its calls for every call of a class with share 1",
        ),
        Key(
            "max_wait_s",
            Number(0, SECONDS_LIMIT, "seconds"),
            None,
            "Whoever of these waited longer comes before everybody else; 0 is no such limit",
            "`policy.max_wait_s`",
        ),
        Key(
            "boost_after_s",
            WAIT,
            None,
            "Under `accumulating` and `gcmu`: beyond so long a wait, waiting counts `boost` times as fast",
            "no boost",
        ),
        Key("boost", Number(1, BOOST_LIMIT / 1000), 2.0, "How many times as fast, with `boost_after_s`"),
        Key(
            "reserved_idle",
            Whole(0, 999, "counters"),
            0,
            "So many idle counters are kept free for this customer class",
        ),
    ),
    least=1,
)

COUNTER = ListedTable(
    "counter",
    (
        Key("count", Whole(1, 1000, "counters"), 1, "How many counters are like this"),
        Key(
            "skills",
            MapOf("service", Whole(1, WORST_SKILL), least=1),
            REQUIRED,
            "The services they serve, each with its preference level, 1 first",
        ),
        Key(
            "overflow_s",
            MapOf("service", Number(0, SECONDS_LIMIT, "seconds")),
            {},
            "A service is served here only for customers who have waited so long",
        ),
        Key("reserved_for", ListOf(NAME), [], "The customer classes these counters are for", "everybody"),
        Key(
            "opens_after_s",
            Number(0, SECONDS_LIMIT, "seconds"),
            None,
            "With `reserved_for`: customers of other classes are called here once they have waited so long, "
            "and while none of these classes waits",
            "never",
        ),
    ),
    least=1,
)

TABLES: Final = (RUN, POLICY, CLASS, COUNTER)


def reference_rows() -> Iterator[tuple[str, str, str, str, str]]:
    """One row for each key: key with its table, type, default, allowed, meaning."""
    for table in TABLES:
        for key in table.keys:
            yield f"{table.name}.{key.name}", key.kind.type, _default(key), key.kind.allowed, key.meaning


def _default(key: Key) -> str:
    if key.default is REQUIRED or key.default_words:
        return key.default_words or REQUIRED
    match key.default:
        case None | {} | []:
            return "none"
        case str():
            return f'`"{key.default}"`'
        case float():
            return f"`{key.default:g}`"
    return f"`{key.default}`"
