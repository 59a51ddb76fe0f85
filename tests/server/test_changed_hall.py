"""A hall whose hall.toml lost what the day's ended tickets name, and one whose doors open by time alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from somc.server import live as feed
from somc.server import views
from somc.server.answers import ANSWERS
from somc.server.queries import QUERIES
from tests.runtime.rig import HOUR_MS, TurnedClock
from tests.server.live_rig import JSON, MSGPACK, Client, live
from tests.server.rig import HALL, Running, running

BASE = "/api/v1"

SMALLER_HALL = (
    HALL.split("[class.gotone]")[0].replace('customer_table = "customers.csv"\n', "")
    + "[class.easyown]"
    + HALL.split("[class.easyown]")[1].split("[service.business]")[0]
    + "[counter.1]\nskills = { payment = 1 }\n"
)
"""Without the class gotone, the services business and repair, the counters 2 and 3."""


async def serve(hall: Running, counter: int) -> None:
    await hall.at(counter, "call-next")
    await hall.at(counter, "start")
    await hall.at(counter, "finish", outcome="sold")


async def a_morning(folder: Path) -> dict[str, str]:
    """Tickets of everything that will be gone, all ended: what became of them → id."""
    ended = {}
    async with running(folder) as hall:
        for counter, service in ((2, "business"), (3, "repair")):
            await hall.open_counter(counter)
            ended[service] = (await hall.take(service, customer_class="gotone"))["id"]
            await serve(hall, counter)
        ended["payment"] = (await hall.take("payment", customer_class="gotone"))["id"]
        await serve(hall, 2)
        ended["cancelled"] = (await hall.take("repair"))["id"]
        await hall.as_admin.post(f"{BASE}/tickets/{ended['cancelled']}/cancel")
        for counter in (2, 3):
            await hall.at(counter, "close")
    return ended


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
async def test_ended_tickets_of_what_left_hall_toml_break_no_answer(tmp_path: Path, protocol: str) -> None:
    ended = await a_morning(tmp_path)
    async with running(tmp_path, SMALLER_HALL) as hall:

        async def ask(query: Any, **place: Any) -> Any:
            path = query.path.format(**place)
            needed = {"queue.preview": "?counter=1", "appointments.slots": "?service=payment"}
            suffix = needed.get(query.name, "")
            answer = await hall.as_admin.get(BASE + path + suffix)
            assert answer.status_code == 200, (query.name, answer.text)
            msgspec.json.decode(answer.content, type=ANSWERS[query.name], strict=True)
            return answer.json()

        async with live(hall, hall.admin, protocol) as client:
            await client.subscribe()
            today = (await client.op("snapshot"))["state"]["today"]
            assert {kind: each["taken"] for kind, each in today["by_class"].items()} == {
                "easyown": 1,
                "gotone": 3,
            }
            for query in QUERIES:
                if "{appointment}" in query.path or "{message}" in query.path:
                    continue  # nobody booked or was written to
                for ticket in ended.values() if query.name == "ticket" else [""]:
                    await ask(query, ticket=ticket)
            assert (await hall.as_admin.get("/metrics")).status_code == 200
            # Acts that still make sense, each with its view: on what has ended, and at the counter left.
            for ticket in ended.values():
                answer = await hall.as_admin.post(f"{BASE}/tickets/{ticket}/print")
                assert (answer.status_code, answer.json()["id"]) == (200, ticket)
                for act in ("cancel", "hold", "resume", "transfer"):
                    body = {"service": "payment"} if act == "transfer" else {}
                    answer = await hall.as_admin.post(f"{BASE}/tickets/{ticket}/{act}", json=body)
                    assert answer.status_code == 409, (act, answer.text)
            await hall.open_counter(1)
            await hall.at(1, "call", 409, ticket=ended["payment"])
            await hall.at(2, "open", 404, agent="x")
            assert (await hall.take())["number"] == "A002"
            await hall.at(1, "call-next")
            await hall.at(1, "recall")
            await hall.at(1, "start")
            await hall.at(1, "pause", reason="tea")
            assert (await hall.at(1, "finish"))["served"] == 1
            head = hall.node.hall.journal.head
            figures = (await client.until(lambda m: m["op"] == "figures" and m["seq"] >= head))["figures"]
            assert figures["today"]["taken"] == 5
            assert figures["today"]["by_class"]["gotone"]["finished"] == 3


async def test_a_fault_in_the_figures_leaves_the_old_ones_and_the_hall_goes_on(
    hall: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = views.figures, 0

    def broken(state: Any, now: int) -> Any:
        nonlocal asked
        asked += 1
        if asked <= 2:
            raise KeyError("gotone")
        return real(state, now)

    async with live(hall, hall.admin) as client:
        await client.subscribe()
        await client.op("snapshot")
        monkeypatch.setattr(views, "figures", broken)
        await hall.take()
        told = await client.until(lambda m: m["op"] == "figures" and m["figures"]["today"]["taken"] == 1)
        assert told["seq"] == hall.node.hall.journal.head
        assert asked == 3, "the figures were not derived again after a fault"
        await client.say("ping")
        await client.op("pong")


async def test_screens_that_ask_at_once_share_one_derivation(
    hall: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart every screen wants a snapshot, and in a large hall one takes a tenth of a second."""
    real, asked = views.figures, []
    await hall.take()

    def counted(state: Any, now: int) -> Any:
        asked.append((state.seq, now // 1000))
        return real(state, now)

    monkeypatch.setattr(views, "figures", counted)
    for _ in range(10):
        assert (await hall.as_admin.get("/api/v1/hall")).json()["places"]
    assert len(asked) == len(set(asked)), "derived twice for one record and second"
    await hall.take()
    assert len((await hall.as_admin.get("/api/v1/hall")).json()["places"]) == 2, (
        "a snapshot is never of before"
    )


# -- time alone ------------------------------------------------------------------------------------


async def test_figures_are_derived_anew_while_somebody_waits(
    hall: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "FIGURES_AGE_MS", 1000)
    async with live(hall, hall.admin) as client:
        await hall.take()
        await client.subscribe()
        head = (await client.op("snapshot"))["seq"]
        first = (await client.op("figures"))["figures"]
        second = await client.op("figures")
        assert second["seq"] == head, "a record was written"
        assert second["figures"]["now"] > first["now"]


HOURS = '\n[hours]\nevery_day = ["09:00-17:00"]\n'
LATE_REPAIR = 'prefix = "D"\nhours = { every_day = ["10:00-16:00"] }'


def tomorrow_at(hall: Running, hour: int) -> int:
    """That hour on the hall's clock tomorrow (Unix ms): its time may only go forward."""
    day = datetime.fromtimestamp(hall.node.hall.now() / 1000, ZoneInfo("Asia/Shanghai")) + timedelta(days=1)
    return int(day.replace(hour=hour, minute=0, second=0, microsecond=0).timestamp()) * 1000


async def test_figures_are_told_when_time_alone_opens_and_closes(tmp_path: Path) -> None:
    toml = HALL.replace("\n[class.gotone]", HOURS + "\n[class.gotone]").replace('prefix = "D"', LATE_REPAIR)
    async with running(tmp_path, toml) as hall:
        door = hall.node.hall
        clock = TurnedClock(tomorrow_at(hall, 9) - 1)
        door.clock = clock
        head = door.journal.head
        async with live(hall, hall.admin) as client:
            await client.subscribe()
            assert (await client.op("snapshot"))["state"]["open"] is False
            assert await opened(client) == (False, False, False)
            clock.turn(1)
            assert await opened(client) == (True, True, False)
            clock.turn(HOUR_MS)
            assert await opened(client) == (True, True, True)
            clock.turn(7 * HOUR_MS)
            assert await opened(client) == (False, False, False)
        assert door.journal.head == head, "a record was written: this test shows nothing"


async def opened(client: Client) -> tuple[bool, bool, bool]:
    """What the next figures say: the hall, payment, repair."""
    figures = (await client.op("figures"))["figures"]
    services = figures["services"]
    return figures["open"], services["payment"]["open"], services["repair"]["open"]
