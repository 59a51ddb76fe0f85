"""Settings: what is refused, what a change does to those who wait, hall.toml against records."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from somc.domain import events as e
from somc.domain.commands import ChangeConfig
from somc.domain.settings import differences, settings_from
from somc.testing.given import given, like, small_hall, week
from tests.domain.acts import (
    call,
    change,
    close,
    configure,
    finish,
    hold,
    open_,
    report,
    start,
    take,
    transfer,
)

REPAIR = ("name", "prefix", "mean_service_s")


def without_repair(**more: Any) -> ChangeConfig:
    gone = {f"service.repair.{field}": None for field in REPAIR}
    return ChangeConfig(by="config", changes={**gone, "counter.1.skills": {"payment": 1}, **more})


# -- what cannot be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nonsense", 1),
        ("hall", {}),
        ("hall.nonsense", 1),
        ("hall.services", {}),
        ("hall.policy", "fifo"),
        ("hall.timezone", "Mars/Olympus"),
        ("hall.timezone", "Asia"),
        ("hall.timezone", "../../etc/passwd"),
        ("hall.timezone", None),
        ("hall.default_class", "platinum"),
        ("hall.day_ends_s", -1),
        ("hall.day_ends_s", 86_400),
        ("hall.max_recalls", -1),
        ("hall.hours", {"week": [[[0, 86_400]]]}),
        ("policy.kind", 7),
        ("policy.max_wait_s", -1),
        ("policy.alpha_milli", 1001),
        ("policy.distribution", "by_lot"),
        ("policy.target_utilisation_milli", 1000),
        ("policy.behind", -1),
        ("policy.nonsense", 1),
        ("class.gold.rate_milli", 0),
        ("class.gold.rate_milli", 1 << 21),
        ("class.gold.priority", 0),
        ("class.gold.priority", 1001),
        ("class.gold.target_wait_s", -1),
        ("class.gold.weight_milli", 0),
        ("class.gold.share", 0),
        ("class.gold.max_wait_s", 0),
        ("class.gold.warn_lead_s", -1),
        ("class.gold.boost_after_s", 0),
        ("class.gold.boost_milli", 999),
        ("class.gold.reserved_idle", 100),
        ("class.gold.name", None),
        ("class.silver.priority", 1),
        ("service.payment.prefix", ""),
        ("service.payment.prefix", "A1"),
        ("service.payment.prefix", None),
        ("service.payment.mean_service_s", 0),
        ("service.payment.mean_service_s", "long"),
        ("service.payment.mean_service_s", True),
        ("service.payment.target_wait_s", {"platinum": 60}),
        ("service.payment.target_wait_s", {"gold": 0}),
        ("service.payment.weight", {"platinum": 1000}),
        ("service.payment.weight", {"gold": 0}),
        ("service.payment.max_wait_s", {"platinum": 60}),
        ("service.payment.max_wait_s", {"gold": 0}),
        ("service.payment.daily_limit", -1),
        ("service.payment.colour", "red"),
        ("counter.1.skills", {}),
        ("counter.1.skills", {"haircut": 1}),
        ("counter.1.skills", {"payment": 0}),
        ("counter.1.skills", {"payment": 10}),
        ("counter.1.mode", "robot"),
        ("counter.1.overflow_s", {"haircut": 60}),
        ("counter.1.reserved_for", ["platinum"]),
        ("counter.1.opens_after_s", 0),
        ("counter.x.skills", {"payment": 1}),
        ("counter.01.skills", {"payment": 1}),
    ],
)
def test_settings_that_cannot_be_are_refused_and_change_nothing(key: str, value: object) -> None:
    hall = given().and_(open_(1), take("t1"))
    hall.when(ChangeConfig(by="manager:wu", changes={key: value})).refused("bad_config")


@pytest.mark.parametrize("number", ["0", "-1"])
def test_no_counter_has_the_number_that_stands_for_any(number: str) -> None:
    new = {f"counter.{number}.name": {"zh": "零", "en": "zero"}, f"counter.{number}.skills": {"payment": 1}}
    given().when(ChangeConfig(by="config", changes=new)).refused("bad_config")


def test_reading_settings_leaves_the_values_alone() -> None:
    values = small_hall(hours=week("09:00-17:00"))
    before = msgspec.json.encode(values)
    settings = settings_from(values)
    assert msgspec.json.encode(values) == before
    assert settings.services["repair"].prefix == "B"


def test_services_come_in_one_order_however_the_table_was_filled() -> None:
    values = small_hall()
    turned = dict(reversed(values.items()))
    assert list(settings_from(values).services) == list(settings_from(turned).services)
    assert list(settings_from(values).classes) == list(settings_from(turned).classes)


# -- the ground under somebody's feet -----------------------------------------------------------------


def test_a_service_for_which_somebody_waits_or_is_held_stays() -> None:
    hall = given().and_(open_(1), take("t1", "repair"))
    hall.when(without_repair()).refused("bad_config", "repair", "B001")
    hall.and_(hold("t1")).when(without_repair()).refused("bad_config", "repair", "B001")


def test_a_service_goes_once_nobody_needs_it() -> None:
    hall = given().and_(open_(1), take("t1", "repair"), call(1), start(1))
    hall.when(without_repair()).refused("bad_config", "B001")
    hall.and_(finish(1)).when(without_repair()).then(e.ConfigChanged, e.PolicyChanged)
    assert hall.counter(1).skills == {"payment": 1}
    hall.when(take("t2", "repair")).refused("unknown_service", "repair")


def test_a_service_that_a_counter_still_names_stays() -> None:
    hall = given()
    gone = {f"service.repair.{field}": None for field in REPAIR}
    hall.when(ChangeConfig(by="config", changes=gone)).refused("bad_config", "counter.1.skills", "repair")


def test_a_class_counter_or_only_counter_that_somebody_needs_stays() -> None:
    hall = given().and_(open_(2), take("t1", "payment", "gold"))
    gold = dict.fromkeys(("class.gold.name", "class.gold.priority", "class.gold.rate_milli"))
    hall.when(ChangeConfig(by="config", changes=gold)).refused("bad_config", "gold", "A001")
    second = dict.fromkeys(("counter.2.name", "counter.2.skills"))
    hall.when(ChangeConfig(by="config", changes=second)).refused("bad_config", "2", "agent2")
    hall.and_(transfer("t1", counter=2), hold("t1"), close(2))
    hall.when(ChangeConfig(by="config", changes=second)).refused("bad_config", "2", "A001")


def test_an_agent_s_own_skills_outlast_a_change_less_what_is_gone() -> None:
    hall = given().and_(open_(2, skills={"payment": 3, "repair": 4}))
    hall.and_(change("config", policy__kind="strict"))
    assert hall.counter(2).skills == {"payment": 3, "repair": 4}
    hall.and_(without_repair())
    assert hall.counter(2).skills == {"payment": 3}
    hall.and_(change("config", counter__2__skills={"payment": 1}))
    assert hall.counter(2).skills == {"payment": 1}


# -- what takes effect --------------------------------------------------------------------------------


def test_another_policy_rules_the_next_call_for_those_who_wait_already() -> None:
    hall = given().and_(open_(1), take("t1", "payment", "plain")).after("1min")
    hall.and_(take("t2", "payment", "gold"), change(policy__kind="strict"))
    hall.when(call(1)).then(like(e.TicketCalled, number="A002"))


def test_another_prefix_begins_its_own_numbers() -> None:
    hall = given().and_(take("t1"), change(service__payment__prefix="P"))
    hall.when(take("t2")).then(like(e.TicketTaken, number="P001"))
    hall.and_(change(service__payment__prefix="A")).when(take("t3")).then(like(e.TicketTaken, number="A002"))


def test_a_new_service_and_counter_work_at_once() -> None:
    new = {
        "service.advice.name": {"zh": "咨询", "en": "advice"},
        "service.advice.prefix": "C",
        "counter.3.name": {"zh": "三", "en": "three"},
        "counter.3.skills": {"advice": 1},
    }
    hall = given().and_(ChangeConfig(by="manager:wu", changes=new), open_(3), take("t1", "advice"))
    hall.when(call(3)).then(like(e.TicketCalled, number="C001"))


def test_a_change_of_nothing_is_no_record() -> None:
    given().when(change()).then()


# -- hall.toml against records ------------------------------------------------------------------------


def test_differences_name_what_is_new_changed_and_gone() -> None:
    old = {"b": 1, "c": {"x": 1}, "d": 4}
    assert differences(old, {"a": 0, "b": 2, "c": {"x": 1}}) == {"a": 0, "b": 2, "d": None}
    assert differences(old, dict(old)) == {}


def test_a_user_s_change_outlives_a_start_with_the_same_file() -> None:
    """hall.toml gives first values; records win after that."""
    file = small_hall(max_recalls=1)
    hall = given(file).and_(change("manager:wu", hall__max_recalls=5))
    assert differences(hall.state.file_values, file) == {}
    assert hall.state.hall.max_recalls == 5


def test_a_key_changed_in_the_file_wins_and_others_stay_as_the_user_set_them() -> None:
    hall = given(small_hall(max_recalls=1)).and_(
        change("manager:wu", hall__max_recalls=5, policy__kind="strict")
    )
    edited = small_hall(max_recalls=2)
    changes = differences(hall.state.file_values, edited)
    assert changes == {"hall.max_recalls": 2}
    hall.and_(ChangeConfig(by="config", changes=changes))
    assert (hall.state.hall.max_recalls, hall.state.hall.policy.kind) == (2, "strict")
    assert hall.state.file_values == edited


def test_skills_brought_back_are_those_of_the_newest_file() -> None:
    hall = given().and_(configure(1, {"repair": 5}))
    assert hall.state.values["counter.1.skills"] == {"repair": 5}
    hall.and_(configure(1, None))
    assert hall.counter(1).skills == {"payment": 1, "repair": 1}
    hall.and_(configure(1, {"repair": 5}), change("config", counter__1__skills={"payment": 2}))
    assert hall.counter(1).skills == {"payment": 2}
    hall.and_(configure(1, {"repair": 5}), configure(1, None))
    assert hall.counter(1).skills == {"payment": 2}


# -- devices ------------------------------------------------------------------------------------------


def test_only_a_change_of_a_device_s_health_is_a_fact() -> None:
    hall = given()
    hall.when(report("printer", "online")).then(like(e.DeviceReported, device="printer", status="online"))
    hall.when(report("printer", "online")).then()
    hall.when(report("printer", "online", "paper low")).then(e.DeviceReported)
    hall.when(report("strip-1", "offline")).then(e.DeviceReported)
    assert {name: device.status for name, device in hall.state.devices.items()} == {
        "printer": "online",
        "strip-1": "offline",
    }
