"""Plays each day of an arrivals file through the real runtime and prints the waits per class.

python examples/real_day/play.py ARRIVALS.csv [--policy KIND] [--date YYYYMMDD] [--counters N] [--seed N]
                                 [--keep DIR]

With --keep each day's journal stays in DIR/DATE, for `somc replay` and `somc journal`.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import trio

from somc.config import HallConfig, load
from somc.domain.settings import settings_from
from somc.scheduler.kinds import BUILT_IN
from somc.simulate.arrivals import Arrival, read_arrivals, read_mapping
from somc.testing.day import Day, midnight, play_day, table, waits_by_class

HERE = Path(__file__).parent


def hall(policy: str | None = None) -> HallConfig:
    """The hall beside this file, under another policy if one is named."""
    config = load(HERE / "hall.toml")
    if policy is None:
        return config
    values = {**config.values, "policy.kind": policy}
    return dataclasses.replace(config, values=values, settings=settings_from(values))


def days_of(path: Path, config: HallConfig, seed: int) -> dict[str, list[Arrival]]:
    """The file's visits by date."""
    mapping = read_mapping(HERE / "mapping.toml")
    return read_arrivals(path, mapping, config.settings.classes, config.settings.services, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arrivals", type=Path)
    parser.add_argument("--policy", choices=tuple(BUILT_IN))
    parser.add_argument("--date", help="only this day of the file")
    parser.add_argument("--counters", type=int, help="staff only so many of the eight")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR")
    given = parser.parse_args()
    config = hall(given.policy)
    agents = {number: f"agent-{number}" for number in list(config.settings.counters)[: given.counters]}
    records = []
    begun = time.perf_counter()
    for number, (date, visits) in enumerate(days_of(given.arrivals, config, given.seed).items()):
        if given.date not in (None, date):
            continue
        # A seed a day: ids drawn from one seed are the same, and the table counts them together.
        begin_ms = midnight(date, config.settings.timezone)
        with tempfile.TemporaryDirectory() as passing:
            folder = Path(passing) if given.keep is None else given.keep / date
            day = trio.run(play, config, folder, visits, begin_ms, agents, given.seed + number)
        records.extend(day.records)
        print(f"{date}: {len(visits)} visits, {len(day.records)} records")
    print(f"\n{table(waits_by_class(records))}\n")
    took_s = time.perf_counter() - begun
    print(
        f"{len(records)} records in {took_s:.1f} s under '{config.settings.policy.kind}', seed {given.seed}"
    )


async def play(
    config: HallConfig,
    folder: Path,
    visits: list[Arrival],
    begin_ms: int,
    agents: dict[int, str],
    seed: int,
) -> Day:
    """One day."""
    return await play_day(config, folder, visits, begin_ms=begin_ms, counters=agents, seed=seed)


if __name__ == "__main__":
    main()
