"""Plays each day of an arrivals file through the real runtime and prints the waits per class.

python examples/real_day/play.py ARRIVALS.csv [--policy fifo|strict|accumulating] [--seed N]
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
    parser.add_argument("--policy", choices=("fifo", "strict", "accumulating"))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    config = hall(given.policy)
    agents = {number: f"agent-{number}" for number in config.settings.counters}
    records = []
    begun = time.perf_counter()
    for number, (date, visits) in enumerate(days_of(given.arrivals, config, given.seed).items()):
        # A seed a day: ids drawn from one seed are the same, and the table counts them together.
        begin_ms = midnight(date, config.settings.timezone)
        with tempfile.TemporaryDirectory() as folder:
            day = trio.run(play, config, Path(folder), visits, begin_ms, agents, given.seed + number)
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
