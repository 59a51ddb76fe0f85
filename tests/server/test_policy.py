"""The routing policy over HTTP: what is in force, a change, the way back, who may, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from somc.cli import main
from tests.server.rig import Running, running, write_hall


async def put(hall: Running, body: dict[str, Any], **headers: str) -> Any:
    return await hall.as_admin.put("/api/v1/policy", json=body, headers=headers)


async def test_the_policy_in_force_is_told_whole(hall: Running) -> None:
    policy = (await hall.as_admin.get("/api/v1/policy")).json()
    assert (policy["kind"], policy["max_wait_s"], policy["version"]) == ("accumulating", 2100, 1)
    assert policy["cause"] == policy["by"] == "config"
    assert re.match(r"20\d\d-", policy["since"])
    assert policy["classes"]["gotone"]["rate"] == 1.6
    assert policy["classes"]["gotone"]["weight"] is None
    assert {"fifo", "gcmu"} <= {kind["id"] for kind in policy["kinds"]}
    rates = {(each["service"], each["customer_class"]): each["rate"] for each in policy["compiled"]}
    assert rates["payment", "gotone"] == 1600


async def test_a_change_is_answered_with_what_is_in_force_then(hall: Running) -> None:
    changed = await put(
        hall,
        {
            "kind": "gcmu",
            "alpha": 0.5,
            "max_wait_s": 1800,
            "distribution": "fixed_order",
            "target_utilisation": 0.85,
            "behind": 5,
            "classes": {"gotone": {"target_wait_s": 240, "weight": 0.25, "boost_after_s": 600, "boost": 1.5}},
            "services": {"repair": {"max_wait_s": {"easyown": 2400}, "weight": {"gotone": 0.5}}},
        },
    )
    assert changed.status_code == 200, changed.text
    policy = changed.json()
    assert policy["version"] == 2
    assert {name: policy[name] for name in ("kind", "alpha", "max_wait_s", "behind")} == {
        "kind": "gcmu",
        "alpha": 0.5,
        "max_wait_s": 1800,
        "behind": 5,
    }
    gotone = policy["classes"]["gotone"]
    assert (gotone["target_wait_s"], gotone["weight"], gotone["boost"]) == (240, 0.25, 1.5)
    assert policy["services"]["repair"] == {
        "target_wait_s": {},
        "weight": {"gotone": 0.5},
        "max_wait_s": {"easyown": 2400},
    }
    assert (await hall.as_admin.get("/api/v1/policy")).json() == policy
    assert (await hall.as_admin.get("/api/v1/hall")).json()["policy"]["version"] == 2


async def test_what_get_says_may_be_put_and_changes_nothing(hall: Running) -> None:
    policy = (await hall.as_admin.get("/api/v1/policy")).json()
    again = await put(hall, policy)
    assert again.status_code == 200, again.text
    assert again.json()["version"] == policy["version"]


async def test_null_brings_hall_toml_s_back(hall: Running) -> None:
    await put(hall, {"kind": "strict", "classes": {"gotone": {"rate": 3}}})
    policy = (await put(hall, {"kind": None, "classes": {"gotone": {"rate": None}}})).json()
    assert (policy["kind"], policy["classes"]["gotone"]["rate"]) == ("accumulating", 1.6)


async def test_the_way_back_and_the_history(hall: Running) -> None:
    await put(hall, {"kind": "strict"})
    back = await hall.as_admin.post("/api/v1/policy/rollback", json={"version": 1})
    assert (back.status_code, back.json()["kind"], back.json()["version"]) == (200, "accumulating", 3)
    again = await hall.as_admin.post("/api/v1/policy/rollback", json={"version": 2})
    assert (again.json()["kind"], again.json()["version"], again.json()["cause"]) == ("strict", 4, "rollback")
    versions = (await hall.as_admin.get("/api/v1/policy/history")).json()["versions"]
    assert [(each["version"], each["cause"], each["back_to"]) for each in versions] == [
        (4, "rollback", 2),
        (3, "rollback", 1),
        (2, "asked", None),
        (1, "config", None),
    ]
    assert versions[0]["changes"] == {"policy.kind": "strict"}
    assert re.match(r"20\d\d-", versions[0]["at"])
    assert (
        len((await hall.as_admin.get("/api/v1/policy/history", params={"limit": 2})).json()["versions"]) == 2
    )
    lost = await hall.as_admin.post("/api/v1/policy/rollback", json={"version": 9})
    assert (lost.status_code, lost.json()["code"]) == (404, "unknown_policy_version")


async def test_the_same_key_changes_the_policy_once(hall: Running) -> None:
    first = await put(hall, {"kind": "fifo"}, **{"Idempotency-Key": "k1"})
    await put(hall, {"kind": "strict"})
    again = await put(hall, {"kind": "fifo"}, **{"Idempotency-Key": "k1"})
    assert again.json() == first.json()
    assert (await hall.as_admin.get("/api/v1/policy")).json()["kind"] == "strict"
    other = await put(hall, {"kind": "gcmu"}, **{"Idempotency-Key": "k1"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"kind": "dice"}, "bad_policy", "kind"),
        ({"kind": "strict", "max_wait_s": 0}, "bad_policy", "max_wait_s"),
        ({"classes": {"vip": {"rate": 1}}}, "unknown_class", "classes.vip.rate"),
        ({"services": {"haircut": {"weight": {"gotone": 1}}}}, "unknown_service", "services.haircut.weight"),
        ({"services": {"repair": {"weight": {"vip": 1}}}}, "bad_policy", "services.repair.weight"),
        ({"max_wait_s": -1}, "wrong_input", "max_wait_s"),
        ({"alpha": 2}, "wrong_input", "alpha"),
        ({"max_wait": 60}, "wrong_input", "body"),
        ({"classes": {"gotone": {"rate": 1}, "easyown": {"rate": 0}}}, "wrong_input", "classes.easyown.rate"),
        (
            {"services": {"repair": {"max_wait_s": {"gotone": 60, "easyown": 0}}}},
            "wrong_input",
            "services.repair.max_wait_s.easyown",
        ),
        ({"classes": {"gotone": {"rates": 1}}}, "wrong_input", "classes.gotone"),
    ],
)
async def test_what_is_wrong_is_named_at_its_field(
    hall: Running, body: dict[str, Any], code: str, field: str
) -> None:
    refused = await put(hall, body)
    assert refused.status_code == 422
    problem = refused.json()
    assert (problem["code"], list(problem["fields"])) == (code, [field])
    assert (await hall.as_admin.get("/api/v1/policy")).json()["version"] == 1


async def test_a_policy_that_could_starve_somebody_is_refused_in_both_languages(hall: Running) -> None:
    words = (await put(hall, {"kind": "strict", "max_wait_s": 0})).json()["words"]
    assert "GoTone" in words["en"]
    assert "policy.max_wait_s" in words["en"]
    assert "全球通" in words["zh"]
    assert "policy.max_wait_s" in words["zh"]


async def test_who_may(hall: Running) -> None:
    for role, asks, changes in (
        ("manager", 200, 200),
        ("agent", 200, 403),
        ("floor", 200, 403),
        ("kiosk", 403, 403),
        ("display", 403, 403),
    ):
        client = await hall.as_role(role)
        assert (await client.get("/api/v1/policy")).status_code == asks
        assert (await client.get("/api/v1/policy/history")).status_code == asks
        assert (await client.put("/api/v1/policy", json={})).status_code == changes
        assert (await client.post("/api/v1/policy/rollback", json={"version": 1})).status_code == changes


async def test_every_indicator_names_one_parameter_and_no_parameter_is_named_twice(hall: Running) -> None:
    policy = (await hall.as_admin.get("/api/v1/policy")).json()
    kpis = policy["kpis"]
    assert len({kpi["parameter"] for kpi in kpis}) == len(kpis)
    assert [(kpi["id"], kpi["parameter"]) for kpi in kpis] == [
        ("target_wait.gotone", "classes.gotone.target_wait_s"),
        ("target_wait.easyown", "classes.easyown.target_wait_s"),
        ("within_target.gotone", "classes.gotone.rate"),
        ("within_target.easyown", "classes.easyown.rate"),
        ("longest_wait", "max_wait_s"),
        ("utilisation", "target_utilisation"),
        ("skill_share.1", "counters.1.skills"),
        ("skill_share.2", "counters.2.skills"),
        ("skill_share.3", "counters.3.skills"),
    ]
    for kpi in kpis:
        assert kpi["value"] == value_at(policy, kpi["parameter"]) or kpi["parameter"].startswith("counters.")
        assert kpi["name"]["zh"]
        assert kpi["about"]["en"]


def value_at(policy: Any, path: str) -> Any:
    for step in path.split("."):
        policy = policy.get(step, {})
    return policy


@pytest.mark.parametrize(
    ("kind", "parameter", "effective"),
    [
        ("gcmu", "classes.gotone.weight", True),
        ("strict", "classes.gotone.priority", True),
        ("ratio", "classes.gotone.share", True),
        ("fifo", "classes.gotone.weight", False),
    ],
)
async def test_the_share_within_target_names_the_weight_that_the_kind_reads(
    hall: Running, kind: str, parameter: str, effective: bool
) -> None:
    kpis = (await put(hall, {"kind": kind})).json()["kpis"]
    (kpi,) = (each for each in kpis if each["id"] == "within_target.gotone")
    assert (kpi["parameter"], kpi["effective"]) == (parameter, effective)


async def test_today_s_figures_stand_beside_the_indicators(hall: Running) -> None:
    client = hall.as_admin
    taken = (await client.post("/api/v1/tickets", json={"service": "business", "channel": "kiosk"})).json()
    await client.post("/api/v1/counters/2/open", json={"agent": "li"})
    assert (await client.post("/api/v1/counters/2/call-next")).json()["ticket"]["id"] == taken["id"]
    actual = {kpi["id"]: kpi["actual"] for kpi in (await client.get("/api/v1/policy")).json()["kpis"]}
    assert actual["within_target.easyown"] == 1.0
    assert actual["target_wait.easyown"] is not None
    assert actual["within_target.gotone"] is None
    assert actual["skill_share.2"] == 1.0
    assert actual["skill_share.1"] is None
    assert actual["longest_wait"] == 0
    assert 0 < actual["utilisation"] <= 1


# -- the page -----------------------------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs" / "how-to"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def with_tables(whole: str, tables: str) -> str:
    """The file with these tables instead of those of the same headings."""
    headings = re.findall(r"^\[.*\]$", tables, re.MULTILINE)
    kept = [
        table
        for table in re.split(r"^(?=\[)", whole, flags=re.MULTILINE)
        if table.split("\n")[0] not in headings
    ]
    return "".join(kept) + tables


def hall_of_the_page() -> str:
    (whole, *_) = blocks("configure-a-hall.md", "toml")
    for tables in blocks("set-the-policy.md", "toml"):
        whole = with_tables(whole, tables)
    return whole.replace('customer_table = "customers.csv"\n', "")


async def test_every_request_of_the_page_about_the_policy_is_taken(tmp_path: Path) -> None:
    requests = [json.loads(block) for block in blocks("set-the-policy.md", "json")]
    assert len(requests) > 5
    async with running(tmp_path, hall_of_the_page()) as hall:
        versions = [1]
        for body in requests:
            back = "version" in body
            url = "/api/v1/policy/rollback" if back else "/api/v1/policy"
            answer = await hall.as_admin.request("POST" if back else "PUT", url, json=body)
            assert answer.status_code == 200, (body, answer.text)
            versions.append(answer.json()["version"])
        assert versions == sorted(set(versions)), "each is a version of its own"


def test_the_page_shows_what_somc_check_says_of_a_policy_that_could_starve_somebody(tmp_path: Path) -> None:
    (whole, *_) = blocks("configure-a-hall.md", "toml")
    page = (DOCS / "set-the-policy.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"^/srv/hall/hall\.toml:\d+: (policy\..*)$", page, re.MULTILINE)
    starving = with_tables(whole, '[policy]\nkind = "strict"\nmax_wait_s = 0\n')
    starving = starving.replace("[class.vip]", "[class.vip]\npriority = 1")
    starving = starving.replace("[class.standard]", "[class.standard]\npriority = 2")
    file = write_hall(tmp_path, starving)
    (tmp_path / "customers.csv").write_text("phone,class\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(file)])
    assert result.exit_code == 2
    assert said in result.stdout
