"""Administration over HTTP: settings, rights, the policy tried out, the display's media."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from somc.server.answers import ANSWERS
from tests.server.rig import GOTONE_PHONE, HALL, Running, is_problem, running

DISPLAY = """
[display]
notices = [{ zh = "欢迎", en = "Welcome" }]
media = ["a.svg", "gone.png"]
"""

PLACED = HALL.replace("[counter.3]", "[counter.3]\nat = [4, 1]") + DISPLAY


def conforms(view: Any, shape: Any) -> None:
    """`ValidationError` if the answer is not of the promised shape."""
    msgspec.convert(view, shape)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


async def settings(hall: Running) -> dict[str, dict[str, object]]:
    answer = await hall.as_admin.get("/api/v1/settings")
    assert answer.status_code == 200, answer.text
    conforms(answer.json(), ANSWERS["settings"])
    return {each["key"]: each for each in answer.json()["settings"]}


async def test_a_setting_is_changed_marked_and_brought_back(tmp_path: Path) -> None:
    key = "service.payment.mean_service_s"
    async with running(tmp_path, PLACED) as hall:
        assert (await settings(hall))[key] == {"key": key, "value": 180, "default": 180, "own": False}
        manager = await hall.as_role("manager")
        done = await manager.patch("/api/v1/settings", json={"changes": {key: 240}})
        assert done.status_code == 200, done.text
        assert (await settings(hall))[key] == {"key": key, "value": 240, "default": 180, "own": True}
    async with running(tmp_path, PLACED) as hall:  # after a restart with the same hall.toml
        assert (await settings(hall))[key]["own"] is True
        await hall.as_admin.patch("/api/v1/settings", json={"changes": {key: None}})
        assert (await settings(hall))[key]["own"] is False
        records = [record for record in await hall.records() if record["type"] == "config.changed"]
        assert [record["data"]["by"] for record in records] == [
            "config",
            "manager:test-manager",
            "admin:admin",
        ]


async def test_settings_are_validated_whole_and_are_not_everybody_s(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        changes = {"service.payment.mean_service_s": 200, "service.payment.prefix": "B"}
        refused = await hall.as_admin.patch("/api/v1/settings", json={"changes": changes})
        assert "services.payment.prefix" in is_problem(refused, 422, "bad_config")["fields"]
        assert (await settings(hall))["service.payment.mean_service_s"]["own"] is False
        is_problem(await hall.as_admin.patch("/api/v1/settings", json={"changes": {}}), 422, "wrong_input")
        agent = await hall.as_role("agent")
        is_problem(await agent.patch("/api/v1/settings", json={"changes": changes}), 403, "no_right")
        is_problem(await agent.get("/api/v1/settings"), 403, "no_right")


async def test_a_service_that_somebody_waits_for_stays(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        new = {"service.esim.name": {"zh": "eSIM", "en": "eSIM"}, "service.esim.prefix": "S"}
        assert (await hall.as_admin.patch("/api/v1/settings", json={"changes": new})).status_code == 200
        await hall.take("esim")
        gone = await hall.as_admin.patch("/api/v1/settings", json={"changes": dict.fromkeys(new)})
        assert "S001" in is_problem(gone, 422, "bad_config")["detail"]


async def test_rights_are_listed_without_secrets_and_taken_back(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        token = await hall.token("agent", subject="li")
        agent = hall.client(token)
        answer = await hall.as_admin.get("/api/v1/users")
        conforms(answer.json(), ANSWERS["users"])
        assert token not in answer.text
        right = next(each for each in answer.json() if each["subject"] == "li")
        assert (right["kind"], right["roles"]) == ("api", ["agent"])
        assert (await agent.get("/api/v1/counters")).status_code == 200
        revoked = await hall.as_admin.post(f"/api/v1/users/{right['id']}/revoke")
        assert revoked.status_code == 204
        is_problem(await agent.get("/api/v1/counters"), 401, "bad_token")
        is_problem(await hall.as_admin.post(f"/api/v1/users/{right['id']}/revoke"), 404, "unknown_token")
        of_file = next(each for each in answer.json() if each["kind"] == "file")
        is_problem(await hall.as_admin.post(f"/api/v1/users/{of_file['id']}/revoke"), 409, "token_of_file")
        manager = await hall.as_role("manager")
        is_problem(await manager.get("/api/v1/users"), 403, "no_right")
        about = [record for record in await hall.records() if record["type"].startswith("access.")]
        assert [record["type"] for record in about[:2]] == ["access.granted", "access.revoked"]
        assert about[0]["data"]["token"] == right["id"]
        assert token not in str(about)


async def test_a_policy_is_tried_on_simulated_days_and_nothing_changes(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        for counter in (1, 2, 3):
            await hall.open_counter(counter)
        for number in range(24):
            await hall.take("payment", **({"phone": GOTONE_PHONE} if number % 3 == 0 else {}))
        before = len(await hall.records())
        manager = await hall.as_role("manager")
        seen = len(await hall.records()) - before  # that right's own record
        body = {"policy": {"kind": "strict"}, "arrivals_per_h": 32}
        answer = await manager.post("/api/v1/policy/what-if", json=body)
        assert answer.status_code == 200, answer.text
        conforms(answer.json(), ANSWERS["policy.what-if"])
        found = answer.json()
        assert (found["policy"], found["policy_then"]) == ("accumulating", "strict")
        assert found["counters"] == [1, 2, 3]
        rows = {(row["kind"], row["id"]): row for row in found["rows"]}
        premium = rows["class", "gotone"]
        # Priority must help whom it is for, and be paid for by the others (the same customers on both sides).
        assert premium["changed"]["wait_mean_s"] < premium["in_force"]["wait_mean_s"]
        assert premium["changed"]["arrived"] == premium["in_force"]["arrived"] > 1000
        others = rows["class", "easyown"]
        assert others["changed"]["wait_mean_s"] > others["in_force"]["wait_mean_s"]
        assert len(await hall.records()) == before + seen


async def test_other_skills_are_tried_too_and_refused_where_the_hall_would(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as hall:
        for counter in (1, 2, 3):
            await hall.open_counter(counter)
        path = "/api/v1/policy/what-if"
        only_here = dict.fromkeys(("payment", "business", "repair"), 1)
        body = {"skills": {"1": only_here, "2": only_here, "3": only_here}, "arrivals_per_h": 20}
        answer = await hall.as_admin.post(path, json=body)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["policy"] == found["policy_then"]
        rows = {(row["kind"], row["id"]): row for row in found["rows"]}
        everybody = rows["all", "all"]
        assert everybody["changed"]["arrived"] == everybody["in_force"]["arrived"] > 1000
        # Counters that all do everything leave nobody to wait beside an idle one.
        assert everybody["changed"]["wait_mean_s"] < everybody["in_force"]["wait_mean_s"]
        is_problem(await hall.as_admin.post(path, json={"skills": {"1": {"nails": 1}}}), 422)
        is_problem(await hall.as_admin.post(path, json={"skills": {"77": {"payment": 1}}}), 404)


async def test_a_policy_that_would_be_refused_is_refused_when_it_is_tried(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        path = "/api/v1/policy/what-if"
        starving = {"policy": {"kind": "strict", "max_wait_s": 0}}
        is_problem(await hall.as_admin.post(path, json=starving), 422, "bad_policy")
        nobody = {"policy": {}, "counters": [77]}
        is_problem(await hall.as_admin.post(path, json=nobody), 422, "unknown_counter")
        kiosk = await hall.as_role("kiosk")
        is_problem(await kiosk.post(path, json={"policy": {}}), 403, "no_right")


async def test_only_the_media_that_the_settings_name_are_served_whole_and_in_parts(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.svg").write_bytes(SVG)
    (tmp_path / "media" / "secret.svg").write_bytes(SVG)
    async with running(tmp_path, PLACED) as hall:
        anybody = hall.client()
        whole = await anybody.get("/media/a.svg")
        assert (whole.status_code, whole.content) == (200, SVG)
        assert whole.headers["content-type"].startswith("image/svg+xml")
        part = await anybody.get("/media/a.svg", headers={"range": "bytes=1-3"})
        assert (part.status_code, part.content) == (206, SVG[1:4])
        for name in ("secret.svg", "gone.png", "..%2Fhall.toml", "customers.csv"):
            assert (await anybody.get(f"/media/{name}")).status_code == 404, name
        view = (await hall.as_admin.get("/api/v1/hall")).json()
        assert view["display"]["media"] == ["a.svg", "gone.png"]
        assert [counter["place"] for counter in view["counters"]] == [None, None, [4, 1]]
