"""Calling: next under each policy, a given ticket, recall, start, finish, and the times they leave."""

from __future__ import annotations

import pytest

from somc.domain import events as e
from somc.testing.given import Situation, given, like, small_hall
from tests.domain.acts import (
    call,
    call_ticket,
    cancel,
    configure,
    finish,
    hold,
    no_show,
    open_,
    pause,
    recall,
    resume,
    resume_counter,
    start,
    take,
    transfer,
)

ONE_COUNTER = {1: {"payment": 1, "repair": 1}}


def called(hall: Situation, counter: int = 1) -> str:
    """The number that the counter calls next and serves."""
    number: str = hall.when(call(counter)).event.number
    hall.and_(start(counter), finish(counter))
    return number


# -- next -----------------------------------------------------------------------------------------


def test_fifo_calls_in_the_order_of_taking_whatever_class_or_service() -> None:
    hall = given(small_hall(counters=ONE_COUNTER)).and_(open_(1))
    for minute, (service, kind) in enumerate(
        [("payment", "plain"), ("repair", "gold"), ("payment", "gold"), ("repair", "plain")]
    ):
        hall.at(f"09:0{minute}").and_(take(f"t{minute}", service, kind))
    assert [called(hall) for _ in range(4)] == ["A001", "B001", "A002", "B002"]


def test_those_who_came_in_the_same_millisecond_are_called_in_the_order_of_taking() -> None:
    hall = given(small_hall(counters=ONE_COUNTER)).and_(open_(1))
    hall.and_(take("t1", "repair", "gold"), take("t2", "payment", "plain"), take("t3", "payment", "gold"))
    assert [called(hall) for _ in range(3)] == ["B001", "A001", "A002"]


def test_strict_calls_the_better_priority_however_long_the_other_waited() -> None:
    hall = given(small_hall(policy={"kind": "strict", "max_wait_s": 0})).and_(
        open_(1), take("t1", "payment", "plain")
    )
    hall.at("11:00").and_(take("t2", "payment", "gold"))
    assert called(hall) == "A002"


def test_beyond_the_longest_wait_strict_gives_way_to_the_oldest() -> None:
    hall = given(small_hall(policy={"kind": "strict", "max_wait_s": 900})).and_(open_(1))
    hall.and_(take("t1", "payment", "plain"))
    hall.at("09:10").and_(take("t2", "payment", "gold"), take("t3", "payment", "gold"))
    assert called(hall.at("09:14:59.999")) == "A002"
    assert called(hall.at("09:15")) == "A001"


@pytest.mark.parametrize(("gold_minutes", "first"), [(4, "A001"), (5, "A001"), (6, "A002")])
def test_accumulating_weighs_waiting_by_the_rate_of_the_class(gold_minutes: int, first: str) -> None:
    """Plain waits ten minutes at rate 1, gold counts double: at five minutes they are equal, and the older
    of equals goes first."""
    hall = given(small_hall(policy={"kind": "accumulating"})).and_(open_(1), take("t1", "payment", "plain"))
    hall.at(f"09:{10 - gold_minutes:02}").and_(take("t2", "payment", "gold"))
    assert called(hall.at("09:10")) == first


def test_a_counter_s_first_service_goes_before_its_second_whoever_waited_longer() -> None:
    hall = given(small_hall(counters={1: {"repair": 1, "payment": 2}})).and_(open_(1))
    hall.and_(take("t1", "payment")).after("20min").and_(take("t2", "repair"))
    assert [called(hall), called(hall)] == ["B001", "A001"]


def test_next_with_nobody_to_call_changes_nothing() -> None:
    hall = given().and_(open_(1), open_(2))
    hall.when(call(1)).then()
    hall.and_(take("t1", "repair")).when(call(2)).then()
    hall.when(call(1)).then(like(e.TicketCalled, number="B001"))


def test_a_ticket_is_not_called_to_a_counter_without_its_service_even_if_it_alone_is_free() -> None:
    """R-06."""
    hall = given().and_(open_(2), take("t1", "repair"))
    hall.when(call(2), at="12:00").then()
    hall.when(call_ticket(2, "t1")).refused("no_skill", "2", "repair")


def test_a_payment_only_counter_gets_only_payments_until_the_setting_is_removed() -> None:
    """SK-02."""
    hall = given().and_(open_(1), take("r1", "repair"), take("p1", "payment"), take("r2", "repair"))
    hall.and_(configure(1, {"payment": 1}))
    assert called(hall) == "A001"
    hall.when(call(1)).then()
    hall.and_(configure(1, None))
    assert [called(hall), called(hall)] == ["B001", "B002"]


def test_pressing_next_twice_calls_one_customer() -> None:
    """UC-02."""
    hall = given().and_(open_(1), take("t1"), take("t2"))
    hall.when(call(1)).then(like(e.TicketCalled, number="A001"))
    hall.when(call(1)).refused("counter_busy", "1", "A001")
    assert hall.ticket("A002").state == "waiting"


def test_two_counters_that_press_at_the_same_instant_get_different_customers() -> None:
    hall = given().and_(open_(1), open_(2), take("t1"), take("t2"))
    numbers = {hall.when(call(counter)).event.number for counter in (1, 2)}
    assert numbers == {"A001", "A002"}


def test_the_same_tickets_and_policy_give_the_same_order_in_another_hall() -> None:
    """R-02: the order does not hang on names of counters or agents, or on how often others were asked."""
    orders = []
    for number in (1, 7):
        hall = given(
            small_hall(counters={number: {"payment": 1, "repair": 1}}, policy={"kind": "accumulating"})
        )
        hall.and_(open_(number, f"agent-of-{number}"))
        for place in range(8):
            service, kind = ("payment", "repair")[place % 2], ("gold", "plain", "plain")[place % 3]
            hall.after("70s").and_(take(f"t{number}-{place}", service, kind))
            for _ in range(number):
                hall.when(call(99)).refused("unknown_counter", "99")
        orders.append([called(hall.after("2min"), number) for _ in range(8)])
    assert orders[0] == orders[1]


def test_a_called_ticket_names_counter_agent_service_and_class() -> None:
    hall = given().and_(open_(1, "Li"), take("t1", "repair", "gold"))
    hall.when(call(1)).then(
        like(e.TicketCalled, counter=1, agent="Li", service="repair", customer_class="gold", number="B001")
    )
    assert hall.counter(1).ticket == "t1"


# -- a given ticket -------------------------------------------------------------------------------


def test_a_waiting_ticket_is_called_out_of_turn_and_the_reason_says_so() -> None:
    hall = given().and_(open_(1), take("t1"), take("t2"))
    event = hall.when(call_ticket(1, "t2")).event
    assert (event.number, event.reason.rule) == ("A002", "given")
    assert "A002" in event.reason.words.en
    assert "A002" in event.reason.words.zh


def test_a_held_ticket_is_called_without_resuming_it() -> None:
    hall = given().and_(open_(1), take("t1"), hold("t1"))
    hall.when(call(1)).then()
    hall.when(call_ticket(1, "t1")).then(like(e.TicketCalled, number="A001"))


def test_a_ticket_handed_to_one_counter_is_not_called_at_another() -> None:
    hall = given().and_(open_(1), open_(2), take("t1"), transfer("t1", counter=2))
    hall.when(call(1)).then()
    hall.when(call_ticket(1, "t1")).refused("ticket_at_other_counter", "A001", "2")
    hall.when(call(2)).then(like(e.TicketCalled, number="A001"))


def test_a_busy_paused_closed_or_unknown_counter_calls_nobody() -> None:
    hall = given().and_(take("t1"), take("t2"))
    for command in (call(1), call_ticket(1, "t1")):
        hall.when(command).refused("counter_closed", "1")
    hall.and_(open_(1), pause(1))
    for command in (call(1), call_ticket(1, "t1")):
        hall.when(command).refused("counter_paused", "1")
    hall.and_(resume_counter(1), call(1), pause(1))
    for command in (call(1), call_ticket(1, "t2")):
        hall.when(command).refused("counter_busy", "1", "A001")
    hall.when(call(0)).refused("unknown_counter", "0")
    hall.when(call_ticket(1, "t9")).refused("counter_busy")
    hall.and_(open_(2)).when(call_ticket(2, "t9")).refused("unknown_ticket", "t9")


# -- recall, no-show ------------------------------------------------------------------------------


def test_recalls_are_counted_and_one_too_many_is_a_no_show() -> None:
    """UC-03."""
    hall = given(small_hall(max_recalls=2)).and_(open_(1), take("t1"), take("t2"), call(1))
    hall.when(recall(1)).then(like(e.TicketRecalled, number="A001", counter=1, recalls=1))
    assert hall.counter(1).ticket == "t1"
    hall.when(recall(1)).then(like(e.TicketRecalled, recalls=2))
    hall.when(recall(1)).then(like(e.TicketNoShow, number="A001", counter=1, cause="recalls"))
    assert hall.counter(1).ticket is None
    assert hall.state.counts.no_show == 1
    hall.when(call(1)).then(like(e.TicketCalled, number="A002"))


def test_recalls_begin_anew_with_another_call() -> None:
    hall = given(small_hall(max_recalls=1)).and_(open_(1), take("t1"), call(1), recall(1))
    hall.and_(hold("t1"), call_ticket(1, "t1"))
    hall.when(recall(1)).then(like(e.TicketRecalled, recalls=1))


def test_without_recalls_the_first_is_a_no_show() -> None:
    hall = given(small_hall(max_recalls=0)).and_(open_(1), take("t1"), call(1))
    hall.when(recall(1)).then(like(e.TicketNoShow, cause="recalls"))


def test_an_agent_marks_a_no_show_at_once() -> None:
    hall = given().and_(open_(1), take("t1"), call(1))
    hall.when(no_show(1)).then(like(e.TicketNoShow, number="A001", cause="agent"))


def test_a_paused_counter_still_recalls_serves_and_finishes_whom_it_has() -> None:
    """UC-04: only new calls stop."""
    hall = given().and_(open_(1), take("t1"), call(1), pause(1))
    hall.and_(recall(1), start(1), finish(1))
    hall.when(call(1)).refused("counter_paused")


# -- start, finish, times -------------------------------------------------------------------------


def test_times_of_a_visit_stand_in_order_and_durations_are_to_the_second() -> None:
    """Q-02, Q-03: taken 09:00:00.000, called 09:07:30.250, started 09:08:00.500, ended 09:12:10.499."""
    hall = given().and_(open_(1), take("t1"))
    hall.at("09:07:30.250").and_(call(1)).at("09:08:00.500").and_(start(1))
    hall.when(finish(1, "signed"), at="09:12:10.499").then(
        like(e.TicketFinished, number="A001", counter=1, waited_s=450, served_s=249, outcome="signed")
    )
    ticket = hall.ticket("t1")
    stamps = [ticket.taken_at, ticket.called_at, ticket.started_at, ticket.ended_at]
    assert [at - ticket.taken_at for at in stamps if at is not None] == [0, 450_250, 480_500, 730_499]
    assert hall.counter(1).served == 1


def test_waits_and_services_of_a_sent_on_ticket_add_up_without_its_time_on_hold() -> None:
    hall = given().and_(open_(1), open_(2), take("t1"))
    hall.after("100s").and_(call(1)).after("10s").and_(start(1))
    hall.after("60s").and_(transfer("t1", counter=2))
    hall.after("200s").and_(hold("t1")).after("1000s").and_(resume("t1"))
    hall.after("50s").and_(call(2)).after("5s").and_(start(2)).after("40s")
    hall.when(finish(2)).then(like(e.TicketFinished, waited_s=350, served_s=100))


def test_a_ticket_called_again_off_hold_has_not_been_started() -> None:
    hall = given().and_(open_(1), take("t1"), call(1), start(1)).after("30s").and_(hold("t1"))
    hall.after("60s").and_(call_ticket(1, "t1"))
    assert hall.ticket("t1").started_at is None
    hall.and_(start(1)).after("10s").when(finish(1)).then(like(e.TicketFinished, served_s=40))


def test_the_first_call_and_the_last_are_both_kept() -> None:
    hall = given().and_(open_(1), take("t1")).after("2min").and_(call(1)).after("1min").and_(hold("t1"))
    hall.after("4min").and_(call_ticket(1, "t1"))
    ticket = hall.ticket("t1")
    assert ticket.first_called_at == ticket.taken_at + 120_000
    assert ticket.called_at == ticket.taken_at + 420_000


def test_the_reason_counts_no_time_on_hold() -> None:
    hall = given().and_(open_(1), take("t1")).after("90s").and_(hold("t1")).after("1h")
    assert hall.when(call_ticket(1, "t1")).event.reason.waited_s == 90


def test_a_counter_is_free_since_its_last_customer_left() -> None:
    hall = given().and_(open_(1), take("t1"), take("t2"), take("t3"))
    free_since = [hall.counter(1).free_since]
    for last in (finish(1), no_show(1), hold("t3")):
        hall.after("1min").and_(call(1))
        if last == finish(1):
            hall.and_(start(1))
        hall.after("1min").and_(last)
        free_since.append(hall.counter(1).free_since)
    assert [at - free_since[0] for at in free_since] == [0, 120_000, 240_000, 360_000]
    hall.and_(pause(1)).after("1min").and_(resume_counter(1))
    assert hall.counter(1).free_since == hall.now


def test_an_outcome_is_one_short_line() -> None:
    hall = given().and_(open_(1), take("t1"), call(1), start(1))
    for text in ("", "  ", "x" * 121, "two\nlines", "bell\x07", "line\u2028end"):
        hall.when(finish(1, text)).refused("bad_text", "outcome", "120")
    hall.when(finish(1, "已办妥 ✓" + "x" * 114)).then(e.TicketFinished)


def test_at_a_counter_with_nobody_there_is_nothing_to_do() -> None:
    hall = given().and_(open_(1))
    for act in (recall, start, finish, no_show):
        hall.when(act(1)).refused("counter_idle", "1")
        hall.when(act(2)).refused("counter_closed", "2")
        hall.when(act(9)).refused("unknown_counter", "9")


# -- hold and resume ------------------------------------------------------------------------------


def test_hold_and_resume_keep_the_place() -> None:
    hall = given().and_(open_(1), take("t1")).after("1min").and_(take("t2"), hold("t1", "papers"))
    hall.after("30min").and_(take("t3"), resume("t1"))
    assert [called(hall) for _ in range(3)] == ["A001", "A002", "A003"]


@pytest.mark.parametrize(
    "before", [(), (call(1),), (call(1), start(1))], ids=["waiting", "called", "serving"]
)
def test_hold_frees_the_counter_and_resume_lets_the_ticket_wait(before: tuple[object, ...]) -> None:
    hall = given().and_(open_(1), take("t1"), *before)  # type: ignore[arg-type]  # commands, of any kind
    hall.when(hold("t1")).then(like(e.TicketHeld, number="A001", counter=1 if before else None))
    assert hall.counter(1).ticket is None
    hall.when(resume("t1")).then(e.TicketResumed)
    hall.when(call(1)).then(like(e.TicketCalled, number="A001"))


def test_cancel_frees_the_counter_that_called() -> None:
    hall = given().and_(open_(1), take("t1"), take("t2"), call(1))
    hall.when(cancel("t1", "left")).then(like(e.TicketCancelled, counter=1, reason="left"))
    hall.when(call(1)).then(like(e.TicketCalled, number="A002"))
    hall.when(cancel("t2", "a\tb")).refused("bad_text", "reason")
    hall.when(hold("t2", "")).refused("bad_text", "reason")
