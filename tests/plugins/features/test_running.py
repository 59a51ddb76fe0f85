"""The feature plugins in a hall that runs whole, against the CRM over TCP.

Nothing is faked: real SQLite, the hall's own server, the CRM of `examples/crm_server` on a port of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.plugins.features.crm_rig import GOLD, Crm, crm_server
from tests.server.live_rig import live
from tests.server.rig import HALL, Running, running

BASE = "/api/v1"
DEADLINE_S = 0.3
"""The hall's for identifying; a ticket is there soon after it."""

SLACK_S = 1.5
"""For the rest of taking a ticket on a machine that does other things as well."""

CRM = """
[plugins]
enabled = [{enabled}]

[plugin.crm.customers]
url = "{url}/customers/{{phone}}"
token = "demo-crm-token"
timeout_ms = 200
pause_s = 60
keep_s = 1

[[plugin.crm.rules]]
class = "gotone"
brand = ["gotone"]

[plugin.crm.history.complaints]
title = {{ zh = "投诉", en = "Complaint" }}
url = "{url}/complaints?phone={{phone}}"
token = "demo-crm-token"
items = "complaints"
open_states = ["open"]
at_take = true
keep_s = 0

[plugin.crm.history.hotline]
title = {{ zh = "热线", en = "Hotline" }}
url = "{url}/hotline?phone={{phone}}"
token = "demo-crm-token"
items = "contacts"
timeout_ms = 500
keep_s = 0

[plugin.crm.pages]
default = "{url}/page?phone={{phone}}&service={{service}}&counter={{counter}}"
"""

MARKETING = """
[plugin.marketing]
slip_default = {{ zh = "欢迎", en = "Welcome" }}
retry_s = 1

[plugin.marketing.source]
url = "{url}/offers?phone={{phone}}"
token = "demo-crm-token"
keep_s = 0
failures = 100
outcome_url = "{url}/offers/{{offer}}/outcomes"
"""


PATIENT = """
[plugin.marketing.host]
deadline_ms = 5000
"""
"""Where a deadline is not what is tested: a busy machine is late for the usual one."""


@asynccontextmanager
async def hall_with(
    folder: Path, *enabled: str, more: str = "", parts: tuple[str, ...] = (CRM,)
) -> AsyncIterator[tuple[Running, Crm]]:
    """A hall of the server's tests (GoTone and Easyown, three counters) with these plugins and a CRM."""
    async with crm_server() as crm:
        names = ", ".join(f'"{name}"' for name in enabled)
        tables = "".join(part.format(url=crm.url, enabled=names) for part in parts)
        async with running(
            folder, HALL.replace('customer_table = "customers.csv"\n', "") + tables + more
        ) as hall:
            yield hall, crm


async def look(hall: Running, path: str, role: str | None = None, **params: Any) -> Any:
    client = hall.as_admin if role is None else await hall.as_role(role)
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ticket_of(hall: Running, ticket: str) -> Any:
    return await look(hall, f"{BASE}/tickets/{ticket}")


async def until(check: Any) -> Any:
    """Ask again until there is something, as a follower takes its moment."""
    with trio.fail_after(10):
        while not (found := await check()):  # noqa: ASYNC110 # it is on the other side of HTTP
            await trio.sleep(0.02)
    return found


async def records_of(hall: Running, type: str, count: int = 1) -> list[dict[str, Any]]:
    async def there() -> list[dict[str, Any]]:
        found = [record for record in await hall.records() if record["type"] == type]
        return found if len(found) >= count else []

    records: list[dict[str, Any]] = await until(there)
    return records


# -- crm ------------------------------------------------------------------------------------------------


async def test_a_customer_is_known_before_they_sit_down(tmp_path: Path) -> None:
    """Q-04, IN-01 to IN-07: class by brand, the screen pop, the number's way, visits read back."""
    async with hall_with(tmp_path, "crm") as (hall, crm):
        first = await hall.take("payment", phone=GOLD)
        assert first["customer_class"] == "gotone"
        assert (await ticket_of(hall, first["id"]))["class_source"] == "crm"
        unknown = await hall.take("payment", phone="13911112222")
        assert unknown["customer_class"] == "easyown"
        assert (await ticket_of(hall, unknown["id"]))["class_source"] == "default (crm: unknown)"

        page = f"/plugins/crm/open/{first['id']}"
        agent = await hall.as_role("agent")
        assert (await agent.get(page)).status_code == 404, "nobody has called them yet"
        await hall.open_counter(1)
        called = await hall.at(1, "call-next")
        assert called["ticket"]["id"] == first["id"]

        card = await look(hall, f"{BASE}/tickets/{first['id']}/card", "agent")
        sections = {section["id"]: section for section in card["sections"]}
        rows = {row["label"]["en"]: row["value"] for row in sections["customer"]["rows"]}
        assert {rows["Name"], rows["Brand"], rows["VIP tier"]} == {"陈静", "全球通", "gold"}
        assert rows["Waited"] == "0 分钟 min"
        history = [(row["label"]["en"].split()[-1], row["tone"]) for row in sections["history"]["rows"]]
        assert history == [("Hotline", "plain"), ("Complaint", "bad"), ("Complaint", "plain")]
        assert card["late"] == []
        assert [prompt["id"] for prompt in card["prompts"]] == ["open_complaints"]
        assert GOLD not in str(card)

        assert sections["customer"]["link"] == page
        led = await agent.get(page, follow_redirects=False)
        assert led.status_code == 303
        assert led.headers["location"] == f"{crm.url}/page?phone={GOLD}&service=payment&counter=1"
        async with crm.client() as browser:
            assert "陈静" in (await browser.get(led.headers["location"])).text

        system = await hall.as_role("channel")
        read = (await system.post("/plugins/crm/visits", json={"phone": GOLD})).json()
        assert [(visit["service"], visit["state"], visit["counter"]) for visit in read["visits"]] == [
            ("payment", "called", 1)
        ]
        assert (await system.post("/plugins/crm/visits", json={})).status_code == 422
        assert (await agent.post("/plugins/crm/visits", json={"phone": GOLD})).status_code == 403
        for record in await hall.records():
            assert GOLD not in str(record)
            assert "陈静" not in str(record)


@pytest.mark.parametrize(
    ("mode", "why"),
    [("slow", "slow"), ("hang", "slow"), ("dead", "down"), ("error", "down"), ("wrong", "wrong")],
)
async def test_whatever_the_crm_does_tickets_go_on(tmp_path: Path, mode: str, why: str) -> None:
    """The demo made slow, wrong and dead: every ticket within the deadline, and the record says why."""
    async with hall_with(tmp_path, "crm") as (hall, crm):
        crm.turn(mode)
        sources = []
        for number in range(5):
            begun = trio.current_time()
            taken = await hall.take("payment", phone=f"1380013800{number}")
            assert trio.current_time() - begun < DEADLINE_S + SLACK_S
            assert taken["customer_class"] == "easyown"
            sources.append((await ticket_of(hall, taken["id"]))["class_source"])
        # On a machine that is busy elsewhere the hall's deadline may come before the plugin's own.
        assert set(sources[:3]) <= {f"default (crm: {why})", "default (no answer: crm)"}, sources
        assert sources[3:] == ["default (crm: paused)"] * 2
        assert sum(crm.server.seen.requests.values()) <= 6, "three of the CRM, three of complaints"


async def test_twenty_customers_at_once_while_the_crm_hangs(tmp_path: Path) -> None:
    async with hall_with(tmp_path, "crm") as (hall, crm):
        crm.turn("hang")
        numbers: list[str] = []

        async def take(number: int) -> None:
            numbers.append((await hall.take("payment", phone=f"139000000{number:02d}"))["number"])

        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(take, number)
        assert trio.current_time() - begun < DEADLINE_S + 3 * SLACK_S
        assert len(set(numbers)) == 20


async def test_a_history_that_is_late_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    """IN-03."""
    async with hall_with(tmp_path, "crm") as (hall, crm):
        ticket = (await hall.take("payment", phone=GOLD))["id"]
        crm.turn("hang", only="/complaints")
        card = await look(hall, f"{BASE}/tickets/{ticket}/card", "floor")
        late = [section["source"] for section in card["sections"] if section["late"]]
        assert late == ["complaints"]
        history = next(section for section in card["sections"] if section["id"] == "history")
        assert [row["label"]["en"].split()[-1] for row in history["rows"]] == ["Hotline"]


async def test_a_card_survives_a_restart(tmp_path: Path) -> None:
    async with hall_with(tmp_path, "crm") as (hall, _):
        ticket = (await hall.take("payment", phone=GOLD))["id"]
    async with hall_with(tmp_path, "crm") as (hall, crm):
        crm.turn("dead")
        card = await look(hall, f"{BASE}/tickets/{ticket}/card", "agent")
        rows = {row["label"]["en"]: row["value"] for row in card["sections"][0]["rows"]}
        assert rows["Brand"] == "全球通", "as it was known when the ticket was taken"


async def test_a_crm_plugin_in_a_process_of_its_own_does_the_same(tmp_path: Path) -> None:
    own = '\n[plugin.crm.host]\nisolation = "process"\n'
    async with hall_with(tmp_path, "crm", more=own) as (hall, crm):
        ticket = (await hall.take("payment", phone=GOLD))["id"]
        card = await look(hall, f"{BASE}/tickets/{ticket}/card", "agent")
        assert [section["id"] for section in card["sections"]] == ["customer", "history"]
        assert [prompt["id"] for prompt in card["prompts"]] == ["open_complaints"]
        crm.turn("hang")
        assert (await hall.take("payment", phone="13800138001"))["customer_class"] == "easyown"


# -- marketing --------------------------------------------------------------------------------------------


async def test_an_offer_goes_its_way_and_a_refused_one_never_comes_again(tmp_path: Path) -> None:
    """MK-01 to MK-05."""
    parts = (CRM, MARKETING, PATIENT)
    async with hall_with(tmp_path, "crm", "marketing", parts=parts) as (hall, crm):
        taken = await hall.take("payment", phone=GOLD)
        ticket = taken["id"]
        assert [line["en"].split(":")[0] for line in taken["slip"]][-1] == "Move to the 128 plan"
        plain = await hall.take("payment", phone="13911112222")
        assert plain["slip"][-1]["en"] == "Welcome"
        await hall.open_counter(1)
        await hall.at(1, "call-next")
        card = await look(hall, f"{BASE}/tickets/{ticket}/card", "agent")
        offers = {offer["id"]: offer for offer in card["offers"]}
        assert list(offers) == ["gotone-128", "broadband-300"]
        assert offers["gotone-128"]["script"][0]["zh"].startswith("您现在使用的是全球通88套餐")
        second = await look(hall, f"{BASE}/counters/1/second", "agent")
        assert second["panels"][0]["title"]["en"] == "Move to the 128 plan"

        shown = await records_of(hall, "offer.outcome", 2)
        assert {record["data"]["outcome"] for record in shown} == {"shown"}
        agent = await hall.as_role("agent")
        crm.turn("dead")  # the marketing system is away, and must still hear of it
        answer = await agent.post(f"{BASE}/tickets/{ticket}/offers/gotone-128", json={"outcome": "refused"})
        assert answer.status_code == 200
        crm.turn("ok")

        async def heard() -> bool:
            told = {key: kept["outcome"] for key, kept in crm.server.book.outcomes.items()}
            return told == {f"{ticket}/gotone-128": "refused", f"{ticket}/broadband-300": "shown"}

        await until(heard)
        assert crm.server.book.outcomes[f"{ticket}/gotone-128"]["phone"] == GOLD
        counted = (await look(hall, "/plugins/marketing/results", "manager"))["offers"]
        assert counted["gotone-128"] == {"shown": 1, "refused": 1}

        again = (await hall.take("business", phone=GOLD))["id"]
        offered = (await look(hall, f"{BASE}/tickets/{again}/card", "agent"))["offers"]
        assert offered == [], "one was refused, the other shown today"
        said = await agent.put(f"/plugins/marketing/tickets/{again}/consent", json={"consent": False})
        assert said.json() == {"consent": False}


async def test_a_campaign_s_script_speaks_of_the_plan_that_the_crm_knows(tmp_path: Path) -> None:
    """MK-05."""
    file = tmp_path / "campaigns.toml"
    file.write_text(
        """
[[offer]]
id = "gotone-128"
title = { zh = "升级", en = "Upgrade" }
text = { zh = "半价", en = "Half price" }
script = [{ zh = "您用的是{plan}", en = "You are on {plan}, {brand}" }]
""",
        encoding="utf-8",
    )
    campaign = f"\n[plugin.marketing]\ncampaigns = '{file}'\n"
    async with hall_with(tmp_path, "crm", "marketing", parts=(CRM, campaign)) as (hall, _):
        ticket = (await hall.take("payment", phone=GOLD))["id"]

        async def spoken() -> bool:
            (offer,) = (await look(hall, f"{BASE}/tickets/{ticket}/card", "agent"))["offers"]
            return bool(offer["script"][0]["en"] == "You are on 全球通88套餐, 全球通")

        await until(spoken)


async def test_an_outcome_waits_on_disk_until_the_marketing_system_has_heard(tmp_path: Path) -> None:
    parts = (CRM, MARKETING)
    async with hall_with(tmp_path, "crm", "marketing", parts=parts) as (hall, crm):
        ticket = (await hall.take("payment", phone=GOLD))["id"]
        crm.turn("dead")
        told = {"outcome": "accepted"}
        answer = await hall.as_admin.post(f"{BASE}/tickets/{ticket}/offers/gotone-128", json=told)
        assert answer.status_code == 200
        await until_counted(hall, {"gotone-128": {"accepted": 1}})
    async with hall_with(tmp_path, "crm", "marketing", parts=parts) as (hall, crm):

        async def heard() -> Any:
            return crm.server.book.outcomes.get(f"{ticket}/gotone-128")

        heard_of = await until(heard)
        assert (heard_of["outcome"], heard_of["hall"]) == ("accepted", "somc/shoudu/xicheng/xidan")
        await until_counted(hall, {"gotone-128": {"accepted": 1}})


async def until_counted(hall: Running, expected: Any) -> None:
    async def counted() -> bool:
        return (await look(hall, "/plugins/marketing/results", "manager"))["offers"] == expected

    await until(counted)


# -- care -------------------------------------------------------------------------------------------------

CARE = """
[plugin.care]
divert_after_s = 60

[plugin.care.machines.pay-1]
title = {{ zh = "1号缴费终端", en = "Terminal 1" }}
services = ["payment"]

[plugin.care.online.payment]
how = {{ zh = "发送 CZ 到 10086", en = "Send CZ to 10086" }}
"""


async def test_care_before_while_and_after(tmp_path: Path) -> None:
    """CA-01 to CA-07."""
    async with hall_with(tmp_path, "crm", "care", parts=(CRM, CARE)) as (hall, _):
        advice = await look(hall, f"{BASE}/services/payment/advice", "kiosk")
        assert advice == [], "the machine has not reported yet"
        machine = await hall.as_role("device")
        said = await machine.post("/plugins/care/machines/pay-1", json={"state": "working", "uses": 7})
        assert said.status_code == 204

        async def listed() -> Any:
            devices = {each["name"]: each for each in await look(hall, f"{BASE}/devices", "manager")}
            terminal = devices.get("care.pay-1", {"readings": []})
            uses = [reading["value"] for reading in terminal["readings"]]
            return terminal if uses == [7] else None

        terminal = await until(listed)
        assert (terminal["status"], terminal["device_class"]) == ("online", "self_service")
        told = [record["data"] for record in await records_of(hall, "device.status")]
        assert ("plugin:care", "care.pay-1", "online") in [
            (data["by"], data["device"], data["status"]) for data in told
        ]
        assert (await machine.post("/plugins/care/machines/no", json={"state": "working"})).status_code == 404
        assert (await machine.post("/plugins/care/machines/pay-1", json={"state": "?"})).status_code == 422
        advice = await look(hall, f"{BASE}/services/payment/advice", "kiosk")
        assert [(each["kind"], each["target"]) for each in advice] == [("divert", "pay-1")]
        kiosk = await hall.as_role("kiosk")
        gone = {"kind": "self_service", "to": "pay-1"}
        assert (await kiosk.post(f"{BASE}/services/payment/divert", json=gone)).status_code == 200

        taken = await hall.take("payment", phone=GOLD)
        assert taken["slip"][-1]["en"] == "Send CZ to 10086"
        floor = await hall.as_role("floor", subject="chen")
        page = await floor.get("/plugins/care/")
        assert "page.js" in page.text
        assert page.headers["content-type"].startswith("text/html")
        waiting = (await floor.get("/plugins/care/customers")).json()["customers"]
        assert [(line["number"], line["why"], line["brand"]) for line in waiting] == [
            ("A001", ["complaint", "vip"], "全球通")
        ]
        given = {"ticket": taken["id"], "kind": "致歉 apology", "note": "waits for the manager"}
        assert (await floor.post("/plugins/care/care", json=given)).status_code == 200
        logged = (await records_of(hall, "care.logged"))[0]["data"]
        assert (logged["kind"], logged["agent"], logged["by"]) == ("致歉 apology", "chen", "plugin:care")
        nobody = await floor.post("/plugins/care/care", json={**given, "ticket": "t9"})
        assert nobody.status_code == 404
        with_number = await floor.post("/plugins/care/care", json={**given, "note": f"call {GOLD}"})
        assert with_number.status_code == 422

        await hall.take("payment", phone=GOLD)  # comes again for what can be done online

        async def reported() -> Any:
            report = await look(hall, "/plugins/care/report", "manager")
            return report if report["returned"] and report["cares"] else None

        report = await until(reported)
        assert report["diverted"] == {"self_service": 1}
        assert report["to"] == {"pay-1": 1}
        assert report["told_online"] == {"payment": 2}
        assert report["returned"] == {"payment": 1}
        assert report["machine_uses_today"] == {"pay-1": 7}
        waits = (await hall.client().get("/plugins/care/waits")).json()
        assert set(waits) == {"payment", "business", "repair"}


async def test_a_plugin_s_devices_come_and_go_on_pages_that_stand_open(tmp_path: Path) -> None:
    """CA-06: also when no record tells of one, whose health is what it was before the plugin went."""

    async def told(names: list[str]) -> list[tuple[str, str]]:
        with trio.fail_after(10):
            await page.until(lambda m: m["op"] == "figures" and m["figures"]["devices"] == names)
        await page.subscribe(after={"epoch": "", "seq": 0})  # as a page does that does not know what it is
        return shown((await page.op("snapshot"))["state"])

    def shown(state: Any) -> list[tuple[str, str]]:
        return [(device["name"], device["device_class"]) for device in state["devices"]]

    async with hall_with(tmp_path, "care", parts=(ALONE, CARE)) as (hall, _):
        await records_of(hall, "device.status")
        async with live(hall, hall.admin) as page:
            await page.subscribe()
            assert shown((await page.op("snapshot"))["state"]) == [("care.pay-1", "self_service")]
            assert (await hall.as_admin.post(f"{BASE}/plugins/care/disable", json={})).status_code == 200
            assert await told([]) == []
            assert (await hall.as_admin.post(f"{BASE}/plugins/care/enable", json={})).status_code == 200
            assert await told(["care.pay-1"]) == [("care.pay-1", "self_service")]
        assert len(await records_of(hall, "device.status")) == 1


async def test_an_idler_hall_near_by_is_named_while_it_answers(tmp_path: Path) -> None:
    """CA-04: two real halls, one with nobody waiting, one full."""
    async with hall_with(tmp_path / "idle", "care", parts=(ALONE,)) as (idle, _):
        await idle.open_counter(1)
        near = f"""
[plugin.care]
divert_after_s = 60
nearer_by_s = 60

[plugin.care.near.xisi]
title = {{{{ zh = "西四厅", en = "Xisi Hall" }}}}
url = "{idle.url}/plugins/care/waits"
"""
        async with hall_with(tmp_path / "full", "care", parts=(ALONE, near)) as (full, _):
            await full.open_counter(1)
            for _ in range(4):
                await full.take("payment")

            async def advised() -> Any:
                return await look(full, f"{BASE}/services/payment/advice", "kiosk")

            advice = await until(advised)
            assert [(each["kind"], each["target"]) for each in advice] == [("other_hall", "xisi")]
            assert advice[0]["words"]["en"].startswith("Xisi Hall: a wait of about")


HALLS = """
[directory]
datum = "WGS-84"

[hall.xisi]
name = { zh = "西四厅", en = "Xisi Hall" }
address = { zh = "西四大街 8 号", en = "8 Xisi Street" }
latitude = 39.92
longitude = 116.37
url = "http://127.0.0.1:9"
org = "somc/shoudu/xicheng/xidan"

[hall.full]
name = "Full Hall"
latitude = 39.91
longitude = 116.37
url = "http://127.0.0.1:9"
"""


async def test_near_halls_are_those_of_the_company_s_directory(tmp_path: Path) -> None:
    """CA-04: no hall is named in hall.toml; `GET /public/halls` of a real hall says which there are."""
    idle_home = tmp_path / "idle"
    idle_home.mkdir()
    (idle_home / "halls.toml").write_text(HALLS, encoding="utf-8")
    public = '\n[public]\nqueue = true\nhalls = "halls.toml"\n'
    async with hall_with(idle_home, "care", parts=(ALONE, public)) as (idle, _):
        await idle.open_counter(1)
        care = f"""
[plugin.care]
divert_after_s = 60
nearer_by_s = 60

[plugin.care.directory]
url = "{idle.url}/api/v1/public/halls?service={{{{service}}}}&latitude=39.91&longitude=116.37"
here = "full"
"""
        async with hall_with(tmp_path / "full", "care", parts=(ALONE, care)) as (full, _):
            await full.open_counter(1)
            for _ in range(4):
                await full.take("payment")

            async def advised() -> Any:
                return await look(full, f"{BASE}/services/payment/advice", "kiosk")

            (advice,) = await until(advised)
            assert (advice["kind"], advice["target"]) == ("other_hall", "xisi")
            assert advice["words"]["en"].startswith("Xisi Hall: a wait of about")
            assert advice["words"]["en"].endswith("8 Xisi Street")


FOLLOW_UP = """
[plugin.care]
follow_up = {{ default = "after_service" }}

[plugin.evaluation]
template = "evaluation"
link = "https://hall.example/plugins/evaluation/r/{{code}}"

[template.after_service]
text = {{ zh = "{{number}} 号，感谢光临", en = "{{number}}, thank you" }}

[template.evaluation]
text = {{ zh = "请评价：{{link}}", en = "How was it? {{link}}" }}
"""


async def test_after_the_service_a_message_asks_and_its_page_takes_one_answer(tmp_path: Path) -> None:
    """CA-07 and HW-14."""
    async with hall_with(tmp_path, "care", "evaluation", parts=(ALONE, FOLLOW_UP)) as (hall, _):
        await hall.open_counter(1)
        ticket = (await hall.take("payment", phone=GOLD))["id"]
        for act in ("call-next", "start", "finish"):
            await hall.at(1, act)
        queued = await records_of(hall, "message.queued", 2)
        assert {record["data"]["template"] for record in queued} == {"after_service", "evaluation"}
        words = [
            (await look(hall, f"{BASE}/messages/{record['data']['message']}", "manager"))["text"]
            for record in queued
        ]
        link = next(text for text in words if "请评价" in text).split("：")[-1]
        path = link.removeprefix("https://hall.example")
        nobody = hall.client()
        assert "A001" in (await nobody.get(path)).text
        assert (await nobody.post(path, content="score=9")).status_code == 404
        assert "谢谢" in (await nobody.post(path, content="score=4")).text
        assert (await nobody.post(path, content="score=1")).status_code == 404, "one answer"
        rated = (await records_of(hall, "ticket.rated"))[0]["data"]
        assert (rated["ticket"], rated["score"], rated["source"]) == (ticket, 4, "message")


# -- scripts, evaluation, handover -------------------------------------------------------------------------

ALONE = "\n[plugins]\nenabled = [{enabled}]\n"


def text(level: str, zh: str, en: str, **place: Any) -> dict[str, Any]:
    return {
        "place": {"level": level, "moment": "greet", **place},
        "steps": [{"zh": zh, "en": en}],
        "approved_on": "2026-01-01",
        "approved_by": "wu",
    }


async def test_a_hall_s_script_stands_before_the_company_s_and_readers_are_known(tmp_path: Path) -> None:
    """SC-01 to SC-03."""
    async with hall_with(tmp_path, "scripts", parts=(ALONE,)) as (hall, _):
        org = "somc/shoudu/xicheng/xidan"
        ticket = (await hall.take("payment"))["id"]

        async def spoken() -> list[str]:
            card = await look(hall, f"{BASE}/tickets/{ticket}/card", "agent")
            return [step["en"] for prompt in card["prompts"] for step in prompt["steps"]]

        loaded = await hall.as_admin.put("/plugins/scripts/library", json=[text("somc", "您好", "Good day")])
        assert loaded.status_code == 200, loaded.text
        assert await spoken() == ["Good day"]
        manager, agent = await hall.as_role("manager"), await hall.as_role("agent", subject="li")
        above = await manager.post("/plugins/scripts/entries", json=text("somc", "喂", "Hey"))
        assert above.status_code == 403
        (id,) = loaded.json()["ids"]
        assert (await agent.post(f"/plugins/scripts/entries/{id}/read")).status_code == 204
        await hall.as_admin.put("/plugins/scripts/library", json=[text("somc", "您好", "Good day")])
        who = (await manager.get(f"/plugins/scripts/entries/{id}/readers")).json()
        assert (who["version"], list(who["readers"])) == (1, ["li"]), "loaded again it is no new version"
        ours = await manager.post("/plugins/scripts/entries", json=text(org, "欢迎", "Welcome"))
        entry = f"/plugins/scripts/entries/{ours.json()['id']}"
        assert await spoken() == ["Welcome"]
        assert (await agent.post(f"{entry}/read")).status_code == 204
        who = (await manager.get(f"{entry}/readers")).json()
        assert (who["version"], list(who["readers"])) == (1, ["li"])
        counting = (await agent.get("/plugins/scripts/in-force", params={"service": "payment"})).json()
        assert [each["read"] for each in counting] == [True]
        await manager.post("/plugins/scripts/entries", json=text(org, "欢迎光临", "Welcome to us"))
        assert (await manager.get(f"{entry}/readers")).json() == {"version": 2, "readers": {}}
        assert (await manager.delete(entry)).status_code == 204
        assert await spoken() == ["Good day"], "the inherited one is back"
        noted = await records_of(hall, "plugin.noted", 4)
        assert [record["data"]["kind"] for record in noted].count("script_published") == 3
        assert "page.js" in (await agent.get("/plugins/scripts/")).text
    async with hall_with(tmp_path, "scripts", parts=(ALONE,)) as (hall, _):
        library = await look(hall, "/plugins/scripts/library", "agent")
        assert len(library["entries"]) == 2, "it is on disk"


async def test_ratings_and_surveys_are_one_score_and_a_bad_one_is_an_alert(tmp_path: Path) -> None:
    """RP-17 and HW-14."""
    async with hall_with(tmp_path, "evaluation", parts=(ALONE,)) as (hall, _):
        await hall.open_counter(1)
        for score in (5, 1):
            ticket = (await hall.take("payment"))["id"]
            for act in ("call-next", "start", "finish"):
                await hall.at(1, act)
            body = {"score": score, "scale": 5, "source": "evaluator"}
            rated = await hall.as_admin.post(f"{BASE}/tickets/{ticket}/rate", json=body)
            assert rated.status_code == 200, rated.text

        async def two() -> Any:
            found = await look(hall, "/plugins/evaluation/scores", "manager")
            return found if found["answers"] == 2 else None

        found = await until(two)
        assert found["score"] == 50.0
        assert found["by_agent"]["agent-1"]["answers"] == 2
        assert found["by_service"]["payment"]["score"] == 50.0
        alerts = (await look(hall, f"{BASE}/alerts", "manager"))["alerts"]
        assert len([alert for alert in alerts if "A002" in str(alert)]) == 1
        manager = await hall.as_role("manager")
        survey = {"id": "q1", "day": "2026-03-02", "answers": 2, "score": 90}
        assert (await manager.post("/plugins/evaluation/surveys", json=survey)).status_code == 201
        assert (await look(hall, "/plugins/evaluation/scores", "manager"))["score"] == 70.0


async def test_announcements_reach_those_they_are_for_and_notes_the_next_shift(tmp_path: Path) -> None:
    """HA-04."""
    async with hall_with(tmp_path, "handover", parts=(ALONE,)) as (hall, _):
        manager, agent = await hall.as_role("manager"), await hall.as_role("agent", subject="li")
        floor = await hall.as_role("floor")
        notice = {
            "title": {"zh": "今日系统升级", "en": "Upgrade today"},
            "text": {"zh": "20:00 起", "en": "from 20:00"},
            "from": "2020-01-01T00:00:00+08:00",
            "until": "2099-01-01T00:00:00+08:00",
            "to": ["agent"],
            "urgent": True,
        }
        made = await manager.post("/plugins/handover/notices", json=notice)
        assert made.status_code == 201, made.text
        backwards = {**notice, "until": "2019-01-01T00:00:00+08:00"}
        assert (await manager.post("/plugins/handover/notices", json=backwards)).status_code == 422
        assert (await agent.post("/plugins/handover/notices", json=notice)).status_code == 403
        path = f"/plugins/handover/notices/{made.json()['id']}"
        assert [each["read"] for each in (await agent.get("/plugins/handover/board")).json()["notices"]] == [
            False
        ]
        assert (await floor.get("/plugins/handover/board")).json()["notices"] == []
        assert (await agent.post(f"{path}/read")).status_code == 204
        assert list((await manager.get(f"{path}/readers")).json()["readers"]) == ["li"]
        ticket = (await hall.take("payment"))["id"]
        prompts = (await look(hall, f"{BASE}/tickets/{ticket}/card", "agent"))["prompts"]
        assert [prompt["words"]["en"] for prompt in prompts] == ["Upgrade today"]

        note = await agent.post("/plugins/handover/notes", json={"text": "打印机缺纸"})
        assert [each["text"] for each in (await floor.get("/plugins/handover/board")).json()["notes"]] == [
            "打印机缺纸"
        ]
        await agent.post(f"/plugins/handover/notes/{note.json()['id']}/done")
        await manager.delete(path)
        board = (await agent.get("/plugins/handover/board")).json()
        assert (board["notices"], board["notes"]) == ([], [])


async def test_the_visits_of_a_page_need_its_role(tmp_path: Path) -> None:
    async with hall_with(tmp_path, "care", "handover", "scripts", parts=(ALONE,)) as (hall, _):
        for name in ("care", "handover", "scripts"):
            for client in (hall.client(), await hall.as_role("kiosk")):
                answer: httpx.Response = await client.get(f"/plugins/{name}/")
                assert answer.status_code in (401, 403)
        pages = await look(hall, f"{BASE}/plugins/pages", "floor")
        assert [page["url"] for page in pages] == ["/plugins/care/", "/plugins/handover/"]
