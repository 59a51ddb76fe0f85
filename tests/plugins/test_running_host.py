"""Plugins in a running hall, each test in the hall's process and in one of the plugin's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import trio

from somc.server.answers import ANSWERS
from tests.server.rig import HALL, Running, running

GREETER = Path(__file__).parent / "samples" / "greeter.py"
BASE = "/api/v1"
PATIENCE_S = 15.0

MODES = ("in-process", "process")


def with_greeter(
    mode: str = "in-process", *, enabled: bool = True, more: str = "", deadline_ms: int = 6000
) -> str:
    """A hall with the greeter. Its deadlines are long: what is shown here is not how fast a loaded machine
    is."""
    named = '"greeter"' if enabled else ""
    return (
        HALL
        + f"""
[plugins]
enabled = [{named}]
paths = ["{GREETER}"]
[plugin.greeter]
token = "s3cret-token"
{more}
[plugin.greeter.host]
isolation = "{mode}"
deadline_ms = {deadline_ms}
"""
    )


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


async def wait_for(look: Any, what: str) -> Any:
    """Return what `look` finds as soon as it is true."""
    with trio.fail_after(PATIENCE_S):
        while not (found := await look()):  # noqa: ASYNC110 - a hall over HTTP has no event to wait for
            await trio.sleep(0.02)
    assert found, what
    return found


SHAPES = {
    r"/plugins": "plugins",
    r"/plugins/pages": "plugins.pages",
    r"/plugins/\w+/(enable|disable|reload|configure)": "plugins.enable",
    r"/tickets/\w+/card": "tickets.card",
    r"/services/\w+/advice": "services.advice",
    r"/counters/\d+/second": "counters.second",
}
"""Path of a route → the promised shape of its answer."""


def check_shape(path: str, answer: httpx.Response) -> None:
    for pattern, name in SHAPES.items():
        if answer.status_code == 200 and re.fullmatch(BASE + pattern, path):
            msgspec.json.decode(answer.content, type=ANSWERS[name], strict=True)


async def get(hall: Running, path: str, status: int = 200) -> Any:
    answer = await hall.as_admin.get(path)
    assert answer.status_code == status, answer.text
    check_shape(path, answer)
    return answer.json() if answer.content else None


async def post(hall: Running, path: str, json: Any = None, status: int = 200) -> Any:
    answer = await hall.as_admin.post(path, json=json)
    assert answer.status_code == status, answer.text
    check_shape(path, answer)
    return answer.json()


async def records(hall: Running, *types: str) -> list[dict[str, Any]]:
    return [record for record in await hall.records() if record["type"] in types]


# -- a customer ---------------------------------------------------------------------------------------


async def test_a_customer_is_identified_and_greeted(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, with_greeter(mode)) as hall:
        ticket = await hall.take(phone="13911112222")
        assert ticket["customer_class"] == "gotone"
        (taken,) = await records(hall, "ticket.taken")
        assert taken["data"]["class_source"] == "greeter: book"
        assert taken["data"]["slip"] == [{"zh": "hello 您好", "en": "hello ..2222"}]
        await post(hall, f"{BASE}/counters/1/open", {"agent": "li"})
        await post(hall, f"{BASE}/counters/1/call-next")
        card = await get(hall, f"{BASE}/tickets/{ticket['id']}/card")
        assert card["late"] == []
        assert card["sections"][0]["rows"] == [
            {"label": {"zh": "来访", "en": "Visits"}, "value": "1", "tone": "plain"}
        ]
        assert [(offer["plugin"], offer["id"]) for offer in card["offers"]] == [("greeter", "plan-88")]
        assert card["known"] == [
            {
                "plugin": "greeter",
                "name": "Li Hua",
                "note": "kind",
                "source": "book",
                "facts": {"ends": "2222"},
            }
        ]
        second = await get(hall, f"{BASE}/counters/1/second")
        assert second["panels"][0]["title"]["en"] == f"Welcome {ticket['number']}"
        advice = await get(hall, f"{BASE}/services/payment/advice")
        assert advice[0]["words"]["en"] == "Papers for payment"
        await wait_for(lambda: records(hall, "care.logged"), "the follower acted")


async def test_a_late_identification_costs_the_class_and_says_so(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, with_greeter(mode, deadline_ms=300)) as hall:
        began = trio.current_time()
        ticket = await hall.take(phone="13911110000")
        assert trio.current_time() - began < 2.0
        assert ticket["customer_class"] == "easyown"
        (taken,) = await records(hall, "ticket.taken")
        assert taken["data"]["class_source"] == "default (no answer: greeter)"


async def test_facts_are_sealed_and_known_after_a_restart(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, with_greeter(mode)) as hall:
        ticket = await hall.take(phone="13911112222")
        await wait_for_facts(hall)
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert b"Li Hua" not in file.read_bytes(), file
            assert b"13911112222" not in file.read_bytes(), file
    async with running(tmp_path, with_greeter(mode)) as hall:
        card = await get(hall, f"{BASE}/tickets/{ticket['id']}/card")
        assert card["known"][0]["name"] == "Li Hua"


async def wait_for_facts(hall: Running) -> None:
    facts = hall.node.plugins.facts
    with trio.fail_after(PATIENCE_S):
        while facts.busy or facts._out.statistics().current_buffer_used:  # noqa: ASYNC110 - as above
            await trio.sleep(0.01)


# -- what it serves -----------------------------------------------------------------------------------


async def test_its_routes_answer_as_long_as_it_is_enabled(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, with_greeter(mode)) as hall:
        answer = await hall.client().get("/plugins/greeter/hello/wang?x=1", headers={"cookie": "a=b"})
        assert answer.json() == {
            "hello": "wang",
            "word": "hello",
            "open": True,
            "by": None,
            "headers": ["accept", "accept-encoding", "connection", "host", "user-agent"],
        }
        assert (await hall.client().post("/plugins/greeter/notes", json={})).status_code == 401
        assert (await hall.as_admin.post("/plugins/greeter/notes", json={"a": 1})).json() == {"a": 1}
        assert (await hall.as_admin.post("/plugins/greeter/notes", content=b"x" * 1001)).status_code == 413
        assert (await hall.as_admin.post("/plugins/greeter/notes", content=b"no json")).status_code == 422
        agent = await hall.as_role("agent")
        assert (await agent.post("/plugins/greeter/notes", json={})).status_code == 403
        assert (await hall.as_admin.get("/plugins/greeter/notes")).status_code == 405
        assert (await hall.as_admin.get("/plugins/greeter/nothing")).status_code == 404
        for _ in range(4):
            answer = await hall.as_admin.post("/plugins/greeter/notes", json={})
        assert answer.status_code == 429
        pages = await get(hall, f"{BASE}/plugins/pages")
        assert [(page["plugin"], page["url"]) for page in pages] == [("greeter", "/plugins/greeter/")]
        await post(hall, f"{BASE}/plugins/greeter/disable")
        assert (await hall.client().get("/plugins/greeter/hello/wang")).json()["code"] == "no_plugin"
        assert await get(hall, f"{BASE}/plugins/pages") == []


# -- changes ------------------------------------------------------------------------------------------


async def test_a_plugin_is_enabled_and_disabled_in_a_running_hall_and_a_restart_knows(
    tmp_path: Path, mode: str
) -> None:
    toml = with_greeter(mode, enabled=False)
    async with running(tmp_path, toml) as hall:
        assert (await hall.take(phone="13911112222"))["customer_class"] == "easyown"
        about = await post(hall, f"{BASE}/plugins/greeter/enable")
        assert (about["state"], about["isolation"], about["version"]) == ("on", mode, "1.0")
        assert (await hall.take(phone="13911112222"))["customer_class"] == "gotone"
        (enabled,) = await records(hall, "plugin.enabled")
        assert enabled["data"] == {"by": "admin:admin", "plugin": "greeter", "version": "1.0"}
    async with running(tmp_path, toml) as hall:
        assert (await hall.take(phone="13911112222"))["customer_class"] == "gotone"
        await post(hall, f"{BASE}/plugins/greeter/disable")
        assert (await hall.take(phone="13911112222"))["customer_class"] == "easyown"
    async with running(tmp_path, toml) as hall:
        assert (await hall.take(phone="13911112222"))["customer_class"] == "easyown"
        plugins = {each["name"]: each["state"] for each in await get(hall, f"{BASE}/plugins")}
        assert plugins["greeter"] == "off"


async def test_a_disabled_plugin_of_hall_toml_stays_off_until_hall_toml_changes(
    tmp_path: Path, mode: str
) -> None:
    async with running(tmp_path, with_greeter(mode)) as hall:
        await post(hall, f"{BASE}/plugins/greeter/disable")
    async with running(tmp_path, with_greeter(mode)) as hall:
        assert "greeter" not in hall.node.plugins.entries
    async with running(tmp_path, with_greeter(mode, enabled=False)) as hall:
        assert "greeter" not in hall.node.plugins.entries
    async with running(tmp_path, with_greeter(mode)) as hall:
        assert "greeter" in hall.node.plugins.entries


async def test_it_is_configured_in_the_running_hall_and_no_secret_is_told(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, with_greeter(mode)) as hall:
        path = f"{BASE}/plugins/greeter/configure"
        about = await post(hall, path, {"changes": {"word": "ni hao"}})
        assert about["config"] == {"word": "ni hao", "crowd": 100, "token": "•••"}
        assert (await get(hall, "/plugins/greeter/hello/x"))["word"] == "ni hao"
        wrong = await post(hall, path, {"changes": {"crowd": "many"}}, 422)
        assert wrong["detail"] == "plugin.greeter.crowd: Expected `int`, got `str`"
        unknown = await post(hall, path, {"changes": {"wrod": "x"}}, 422)
        assert "wrod" in unknown["detail"]
        secret = await post(hall, path, {"changes": {"token": "x"}}, 422)
        assert "set it in hall.toml" in secret["detail"]
        assert (await get(hall, "/plugins/greeter/hello/x"))["word"] == "ni hao"
        changed = await records(hall, "plugin.configured")
        assert [record["data"]["changes"] for record in changed] == [{"word": "ni hao"}]
    async with running(tmp_path, with_greeter(mode)) as hall:
        assert (await get(hall, "/plugins/greeter/hello/x"))["word"] == "ni hao"
        await post(hall, path, {"changes": {"word": None}})
        assert (await get(hall, "/plugins/greeter/hello/x"))["word"] == "hello"
    async with running(tmp_path, with_greeter(mode, more='word = "salut"')) as hall:
        assert (await get(hall, "/plugins/greeter/hello/x"))["word"] == "salut"
    for file in (tmp_path / "data").rglob("*"):
        assert not file.is_file() or b"s3cret" not in file.read_bytes(), file


async def test_its_alert_rule_raises_and_clears(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, with_greeter(mode, more="crowd = 2")) as hall:
        first = await hall.take()
        await hall.take()
        await wait_for(lambda: records(hall, "alert.raised"), "raised")
        (raised,) = await records(hall, "alert.raised")
        assert {**raised["data"], "alert": ""} == {
            "by": "plugin:greeter",
            "alert": "",
            "kind": "plugin",
            "plugin": "greeter",
            "name": "crowd",
            "words": {"zh": "拥挤", "en": "Crowded"},
            "value": 2,
            "limit": 2,
        }
        await post(hall, f"{BASE}/tickets/{first['id']}/cancel", {})
        await wait_for(lambda: records(hall, "alert.cleared"), "cleared")


async def test_lines_for_displays_come_and_go(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, with_greeter(mode)) as hall:
        await hall.take()
        tending = hall.node.plugins.tending
        with trio.fail_after(PATIENCE_S):
            while not tending.lines:  # noqa: ASYNC110 - as above
                await trio.sleep(0.02)
        assert tending.lines[0].en == "1 wait"
        await post(hall, f"{BASE}/plugins/greeter/disable")
        with trio.fail_after(PATIENCE_S):
            while tending.lines:  # noqa: ASYNC110 - as above
                await trio.sleep(0.02)


async def test_a_device_that_it_knows_of_stands_in_the_hall_s_list_and_goes_with_it(
    tmp_path: Path, mode: str
) -> None:
    async with running(tmp_path, with_greeter(mode)) as hall:

        async def robot() -> list[dict[str, Any]]:
            devices = await get(hall, f"{BASE}/devices")
            return [device for device in devices if device["name"] == "greeter.robot-1"]

        await wait_for(robot, "listed")
        (device,) = await robot()
        assert (device["driver"], device["device_class"], device["place"]) == (
            "plugin greeter",
            "robot",
            "门口",
        )
        assert [(reading["kind"], reading["value"]) for reading in device["readings"]] == [("uses_today", 0)]

        async def reported() -> list[dict[str, Any]]:
            told = await records(hall, "device.status")
            return [record for record in told if record["data"]["by"] == "plugin:greeter"]

        await wait_for(reported, "reported")
        assert (await robot())[0]["status"] == "online"
        snapshot = await get(hall, f"{BASE}/hall")
        assert "greeter.robot-1" in [device["name"] for device in snapshot["devices"]]
        await post(hall, f"{BASE}/plugins/greeter/disable")
        with trio.fail_after(PATIENCE_S):
            while await robot():  # noqa: ASYNC110 - as above
                await trio.sleep(0.02)


async def test_a_follower_that_was_off_goes_on_where_it_stopped(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, with_greeter(mode)) as hall:
        await post(hall, f"{BASE}/counters/1/open", {"agent": "li"})
        await hall.take()
        await post(hall, f"{BASE}/counters/1/call-next")
        await wait_for(lambda: records(hall, "care.logged"), "the first")
        await post(hall, f"{BASE}/plugins/greeter/disable")
        await hall.take()
        await post(hall, f"{BASE}/counters/1/start")
        await post(hall, f"{BASE}/counters/1/finish", {})
        await post(hall, f"{BASE}/counters/1/call-next")
        assert len(await records(hall, "care.logged")) == 1
        await post(hall, f"{BASE}/plugins/greeter/enable")

        async def caught_up() -> bool:
            return (
                len(await records(hall, "care.logged")) == 2 and len(await records(hall, "plugin.noted")) == 1
            )

        await wait_for(caught_up, "the second call, and the end of service, were told")

        async def both_answered() -> Any:  # what a hook did is on record before it has returned
            about = next(each for each in await get(hall, f"{BASE}/plugins") if each["name"] == "greeter")
            return about if about["hooks"]["somc_record"]["calls"] >= 2 else None

        about = await wait_for(both_answered, "both records were taken")
        assert about["hooks"]["somc_record"]["calls"] == 2
        assert about["faults"] == 0


async def test_an_unknown_plugin_and_one_without_rights_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path, with_greeter(enabled=False)) as hall:
        refused = await post(hall, f"{BASE}/plugins/nobodys/enable", status=422)
        assert "the plugin 'nobodys' is not installed; installed: " in refused["detail"]
        for role in ("agent", "manager"):
            client = await hall.as_role(role)
            for act in ("enable", "disable", "reload", "configure"):
                answer = await client.post(f"{BASE}/plugins/greeter/{act}", json={"changes": {}})
                assert answer.status_code == 403, act
        assert (await (await hall.as_role("manager")).get(f"{BASE}/plugins")).status_code == 200
        assert (await (await hall.as_role("agent")).get(f"{BASE}/plugins")).status_code == 403
