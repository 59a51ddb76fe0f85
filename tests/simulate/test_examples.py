"""The default policy keeps its promises in the reference hall; the first system's results come out again."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def script(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, EXAMPLES / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


compare = script("reference_hall/compare.py")
reproduce = script("first_system/reproduce.py")


def test_the_default_policy_keeps_its_promises_in_the_reference_hall(seed: int) -> None:
    """A tenth of the days of the table, others at each run: the margins are wide enough for that."""
    hall = compare.load_scenario(compare.HERE / "hall.toml")
    outcomes = compare.run(hall, 150, seed, [compare.FIFO, compare.DEFAULT])
    fifo, default = outcomes[compare.FIFO], outcomes[compare.DEFAULT]
    assert fifo.all.arrived == default.all.arrived > 150 * 580
    broken = [each for each in compare.promises(default, fifo) if not each.kept]
    assert not broken, f"seed {seed}: {broken}"


def test_every_kind_of_policy_is_compared() -> None:
    hall = compare.load_scenario(compare.HERE / "hall.toml")
    chosen = compare.policies(hall)
    kinds = {each.policy.kind for each in chosen.values()}
    assert kinds == {"fifo", "strict", "accumulating", "deadline", "ratio", "gcmu"}
    assert hall.policy == chosen[compare.DEFAULT].policy


def test_orders_blind_to_the_length_of_work_leave_the_mean_of_all_where_it_was() -> None:
    """The conservation law on sample paths, with services that do not depend on the class."""
    hall = compare.load_scenario(compare.HERE / "hall.toml")
    names = (compare.FIFO, "strict", "accumulating, rates 6 : 4 : 3", "deadline", "ratio, shares 3 : 2 : 1")
    outcomes = compare.run(hall, 100, 3, names)
    means = [outcomes[name].all.wait_mean_s for name in names]
    assert means == pytest.approx([means[0]] * len(names), rel=0.01)


def test_the_committed_table_has_a_row_for_each_policy() -> None:
    text = compare.PAGE.read_text(encoding="utf-8").partition(compare.BEGIN)[2].partition(compare.END)[0]
    assert f"--days {compare.DAYS} --seed {compare.SEED}" in text
    hall = compare.load_scenario(compare.HERE / "hall.toml")
    for name in compare.policies(hall):
        assert text.count(f"| {name} |") == 2, name


def test_the_first_systems_results_come_out_again() -> None:
    waits = {}
    for setting, outcome in reproduce.run(400, reproduce.SEED):
        premium = reproduce.minutes(outcome.customer_classes[reproduce.PREMIUM])
        waits[setting.kind, setting.rate, setting.diverted] = (premium, reproduce.minutes(outcome.all))
    before = waits["fifo", 1.0, 0.0]
    assert before[0] == pytest.approx(10, abs=1)
    by_order = waits["accumulating", 1.5, 0.0]
    assert by_order[0] / before[0] == pytest.approx(0.72, abs=0.02)  # 10 -> 7
    assert by_order[1] == pytest.approx(before[1], rel=0.005)
    less, more = waits["accumulating", 1.5, 0.15], waits["accumulating", 1.5, 0.2]
    scale = 10 / before[0]
    assert more[0] * scale < 5.8 < less[0] * scale + 0.3
    assert more[1] * scale < 8.0 < less[1] * scale + 0.3
    assert waits["gcmu", 1.0, 0.0][1] < 0.9 * before[1]


@pytest.mark.slow
def test_the_readmes_show_what_the_script_prints() -> None:
    table = reproduce.table(reproduce.DAYS, reproduce.SEED)
    for readme in reproduce.READMES:
        text = readme.read_text(encoding="utf-8")
        assert table in text
        assert re.search(r"0\.15|15 %", text)


def test_the_default_row_is_the_halls_default() -> None:
    from somc.config.schema import POLICY
    from somc.scheduler.policy import DEFAULT_KIND

    defaults = {key.name: key.default for key in POLICY.keys}
    rows = [each for each in reproduce.SETTINGS if each.kind == DEFAULT_KIND]
    assert {each.max_wait_s for each in rows} == {defaults["max_wait_s"]}
    hall = replace(compare.load_scenario(compare.HERE / "hall.toml"))
    assert (hall.policy.kind, hall.policy.max_wait_s, hall.policy.alpha) == (
        defaults["kind"],
        defaults["max_wait_s"],
        defaults["alpha"],
    )
