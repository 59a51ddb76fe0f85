"""What the operator's answers mean: customers, classes by rule, histories; what cannot work is refused."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc_plugins.crm.config import USUAL_FIELDS, CrmConfig, HistorySource
from somc_plugins.crm.people import Customer, class_of, customer_of, entries_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
SOURCE = {"url": "http://crm/{phone}"}
TITLE = {"zh": "投诉", "en": "Complaint"}
HISTORY = msgspec.convert({**SOURCE, "title": TITLE, "items": "list", "open_states": ["open"]}, HistorySource)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
entry = st.fixed_dictionaries({}, optional=dict.fromkeys(("at", "subject", "result", "state"), anything))


def config(**more: Any) -> CrmConfig:
    return msgspec.convert({"customers": SOURCE, **more}, CrmConfig)


def test_a_class_is_that_of_the_first_rule_which_fits() -> None:
    """Q-04 and IN-01: brand, VIP tier and credit level make the class."""
    rules = config(
        rules=[
            {"class": "gold", "vip": ["diamond", "gold"]},
            {"class": "gold", "brand": ["gotone"], "credit_at_least": 5},
            {"class": "gotone", "brand": ["gotone"]},
            {"class": "young", "brand": ["mzone", "mzone-campus"]},
        ]
    ).rules

    def of(**known: Any) -> str | None:
        return class_of(Customer(**known), rules)

    assert of(brand="easyown", vip="diamond") == "gold"
    assert of(brand="gotone", credit=5) == "gold"
    assert of(brand="gotone", credit=4) == "gotone"
    assert of(brand="gotone") == "gotone"
    assert of(brand="mzone-campus") == "young"
    assert of(brand="easyown", credit=5) is None
    assert of() is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rules": [{"class": "a"}, {"class": "b", "brand": ["x"]}]}, "rule 2 ('b') is never reached"),
        (
            {"rules": [{"class": "a", "brand": ["x", "y"]}, {"class": "b", "brand": ["y"], "vip": ["v"]}]},
            "narrower rule first",
        ),
        (
            {"rules": [{"class": "a", "credit_at_least": 3}, {"class": "b", "credit_at_least": 3}]},
            "never reached",
        ),
        ({"rules": [{"brand": ["x"]}]}, "class"),
        ({"pages": {"default": "http://crm/page?n={number}"}}, "unknown number"),
        ({"pages": {"default": "javascript:alert(1)"}}, "pages"),
        ({"history": {"c": {**SOURCE, "title": TITLE, "fields": {"subject": "s"}}}}, "'at' is missing"),
        ({"history": {"C": {**SOURCE, "title": TITLE}}}, "history"),
        ({"customers": {**SOURCE, "fields": {"colour": "c"}}}, "unknown colour"),
        ({"customers": {**SOURCE, "fields": {"name": "a b"}}}, "no path"),
        ({"customers": {"url": "http://crm"}, "colour": 1}, "colour"),
    ],
)
def test_what_cannot_work_is_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said.replace("(", r"\(").replace(")", r"\)")):
        config(**wrong)


def test_a_narrower_rule_first_is_fine() -> None:
    assert (
        len(config(rules=[{"class": "b", "credit_at_least": 4}, {"class": "a", "credit_at_least": 3}]).rules)
        == 2
    )


def test_a_customer_is_read_by_the_mapping_of_fields() -> None:
    answer = {"cust": {"nm": "陈静", "lvl": "5"}, "brand": {"code": "gotone"}, "birthday": "1984-06-12"}
    fields = {**USUAL_FIELDS, "name": "cust.nm", "credit": "cust.lvl"}
    customer, name = customer_of(answer, fields)
    assert name == "陈静"
    assert customer == Customer(brand="gotone", birthday="06-12"), "a level that is no number is none"
    assert customer.has_birthday(date(2026, 6, 12))
    assert not customer.has_birthday(date(2026, 6, 13))


def test_a_history_stands_newest_first_and_open_entries_are_marked() -> None:
    answer = {
        "list": [
            {"at": "2026-01-01T10:00:00+08:00", "subject": "old", "state": "closed", "result": "repaid"},
            {"at": "2026-01-02 10:00", "subject": "new", "state": "open"},
            {"at": 1_767_225_600, "subject": "seconds"},
            {"at": "yesterday", "subject": "no time"},
        ]
    }
    found = entries_of(answer, "complaints", HISTORY, SHANGHAI)
    assert found is not None
    assert [(each.subject, each.result, each.open) for each in found] == [
        ("new", "open", True),
        ("old", "repaid", False),
        ("seconds", None, False),
    ]
    assert found[0].at - found[1].at == 24 * 3600 * 1000
    assert entries_of(None, "complaints", HISTORY, SHANGHAI) == []
    assert entries_of({"list": "none"}, "complaints", HISTORY, SHANGHAI) is None


@given(anything | st.fixed_dictionaries({"list": st.lists(entry | anything, max_size=4)}))
def test_an_answer_of_any_shape_is_read_without_an_exception(answer: Any) -> None:
    customer, name = customer_of(answer, USUAL_FIELDS)
    msgspec.json.encode(customer)
    assert name is None or name.isprintable()
    for each in entries_of(answer, "complaints", HISTORY, SHANGHAI) or ():
        assert each.subject.isprintable()
        assert len(each.subject) <= 120
