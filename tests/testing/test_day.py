"""Real arrivals through the real runtime, day by day; and what the day's clock promises."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import trio

from somc.config import HallConfig
from somc.journal.verify import verify
from somc.simulate.arrivals import Arrival
from somc.testing.day import Day, DayClock, midnight, play_day, replayed, waits_by_class

ROOT = Path(__file__).parents[2]
ARRIVALS = ROOT.parent / "shared" / "data" / "real_arrivals_1999-02-01_14.csv"
EXAMPLE = ROOT / "examples" / "real_day" / "play.py"

needs_arrivals = pytest.mark.skipif(
    not ARRIVALS.exists(), reason=f"the real arrivals are missing: {ARRIVALS.name} beside the checkout"
)


def example() -> object:
    """The example's own module: what users run is what is tested."""
    found = importlib.util.spec_from_file_location("real_day_play", EXAMPLE)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["real_day_play"] = module
    found.loader.exec_module(module)
    return module


async def run_day(config: HallConfig, folder: Path, date: str, visits: list[Arrival], seed: int) -> Day:
    return await play_day(
        config,
        folder,
        visits,
        begin_ms=midnight(date, config.settings.timezone),
        counters={number: f"agent-{number}" for number in config.settings.counters},
        seed=seed,
    )


@needs_arrivals
@pytest.mark.slow
async def test_every_real_day_is_served_whole_and_replays_to_the_same_state(tmp_path: Path) -> None:
    play = example()
    config = play.hall()  # type: ignore[attr-defined] # the example's module has no stub
    days = play.days_of(ARRIVALS, config, 1)  # type: ignore[attr-defined] # as above
    assert sum(len(visits) for visits in days.values()) == 17_313
    records = []
    for number, (date, visits) in enumerate(days.items()):
        folder = tmp_path / date
        day = await run_day(config, folder, date, visits, seed=1 + number)
        records.extend(day.records)
        assert (await replayed(folder)).dump() == day.dump, f"{date} replays to another state"
        assert verify(folder).ok
        ends = [record.type for record in day.records]
        taken, gone = ends.count("ticket.taken"), 0
        for way_out in ("finished", "no_show", "cancelled", "expired"):
            gone += ends.count(f"ticket.{way_out}")
        assert taken == gone == len(visits)
        assert ends.count("day.ended") == 1
    assert waits_by_class(records)["all"].taken == 17_313


@needs_arrivals
async def test_on_the_busiest_real_day_the_policy_favours_whom_it_should(tmp_path: Path) -> None:
    play = example()
    waits = {}
    for policy in ("fifo", "accumulating", "strict"):
        config = play.hall(policy)  # type: ignore[attr-defined] # the example's module has no stub
        visits = play.days_of(ARRIVALS, config, 1)["19990203"]  # type: ignore[attr-defined] # as above
        day = await run_day(config, tmp_path / policy, "19990203", visits, seed=3)
        waits[policy] = waits_by_class(day.records)
    premium = [waits[policy]["premium"].mean_s for policy in ("strict", "accumulating", "fifo")]
    ordinary = [waits[policy]["ordinary"].mean_s for policy in ("fifo", "accumulating", "strict")]
    assert premium == sorted(premium)
    assert premium[0] < premium[2]
    assert ordinary == sorted(ordinary)


@needs_arrivals
async def test_the_same_day_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    play = example()
    config = play.hall()  # type: ignore[attr-defined] # the example's module has no stub
    visits = play.days_of(ARRIVALS, config, 1)["19990205"]  # type: ignore[attr-defined] # as above
    first = await run_day(config, tmp_path / "first", "19990205", visits, seed=7)
    second = await run_day(config, tmp_path / "second", "19990205", visits, seed=7)
    other = await run_day(config, tmp_path / "other", "19990205", visits, seed=8)
    assert first.records == second.records
    assert first.chain == second.chain
    assert other.chain != first.chain


async def test_the_days_clock_stands_still_until_it_is_told() -> None:
    clock = DayClock(1_000)
    woken: list[str] = []

    async def sleep(name: str, until: int) -> None:
        await clock.sleep_until(until)
        woken.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleep, "late", 3_000)
        nursery.start_soon(sleep, "early", 2_000)
        nursery.start_soon(sleep, "past", 500)
        await trio.testing.wait_all_tasks_blocked()
        assert woken == ["past"]
        clock.advance(2_000)
        await trio.testing.wait_all_tasks_blocked()
        assert woken == ["past", "early"]
        clock.advance(1_500)
        assert clock.now_ms() == 2_000, "time never runs backwards"
        clock.advance(3_000)
    assert woken == ["past", "early", "late"]
