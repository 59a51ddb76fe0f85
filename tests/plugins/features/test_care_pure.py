"""What care says and counts: machines, near halls, quiet hours, the floor's list, a day's sums."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from somc.api import HallView, Record, TicketView, Words
from somc_plugins.care.advice import Outside, Place, Reported, advice, guidance, listed, quietest
from somc_plugins.care.config import CareConfig
from somc_plugins.care.floor import to_care_for
from somc_plugins.care.tally import Day, counted, summed

NOW = 1_772_420_400_000


def config(**more: Any) -> CareConfig:
    table = {
        "papers": {"business": [{"zh": "身份证", "en": "Identity card"}]},
        "machines": {"pay-1": {"title": {"zh": "1号缴费终端", "en": "Terminal 1"}, "services": ["payment"]}},
        "near": {
            "xisi": {"url": "http://x/w", "title": {"zh": "西四厅", "en": "Xisi"}},
            "fuxing": {"url": "http://f/w", "title": {"zh": "复兴厅", "en": "Fuxing"}},
        },
        **more,
    }
    return msgspec.convert(table, CareConfig)


def hall(wait_s: int | None = 0, *, peak: bool = False) -> HallView:
    waits = {"payment": wait_s, "business": 0}
    return HallView(
        now=NOW,
        org="a/b",
        timezone="Asia/Shanghai",
        open=True,
        waiting={},
        expected_wait_s=waits,
        counters=[],
        alerts=[],
        peak=peak,
    )


def outside(state: str = "working", ago_s: int = 5, **more: Any) -> Outside:
    return Outside(machines={"pay-1": Reported(state=state, at=NOW - ago_s * 1000)}, **more)


def kinds(service: str, seen: HallView, known: Outside) -> list[tuple[str, str | None]]:
    return [(each.kind, each.target) for each in advice(config(), service, seen, known)]


def test_papers_are_told_before_a_ticket_is_taken() -> None:
    """CA-01."""
    assert [each.words.en for each in advice(config(), "business", hall(), Outside())] == ["Identity card"]


def test_a_machine_is_offered_while_it_works_and_reports() -> None:
    """CA-02."""
    assert kinds("payment", hall(), outside()) == [("divert", "pay-1")]
    assert kinds("business", hall(), outside()) == [("papers", None)]
    assert kinds("payment", hall(), outside("out_of_order")) == []
    assert kinds("payment", hall(), outside(ago_s=181)) == []
    assert kinds("payment", hall(), Outside()) == []


def test_when_the_wait_is_long_the_idlest_near_hall_and_quiet_hours_are_named() -> None:
    """CA-04."""
    waits = {"xisi": {"payment": 240}, "fuxing": {"payment": 120}}
    known = Outside(waits=waits, quiet=(14, 16))
    assert kinds("payment", hall(900), known) == [
        ("other_hall", "fuxing"),
        ("quiet_hours", "14:00–16:00"),
    ]
    assert kinds("payment", hall(599), known) == [], "the wait is not long"
    assert kinds("payment", hall(None), known) == [], "nobody serves it: nothing is known"
    near_as_long = Outside(waits={"xisi": {"payment": 601}})
    assert kinds("payment", hall(900), near_as_long) == [], "not worth the way"
    assert kinds("payment", hall(900), Outside(waits={"xisi": {"payment": None}})) == []


def test_displays_guide_while_the_hall_is_full_only() -> None:
    known = Outside(machines=outside().machines, waits={"xisi": {"payment": 60}}, quiet=(14, 16))
    assert list(guidance(config(), hall(300), known)) == []
    at_peak = [words.en for words in guidance(config(), hall(300, peak=True), known)]
    assert at_peak == ["No wait at Terminal 1", "It is usually quiet from 14:00–16:00"]
    full = [words.en for words in guidance(config(), hall(900), known)]
    assert full[1] == "Xisi: a wait of about 1 min now."
    closed = msgspec.structs.replace(hall(900), open=False)
    assert list(guidance(config(), closed, known)) == []


def test_quiet_hours_come_from_days_of_records() -> None:
    day = {"9": 40, "10": 60, "11": 50, "12": 20, "13": 15, "14": 45}
    assert quietest([day] * 5) == (12, 14)
    assert quietest([day] * 4) is None, "too few days"
    assert quietest([{"9": 1, "10": 1}] * 9) is None, "no hour is quieter"
    assert quietest([]) is None


def ticket(number: str, waited_s: int = 0, state: str = "waiting") -> TicketView:
    return TicketView(
        id=number,
        number=number,
        service="payment",
        customer_class="plain",
        class_source="default",
        channel="kiosk",
        state=state,
        taken_at=NOW,
        waited_s=waited_s,
        target_wait_s=600,
    )


def test_the_floor_s_list_has_the_most_urgent_first() -> None:
    """CA-03."""
    facts = {
        "A2": {"open": {"complaints": 1}, "customer": {"brand_name": "全球通", "vip": "gold"}},
        "A5": {"birthday": True},
    }
    tickets = [ticket("A1", 10), ticket("A2", 20), ticket("A3", 700), ticket("A4", 500), ticket("A5", 30)]
    lines = to_care_for(config(), [*tickets, ticket("A6", state="serving")], facts, {"A3": 2})
    assert [line.number for line in lines] == ["A2", "A3", "A4", "A5", "A1"]
    assert [line.why for line in lines] == [["complaint", "vip"], ["late"], ["near"], ["birthday"], []]
    assert (lines[0].brand, lines[0].vip) == ("全球通", "gold")
    assert (lines[1].cares, lines[1].left_s) == (2, -100)


def record(seq: int, type: str, **data: Any) -> Record:
    return Record(seq=seq, at=NOW, type=type, topic="a/b/x", data=data)


def test_a_record_is_counted_once() -> None:
    day = Day()
    taken = record(1, "ticket.taken", service="payment")
    assert counted(day, taken, 9, told=True)
    assert not counted(day, taken, 9, told=True)
    counted(day, record(2, "ticket.taken", service="payment"), 10, told=True, returned=True)
    counted(day, record(3, "ticket.diverted", service="payment", kind="self_service", to="pay-1"), 10)
    counted(day, record(4, "care.logged", ticket="t1", kind="water"), 10)
    counted(day, record(4, "care.logged", ticket="t1", kind="water"), 10)
    assert summed([day, day]) == {
        "diverted": {"self_service": 2},
        "to": {"pay-1": 2},
        "cares": {"water": 2},
        "told_online": {"payment": 4},
        "returned": {"payment": 2},
        "taken": {"all": 4},
    }
    assert day.cares == {"water": 1}
    assert msgspec.convert(msgspec.to_builtins(day), Day) == day


def test_of_the_directory_only_open_halls_with_a_fresh_wait_are_spoken_of_and_never_this_one() -> None:
    def known(id: str, queue: dict[str, Any] | None) -> dict[str, Any]:
        return {"id": id, "name": {"zh": id, "en": id}, "address": None, "distance_m": 1, "queue": queue}

    good = {"open": True, "waiting": 1, "expected_wait_s": 60, "idle": True, "age_s": 10}
    halls = [
        known("here", good),
        known("good", good),
        known("closed", {**good, "open": False}),
        known("stale", {**good, "age_s": 301}),
        known("silent", None),
        known("no-figure", {**good, "expected_wait_s": None}),
    ]
    places, waits = listed({"datum": "WGS-84", "halls": halls}, "here")
    assert waits == {"good": 60}
    assert places == {"good": Place(title=Words("good", "good"))}
    with pytest.raises(msgspec.ValidationError):
        listed({"detail": "not public"}, "here")
