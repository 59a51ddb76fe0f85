"""Offers, care, and customers who go elsewhere."""

from __future__ import annotations

import pytest

from somc.domain import events as e
from somc.testing.given import given, like
from tests.domain.acts import call, care, divert, end_day, finish, hold, offer, open_, start, take


def test_what_became_of_an_offer_is_kept_and_the_last_word_counts() -> None:
    """MK-04."""
    hall = given().and_(open_(1), take("t1"), call(1))
    hall.when(offer("t1", "plan-88", "shown")).then(
        e.OfferOutcome(by="agent:li", ticket="t1", number="A001", offer="plan-88", outcome="shown", counter=1)
    )
    hall.when(offer("t1", "plan-88", "later")).then(like(e.OfferOutcome, outcome="later"))
    hall.when(offer("t1", "plan-88", "accepted")).then(like(e.OfferOutcome, outcome="accepted"))
    assert hall.state.offers == {"t1": {"plan-88": "accepted"}}


@pytest.mark.parametrize("second", ["refused", "shown"])
def test_the_same_word_again_or_shown_after_an_answer_changes_nothing(second: str) -> None:
    hall = given().and_(take("t1"), offer("t1", "plan-88", "refused"))
    hall.when(offer("t1", "plan-88", second)).then()
    assert hall.state.offers == {"t1": {"plan-88": "refused"}}


def test_an_offer_may_be_answered_after_service_but_not_about_nobody() -> None:
    hall = given().and_(open_(1), take("t1"), call(1), start(1), finish(1))
    hall.when(offer("t1", "plan-88", "accepted", counter=2)).then(like(e.OfferOutcome, counter=2))
    hall.when(offer("t9", "plan-88", "accepted")).refused("unknown_ticket", "t9")
    hall.when(offer("t1", "plan-88", "eaten")).refused("bad_offer_outcome", "accepted")
    hall.when(offer("t1", "", "later")).refused("bad_text", "offer")
    hall.when(offer("t1", "plan-88", "later", counter=9)).refused("unknown_counter", "9")


def test_care_is_logged_as_often_as_it_is_given() -> None:
    """CA-03."""
    hall = given().and_(take("t1"))
    hall.when(care("t1", "water", "waits with a child")).then(
        e.CareLogged(by="floor:chen", ticket="t1", number="A001", kind="water", note="waits with a child")
    )
    hall.when(care("t1", "apology")).then(like(e.CareLogged, note=None))
    assert hall.state.cares == {"t1": 2}
    hall.when(care("t9")).refused("unknown_ticket", "t9")
    hall.when(care("t1", " ")).refused("bad_text", "kind")
    hall.when(care("t1", note="call 13800138000")).refused("phone_in_text", "note")


def test_whoever_goes_to_a_machine_before_taking_a_ticket_is_counted() -> None:
    """CA-02."""
    hall = given()
    hall.when(divert("payment")).then(
        e.TicketDiverted(by="kiosk:1", service="payment", kind="self_service", to="pay-1")
    )
    hall.and_(divert("payment", "online", "app"), divert("repair"))
    assert hall.state.diverted == {"self_service": 2, "online": 1}
    assert hall.state.day is None, "nobody took a ticket"


def test_whoever_waits_and_goes_elsewhere_gives_the_ticket_up() -> None:
    hall = given().and_(take("t1")).after("5min")
    hall.when(divert(kind="other_hall", to="Xidan", ticket="t1")).then(
        e.TicketDiverted(
            by="kiosk:1",
            service="payment",
            kind="other_hall",
            to="Xidan",
            ticket="t1",
            number="A001",
            waited_s=300,
        ),
        e.TicketCancelled(by="kiosk:1", ticket="t1", number="A001", reason="diverted"),
    )
    assert hall.ticket("A001").state == "cancelled"


def test_a_held_ticket_s_wait_is_what_it_waited_before() -> None:
    hall = given().and_(take("t1")).after("5min").and_(hold("t1")).after("1h")
    hall.when(divert("payment", ticket="t1")).then(
        like(e.TicketDiverted, waited_s=300), like(e.TicketCancelled)
    )


def test_nobody_is_diverted_wrongly() -> None:
    hall = given().and_(open_(1), take("t1"), take("t2"), call(1), start(1))
    hall.when(divert("nails")).refused("unknown_service", "nails")
    hall.when(divert("payment", "moon")).refused("bad_diversion", "moon")
    hall.when(divert("payment", to="13800138000")).refused("phone_in_text", "to")
    hall.when(divert()).refused("nothing_to_divert")
    hall.when(divert(ticket="t1")).refused("ticket_state", "A001")
    hall.when(divert("repair", ticket="t2")).refused("divert_other_service", "payment")
    hall.when(divert(ticket="t9")).refused("unknown_ticket", "t9")


def test_a_day_s_offers_care_and_diversions_end_with_it() -> None:
    hall = given().and_(take("t1"), offer("t1", "o", "later"), care("t1"), divert("payment"))
    hall.when(end_day(), at="2026-03-03 04:00")
    assert (hall.state.offers, hall.state.cares, hall.state.diverted) == ({}, {}, {})
