"""`somc replay` as people run it: what it prints, its JSON, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner, Result

from somc.cli import main
from somc.config import load
from somc.runtime.plugins import Plugins
from somc.scheduler.kinds import BUILT_IN
from somc.simulate.arrivals import random_arrivals
from somc.testing.day import midnight, play_day

HALL = Path(__file__).parents[2] / "examples" / "real_day" / "hall.toml"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One busy hour at three counters, on 23 November."""
    folder = tmp_path_factory.mktemp("recorded")
    config = load(HALL)
    stream = random_arrivals(
        per_hour=60,
        services={"regular": 1, "new": 1},
        classes={"premium": 1, "ordinary": 1},
        means_s={"regular": 180, "new": 120},
        patience_s=1800,
        seed=5,
    )
    visits = [next(stream) for _ in range(60)]

    async def play() -> None:
        begin = midnight("2026-11-23", config.settings.timezone)
        counters = {1: "li", 2: "wu", 3: "su"}
        await play_day(config, folder, visits, begin_ms=begin, counters=counters, seed=5)

    trio.run(play)
    return folder


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    path = tmp_path / "strict.toml"
    path.write_text('[policy]\nkind = "strict"\nmax_wait_s = 3600\n[class.premium]\ntarget_wait_s = 60\n')
    return path


def somc(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_day_is_printed_side_by_side(journal: Path, strict: Path) -> None:
    result = somc("replay", journal, "--policy", strict)
    assert result.exit_code == 0, result.output
    text = result.stdout
    assert "happened under 'accumulating', what if under 'strict'" in text
    assert 'policy.kind = "strict"' in text
    for group in ("class premium", "class ordinary", "service regular", "service new", "all"):
        assert f"\n{group} " in text
    assert "class medium" not in text, "nobody of that class came"
    assert "Taken for granted:" in text
    assert result.stderr == "", "no progress bar in a pipe"


def test_json_is_one_document_with_both_sides_and_the_difference(journal: Path, strict: Path) -> None:
    result = somc("replay", journal / "journal.db", "--policy", strict, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["days"] == ["2026-11-23"]
    assert told["policy"]["happened"] == ["accumulating"]
    assert told["policy"]["what_if"] == ["strict"]
    assert told["policy"]["changes"]["class.premium.target_wait_s"] == 60
    assert list(told["classes"]) == ["premium", "ordinary"]
    premium = told["classes"]["premium"]
    assert premium["what_if"]["mean_s"] < premium["happened"]["mean_s"]
    change = premium["what_if"]["mean_s"] - premium["happened"]["mean_s"]
    assert premium["difference"]["mean_s"] == pytest.approx(change)
    everybody = told["all"]["happened"]
    assert everybody["taken"] == 60
    assert everybody["taken"] == everybody["called"] + everybody["left"]
    assert sum(group["happened"]["taken"] for group in told["services"].values()) == 60
    assert {"zh", "en"} <= told["assumptions"][0].keys()


def test_without_a_policy_every_call_is_the_same(journal: Path) -> None:
    told = json.loads(somc("replay", journal, "--json").stdout)
    assert told["calls"]["the_same"] == told["calls"]["happened"] > 0
    assert told["all"]["happened"] == told["all"]["what_if"]
    assert told["inexact"] == {"guessed_services": 0, "guessed_gaps": 0, "turned_away": 0, "not_done": {}}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[policy]\nkind = "dice"\n', ":2: policy.kind: found a policy that the hall refuses"),
        (
            '[policy]\nkind = "strict"\nmax_wait_s = 0\n',
            ":3: policy.max_wait_s: found a policy that the hall refuses",
        ),
        ("[policy]\nmax_wait_s = -1\n", ":2: policy.max_wait_s: found the number -1"),
        (
            "[policy]\nspeed = 1\n",
            ":2: policy.speed: found a key that [policy] of a policy file does not have",
        ),
        ("[class.premium]\nrate = -1\n", ":2: class.premium.rate: found the number -1"),
        ("[class.gotone]\nrate = 2.0\n", ":1: class.gotone: found the class 'gotone'"),
        ("[service.x]\ntarget_wait_s = { premium = 60 }\n", ":1: service.x: found the service 'x'"),
        (
            "[service.new]\ntarget_wait_s = { vip = 60 }\n",
            ":2: service.new.target_wait_s.vip: found the class 'vip'",
        ),
        ('[service.new]\nprefix = "Z"\n', ":2: service.new.prefix: found a key that [service.NAME]"),
        ('[hall]\norg = "x"\n', ":1: hall: found a table that a policy file does not have"),
        ("", ": policy: found nothing"),
        ("[policy\n", ":1: "),
    ],
)
def test_a_faulty_policy_file_is_told_by_file_line_and_key(
    journal: Path, tmp_path: Path, text: str, fault: str
) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    result = somc("replay", journal, "--policy", path)
    assert result.exit_code == 2
    assert f"{path}{fault}" in result.stderr
    assert result.stdout == ""


def test_wrong_usage_is_2_and_an_unreadable_journal_is_1(journal: Path, tmp_path: Path) -> None:
    missing = somc("replay", tmp_path)
    assert missing.exit_code == 2
    assert "holds no journal" in missing.stderr
    assert somc("replay", journal, "--from", "yesterday").exit_code == 2
    assert somc("replay", journal, "--from", "2026-11-24").exit_code == 2
    backwards = somc("replay", journal, "--from", "2026-11-24", "--to", "2026-11-23")
    assert backwards.exit_code == 2
    assert "--from 2026-11-24 is after --to 2026-11-23" in backwards.stderr
    assert somc("replay", journal, "--from", "2026-11-23", "--to", "2026-11-23").exit_code == 0
    broken = tmp_path / "journal.db"
    broken.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    assert somc("replay", broken).exit_code == 1


def test_a_chart_is_drawn_and_is_the_same_twice(journal: Path, strict: Path, tmp_path: Path) -> None:
    drawn = {}
    for name in ("one.png", "two.png", "one.svg", "two.svg"):
        result = somc("replay", journal, "--policy", strict, "--plot", tmp_path / name, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["days"] == ["2026-11-23"]
        drawn[name] = (tmp_path / name).read_bytes()
    assert drawn["one.png"].startswith(b"\x89PNG")
    assert drawn["one.png"] == drawn["two.png"]
    assert drawn["one.svg"] == drawn["two.svg"]
    svg = drawn["one.svg"].decode()
    for words in ("class premium", "service new", "happened: mean", "what if: mean", "within the promise"):
        assert words in svg


def test_a_chart_that_cannot_be_is_refused_before_anything_is_played(journal: Path, tmp_path: Path) -> None:
    pdf = somc("replay", journal, "--plot", tmp_path / "chart.pdf")
    assert pdf.exit_code == 2
    assert "a chart is a .png or a .svg file" in pdf.stderr
    assert somc("replay", journal, "--plot", tmp_path / "nowhere" / "chart.png").exit_code == 2


def test_a_kind_of_a_plugin_is_there_if_the_plugin_is_named(journal: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    kinds = set(Plugins(("routing_examples",)).policies()) - set(BUILT_IN)
    for kind in sorted(kinds):
        path.write_text(f'[policy]\nkind = "{kind}"\n')
        without = somc("replay", journal, "--policy", path)
        assert without.exit_code == 2
        assert f"there is no policy kind '{kind}'" in without.stderr
        told = json.loads(
            somc("replay", journal, "--policy", path, "--plugin", "routing_examples", "--json").stdout
        )
        assert told["policy"]["what_if"] == [kind]
        assert told["policy"]["without_plugin"] == []
        assert told["calls"]["the_same"] < told["calls"]["happened"]
    assert kinds
    unknown = somc("replay", journal, "--plugin", "nobody_wrote_it")
    assert unknown.exit_code == 2
    assert "nobody_wrote_it" in unknown.stderr
