"""Transfer (转移): to a service, to a counter, to both, and who is let go again."""

from __future__ import annotations

from somc.domain import events as e
from somc.testing.given import given, like, small_hall
from tests.domain.acts import (
    call,
    change,
    close,
    configure,
    hold,
    open_,
    pause,
    resume,
    resume_counter,
    start,
    take,
    transfer,
)

BOTH = {"payment": 1, "repair": 1}
TWO_ALIKE = small_hall(counters={1: BOTH, 2: BOTH})


def test_to_a_service_the_ticket_keeps_number_and_seniority() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), take("t1")).after("1min").and_(take("t2", "repair"), call(1))
    hall.after("1min").when(transfer("t1", "repair")).then(
        like(e.TicketTransferred, number="A001", to_service="repair", to_counter=0, counter=1, cause="asked")
    )
    assert hall.ticket("t1").state == "waiting"
    hall.when(call(1)).then(like(e.TicketCalled, number="A001", service="repair"))


def test_sent_on_while_it_waits_a_ticket_waits_on() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), take("t1")).after("5min").and_(transfer("t1", "repair"))
    event = hall.after("2min").when(call(1)).event
    assert event.reason.waited_s == 420
    assert hall.ticket("t1").waited_ms == 420_000


def test_who_is_ahead_includes_those_handed_to_one_counter() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), take("t2"), transfer("t1", counter=2))
    hall.when(take("t3")).then(like(e.TicketTaken, position=3))


def test_a_ticket_handed_to_one_counter_stays_so_when_settings_or_skills_of_others_change() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), transfer("t1", counter=2))
    hall.and_(change(policy__kind="strict")).when(call(1)).then()
    hall.and_(configure(1, {"payment": 1})).when(call(1)).then()
    hall.when(call(2)).then(like(e.TicketCalled, number="A001"))


def test_to_a_counter_only_that_counter_calls_it() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), take("t2"), transfer("t1", counter=2))
    hall.when(call(1)).then(like(e.TicketCalled, number="A002"))
    hall.when(call(2)).then(like(e.TicketCalled, number="A001"))


def test_to_a_service_at_one_counter() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), call(1), start(1))
    hall.when(transfer("t1", "repair", 2)).then(
        like(e.TicketTransferred, to_service="repair", to_counter=2, counter=1)
    )
    hall.when(call(1)).then()
    hall.when(call(2)).then(like(e.TicketCalled, number="A001", service="repair"))


def test_the_promise_follows_the_service() -> None:
    services = {"payment": {"target_wait_s": {"plain": 60}}, "repair": {"target_wait_s": {"plain": 900}}}
    hall = given(small_hall(services=services)).and_(take("t1"))
    hall.when(transfer("t1", "repair")).then(like(e.TicketTransferred, target_wait_s=900))


def test_what_cannot_be_sent_is_refused() -> None:
    hall = given().and_(open_(1), take("t1"))
    hall.when(transfer("t1")).refused("nothing_to_transfer")
    hall.when(transfer("t1", "haircut")).refused("unknown_service", "haircut")
    hall.when(transfer("t1", counter=9)).refused("unknown_counter", "9")
    hall.when(transfer("t1", counter=2)).refused("counter_closed", "2")
    hall.and_(open_(2)).when(transfer("t1", "repair", 2)).refused("no_skill", "2", "repair")
    hall.when(transfer("t1", "payment")).refused("transfer_to_same", "A001")
    hall.and_(transfer("t1", counter=1)).when(transfer("t1", counter=1)).refused("transfer_to_same", "A001")
    hall.when(transfer("t9", "repair")).refused("unknown_ticket", "t9")


def test_naming_its_service_again_lets_everybody_call_it() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), transfer("t1", counter=2))
    hall.when(transfer("t1", "payment")).then(like(e.TicketTransferred, to_counter=0))
    hall.when(call(1)).then(like(e.TicketCalled, number="A001"))


def test_a_called_ticket_may_go_back_to_where_it_was() -> None:
    hall = given().and_(open_(1), take("t1"), call(1))
    hall.when(transfer("t1", "payment")).then(like(e.TicketTransferred, to_service="payment", counter=1))
    assert hall.counter(1).ticket is None


def test_a_held_ticket_that_is_sent_waits() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), take("t1"), hold("t1"))
    hall.when(transfer("t1", counter=1)).then(e.TicketTransferred)
    hall.when(call(1)).then(like(e.TicketCalled, number="A001"))


def test_a_paused_counter_keeps_those_that_wait_for_it_alone() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), transfer("t1", counter=2))
    hall.when(pause(2)).then(e.CounterPaused)
    hall.when(call(1)).then()
    hall.and_(resume_counter(2)).when(call(2)).then(like(e.TicketCalled, number="A001"))


# -- let go ---------------------------------------------------------------------------------------


def test_when_the_counter_closes_those_that_waited_for_it_alone_keep_their_place_with_everybody() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), transfer("t1", counter=2))
    hall.after("1min").and_(take("t2"))
    hall.when(close(2)).then(
        e.CounterClosed,
        like(e.TicketTransferred, number="A001", to_counter=0, to_service="payment", cause="counter_closed"),
    )
    hall.when(call(1)).then(like(e.TicketCalled, number="A001"))


def test_other_skills_let_go_only_those_that_need_a_lost_one() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), take("t2", "repair"))
    hall.and_(transfer("t1", counter=2), transfer("t2", counter=2))
    hall.when(configure(2, {"payment": 1})).then(
        like(e.CounterConfigured, skills={"payment": 1}),
        like(e.TicketTransferred, number="B001", to_counter=0, cause="counter_configured"),
    )
    hall.when(call(1)).then(like(e.TicketCalled, number="B001"))


def test_changed_settings_let_go_too() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t2", "repair"), transfer("t2", counter=2))
    hall.when(change("config", counter__2__skills={"payment": 1})).then(
        e.ConfigChanged, like(e.TicketTransferred, number="B001", to_counter=0, cause="counter_configured")
    )


def test_resumed_after_its_only_counter_closed_a_ticket_waits_for_everybody() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), transfer("t1", counter=2), hold("t1"))
    hall.when(close(2)).then(e.CounterClosed)
    hall.when(resume("t1")).then(
        e.TicketResumed, like(e.TicketTransferred, to_counter=0, cause="counter_closed")
    )
    hall.when(call(1)).then(like(e.TicketCalled, number="A001"))


def test_resumed_after_its_only_counter_lost_the_skill_a_ticket_waits_for_everybody() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1", "repair"), transfer("t1", counter=2))
    hall.and_(hold("t1")).when(configure(2, {"payment": 1})).then(e.CounterConfigured)
    hall.when(resume("t1")).then(
        e.TicketResumed, like(e.TicketTransferred, to_counter=0, cause="counter_configured")
    )


def test_resumed_while_its_only_counter_serves_it_still_waits_for_that_counter() -> None:
    hall = given(TWO_ALIKE).and_(open_(1), open_(2), take("t1"), transfer("t1", counter=2), hold("t1"))
    hall.when(resume("t1")).then(e.TicketResumed)
    hall.when(call(1)).then()
    hall.when(call(2)).then(like(e.TicketCalled, number="A001"))
