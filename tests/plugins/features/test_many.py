"""Ten thousand tickets a day and twenty thousand offers: what plugins keep of them fits their store.

The many are written as the plugins' own functions count them, in one transaction; those that come after them
go through a hall.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw
import msgspec

from somc.api import Record
from somc.runtime.plugins.store import MOST_ENTRIES, MOST_VALUE_BYTES, FileStore
from somc.testing.hall import FakeHall, hall_with
from somc_plugins.care.service import CARED_DIGITS, ONLINE_DIGITS
from somc_plugins.care.tally import OTHER_NAMES, Cares, Day, Told, cared, counted
from somc_plugins.marketing.ledger import COUNT_DIGITS
from somc_plugins.shelf import all_under, bucket_of
from tests.plugins.features.crm_rig import GOLD

DAY = "2026-03-02"
AT = 1_772_409_600_000
"""Eight in the morning of it in the hall."""

TICKETS = 10_000
OFFERS = 20_000
CARE = {"online": {"payment": {"how": {"zh": "发短信", "en": "Send a message"}}}}
OFFER = """
[[offer]]
id = "plan-88"
title = { zh = "88套餐", en = "The 88 plan" }
text = { zh = "首月半价", en = "The first month at half price" }
"""


async def filled(folder: Path, plugin: str, entries: Mapping[str, Any]) -> None:
    """The plugin's store in a hall's folder, with these entries."""
    path = folder / "data" / "plugins" / f"{plugin}.sqlite"
    store = FileStore(path, bytes(32))
    await store.get("")
    await store.close()
    plain = [(key, msgspec.json.encode(value)) for key, value in entries.items()]
    assert max(len(value) for _, value in plain) < MOST_VALUE_BYTES / 4, "there is room for more"
    connection = apsw.Connection(str(path))
    with connection:
        connection.executemany("INSERT INTO entry VALUES (?, 0, ?)", plain)
    connection.close()


async def manager(hall: FakeHall, path: str) -> Any:
    answer = await hall.request("GET", path, subject="wu", roles=["manager"])
    assert answer.status == 200, answer
    await hall.settle()
    return answer.body


def logged(seq: int, ticket: str) -> Record:
    return Record(seq=seq, at=0, type="care.logged", topic="", data={"ticket": ticket, "kind": "water"})


async def test_care_counts_on_a_day_of_ten_thousand_tickets(tmp_path: Path) -> None:
    day, buckets, told = Day(seq=-TICKETS - 1), dict[str, Cares](), dict[str, dict[str, Told]]()
    for number in range(TICKETS):
        ticket, who = f"t{number:016d}", f"p{number:016d}/payment"
        counted(day, logged(-TICKETS + number, ticket), 9)
        name = f"cared/{DAY}/{bucket_of(ticket, CARED_DIGITS)}"
        assert cared(buckets.setdefault(name, Cares(seq=-TICKETS - 1)), logged(-TICKETS + number, ticket))
        bucket = told.setdefault(f"online/{bucket_of(who, ONLINE_DIGITS)}", {})
        bucket[who] = Told(seq=-TICKETS + number, at=AT)
    assert 365 * len(buckets) < MOST_ENTRIES
    assert 16**ONLINE_DIGITS < MOST_ENTRIES / 2
    await filled(tmp_path, "care", {f"day/{DAY}": day, **buckets, **told})
    async with hall_with("care", settings=CARE, folder=tmp_path) as hall:
        first = await hall.take(phone=GOLD)
        await hall.do("tickets.care", ticket=first, kind="water")
        await hall.take(phone=GOLD)
        lines = (await manager(hall, "/customers"))["customers"]
        assert [line["cares"] for line in lines] == [1, 0]
        report = await manager(hall, "/report")
        assert report["cares"] == {"water": TICKETS + 1}
        assert report["told_online"] == {"payment": 2}
        assert report["returned"] == {"payment": 1}
        store = hall.host.entries["care"].runner.context.store
        await hall.turn("24h")
        await hall.take()
        assert await store.scan("cared/") == [], "yesterday's tickets are of no use today"
        assert hall.faults() is None


def test_names_that_anybody_may_give_do_not_make_a_day_large() -> None:
    day = Day()
    for number in range(TICKETS):
        gone = {"service": "payment", "kind": "self_service", "to": f"{number:>64}"}
        counted(day, Record(seq=number + 1, at=0, type="ticket.diverted", topic="", data=gone), 9)
    assert day.diverted == {"self_service": TICKETS}
    assert sum(day.to.values()) == TICKETS
    assert day.to[OTHER_NAMES] == TICKETS - 100
    assert len(msgspec.json.encode(day)) < MOST_VALUE_BYTES / 4


async def test_outcomes_of_twenty_thousand_offers_are_counted(tmp_path: Path) -> None:
    buckets: dict[str, Any] = {}
    for number in range(OFFERS):
        name = f"counts/{bucket_of(f'offer-{number}', COUNT_DIGITS)}"
        bucket = buckets.setdefault(name, {"seq": 0, "offers": {}})
        bucket["offers"][f"offer-{number}"] = {"shown": 9, "accepted": 4, "refused": 3, "later": 2}
    await filled(tmp_path, "marketing", buckets)
    (tmp_path / "offers.toml").write_text(OFFER, encoding="utf-8")
    settings = {"campaigns": str(tmp_path / "offers.toml")}
    async with hall_with("marketing", settings=settings, folder=tmp_path) as hall:
        ticket = await hall.take(phone=GOLD)
        await hall.do("tickets.offer", ticket=ticket, offer="offer-7", outcome="accepted")
        await hall.do("tickets.offer", ticket=ticket, offer="plan-88", outcome="later")
        offers = (await manager(hall, "/results"))["offers"]
        assert len(offers) == OFFERS + 1
        assert offers["offer-7"]["accepted"] == 5
        assert offers["plan-88"] == {"later": 1}
        assert hall.faults() is None


async def test_many_persons_are_forgotten_a_page_at_a_record(tmp_path: Path) -> None:
    old, kept = [{"plan-88": {"shown": [at]}} for at in (AT - 800 * 24 * 3600 * 1000, AT)]
    persons = {f"p/p{number:05d}": kept if number % 4 == 0 else old for number in range(1200)}
    await filled(tmp_path, "marketing", persons)
    (tmp_path / "offers.toml").write_text(OFFER, encoding="utf-8")
    settings = {"campaigns": str(tmp_path / "offers.toml")}
    async with hall_with("marketing", settings=settings, folder=tmp_path) as hall:
        store = hall.host.entries["marketing"].runner.context.store
        for left in (1200 - 375, 1200 - 750, 300, 300):
            await hall.take()
            assert len(await all_under(store, "p/")) == left
        assert hall.faults() is None


async def test_what_an_earlier_version_kept_is_read_once(tmp_path: Path) -> None:
    async with hall_with("care", settings=CARE, folder=tmp_path) as hall:
        ticket = await hall.take(phone=GOLD)
        person = hall.ticket(ticket).person
        store = hall.host.entries["care"].runner.context.store
        day = await store.get(f"day/{DAY}")
        for key, _ in await store.scan(""):
            await store.delete(key)
        await store.put(f"day/{DAY}", {**day, "cares": {"water": 2}, "cared": {ticket: 2}})
        await store.put(f"told/{person}/payment", {"seq": day["seq"], "at": hall.now(), "last": None})
    later = "2026-03-02 09:30"
    async with hall_with("care", settings=CARE, folder=tmp_path, at=later) as hall:
        await hall.do("tickets.care", ticket=ticket, kind="water")
        await hall.take(phone=GOLD)
        cares = {line["ticket"]: line["cares"] for line in (await manager(hall, "/customers"))["customers"]}
        assert cares[ticket] == 3
        report = await manager(hall, "/report")
        assert (report["cares"], report["returned"]) == ({"water": 3}, {"payment": 1})
        store = hall.host.entries["care"].runner.context.store
        assert "cared" not in await store.get(f"day/{DAY}")
        assert hall.faults() is None


async def test_counts_of_an_earlier_version_are_counted_on(tmp_path: Path) -> None:
    (tmp_path / "offers.toml").write_text(OFFER, encoding="utf-8")
    settings = {"campaigns": str(tmp_path / "offers.toml")}
    old = {"seq": 0, "offers": {"plan-88": {"shown": 2, "later": 1}, "plan-58": {"shown": 1}}}
    await filled(tmp_path, "marketing", {"counts": old})
    async with hall_with("marketing", settings=settings, folder=tmp_path) as hall:
        ticket = await hall.take(phone=GOLD)
        await hall.do("tickets.offer", ticket=ticket, offer="plan-88", outcome="later")
        expected = {"plan-88": {"shown": 2, "later": 2}, "plan-58": {"shown": 1}}
        assert (await manager(hall, "/results"))["offers"] == expected
        store = hall.host.entries["marketing"].runner.context.store
        assert await store.get("counts") is None
        assert hall.faults() is None
