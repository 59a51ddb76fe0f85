"""The outbox: who gets a message, when it may leave, what gateways say of it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.outbox import MessageState, quiet_until
from somc.domain.values import MESSAGE_CLASSES, MessageRules
from somc.testing.given import Situation, given, instant, like, small_hall

BY = "channel:test"


def message(message_id: str = "m1", message_class: str = "receipt", **more: Any) -> c.QueueMessage:
    fields = {"template": "test", "person": "p1", **more}
    return c.QueueMessage(by=BY, message_id=message_id, message_class=message_class, **fields)


def sent(*ids: str, refs: tuple[str, ...] | None = None, gateway: str = "g") -> c.ReportMessages:
    return c.ReportMessages(
        by=BY,
        gateway=gateway,
        outcomes=tuple(
            c.MessageOutcome(message=each, outcome="sent", refs=refs or (f"r-{each}",)) for each in ids
        ),
    )


def refused(name: str = "m1", **more: Any) -> c.ReportMessages:
    outcome = c.MessageOutcome(message=name, **{"outcome": "refused", "detail": "busy", **more})
    return c.ReportMessages(by=BY, gateway="g", outcomes=(outcome,))


def receipt(*refs: str, delivered: bool = True, gateway: str = "g") -> c.ReportReceipts:
    return c.ReportReceipts(
        by=BY, gateway=gateway, receipts=tuple(c.PartReceipt(ref=ref, delivered=delivered) for ref in refs)
    )


def hall(**rules: Any) -> dict[str, Any]:
    return {**small_hall(), **{f"messages.{name}": value for name, value in rules.items()}}


def state_of(situation: Situation, name: str = "m1") -> MessageState:
    return situation.state.outbox.messages[name].state


# -- the way of a message -----------------------------------------------------------------------------


def test_a_message_is_queued_sent_and_delivered() -> None:
    here = given().and_(message(ticket="t9"))
    here.when(sent("m1")).then(like(e.MessageSent, message="m1", refs=("r-m1",), attempt=1, ticket="t9"))
    here.when(receipt("r-m1")).then(like(e.MessageDelivered, message="m1", gateway="g", ticket="t9"))
    assert state_of(here) is MessageState.DELIVERED


def test_a_message_is_sent_once_by_the_record_whatever_is_repeated() -> None:
    here = given().and_(message(), sent("m1"))
    here.when(sent("m1", "m1", refs=("other",))).then()
    here.and_(receipt("r-m1"))
    here.when(sent("m1")).then()
    here.when(receipt("r-m1", "r-m1")).then()


def test_two_outcomes_of_one_message_in_one_report_are_one() -> None:
    given().and_(message()).when(sent("m1", "m1")).then(e.MessageSent)


def test_what_a_gateway_says_of_a_message_that_is_not_here_changes_nothing() -> None:
    here = given().and_(message())
    here.when(sent("m7")).then()
    here.when(receipt("r-m1")).then()
    here.and_(sent("m1")).when(receipt("r-m1", gateway="another")).then()


def test_a_long_message_is_delivered_when_its_last_part_is() -> None:
    here = given().and_(message(), sent("m1", refs=("a", "b", "c")))
    here.when(receipt("b")).then(like(e.MessagePartDelivered, ref="b"))
    here.when(receipt("b")).then()
    here.when(receipt("a", "a", "c")).then(like(e.MessagePartDelivered, ref="a"), e.MessageDelivered)


def test_one_part_that_never_comes_makes_a_message_fail_once() -> None:
    here = given().and_(message(), sent("m1", refs=("a", "b")))
    here.when(receipt("a", "b", delivered=False)).then(
        like(e.MessageFailed, cause="undelivered", retry_at=None)
    )
    assert state_of(here) is MessageState.FAILED


def test_a_refused_message_is_tried_again_with_growing_pauses_and_then_given_up() -> None:
    here = given(hall(attempts=4, retry_s=30, retry_most_s=100)).and_(message())
    pauses = []
    for _ in range(4):
        failed = here.when(refused()).event
        pauses.append(None if failed.retry_at is None else (failed.retry_at - here.now) // 1000)
        if failed.retry_at is not None:
            assert state_of(here) is MessageState.QUEUED
            here.at(failed.retry_at)
    assert pauses == [30, 60, 100, None]
    assert state_of(here) is MessageState.FAILED
    here.when(sent("m1")).then()
    again = here.when(c.RetryMessage(by="manager:wu", message="m1")).event
    assert again.ready_at == here.now
    here.when(sent("m1")).then(like(e.MessageSent, attempt=1))


@pytest.mark.parametrize("outcome", ["expired", "no_number", "no_text"])
def test_what_no_repetition_would_change_is_given_up_at_once(outcome: str) -> None:
    here = given().and_(message())
    here.when(refused(outcome=outcome)).then(like(e.MessageFailed, cause=outcome, retry_at=None, attempt=0))


def test_a_permanent_refusal_is_given_up_and_its_words_carry_no_number() -> None:
    here = given().and_(message())
    detail = "bad address\x00 138 0013 8000"
    here.when(refused(permanent=True, detail=detail)).then(
        like(e.MessageFailed, cause="gateway", retry_at=None, detail="bad address  …")
    )


def test_a_retry_beyond_the_message_s_life_is_none() -> None:
    here = given()
    here.and_(message(expires_at=here.now + 20_000))
    here.when(refused()).then(like(e.MessageFailed, retry_at=None))


def test_what_was_not_sent_can_be_taken_back_by_id_or_key() -> None:
    here = given().and_(message(key="k1"), message("m2"))
    here.when(c.CancelMessage(by=BY, key="k1", reason="changed")).then(
        like(e.MessageCancelled, message="m1", reason="changed")
    )
    here.when(c.CancelMessage(by=BY, key="k1")).then()
    here.when(c.CancelMessage(by=BY, key="unheard-of")).then()
    here.and_(sent("m2")).when(c.CancelMessage(by=BY, message="m2")).then()
    here.when(sent("m1")).then()


# -- who gets one ---------------------------------------------------------------------------------------


def test_one_key_is_one_message_even_when_the_first_is_done_with() -> None:
    here = given().and_(message(key="alert:1"), sent("m1"), receipt("r-m1"))
    here.when(message("m2", key="alert:1")).then()


def test_a_key_is_known_across_the_end_of_the_day_and_forgotten_days_later() -> None:
    here = given(at="2026-03-02 09:00").and_(
        c.TakeTicket(
            by="kiosk:1",
            ticket_id="t1",
            service="payment",
            customer_class="plain",
            class_source="given",
            channel="kiosk",
        ),
        message(key="k"),
        sent("m1"),
        receipt("r-m1"),
    )
    here.at("2026-03-03 09:00").due()
    assert here.state.outbox.messages == {}
    here.when(message("m2", key="k")).then()


def test_what_was_given_up_can_be_tried_again_on_the_next_day_and_is_forgotten_later() -> None:
    here = given(at="2026-03-02 09:00")

    def day(number: int) -> None:
        here.at(f"2026-03-0{number} 09:00").and_(
            c.TakeTicket(
                by="kiosk:1",
                ticket_id=f"t{number}",
                service="payment",
                customer_class="plain",
                class_source="given",
                channel="kiosk",
            )
        )

    day(2)
    here.and_(message(), refused(permanent=True))
    day(3)
    assert state_of(here) is MessageState.FAILED
    here.when(c.RetryMessage(by="manager:wu", message="m1")).then(e.MessageRequeued)
    here.and_(refused(permanent=True))
    for number in (4, 5, 6, 7):
        day(number)
    assert here.state.outbox.messages == {}


def test_the_hall_s_own_ideas_need_consent_and_end_with_a_no() -> None:
    here = given(hall(quiet_from_s=0, quiet_until_s=0))
    here.when(message(message_class="marketing")).refused("no_consent")
    here.and_(c.SetConsent(by=BY, person="p1", message_classes=("marketing",), allowed=True))
    here.and_(message(message_class="marketing"), message("m2", "reminder"))
    here.when(
        c.SetConsent(
            by=BY, person="p1", message_classes=("marketing", "reminder"), allowed=False, cause="reply"
        )
    ).then(
        like(e.ConsentChanged, message_classes=("marketing", "reminder"), allowed=False),
        like(e.MessageCancelled, message="m1"),
        like(e.MessageCancelled, message="m2"),
    )
    here.when(message("m3", "reminder")).refused("not_wanted")
    here.when(message("m4", "reminder", person="p2")).then(e.MessageQueued)
    here.when(message("m5", "receipt")).then(e.MessageQueued)
    here.when(c.SetConsent(by=BY, person="p1", message_classes=("reminder",), allowed=False)).then()
    here.when(c.SetConsent(by=BY, person="p1", message_classes=("receipt",), allowed=False)).refused(
        "unknown_message_class"
    )


def test_nobody_gets_more_than_the_limits_and_alarms_are_not_counted() -> None:
    here = given(hall(per_hour=3, per_day={"notice": 1}))
    here.and_(message("a"), message("b", "notice"))
    here.when(message("c", "notice")).refused("recipient_limit", "1", "24")
    here.and_(message("d")).when(message("e")).refused("recipient_limit", "3")
    here.and_(message("f", "alarm"), message("g", person="p2"))
    here.after("1h").and_(message("h"))
    here.when(message("i", "notice")).refused("recipient_limit")
    here.after("23h").when(message("j", "notice")).then(e.MessageQueued)


def test_what_cannot_be_meant_is_refused() -> None:
    here = given().and_(message())
    here.when(message()).refused("message_id_taken", "m1")
    here.when(message("m2", "love-letter")).refused("unknown_message_class", "love-letter")
    here.when(message("m2", expires_at=here.now)).refused("message_too_late")
    here.when(message("m2", key="call 13800138000")).refused("bad_text")
    here.when(c.CancelMessage(by=BY, message="m7")).refused("unknown_message", "m7")
    here.when(c.RetryMessage(by=BY, message="m7")).refused("unknown_message", "m7")
    here.when(c.RetryMessage(by=BY, message="m1")).refused("message_not_failed", "m1")
    here.when(c.ReportChannel(by=BY, channel="g", status="asleep")).refused("bad_channel_state", "asleep")


# -- when it leaves -------------------------------------------------------------------------------------


def test_dunning_at_eleven_at_night_leaves_at_seven_and_an_alarm_at_once() -> None:
    """CH-02."""
    here = given(at="2026-03-02 23:00")
    held = here.when(message("d", "dunning")).event
    assert (held.ready_at, held.held) == (instant("2026-03-03 07:00"), True)
    for kind in ("alarm", "receipt", "code", "notice"):
        event = here.when(message(kind, kind)).event
        assert (event.ready_at, event.held) == (here.now, False)


@pytest.mark.parametrize(
    ("zone", "at", "until"),
    [
        ("Asia/Shanghai", "2026-03-02 21:59:59", None),
        ("Asia/Shanghai", "2026-03-02 22:00", "2026-03-03 07:00"),
        ("Asia/Shanghai", "2026-03-03 00:00", "2026-03-03 07:00"),
        ("Asia/Shanghai", "2026-03-03 06:59:59", "2026-03-03 07:00"),
        ("Asia/Shanghai", "2026-03-03 07:00", None),
        # The night on which an hour is left out is an hour shorter, the other one longer.
        ("Europe/Berlin", "2026-03-28 22:00", "2026-03-29 07:00"),
        ("Europe/Berlin", "2026-03-29 03:30", "2026-03-29 07:00"),
        ("Europe/Berlin", "2026-10-24 22:00", "2026-10-25 07:00"),
        ("America/New_York", "2026-11-01 01:30", "2026-11-01 07:00"),
    ],
)
def test_quiet_hours_follow_the_hall_s_clocks(zone: str, at: str, until: str | None) -> None:
    found = quiet_until(MessageRules(), ZoneInfo(zone), "dunning", instant(at, zone))
    assert found == (None if until is None else instant(until, zone))


def test_a_night_with_a_change_to_summer_time_is_an_hour_shorter() -> None:
    lengths = []
    for night in ("2026-03-27 22:00", "2026-03-28 22:00", "2026-10-24 22:00"):
        at = instant(night, "Europe/Berlin")
        until = quiet_until(MessageRules(), ZoneInfo("Europe/Berlin"), "dunning", at)
        assert until is not None
        lengths.append((until - at) // 3_600_000)
    assert lengths == [9, 8, 10]


def test_quiet_hours_within_one_day_and_none_at_all() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    noon = MessageRules(quiet_from_s=12 * 3600, quiet_until_s=14 * 3600)
    at = instant("2026-03-02 13:00")
    assert quiet_until(noon, zone, "dunning", at) == instant("2026-03-02 14:00")
    assert quiet_until(noon, zone, "dunning", instant("2026-03-02 14:00")) is None
    assert quiet_until(MessageRules(quiet_from_s=0, quiet_until_s=0), zone, "dunning", at) is None


def test_a_message_for_later_that_falls_into_the_quiet_hours_waits_for_their_end() -> None:
    here = given(at="2026-03-02 09:00")
    event = here.when(message("m1", "reminder", not_before=instant("2026-03-03 06:30"))).event
    assert (event.ready_at, event.held) == (instant("2026-03-03 07:00"), True)


def test_a_retry_never_falls_into_the_quiet_hours() -> None:
    here = given(hall(retry_s=60), at="2026-03-02 21:59:30").and_(message("m1", "dunning"))
    assert here.when(refused()).event.retry_at == instant("2026-03-03 07:00")


@pytest.mark.parametrize("kind", ["code", "receipt", "alarm"])
def test_settings_cannot_hold_what_somebody_waits_for(kind: str) -> None:
    change = c.ChangeConfig(by="manager:wu", changes={"messages.quiet_classes": [kind]})
    given().when(change).refused("bad_config", kind)


# -- what comes in ---------------------------------------------------------------------------------------


def asking(message_id: str = "m1", **more: Any) -> c.QueueMessage:
    ask = e.AskFacts(
        kind="confirm_appointment", facts={"appointment": "a1"}, until=instant("2026-03-02 10:00")
    )
    return message(message_id, appointment="a1", ask=ask, **more)


def incoming(ref: str = "i1", **more: Any) -> c.ReceiveMessage:
    fields = {"intent": "confirm", "answers": "m1", **more}
    return c.ReceiveMessage(by=BY, message_id=f"in-{ref}", gateway="g", ref=ref, person="p1", **fields)


def test_an_answer_closes_the_question_and_the_same_answer_again_changes_nothing() -> None:
    here = given().and_(asking())
    found = here.state.outbox.open_ask("p1", here.now)
    assert found is not None
    assert found[0].id == "m1"
    assert here.state.outbox.open_ask("p2", here.now) is None
    here.when(incoming()).then(like(e.MessageReceived, answers="m1", appointment="a1", intent="confirm"))
    assert here.state.outbox.open_ask("p1", here.now) is None
    here.when(incoming()).then()
    here.when(incoming("i2", intent="unknown", answers=None)).then(e.MessageReceived)


def test_a_question_is_open_until_its_time_and_the_newest_is_asked_first() -> None:
    here = given().and_(asking("m1"), asking("m2"))
    newest = here.state.outbox.open_ask("p1", here.now)
    assert newest is not None
    assert newest[0].id == "m2"
    assert here.state.outbox.open_ask("p1", instant("2026-03-02 10:00:01")) is None


# -- gateways ---------------------------------------------------------------------------------------------


def channel(status: str, name: str = "sms1", detail: str = "") -> c.ReportChannel:
    return c.ReportChannel(by=BY, channel=name, status=status, detail=detail)


def test_a_gateway_that_stays_down_is_one_alert_until_it_is_up() -> None:
    here = given(hall(gateway_down_s=300)).and_(channel("up"))
    here.when(channel("up")).then()
    here.after("1min").and_(channel("down", detail="refused"))
    here.running("299s")
    here.and_(channel("down", detail="no answer"), channel("down", "sms2"))
    assert not here.state.alerts
    here.running("1s")
    (alert,) = here.state.alerts.values()
    assert (alert.kind, alert.subject, alert.value) == ("gateway_down", "sms1", 300)
    here.running("300s")
    assert [alert.subject for alert in here.state.alerts.values()] == ["sms1", "sms2"]
    here.when(channel("up")).followed_by(like(e.AlertCleared, cause="up"))
    here.when(channel("off", "sms2")).followed_by(like(e.AlertCleared, cause="off"))


def test_no_limit_is_no_alert() -> None:
    here = given(hall(gateway_down_s=0)).and_(channel("down")).running("24h")
    assert not here.state.alerts


# -- as a whole --------------------------------------------------------------------------------------------


def test_a_snapshot_brings_the_outbox_back() -> None:
    here = given().and_(
        asking(key="k", expires_at=instant("2026-03-04 09:00")),
        message("m2"),
        sent("m2", refs=("a", "b")),
        c.SetConsent(by=BY, person="p1", message_classes=("marketing",), allowed=True),
        incoming(),
        channel("down"),
    )
    again = here.reloaded()
    assert again.dump() == here.state.dump()
    assert again.outbox.by_ref == {("g", "a"): "m2", ("g", "b"): "m2"}
    assert again.outbox.waiting == 1
    again.check_invariants()


def test_no_record_of_a_message_has_room_for_words_or_numbers() -> None:
    fields = {
        name
        for kind in e.BY_TYPE.values()
        if issubclass(kind, e.MessageEvent)
        for name in kind.__struct_fields__
    }
    assert not fields & {"text", "phone", "to", "number", "name", "values"}
    assert set(MESSAGE_CLASSES) >= {"alarm", "dunning"}
    assert msgspec.json.encode(MessageState.SENT) == b'"sent"'
