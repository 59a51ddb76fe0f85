"""Routing policies of plugins: found, checked, named in hall.toml, in force, and gone again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from somc.composition import load_config, voided
from somc.domain.policy import policy_faults
from somc.domain.settings import settings_from
from somc.errors import ConfigurationError
from somc.runtime.plugins import Plugins
from somc.scheduler.kinds import BUILT_IN
from somc.simulate.arrivals import Arrival
from somc.testing.day import midnight, play_day, replayed
from somc.testing.given import Situation, given, small_hall
from tests.domain.acts import call, finish, open_, start, take
from tests.plugins.test_host import Install, install, refusal
from tests.server.rig import HALL, running, write_hall

__all__ = ["install"]  # the fixture

KIND = """
from somc.api import PolicyKind, Terms, each

WORDS = {"zh": "试", "en": "trial"}

def kind(name, compile=each(lambda queue: Terms(rate=1)), **more):
    return PolicyKind(name, WORDS, WORDS, compile, **more)

@hookimpl
def somc_routing_policies():
    return [%s]
"""


def brought(made: Plugins) -> object:
    return made.policies()


# -- finding and checking -------------------------------------------------------------------------------


def test_without_plugins_there_are_somc_s_own() -> None:
    assert Plugins([]).policies() == dict(BUILT_IN)


def test_a_plugin_s_kinds_come_after_and_say_whose_they_are(install: Install) -> None:
    install("mine", KIND % 'kind("lottery"), kind("seniority")')
    kinds = Plugins(["mine"]).policies()
    assert list(kinds) == [*BUILT_IN, "lottery", "seniority"]
    assert kinds["lottery"].plugin == "mine"


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ('kind("fifo")', "brings the kind 'fifo', which SOMC has itself"),
        ("7", "which is no PolicyKind"),
        ('kind("Lottery!")', "small letters"),
        ('PolicyKind("x", {}, WORDS, None)', "both languages"),
    ],
)
def test_what_is_no_kind_is_refused_with_the_plugin_s_name(install: Install, kinds: str, said: str) -> None:
    install("mine", KIND % kinds)
    words = refusal("mine", ask=brought)
    assert "mine" in words
    assert said in words


def test_two_plugins_with_one_kind_are_named(install: Install) -> None:
    install("one", KIND % 'kind("lottery")')
    install("two", KIND % 'kind("lottery")')
    assert "one and two" in refusal("one", "two", ask=brought)


def test_a_hook_that_raises_is_named(install: Install) -> None:
    install("mine", KIND % "1 / 0")
    assert "mine" in refusal("mine", ask=brought)


# -- in hall.toml -----------------------------------------------------------------------------------------


def toml(kind: str, *enabled: str) -> str:
    plugins = ", ".join(f'"{name}"' for name in enabled)
    return HALL.replace('kind = "accumulating"', f'kind = "{kind}"') + f"[plugins]\nenabled = [{plugins}]\n"


def faults(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        load_config(write_hall(tmp_path, text))
    return [(fault.key, str(fault)) for fault in caught.value.faults]


def test_hall_toml_may_name_the_kind_of_an_enabled_plugin(install: Install, tmp_path: Path) -> None:
    install("mine", KIND % 'kind("lottery")')
    config, plugins = load_config(write_hall(tmp_path, toml("lottery", "mine")))
    assert config.settings.policy.kind == "lottery"
    assert "lottery" in plugins.policies()


def test_a_kind_that_no_enabled_plugin_has_is_a_fault_at_its_line(install: Install, tmp_path: Path) -> None:
    install("mine", KIND % 'kind("lottery")')
    text = toml("lottery")
    ((key, words),) = faults(tmp_path, text)
    line = text.split("\n").index('kind = "lottery"') + 1
    assert key == "policy.kind"
    assert f"hall.toml:{line}:" in words
    assert "gcmu" in words
    ((_, words),) = faults(tmp_path, toml("lotery", "mine"))
    assert "did you mean 'lottery'?" in words


def test_a_kind_that_does_not_compute_for_this_hall_is_a_fault(install: Install, tmp_path: Path) -> None:
    install("mine", KIND % 'kind("lottery", each(lambda queue: Terms(rate=-1)))')
    ((key, words),) = faults(tmp_path, toml("lottery", "mine"))
    assert key == "policy.kind"
    assert "rate is -1" in words


def test_a_policy_that_could_starve_somebody_is_a_fault_in_hall_toml(tmp_path: Path) -> None:
    text = HALL.replace('kind = "accumulating"\nmax_wait_s = 2100', 'kind = "strict"\nmax_wait_s = 0')
    ((key, words),) = faults(tmp_path, text)
    assert key == "policy.max_wait_s"
    line = text.split("\n").index("max_wait_s = 0") + 1
    assert f"hall.toml:{line}:" in words
    assert "GoTone" in words
    assert "2100" in words


# -- in force ---------------------------------------------------------------------------------------------


async def test_a_running_hall_takes_the_kind_and_drops_it_with_the_plugin(
    install: Install, tmp_path: Path
) -> None:
    because = '{"zh": "抽中，先于 {second}", "en": "won before {second}"}'
    install("mine", KIND % f'kind("lottery", because={because})')
    with_plugin = HALL + '[plugins]\nenabled = ["mine"]\n'
    async with running(tmp_path, with_plugin) as hall:
        changed = await hall.as_admin.put("/api/v1/policy", json={"kind": "lottery"})
        assert changed.status_code == 200, changed.text
        (kind,) = (each for each in changed.json()["kinds"] if each["id"] == "lottery")
        assert (kind["plugin"], kind["strategy"]) == ("mine", False)
        for service in ("payment", "business"):
            await hall.as_admin.post("/api/v1/tickets", json={"service": service})
        body = {"agent": "li", "skills": {"payment": 1, "business": 1}}
        await hall.as_admin.post("/api/v1/counters/2/open", json=body)
        called = (await hall.as_admin.post("/api/v1/counters/2/call-next")).json()
        assert "won before B001" in called["reason"]["words"]["en"]
    async with running(tmp_path, HALL) as hall:  # the plugin is no longer enabled
        policy = (await hall.as_admin.get("/api/v1/policy")).json()
        assert (policy["kind"], policy["version"], policy["cause"]) == ("accumulating", 3, "config")


def test_what_a_manager_chose_and_is_gone_comes_back_from_hall_toml(tmp_path: Path) -> None:
    config, _ = load_config(write_hall(tmp_path))
    hall = given(dict(config.values), kinds=BUILT_IN)
    hall.state.values |= {
        "policy.kind": "lottery",
        "class.vip.rate_milli": 2000,
        "service.haircut.weight": {"gotone": 1},
        "service.repair.max_wait_s": {"vip": 60},
        "class.gotone.rate_milli": 3000,
        "counter.1.skills": {"haircut": 1},
    }
    assert voided(hall.state, config) == {
        "policy.kind": "accumulating",
        "class.vip.rate_milli": None,
        "service.haircut.weight": None,
        "service.repair.max_wait_s": {},
        "counter.1.skills": {"payment": 1},
    }


def test_a_program_s_first_failure_is_logged_and_no_other(install: Install) -> None:
    install("mine", KIND % 'kind("lottery", pick=lambda heads, now: 1 / 0)')
    kinds = Plugins(["mine"]).policies()
    hall = given(small_hall(policy={"kind": "lottery"}), kinds=kinds).and_(open_(1))
    for number in range(2):
        hall.and_(take(f"p{number}", "payment"), take(f"r{number}", "repair"))
    with structlog.testing.capture_logs() as logged:
        for _ in range(2):
            assert hall.when(call(1)).event.reason.failed is not None
            hall.and_(start(1), finish(1))
    (line,) = logged
    assert (line["plugin"], line["kind"], line["log_level"]) == ("mine", "lottery", "error")


# -- the bundled examples ------------------------------------------------------------------------------------


def example(kind: str) -> Situation:
    kinds = Plugins(["routing_examples"]).policies()
    classes = {"gold": {"target_wait_s": 300}, "plain": {"target_wait_s": 1200}}
    settings = small_hall(classes=classes, policy={"kind": kind})
    assert policy_faults(settings_from(settings), kinds) == []
    hall = given(settings, kinds=kinds).and_(open_(1), take("t1", "repair", "plain"))
    return hall.after("4min").and_(take("t2", "payment", "gold")).after("4min")


def test_shortest_work_goes_first() -> None:
    called: Any = example("shortest_work").when(call(1)).event
    assert (called.number, called.reason.rule) == ("A001", "score")
    assert "its work is shorter" in called.reason.words.en


def test_the_longest_promise_used_up_goes_first() -> None:
    called: Any = example("longest_promise").when(call(1)).event  # 4 of 5 min against 8 of 20
    assert (called.number, called.reason.rule) == ("A001", "strategy")
    assert "B001" in called.reason.words.zh


async def test_a_simulated_day_runs_under_a_plugin_s_kind(tmp_path: Path) -> None:
    config, _ = load_config(write_hall(tmp_path, toml("longest_promise", "routing_examples")))
    arrivals = [
        Arrival(at_s, kind, service, 300.0)
        for at_s in (0, 60)
        for kind in ("gotone", "easyown")
        for service in ("payment", "business")
    ]
    begin_ms = midnight("20260302", "Asia/Shanghai") + 9 * 3_600_000
    day = await play_day(config, tmp_path / "data", arrivals, begin_ms=begin_ms, counters={2: "li"}, seed=1)
    called = [msgspec.json.decode(each.data) for each in day.records if each.type == "ticket.called"]
    assert len(called) == len(arrivals)
    assert {each["reason"]["policy"] for each in called} == {"longest_promise"}
    assert "strategy" in {each["reason"]["rule"] for each in called}
    assert (await replayed(tmp_path / "data")).dump() == day.dump  # without the plugin


# -- the page ------------------------------------------------------------------------------------------------


def test_the_page_about_writing_a_policy_is_a_plugin_with_a_test_that_passes() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/write-a-policy.md").read_text(encoding="utf-8")
    written: dict[str, Any] = {"__name__": "acme_policies"}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "write-a-policy.md", "exec"), written)
    written["test_repair_counts_double"]()
    hall = given(small_hall(policy={"kind": "least-left"}), kinds={**BUILT_IN, **written["MINE"]})
    hall.and_(open_(1), take("t1", "payment"), take("t2", "repair")).after("1min")
    assert hall.when(call(1)).event.reason.rule == "strategy"
