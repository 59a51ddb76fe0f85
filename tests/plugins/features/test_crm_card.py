"""The screen pop: what a counter reads, in which order, and what is said of those that did not answer."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from somc.api import TicketView
from somc_plugins.crm.card import card, prompts, visit_entries
from somc_plugins.crm.config import CrmConfig
from somc_plugins.crm.front import Facts, Told
from somc_plugins.crm.people import Customer, Entry

SHANGHAI = ZoneInfo("Asia/Shanghai")
MARCH_2 = 1_772_420_400_000  # 2026-03-02 11:00 in Shanghai
DAY_MS = 86_400_000


def config(**more: Any) -> CrmConfig:
    source = {"url": "http://crm/{phone}"}
    history = {
        "complaints": {**source, "title": {"zh": "投诉", "en": "Complaint"}, "open_states": ["open"]},
        "hotline": {**source, "title": {"zh": "热线", "en": "Hotline"}},
    }
    return msgspec.convert({"customers": source, "history": history, **more}, CrmConfig)


def ticket(name: str = "t1", **more: Any) -> TicketView:
    fields: dict[str, Any] = {
        "id": name,
        "number": "A001",
        "service": "payment",
        "customer_class": "gotone",
        "class_source": "crm",
        "channel": "kiosk",
        "state": "called",
        "taken_at": MARCH_2,
        "waited_s": 400,
        "target_wait_s": 600,
    }
    return TicketView(**(fields | more))


def shown(facts: Facts, told: Told, visits: list[Entry] | None = None, **more: Any) -> list[Any]:
    at = ticket(waited_s=more.pop("waited_s", 400))
    return card(config(**more), at, facts, "陈静", told, visits or [], SHANGHAI)


NOTHING = Told(entries=[], late=[])
GOLD = Facts(state="known", customer=Customer(brand="gotone", brand_name="全球通", vip="gold", credit=5))


def test_who_comes_and_how_long_they_waited() -> None:
    """IN-02."""
    (who,) = shown(GOLD, NOTHING)
    rows = [(row.label.en, row.value, row.tone) for row in who.rows]
    assert rows == [
        ("Waited", "6 分钟 min", "plain"),
        ("Name", "陈静", "plain"),
        ("Brand", "全球通", "plain"),
        ("VIP tier", "gold", "good"),
        ("Credit", "★★★★★", "plain"),
    ]
    assert who.link is None
    (late,) = shown(GOLD, NOTHING, waited_s=700)
    assert late.rows[0].tone == "bad", "beyond the promise"


@pytest.mark.parametrize(
    ("pages", "linked"),
    [
        ({"payment": "http://crm/p"}, True),
        ({"default": "http://crm/p"}, True),
        ({"repair": "http://crm/p"}, False),
    ],
)
def test_the_link_is_there_for_services_with_a_page(pages: dict[str, str], linked: bool) -> None:
    """IN-01."""
    (who,) = shown(GOLD, NOTHING, pages=pages)
    assert who.link == ("/plugins/crm/open/t1" if linked else None)


def test_histories_and_visits_stand_in_the_order_of_time_and_the_newest_only() -> None:
    """IN-03 to IN-06."""
    told = Told(
        entries=[
            Entry(at=MARCH_2 - DAY_MS, source="hotline", subject="bill"),
            Entry(at=MARCH_2 - 3 * DAY_MS, source="complaints", subject="roaming", result="open", open=True),
        ],
        late=[],
    )
    visits = visit_entries(
        [ticket(), ticket("t0", taken_at=MARCH_2 - 2 * DAY_MS, state="finished")], but="t1"
    )
    _, history = shown(GOLD, told, visits)
    assert [(row.label.en, row.value, row.tone) for row in history.rows] == [
        ("2026-03-01 11:00 Hotline", "bill", "plain"),
        ("2026-02-28 11:00 Visit", "A001 payment · 已办结 finished, 6 分钟 min", "plain"),
        ("2026-02-27 11:00 Complaint", "roaming · open", "bad"),
    ]
    assert len(shown(GOLD, told, visits, entries=2)[1].rows) == 2


def test_who_did_not_answer_is_named() -> None:
    sections = shown(GOLD, Told(entries=[], late=["hotline"]))
    assert [(section.id, section.late, section.source) for section in sections[1:]] == [
        ("late_hotline", True, "hotline")
    ]


@pytest.mark.parametrize("state", ["slow", "down", "wrong", "paused", "unknown"])
def test_why_nothing_is_known_is_said(state: str) -> None:
    (who,) = shown(Facts(state=state), NOTHING)
    assert who.rows[-1].label.en == "Note"
    assert "CRM" in who.rows[-1].value
    assert " · " in who.rows[-1].value, "in both languages"


def test_staff_are_told_of_open_complaints_and_birthdays() -> None:
    """CA-07."""
    facts = Facts(state="known", birthday=True, open={"complaints": 2, "gone": 1})
    said = [(prompt.id, prompt.kind, prompt.tone) for prompt in prompts(config(), facts)]
    assert said == [
        ("open_complaints", "care", "bad"),
        ("open_gone", "care", "bad"),
        ("birthday", "care", "good"),
    ]
    assert next(iter(prompts(config(), facts))).words.en.startswith("Complaint: 2 open")
    assert list(prompts(config(), GOLD)) == []
