"""The feature plugins over days, in the hall of `somc.testing`, whose clock is turned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from somc.api import Done, SendMessage
from somc.testing.hall import FakeHall, hall_with
from tests.plugins.features.crm_rig import GOLD, crm_server

OFFER = """
[[offer]]
id = "plan-88"
title = { zh = "88套餐", en = "The 88 plan" }
text = { zh = "首月半价", en = "The first month at half price" }
valid_until = 2026-04-20T00:00:00+08:00
"""
CARE = {
    "divert_after_s": 60,
    "machines": {"pay-1": {"title": {"zh": "终端", "en": "Terminal"}, "services": ["payment"]}},
    "online": {"payment": {"how": {"zh": "发短信", "en": "Send a message"}}},
    "return_days": 10,
}


async def ask(hall: FakeHall, method: str, path: str, body: Any = None, **more: Any) -> Any:
    """One of the plugin's routes as a manager; what it answers."""
    content = b"" if body is None else msgspec.json.encode(body)
    fields = {"subject": "wu", "roles": ["manager"], **more}
    answer = await hall.request(method, path, body=content, **fields)
    await hall.settle()
    assert answer.status < 300, answer
    return answer.body


async def prompts(hall: FakeHall, ticket: str) -> list[str]:
    return [prompt.words.en for _, prompt in (await hall.card(ticket)).prompts]


async def test_a_birthday_is_one_on_its_day_of_the_hall_s_clock() -> None:
    """CA-07."""
    async with crm_server() as crm:
        settings = {"customers": crm.customers()}
        for at, expected in (
            ("2026-06-11 23:59", []),
            ("2026-06-12 00:01", ["It is the customer's birthday"]),
        ):
            async with hall_with("crm", settings=settings, at=at) as hall:
                said = await prompts(hall, await hall.take(phone=GOLD))
                assert [words.split(":")[0] for words in said] == expected
                assert hall.faults() is None


async def test_a_crm_that_is_down_is_an_alert_until_it_answers_again() -> None:
    """IN-10 in small: each system and how it does."""
    async with crm_server() as crm:
        settings = {"customers": crm.customers(failures=2, pause_s=1, keep_s=0)}
        async with hall_with("crm", settings=settings) as hall:

            async def state() -> Any:
                await hall.lines()
                (system,) = (await ask(hall, "GET", "/systems"))["systems"]
                standing = len(await hall.records("alert.raised")) - len(await hall.records("alert.cleared"))
                return system["state"], system["failure"], standing

            assert await state() == ("not_asked", None, 0)
            crm.turn("dead")
            await hall.take(phone=GOLD)
            assert await state() == ("failing", "down", 0)
            await hall.take(phone=GOLD)
            assert await state() == ("paused", "down", 1)
            crm.turn("ok")
            crm_is_tried_again(hall)
            await hall.take(phone=GOLD)
            assert await state() == ("connected", None, 0)


def crm_is_tried_again(hall: FakeHall) -> None:
    """Its pause, which is of the machine's time and not of the hall's, is over."""
    (source,) = hall.host.entries["crm"].runner.context.state.sources
    source.breaker._open_until = 0.0


async def test_offers_keep_to_their_caps_over_days(tmp_path: Path) -> None:
    """MK-02 and MK-04."""
    (tmp_path / "offers.toml").write_text(OFFER, encoding="utf-8")
    settings = {"campaigns": str(tmp_path / "offers.toml"), "caps": {"again_after_days": 7}}
    async with hall_with("marketing", settings=settings) as hall:
        line = ["The 88 plan: The first month at half price"]

        async def comes() -> tuple[str, list[str]]:
            ticket = await hall.take(phone=GOLD)
            return ticket, hall.slip_of(ticket)

        ticket, slip = await comes()
        assert slip == line
        assert [panel.title.en for panel in await hall.second_screen(ticket)] == ["The 88 plan"]
        await hall.serve()
        shown = [record.data["outcome"] for record in await hall.records("offer.outcome")]
        assert shown == ["shown"]
        await hall.turn("24h")
        assert (await comes())[1] == [], "shown yesterday"
        await hall.turn("150h")
        ticket, slip = await comes()
        assert slip == line, "a week later it comes again"
        await hall.do("tickets.offer", ticket=ticket, offer="plan-88", outcome="refused")
        await hall.turn("480h")
        assert (await comes())[1] == [], "refused"
        assert hall.slip_of(await hall.take(phone="13911112222")) == line, "somebody else"
        await hall.turn("720h")
        assert hall.slip_of(await hall.take(phone="13911113333")) == [], "the campaign is over"
        assert (await ask(hall, "GET", "/results"))["offers"] == {"plan-88": {"shown": 1, "refused": 1}}
        assert hall.faults() is None


async def test_whom_nothing_was_offered_for_long_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "offers.toml").write_text(OFFER.replace("2026-04-20", "2026-12-31"), encoding="utf-8")
    settings = {"campaigns": str(tmp_path / "offers.toml"), "forget_days": 40}
    async with hall_with("marketing", settings=settings) as hall:
        ticket = await hall.take(phone=GOLD)
        await hall.do("tickets.offer", ticket=ticket, offer="plan-88", outcome="refused")
        await hall.turn("936h")
        assert hall.slip_of(await hall.take(phone=GOLD)) == []
        await hall.turn("48h")
        await hall.take(phone="13911112222")  # a day begins
        assert hall.slip_of(await hall.take(phone=GOLD)) != []
        assert hall.faults() is None


async def test_whoever_wants_no_offers_gets_none(tmp_path: Path) -> None:
    (tmp_path / "offers.toml").write_text(OFFER, encoding="utf-8")
    async with hall_with("marketing", settings={"campaigns": str(tmp_path / "offers.toml")}) as hall:
        ticket = await hall.take(phone=GOLD)
        assert hall.slip_of(ticket) != []
        await ask(hall, "PUT", f"/tickets/{ticket}/consent", {"consent": False})
        assert (await prompts(hall, ticket), await hall.second_screen(ticket)) == ([], []), "at once"
        assert hall.slip_of(await hall.take(phone=GOLD)) == []
        await hall.serve()
        assert await hall.records("offer.outcome") == [], "nothing was shown"
        await ask(hall, "PUT", f"/tickets/{ticket}/consent", {"consent": True})
        assert hall.slip_of(await hall.take(phone=GOLD)) != []


@pytest.mark.parametrize("mode", ["ok", "dead"])
async def test_a_campaign_offers_nothing_to_whom_the_source_does_not_say_consents(
    mode: str, tmp_path: Path
) -> None:
    """MK-02."""
    (tmp_path / "offers.toml").write_text(OFFER, encoding="utf-8")
    async with crm_server() as crm:
        source = {"url": f"{crm.url}/offers?phone={{phone}}", "token": crm.server.token}
        settings = {"campaigns": str(tmp_path / "offers.toml"), "source": source}
        async with hall_with("marketing", settings=settings) as hall:
            assert hall.slip_of(await hall.take(phone=GOLD)) != []
            crm.turn(mode)
            assert hall.slip_of(await hall.take(phone="13911112222")) == []
            assert hall.slip_of(await hall.take()) != [], "nobody's consent is asked"


async def test_a_machine_that_falls_silent_is_not_spoken_of() -> None:
    """CA-06."""
    async with hall_with("care", settings=CARE) as hall:
        await ask(hall, "POST", "/machines/pay-1", {"state": "working", "uses": 3}, roles=["device"])
        assert [advice.target for advice in await hall.advice("payment")] == ["pay-1"]
        await hall.turn("181s")
        assert await hall.advice("payment") == []
        await hall.lines()
        (alert,) = await hall.records("alert.raised")
        assert "fallen silent" in alert.data["words"]["en"]
        (machine,) = (await ask(hall, "GET", "/machines"))["machines"]
        assert (machine["state"], machine["works"], machine["uses_today"]) == ("unknown", False, 3)
        await hall.turn("24h")
        (machine,) = (await ask(hall, "GET", "/machines"))["machines"]
        assert machine["uses_today"] == 0, "another day"


async def test_quiet_hours_are_learnt_and_said_when_the_wait_is_long() -> None:
    """CA-04."""
    async with hall_with("care", settings=CARE, at="2026-03-02 09:00") as hall:
        await hall.do("counters.open", counter=1, agent="li")
        for _ in range(6):  # days: four come at nine, one at one, three at three
            for hours, people in ((4, 4), (2, 1), (18, 3)):
                for _ in range(people):
                    await hall.take()
                while await hall.serve() is not None:
                    pass
                await hall.turn(f"{hours}h")
        assert await hall.advice("payment") == []
        for _ in range(3):
            await hall.take()
        await hall.turn("1min")
        said = [(advice.kind, advice.target) for advice in await hall.advice("payment")]
        assert said == [("quiet_hours", "10:00–12:00")]
        assert [words.en for words in await hall.lines()] == ["It is usually quiet from 10:00–12:00"]
        assert hall.faults() is None


async def test_who_comes_back_for_what_can_be_done_online_is_counted_within_its_days() -> None:
    """CA-05."""
    async with hall_with("care", settings=CARE) as hall:
        for wait in ("24h", "264h", "1min"):  # comes back the next day, then eleven days later
            ticket = await hall.take(phone=GOLD)
            assert hall.slip_of(ticket) == ["Send a message"]
            await hall.serve()
            await hall.turn(wait)
        await hall.take("repair", phone=GOLD)
        report = await ask(hall, "GET", "/report")
        assert report["told_online"] == {"payment": 3}
        assert report["returned"] == {"payment": 1}
        assert hall.faults() is None


async def test_a_script_counts_from_the_day_of_its_approval() -> None:
    """SC-01."""
    async with hall_with("scripts") as hall:
        draft = {
            "place": {"level": "test/hall", "moment": "greet"},
            "steps": [{"zh": "早上好", "en": "Good morning"}],
            "approved_on": "2026-03-03",
            "approved_by": "wu",
        }
        await ask(hall, "POST", "/entries", draft)
        ticket = await hall.take()
        assert await prompts(hall, ticket) == []
        await hall.turn("16h")
        assert await prompts(hall, await hall.take()) == ["Greeting"]


async def test_two_texts_published_at_one_instant_are_two_versions() -> None:
    async with hall_with("scripts") as hall:

        async def publish(said: str) -> None:
            draft = {
                "place": {"level": "test/hall", "moment": "greet"},
                "steps": [{"zh": said, "en": said}],
                "approved_on": "2026-03-02",
                "approved_by": "wu",
            }
            body = msgspec.json.encode(draft)
            answer = await hall.request("POST", "/entries", body=body, subject="wu", roles=["manager"])
            assert answer.status == 201

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(publish, f"text {number}")
        (entry,) = (await ask(hall, "GET", "/library"))["entries"]
        assert [version["number"] for version in entry["versions"]] == [1, 2, 3, 4, 5]
        assert {version["steps"][0]["en"] for version in entry["versions"]} == {
            f"text {number}" for number in range(5)
        }
        notes = [record.data["data"]["version"] for record in await hall.records("plugin.noted")]
        assert sorted(notes) == [1, 2, 3, 4, 5]
        assert hall.faults() is None


async def test_an_announcement_counts_from_one_moment_to_another() -> None:
    """HA-04."""
    async with hall_with("handover", settings={"keep_days": 1}) as hall:
        notice = {
            "title": {"zh": "升级", "en": "Upgrade"},
            "text": {"zh": "今晚", "en": "Tonight"},
            "from": "2026-03-02T10:00:00+08:00",
            "until": "2026-03-02T12:00:00+08:00",
            "urgent": True,
            "public": True,
        }
        await ask(hall, "POST", "/notices", notice)
        ticket = await hall.take()
        assert (await prompts(hall, ticket), list(await hall.lines())) == ([], [])
        await hall.turn("1h")
        assert await prompts(hall, ticket) == ["Upgrade"]
        assert [words.en for words in await hall.lines()] == ["Upgrade"]
        await hall.turn("2h")
        assert (await prompts(hall, ticket), list(await hall.lines())) == ([], [])
        board = hall.host.entries["handover"].runner.context.state
        await hall.turn("48h")
        later = {**notice, "from": "2026-03-05T10:00:00+08:00", "until": "2026-03-05T12:00:00+08:00"}
        kept = await ask(hall, "POST", "/notices", later)
        assert list(board.notices) == [kept["id"]], "what is over goes without a restart"


async def test_a_bad_rating_is_one_alert_and_scores_are_by_day() -> None:
    """RP-17."""
    async with hall_with("evaluation") as hall:
        for score in (1, 5):
            ticket = await hall.take()
            await hall.serve()
            await hall.do("tickets.rate", ticket=ticket, score=score, scale=5, source="evaluator")
            await hall.turn("24h")
        alerts = await hall.records("alert.raised")
        assert [alert.data["kind"] for alert in alerts] == ["plugin"]
        assert (await ask(hall, "GET", "/scores"))["score"] == 50.0
        first = await ask(hall, "GET", "/scores", query={"from": "2026-03-02", "to": "2026-03-02"})
        assert (first["score"], first["answers"]) == (0.0, 1)


async def test_a_code_to_rate_with_is_good_for_a_day_and_goes_though_nobody_rates() -> None:
    """CA-07."""
    link = {"template": "evaluation", "link": "https://hall.example/plugins/evaluation/r/{code}"}
    asked: list[SendMessage] = []

    async def send(plugin: str, sees: frozenset[str], action: SendMessage) -> Done:
        asked.append(action)
        return Done(seq=0)

    async with hall_with("evaluation", settings=link) as hall:
        hall.host.actions.add(SendMessage, send)

        async def served() -> list[str]:
            await hall.take(phone=GOLD)
            await hall.serve()
            await hall.settle()
            store = hall.host.entries["evaluation"].runner.context.store
            return [key.removeprefix("code/") for key, _ in await store.scan("code/")]

        (code,) = await served()
        assert (await hall.request("GET", f"/r/{code}")).status == 200
        await hall.turn("25h")
        assert (await hall.request("GET", f"/r/{code}")).status == 404
        late = await hall.request("POST", f"/r/{code}", body=b"score=5")
        assert late.status == 404, "as its page said"
        (other,) = await served()
        assert other != code, "the old one is gone"
        (finished, again) = await hall.records("ticket.finished")
        assert [action.about for action in asked] == [finished.data["ticket"], again.data["ticket"]]
        entry = hall.host.entries["evaluation"]
        await entry.runner.call("somc_record", 5, record=again)
        assert asked[2] == asked[1] != asked[0], "of a record that comes again: the same key, the same link"
        assert hall.faults() is None


async def test_outcomes_that_the_marketing_system_will_not_take_hold_up_no_others(tmp_path: Path) -> None:
    """MK-04."""
    names = [f"old-{number}" for number in range(4)]
    offers = "".join(OFFER.replace("plan-88", name) for name in [*names, "plan-88"])
    (tmp_path / "offers.toml").write_text(offers, encoding="utf-8")
    async with crm_server() as crm:
        book, tell, heard = crm.server.book, crm.server.book.told, trio.Event()

        def told(offer: str, body: dict[str, Any]) -> None:
            if offer in names:
                raise KeyError(offer)
            tell(offer, body)
            heard.set()

        book.told = told  # type: ignore[method-assign] # it forgets offers of long ago
        source = {
            "url": f"{crm.url}/offers?phone={{phone}}",
            "outcome_url": f"{crm.url}/offers/{{offer}}/outcomes",
            "token": crm.server.token,
        }
        settings = {"campaigns": str(tmp_path / "offers.toml"), "source": source}
        async with hall_with("marketing", settings=settings) as hall:
            ticket = await hall.take(phone=GOLD)
            for name in [*names, "plan-88"]:
                await hall.do("tickets.offer", ticket=ticket, offer=name, outcome="refused")
            with trio.fail_after(10):
                await heard.wait()
            assert list(book.outcomes) == [f"{ticket}/plan-88"]
            store = hall.host.entries["marketing"].runner.context.store
            kept = [entry["offer"] for _, entry in await store.scan("refused/")]
            assert kept == names, "they are told again later"
