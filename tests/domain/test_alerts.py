"""Alerts of tickets: once for ticket and level, cleared when it waits no more, acknowledged once."""

from __future__ import annotations

from typing import Any

import pytest

from somc.domain import events as e
from somc.testing.given import Situation, given, like, small_hall
from tests.domain.acts import (
    acknowledge,
    call,
    call_ticket,
    cancel,
    change,
    close,
    hold,
    no_show,
    open_,
    recall,
    resume,
    take,
    transfer,
)

TARGET_S = 600


def promising(**more: Any) -> dict[str, Any]:
    """A hall that promises ten minutes and warns two minutes before."""
    classes = {"plain": {"target_wait_s": TARGET_S, "warn_lead_s": 120}}
    return small_hall(classes=classes, **more)


def raised(hall: Situation) -> list[str]:
    return [event.alert for event in hall.happened if isinstance(event, e.AlertRaised)]


def test_a_ticket_is_warned_of_before_its_target_and_again_when_it_is_missed() -> None:
    """SL-02: the moment and the one alert; a channel sends it."""
    hall = given(promising()).and_(take("t1"))
    hall.running("479s")
    assert raised(hall) == []
    hall.running("1s")
    assert raised(hall) == ["warning:t1"]
    warning = hall.state.alerts["warning:t1"]
    assert (warning.number, warning.target_wait_s, warning.waited_s, warning.left_s) == (
        "A001",
        600,
        480,
        120,
    )
    assert (warning.service, warning.customer_class) == ("payment", "plain")
    hall.running("119s")
    assert raised(hall) == ["warning:t1"]
    hall.running("1s")
    assert raised(hall) == ["warning:t1", "breach:t1"]
    assert hall.state.alerts["breach:t1"].left_s == 0
    hall.running("2h")
    assert raised(hall) == ["warning:t1", "breach:t1"]


def test_a_ticket_that_passes_its_target_unseen_gets_the_breach_only() -> None:
    hall = given(promising()).and_(take("t1")).after("11min")
    hall.when(take("t2")).then(e.TicketTaken)
    assert raised(hall) == ["breach:t1"]
    assert hall.state.alerts["breach:t1"].left_s == -60


def test_without_a_lead_there_is_no_warning() -> None:
    classes = {"plain": {"target_wait_s": TARGET_S, "warn_lead_s": 0}}
    hall = given(small_hall(classes=classes)).and_(take("t1")).running("1h")
    assert raised(hall) == ["breach:t1"]


def test_whoever_is_called_in_time_is_no_alert() -> None:
    hall = given(promising()).and_(open_(1), take("t1")).running("7min").and_(call(1)).running("1h")
    assert raised(hall) == []


@pytest.mark.parametrize(
    ("act", "cause"), [(call(1), "called"), (cancel("t1"), "cancelled"), (hold("t1"), "held")]
)
def test_an_alert_is_cleared_when_its_ticket_waits_no_more(act: Any, cause: str) -> None:
    hall = given(promising()).and_(open_(1), take("t1")).running("8min")
    hall.when(act).followed_by(
        e.AlertCleared(by="deadline", alert="warning:t1", ticket="t1", number="A001", cause=cause)
    )
    assert hall.state.alerts == {}
    past = hall.state.past_alerts["warning:t1"]
    assert (past.cleared_at, past.cause) == (hall.now, cause)


def test_the_end_of_the_day_clears_everything() -> None:
    hall = given(promising()).and_(take("t1")).running("9min")
    hall.at("2026-03-03 04:00").due()
    assert hall.happened[-3:] == [
        e.TicketExpired(by="deadline", ticket="t1", number="A001", day="2026-03-02"),
        e.AlertCleared(by="deadline", alert="warning:t1", ticket="t1", number="A001", cause="expired"),
        hall.happened[-1],
    ]
    assert isinstance(hall.happened[-1], e.DayEnded)
    assert (hall.state.alerts, hall.state.past_alerts) == ({}, {})


def test_hold_and_resume_tell_nothing_twice_and_what_comes_due_aside_is_told_after() -> None:
    hall = given(promising()).and_(take("t1")).running("8min").and_(hold("t1")).running("1h")
    assert raised(hall) == ["warning:t1"]
    hall.when(resume("t1")).followed_by(like(e.AlertRaised, alert="breach:t1"))
    hall.and_(hold("t1"), resume("t1")).running("1h")
    assert raised(hall) == ["warning:t1", "breach:t1"]


def test_no_other_promise_tells_a_second_time() -> None:
    hall = given(promising()).and_(open_(1), take("t1")).running("11min")
    both = ["warning:t1", "breach:t1"]
    assert raised(hall) == both
    for target_s in (60, 1200):
        hall.and_(change(class__plain__target_wait_s=target_s)).running("5min")
        hall.and_(change(policy__kind="strict")).running("20min")
    hall.and_(call(1), recall(1), transfer("t1", "repair")).running("1h")
    assert raised(hall) == both


def test_a_shorter_promise_is_missed_at_once_by_who_waited_longer() -> None:
    hall = given(promising()).and_(take("t1")).running("5min")
    hall.when(change(class__plain__target_wait_s=240)).followed_by(like(e.AlertRaised, alert="breach:t1"))


def test_a_transfer_to_a_longer_promise_clears_and_to_a_missed_one_does_not() -> None:
    services: dict[str, Any] = {"payment": {}, "repair": {"target_wait_s": {"plain": 3600}}, "advice": {}}
    hall = given(promising(services=services)).and_(take("t1"), take("t2")).running("11min")
    assert len(hall.state.alerts) == 4
    hall.when(transfer("t1", "repair")).followed_by(
        like(e.AlertCleared, alert="warning:t1", cause="transferred"),
        like(e.AlertCleared, alert="breach:t1", cause="transferred"),
    )
    hall.when(transfer("t2", "advice")).followed_by()
    assert {alert.ticket for alert in hall.state.alerts.values()} == {"t2"}


def test_a_restart_tells_nothing_twice() -> None:
    hall = given(promising()).and_(take("t1")).running("8min")
    reloaded = hall.reloaded()
    assert reloaded.alerts == hall.state.alerts
    assert reloaded.scheduler.due(hall.now, 10) == []
    assert reloaded.next_due(hall.now) == hall.now + 120_000


# -- acknowledging ----------------------------------------------------------------------------------


def test_an_alert_is_acknowledged_as_served_or_cared_for_and_its_ticket_knows() -> None:
    """SL-03."""
    hall = given(promising()).and_(take("t1")).running("8min")
    hall.when(acknowledge("warning:t1", "cared_for", "tea")).then(
        e.AlertAcknowledged(
            by="manager:wu", alert="warning:t1", ticket="t1", number="A001", done="cared_for", note="tea"
        )
    )
    alert = hall.state.alerts["warning:t1"]
    assert not alert.open
    assert alert.acknowledged is not None
    assert (alert.acknowledged.done, alert.acknowledged.at) == ("cared_for", hall.now)
    hall.when(acknowledge("warning:t1")).refused("alert_acknowledged", "warning:t1", "manager:wu")


def test_acknowledging_and_clearing_go_their_own_ways() -> None:
    hall = given(promising()).and_(open_(1), take("t1"), take("t2")).running("8min")
    hall.and_(acknowledge("warning:t1"))
    hall.when(call(1)).followed_by(like(e.AlertCleared, alert="warning:t1"))
    hall.and_(no_show(1))
    hall.when(call(1)).followed_by(like(e.AlertCleared, alert="warning:t2"))
    hall.when(acknowledge("warning:t2")).then(e.AlertAcknowledged)
    acknowledged = [alert.acknowledged is not None for alert in hall.state.past_alerts.values()]
    assert acknowledged == [True, True]


def test_what_cannot_be_acknowledged() -> None:
    hall = given(promising()).and_(take("t1")).running("8min")
    hall.when(acknowledge("breach:t1")).refused("unknown_alert", "breach:t1")
    hall.when(acknowledge("warning:t1", "ignored")).refused("bad_acknowledgement", "served, cared_for")
    hall.when(acknowledge("warning:t1", "served", "\n")).refused("bad_text", "note")
    for number in ("13800138000", "客户138-0013-8000要求回电", "ask +86 138 0013 8000", "1380013 8000"):
        hall.when(acknowledge("warning:t1", "served", number)).refused("phone_in_text", "note")


def test_a_called_ticket_whose_counter_closes_is_not_lost_to_the_watch() -> None:
    hall = given(promising()).and_(open_(1), take("t1"), transfer("t1", counter=1)).running("8min")
    hall.and_(close(1)).running("2min")
    assert raised(hall) == ["warning:t1", "breach:t1"]
    hall.and_(open_(1))
    hall.when(call_ticket(1, "t1")).followed_by(e.AlertCleared, e.AlertCleared)
