"""`somc simulate`: table, JSON, chart, exit codes; and the how-to page, as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from somc.cli import main

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "simulate-a-hall.md"
SCENARIO = """
[run]
horizon_h = 40
replications = 3
[policy]
kind = "strict"
[[class]]
name = "全球通"
arrivals_per_h = 20
service = "general"
service_mean_s = 360
target_wait_s = 60
[[class]]
name = "plain"
arrivals_per_h = 40
service = "general"
service_mean_s = 360
priority = 2
patience_mean_s = 600
[[counter]]
count = 6
skills = { general = 1 }
"""
WAITS = [
    *("arrived", "served", "abandoned", "wait_mean_s", "wait_ci95_s", "wait_p90_s", "wait_max_s"),
    *("within_target", "wait_served_mean_s", "waited"),
]


def simulate(folder: Path, *arguments: str, text: str = SCENARIO) -> Result:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["simulate", str(path), *arguments])


def test_json_is_one_document_in_the_contracts_shape(tmp_path: Path) -> None:
    ran = simulate(tmp_path, "--json")
    assert (ran.exit_code, ran.stderr) == (0, "")
    answer = json.loads(ran.stdout)
    assert list(answer["classes"]) == ["全球通", "plain"]
    for waits in (*answer["classes"].values(), answer["all"]):
        assert list(waits) == WAITS
        assert waits["arrived"] == waits["served"] + waits["abandoned"]
    assert answer["policy"] == "strict"
    assert (answer["seed"], answer["replications"], answer["notes"]) == (1, 3, [])
    assert 0.8 < answer["utilisation"] < 1
    assert answer["classes"]["plain"]["within_target"] is None


def test_a_seed_on_the_command_line_wins(tmp_path: Path) -> None:
    with_seed = json.loads(simulate(tmp_path, "--json", "--seed", "7").stdout)
    in_file = json.loads(
        simulate(tmp_path, "--json", text=SCENARIO.replace("[run]", "[run]\nseed = 7")).stdout
    )
    assert with_seed == in_file
    assert with_seed["seed"] == 7
    assert with_seed != json.loads(simulate(tmp_path, "--json").stdout)


def test_a_table_for_people(tmp_path: Path) -> None:
    ran = simulate(tmp_path)
    assert ran.exit_code == 0
    assert re.search(r"^全球通 +\d+ +0 +\d+\.\d\d ", ran.stdout, re.MULTILINE)
    assert "strict, counters busy" in ran.stdout


def test_mistakes_are_exit_2_and_named(tmp_path: Path) -> None:
    ran = simulate(tmp_path, text=SCENARIO.replace("horizon_h", "horizn_h"))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "scenario.toml:3: run.horizn_h" in ran.stderr


def test_a_hall_that_cannot_keep_up_is_exit_1(tmp_path: Path) -> None:
    ran = simulate(tmp_path, text=SCENARIO.replace("= 20\n", "= 1e8\n"))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "customers wait: they come faster" in ran.stderr


@pytest.mark.parametrize("name", ["chart.png", "chart.svg"])
def test_a_chart_is_drawn_the_same_twice(name: str, tmp_path: Path) -> None:
    chart = tmp_path / name
    ran = simulate(tmp_path, "--plot", str(chart), text=SCENARIO.replace("全球通", "gotone"))
    assert ran.exit_code == 0, ran.stderr
    first = chart.read_bytes()
    assert first.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")
    simulate(tmp_path, "--plot", str(chart), text=SCENARIO.replace("全球通", "gotone"))
    assert chart.read_bytes() == first


def test_chinese_names_stay_text_in_svg(tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    assert simulate(tmp_path, "--plot", str(chart)).exit_code == 0
    assert "全球通" in chart.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("chart", "said"), [("x.pdf", "a chart is a .png or a .svg file"), ("none/x.png", "there is no folder")]
)
def test_a_chart_that_cannot_be_is_exit_2_before_anything_runs(chart: str, said: str, tmp_path: Path) -> None:
    ran = simulate(tmp_path, "--plot", str(tmp_path / chart))
    assert ran.exit_code == 2
    assert said in ran.stderr


def test_without_matplotlib_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("somc.simulate.chart.find_spec", lambda name: None)
    ran = simulate(tmp_path, "--plot", str(tmp_path / "x.png"))
    assert ran.exit_code == 2
    assert "pip install 'somc[plot]'" in ran.stderr


def test_pure_python_says_the_same(tmp_path: Path) -> None:
    text = SCENARIO.replace("horizon_h = 40", "horizon_h = 2")
    native = simulate(tmp_path, "--json", text=text)
    command = [Path(sys.executable).parent / "somc", "simulate", tmp_path / "scenario.toml", "--json"]
    pure = subprocess.run(
        command, env={**os.environ, "SOMC_PURE": "1"}, capture_output=True, text=True, check=True
    )
    assert json.loads(pure.stdout) == json.loads(native.stdout)
    assert pure.stderr == ""


def test_the_how_to_page_shows_what_comes_out(tmp_path: Path) -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    (scenario,) = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "hall.toml").write_text(scenario, encoding="utf-8")
    commands = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shown = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    script = "".join(each.replace("pip install", "true") for each in commands)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-ec", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    for each in shown:
        assert each in ran.stdout
    assert (tmp_path / "accumulating.svg").exists()
