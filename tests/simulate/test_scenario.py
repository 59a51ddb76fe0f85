"""Scenario files: read whole or refused with every fault; compiled as a hall's policy is."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from somc.errors import ConfigurationError
from somc.scheduler.interface import NEVER
from somc.simulate.compile import model_of
from somc.simulate.scenario import Scenario, load_scenario
from somc.simulate.schema import TABLES, reference_rows

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reference" / "scenario.md"
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

SMALL = """
[run]
horizon_h = 10
[policy]
kind = "accumulating"
[[class]]
name = "gotone"
arrivals_per_h = 20
service = "general"
service_mean_s = 360
rate = 1.5
[[class]]
name = "easyown"
arrivals_per_h = 30
service = "general"
service_mean_s = 360
[[counter]]
count = 8
skills = { general = 1 }
"""


def load(folder: Path, text: str) -> Scenario:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(path)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, text)
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults]


# -- the page ------------------------------------------------------------------------------------------


def test_the_page_has_exactly_the_keys() -> None:
    text = PAGE.read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", text, re.MULTILINE)
    assert documented == [row[0] for row in reference_rows()]
    assert re.findall(r"^## `(\[.*\])`$", text, re.MULTILINE) == [table.heading for table in TABLES]


@pytest.mark.parametrize("row", list(reference_rows()), ids=lambda row: row[0])
def test_a_row_says_type_default_allowed_and_meaning(row: tuple[str, ...]) -> None:
    cells = [cell.replace("|", "\\|") for cell in row]
    assert f"| `{cells[0]}` | {' | '.join(cells[1:])} |" in PAGE.read_text(encoding="utf-8").splitlines()


def test_every_key_is_used_in_an_example() -> None:
    text = "\n".join(BLOCKS)
    for key, *_ in reference_rows():
        assert re.search(rf"\b{key.rsplit('.', 1)[1]} = ", text), key


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_examples_of_the_page_load(number: int, tmp_path: Path) -> None:
    (tmp_path / "arrivals.csv").write_text(
        "at,class,service,service_s\n36000,x,payment,60\n", encoding="utf-8"
    )
    (tmp_path / "mapping.toml").write_text(
        '[columns]\ntime_s = "at"\n[classes]\nx = "standard"\n', encoding="utf-8"
    )
    scenario = load(tmp_path, BLOCKS[number])
    assert not scenario.notes
    model_of(scenario)


# -- faults --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "written", "fault"),
    [
        ('"accumulating"', '"acumulating"', r"scenario.toml:5: policy.kind: found the text .*did you mean"),
        ("horizon_h = 10", "horizon_h = 0", "scenario.toml:3: run.horizon_h: found the number 0; allowed: a"),
        ("horizon_h = 10", "", r"scenario.toml:2: run.horizon_h: found nothing; allowed: a number of hours"),
        ("horizon_h", "warmup_h = 10\nhorizon_h", r"scenario.toml:3: run.warmup_h: .*fewer hours"),
        ("rate = 1.5", "rate = -1", r"scenario.toml:11: class\[0\].rate: found the number -1; allowed: a n"),
        ("rate = 1.5", "rate = nan", r"scenario.toml:11: class\[0\].rate: found the number nan"),
        ("rate = 1.5", "rat = 1.5", r"scenario.toml:11: class\[0\].rat: found a key .*did you mean 'rate'"),
        ("arrivals_per_h = 20", "", r"scenario.toml:6: class\[0\].arrivals_per_h: found nothing"),
        ("arrivals_per_h = 20", "arrivals_per_h = []", r"class\[0\].arrivals_per_h: found an empty list"),
        ("arrivals_per_h = 20", 'arrivals_per_h = "20"', r"class\[0\].arrivals_per_h: found the text"),
        ('name = "easyown"', 'name = "gotone"', r"scenario.toml:13: class\[1\].name: .*second time"),
        ("general = 1", "genral = 1", r"counter\[0\].skills.genral: .*did you mean 'general'"),
        ("[[class]]", "[class]", r"syntax: .*|.*class.*"),
        ("count = 8", "count = 0", r"counter\[0\].count: found the number 0"),
        ("count = 8", "opens_after_s = 9", r"counter\[0\].opens_after_s: found no reserved_for"),
        ("count = 8", 'reserved_for = ["vip"]', r"counter\[0\].reserved_for\[0\]: .*no such customer class"),
        ("count = 8", 'reserved_for = ["gotone"]', r"class\[1\].service: found .*all reserved"),
        ("count = 8", "overflow_s = { other = 1 }", r"counter\[0\].overflow_s.other"),
        ("rate = 1.5", "reserved_idle = 8", r"class\[1\].reserved_idle: found 8 counters kept idle"),
        ("rate = 1.5", 'service_distribution = "lognormal"', r"class\[0\].service_cv: found nothing"),
        ("rate = 1.5", "service_cv = 1", r"class\[0\].service_cv: found a key that exponential does not use"),
        (
            "rate = 1.5",
            'arrivals_file = "none.csv"',
            r"class\[0\].arrivals_file: found arrivals_per_h beside",
        ),
        ("rate = 1.5", 'arrivals_mapping = "m.toml"', r"class\[0\].arrivals_mapping: found no arrivals_file"),
        ("[policy]", "[polcy]", r"polcy: found a table or key .*did you mean 'policy'"),
    ],
)
def test_a_mistake_is_named_with_line_key_and_remedy(
    found: str, written: str, fault: str, tmp_path: Path
) -> None:
    said = faults(tmp_path, SMALL.replace(found, written, 1))
    assert any(re.search(fault, one) for one in said), said


def test_every_mistake_is_said_at_once(tmp_path: Path) -> None:
    text = SMALL.replace("count = 8", "count = -1").replace("rate = 1.5", "rate = 0").replace("10", "ten", 1)
    assert len(faults(tmp_path, text)) == 3


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="where there is no file"):
        load_scenario(tmp_path / "nothing.toml")


@pytest.mark.parametrize("text", ["", "x = 1", "[run]\n[[class]]\n[[counter]]\n", "class = 3", "\x00"])
def test_nothing_worth_running_is_faults(text: str, tmp_path: Path) -> None:
    assert faults(tmp_path, text)


STRANGE = (
    *(
        "0",
        "-1",
        "1e300",
        "1e-300",
        "inf",
        "nan",
        "1" * 400,
        '""',
        '"x"',
        "[]",
        "[1]",
        "[[1]]",
        "{}",
        "{a=1}",
    ),
    *(
        "true",
        "1979-05-27",
        "9999999",
        "[0.0,0.0]",
        '["gotone"]',
        "{ general = 0 }",
        '{ pay = "1" }',
        "0.0001",
    ),
)


def test_whatever_a_file_holds_is_a_scenario_or_faults(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for _ in range(300):
        lines = chance.choice(BLOCKS).split("\n")
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(lines))
            key, is_key, _ = lines[place].partition(" = ")
            if is_key and chance.random() < 0.7:
                lines[place] = f"{key} = {chance.choice(STRANGE)}"
            else:
                lines[place] = chance.choice(("", chance.choice(lines), lines[place][:5]))
        try:
            scenario = load(tmp_path, "\n".join(lines))
        except ConfigurationError:
            continue
        model_of(scenario)


# -- compiling -----------------------------------------------------------------------------------------


def test_rates_of_three_decimals_are_those_of_a_hall(tmp_path: Path) -> None:
    model = model_of(load(tmp_path, SMALL))
    assert [each.terms.rate for each in model.classes] == [1500, 1000]


def test_finer_rates_keep_their_proportions(tmp_path: Path) -> None:
    model = model_of(load(tmp_path, SMALL.replace("rate = 1.5", f"rate = {2 / 3}")))
    first, second = (each.terms.rate for each in model.classes)
    assert first / second == pytest.approx(2 / 3, rel=1e-5)


@pytest.mark.parametrize("mean_s", [360, 0.36])
def test_weights_and_promises_stand_in_one_unit(mean_s: float, tmp_path: Path) -> None:
    text = SMALL.replace('"accumulating"', '"gcmu"').replace("rate = 1.5", "weight = 0.2")
    text = text.replace("service_mean_s = 360", f"service_mean_s = {mean_s}\ntarget_wait_s = 600")
    first, second = (each.terms.rate for each in model_of(load(tmp_path, text)).classes)
    assert first / second == pytest.approx(0.2 / (60 / 600), rel=1e-4)


def test_nobody_is_guarded_unless_asked(tmp_path: Path) -> None:
    scenario = load(tmp_path, SMALL)
    assert {each.terms.guard for each in model_of(scenario).classes} == {NEVER}
    guarded = replace(scenario, policy=replace(scenario.policy, max_wait_s=2100))
    assert {each.terms.guard for each in model_of(guarded).classes} == {2_100_000}


def test_short_services_get_finer_ticks(tmp_path: Path) -> None:
    model = model_of(load(tmp_path, SMALL.replace("service_mean_s = 360", "service_mean_s = 0.5", 1)))
    assert model.ticks_per_s == 1_000_000
    assert model.classes[0].service_mean == 500_000
    assert model.horizon == 10 * 3600 * 1_000_000


def test_lanes_are_a_counters_skills_overflow_and_reserve(tmp_path: Path) -> None:
    text = SMALL.replace(
        "count = 8",
        'count = 2\nreserved_for = ["gotone"]\nopens_after_s = 60\noverflow_s = { general = 5 }',
    ).replace("rate = 1.5", "reserved_idle = 1")
    model = model_of(load(tmp_path, text))
    assert len(model.counters) == 2
    own, other = model.counters[0]
    assert (own.min_wait, own.reserve) == (5000, 0)
    assert (other.min_wait, other.reserve) == (60_000, 1)


# -- arrivals from a file ------------------------------------------------------------------------------

RECORDED = """
[run]
seed = 5
[[class]]
name = "vip-pay"
customer_class = "vip"
service = "pay"
arrivals_file = "day.csv"
[[class]]
name = "plain"
service = "pay"
arrivals_file = "day.csv"
patience_mean_s = 60
[[counter]]
skills = { pay = 1 }
"""
DAY = "time_s,class,service,service_s\n10,vip,pay,30\n20.5,plain,pay,\n5,plain,pay,90\n7,plain,fix,1\n"


def test_a_class_takes_its_rows_and_the_rest_is_noted(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(DAY, encoding="utf-8")
    scenario = load(tmp_path, RECORDED)
    model = model_of(scenario)
    assert [list(day) for day in model.classes[0].days] == [[10_000, 30_000, -1]]
    assert [list(day) for day in model.classes[1].days] == [[5000, 90_000, -1, 20_500, 90_000, -1]]
    assert (scenario.horizon_h * 3600, scenario.replications) == (21.5, 1)
    assert "1 rows that no [[class]] takes (plain for fix)" in scenario.notes[0]


def test_each_date_is_a_day(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(
        "d,time_s,class,service,service_s,w,end\n"
        "2026-01-02,10,vip,pay,30,0,\n2026-01-01,7,plain,pay,9,44,abandoned\n2026-01-02,8,plain,pay,9,3,\n",
        encoding="utf-8",
    )
    (tmp_path / "day.toml").write_text(
        '[columns]\ndate = "d"\nwaited_s = "w"\noutcome = "end"\n', encoding="utf-8"
    )
    scenario = load(tmp_path, RECORDED)
    model = model_of(scenario)
    assert scenario.replications == 2
    assert [list(day) for day in model.classes[0].days] == [[], [10_000, 30_000, -1]]
    assert [list(day) for day in model.classes[1].days] == [[7000, 9000, 44_000], [8000, 9000, -1]]


def test_a_run_begins_at_its_second_of_the_day(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(DAY, encoding="utf-8")
    scenario = load(tmp_path, RECORDED.replace("seed = 5", "starts_at_s = 6\nhorizon_h = 0.0042"))  # 15.12 s
    classes = model_of(scenario).classes
    assert [list(day) for day in classes[0].days] == [[4000, 30_000, -1]]
    assert [list(day) for day in classes[1].days] == [[14_500, 90_000, -1]]
    assert any("1 rows before or after the run" in note for note in scenario.notes)


@pytest.mark.parametrize(
    ("day", "fault"),
    [
        ("time_s,class,service,service_s\n1,vip,pay,x\n2,plain,pay,1\n", "day.csv:2: row: found could not"),
        (
            "time_s,class,service\n",
            "day.csv:1: columns: found time_s, class, service; allowed: also service_s",
        ),
        ("time_s,class,service,service_s\n1,vip,pay,5\n", "no visit of 'plain' for 'pay'"),
        (
            "time_s,class,service,service_s\n1,vip,pay,\n1,plain,pay,2\n",
            "service_mean_s: found nothing, and no",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_a_fault(day: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(day, encoding="utf-8")
    assert any(fault in one for one in faults(tmp_path, RECORDED)), faults(tmp_path, RECORDED)


def test_a_missing_arrivals_file_is_a_fault(tmp_path: Path) -> None:
    assert any("day.csv: file: found" in one for one in faults(tmp_path, RECORDED))


def test_many_customer_classes_except_by_turns(tmp_path: Path) -> None:
    more = "".join(
        f'[[class]]\nname = "k{n}"\narrivals_per_h = 1\nservice = "general"\nservice_mean_s = 9\n'
        for n in range(300)
    )
    assert len(load(tmp_path, SMALL + more).classes) == 302
    assert len(model_of(load(tmp_path, SMALL + more)).classes) == 302
    (fault,) = faults(tmp_path, SMALL.replace("accumulating", "ratio") + more)
    assert fault.endswith("found 302 customer classes under ratio; allowed: at most 255")


def test_a_warm_up_that_outlasts_the_arrivals_files(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text("time_s,class,service,service_s\n1800,vip,pay,60\n", "utf-8")
    vip = '[[class]]\nname = "vip"\nservice = "pay"\narrivals_file = "day.csv"\n'
    text = f"[run]\nwarmup_h = 0.6\n{vip}[[counter]]\nskills = {{ pay = 1 }}\n"
    (fault,) = faults(tmp_path, text)
    assert fault.startswith(
        "scenario.toml:2: run.warmup_h: found the number 0.6; allowed: fewer hours than 0.5,"
    )
    assert load(tmp_path, text.replace("0.6", "0.5")).warmup_h == 0.5
