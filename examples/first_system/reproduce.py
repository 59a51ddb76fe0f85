"""The first system's two results, with the parameters that give them, and what the default policy does there.

    python examples/first_system/reproduce.py [--days 1500] [--seed 2010] [--write]

`--write` puts the table into the README beside this file, in both languages.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import trio

from somc.composition import simulation_loop
from somc.simulate.run import Outcome, Waits, simulate
from somc.simulate.scenario import PolicyTerms, Scenario, load_scenario

HERE = Path(__file__).resolve().parent
READMES = (HERE / "README.md", HERE / "README.zh.md")
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->"
DAYS, SEED = 1500, 2010
PREMIUM = "gotone"


@dataclass(frozen=True)
class Setting:
    """A row: the policy, how much faster the premium class gathers its score, the payments diverted."""

    kind: str
    rate: float = 1.0
    diverted: float = 0.0
    max_wait_s: float | None = None

    @property
    def words(self) -> str:
        words = self.kind
        if self.kind == "accumulating":
            words += f", {self.rate:g} : 1 : 1"
        if self.max_wait_s is not None:
            words += f", max_wait_s {self.max_wait_s:g}"
        if self.diverted:
            words += f", {100 * self.diverted:g} % of payments diverted"
        return words

    def in_hall(self, hall: Scenario) -> Scenario:
        classes = (
            replace(
                each,
                rate=self.rate if each.customer_class == PREMIUM else 1.0,
                diverted=self.diverted if each.service == "pay" else 0.0,
            )
            for each in hall.classes
        )
        return replace(hall, classes=tuple(classes), policy=PolicyTerms(self.kind, self.max_wait_s))


SETTINGS = (
    Setting("fifo"),
    Setting("accumulating", 1.5),
    Setting("accumulating", 1.6),
    Setting("accumulating", 1.5, diverted=0.15),
    Setting("accumulating", 1.5, diverted=0.2),
    Setting("gcmu", max_wait_s=2100.0),
    Setting("gcmu", max_wait_s=2100.0, diverted=0.2),
)


def run(days: int, seed: int) -> Iterator[tuple[Setting, Outcome]]:
    """Each setting over the same days."""
    hall = replace(load_scenario(HERE / "hall.toml"), replications=days, seed=seed)
    for setting in SETTINGS:
        yield setting, trio.run(partial(simulate, setting.in_hall(hall), simulation_loop()))


def minutes(waits: Waits) -> float:
    return (waits.wait_mean_s or 0) / 60


def table(days: int, seed: int) -> str:
    """Mean waits in minutes; ± is half the 95 % interval of the mean of all."""
    lines = [
        f"`python examples/first_system/reproduce.py --days {days} --seed {seed}`:",
        "",
        "| policy | 全球通 gotone | 动感地带 mzone | 神州行 easyown | all | ± |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for setting, outcome in run(days, seed):
        waits = [f"{minutes(each):.1f}" for each in outcome.customer_classes.values()]
        half = f"{(outcome.all.wait_ci95_s or 0) / 60:.1f}"
        lines.append(f"| {' | '.join([setting.words, *waits, f'{minutes(outcome.all):.1f}', half])} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true", help="into the README, in both languages")
    given = parser.parse_args()
    text = table(given.days, given.seed)
    print(text)
    for readme in READMES if given.write else ():
        before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
        readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
