"""The promise of a period: every ticket taken in it was in time, late, or gone before anybody can say."""

from __future__ import annotations

from typing import Any

import pytest

from somc.domain import events as e
from somc.journal.record import Record
from somc.reports.promise import Late, PromiseFold
from somc.runtime.records import record_of
from somc.testing.given import Situation, given, instant, small_hall
from tests.domain.acts import (
    call,
    cancel,
    finish,
    hold,
    no_show,
    open_,
    resume,
    return_,
    start,
    take,
    transfer,
)

TEN = instant("2026-03-02 10:00")


class Recorded(Situation):
    """A situation that keeps its records as a journal would."""

    def __init__(self, *args: Any) -> None:
        self.records: list[Record] = []
        super().__init__(*args)

    def check(self) -> None:
        super().check()
        for event in self.happened[len(self.records) :]:
            # The first record of a journal is its settings, which `given` writes without an event.
            self.records.append(record_of(event, len(self.records) + 2, self.now, "test/hall"))


def hall_of(**more: Any) -> Recorded:
    services = {
        "payment": {"mean_service_s": 180},
        "repair": {"mean_service_s": 600, "target_wait_s": {"plain": 1800}},
    }
    classes = {"gold": {"target_wait_s": 300}, "plain": {"target_wait_s": 900}}
    made = given(small_hall(services=services, classes=classes, **more), at="2026-03-02 10:00")
    hall = Recorded(made.state.values, made.now, made.state.make_scheduler, made.state.kinds)
    hall.and_(open_(1), open_(2))
    return hall


def report(hall: Recorded, begin: int = TEN, to: int = TEN + 8 * 3_600_000, **more: Any) -> PromiseFold:
    fold = PromiseFold(begin, to, **more)
    for record in hall.records:
        if not fold.take(record):
            break
    else:
        fold.finish(hall.now)
    return fold


def late(fold: PromiseFold) -> list[tuple[str, str, int]]:
    return [(each.ticket, each.outcome, each.waited_s) for each in fold.late]


def test_called_in_time_within_ten_minutes_and_late_by_service_and_class() -> None:
    hall = hall_of().and_(take("g1", customer_class="gold"), take("p1"), take("p2"))
    hall.after("5min").and_(call(1), start(1), finish(1))  # gold, exactly in time
    hall.after("6min").and_(call(1), start(1), finish(1))  # plain, in its time but beyond ten minutes
    hall.after("5min").and_(call(1))  # plain, late
    fold = report(hall)
    view = fold.all.view()
    assert (view["called"], view["kept"], view["within"]) == (3, 2, 1)
    assert (view["kept_share"], view["within_share"]) == (0.6667, 0.3333)
    assert view["mean_wait_s"] == (300 + 660 + 960) / 3
    assert {key: (sums.called, sums.kept) for key, sums in fold.by.items()} == {
        ("payment", "gold"): (1, 1),
        ("payment", "plain"): (2, 1),
    }
    assert fold.late == [
        Late(
            place=fold.late[0].place,
            ticket="p2",
            number="A003",
            day="2026-03-02",
            service="payment",
            customer_class="plain",
            counter=1,
            taken_at=TEN,
            called_at=hall.now,
            waited_s=960,
            target_wait_s=900,
            outcome="called",
        )
    ]


@pytest.mark.parametrize(("beyond_ms", "kept"), [(0, 1), (1, 0), (999, 0)])
def test_a_millisecond_beyond_the_promise_is_late_as_the_alert_says(beyond_ms: int, kept: int) -> None:
    hall = hall_of().and_(take("t1")).after("15min").after(f"{beyond_ms}ms").and_(call(1))
    fold = report(hall)
    assert (fold.all.called, fold.all.kept) == (1, kept)
    assert late(fold) == ([] if kept else [("t1", "called", 901)])


def test_who_was_never_called_is_late_once_the_promise_was_over_and_else_nobody_can_say() -> None:
    hall = hall_of().and_(take("early"), take("gave-up"), take("waits"))
    hall.after("10min").and_(cancel("early"))
    hall.after("6min").and_(cancel("gave-up"))
    fold = report(hall)
    assert (fold.all.called, fold.all.not_called, fold.all.left_early) == (0, 2, 1)
    assert late(fold) == [("gave-up", "cancelled", 960), ("waits", "waiting", 960)]
    assert fold.all.view()["kept_share"] == 0.0
    hall.at("2026-03-03 04:00").due()
    assert late(report(hall))[1][:2] == ("waits", "expired")


def test_the_period_is_of_the_taking_and_follows_its_tickets_to_their_call() -> None:
    hall = hall_of().and_(take("before")).at("10:30").and_(take("in"))
    hall.at("11:00").and_(take("after"), call(1), call(2))
    hall.at("11:30")
    fold = report(hall, instant("2026-03-02 10:30"), instant("2026-03-02 11:00"))
    assert (fold.all.called, late(fold)) == (1, [("in", "called", 1800)])


def test_time_on_hold_and_after_the_first_call_is_no_wait() -> None:
    hall = hall_of().and_(take("t1")).after("5min").and_(hold("t1")).after("1h").and_(resume("t1"))
    hall.after("9min").and_(call(1))
    hall.and_(return_(1)).after("1h").and_(call(1))
    fold = report(hall)
    assert (fold.all.called, fold.all.kept, fold.all.waited_s) == (1, 1, 14 * 60)


def test_a_transfer_before_the_call_brings_another_promise_one_after_it_none() -> None:
    hall = hall_of().and_(take("t1"), take("t2")).after("14min").and_(transfer("t1", "repair"))
    hall.and_(call(2), start(2), transfer("t2", "repair")).after("10min").and_(call(1), no_show(1), call(1))
    fold = report(hall)
    assert {key: (sums.called, sums.kept) for key, sums in fold.by.items()} == {
        ("repair", "plain"): (1, 1),
        ("payment", "plain"): (1, 1),
    }


def test_an_appointments_wait_begins_at_the_booked_time() -> None:
    hall = hall_of().and_(take("b1", booked_at=instant("2026-03-02 10:30")))
    hall.at("10:40").and_(call(1))
    fold = report(hall)
    assert (fold.all.kept, fold.all.waited_s) == (1, 600)


def test_filters_and_pages_of_the_list() -> None:
    hall = hall_of()
    for n in range(5):
        hall.and_(take(f"p{n}"), take(f"r{n}", "repair"))
    hall.after("1h")
    for n in range(5):
        hall.and_(cancel(f"p{n}"))
    whole = report(hall)
    assert [ticket for ticket, _, _ in late(whole)] == [f"p{n}" for n in range(5)] + [
        f"r{n}" for n in range(5)
    ]
    assert report(hall, service="payment").late == whole.late[:5]
    assert report(hall, customer_class="gold").late == []
    pages, after = [], 0
    while True:
        page = report(hall, limit=3, after=after)
        assert (page.late_count, page.all) == (10, whole.all)
        pages += page.late
        if not page.more:
            break
        after = page.late[-1].place
    assert pages == whole.late


def test_nobody_at_all_is_no_share() -> None:
    view = report(hall_of()).all.view()
    assert (view["kept_share"], view["within_share"], view["mean_wait_s"]) == (None, None, None)


def test_it_stops_reading_when_the_last_ticket_of_the_period_is_settled() -> None:
    hall = hall_of().and_(take("t1"), call(1)).at("10:30").and_(take("t2"))
    fold = PromiseFold(TEN, TEN + 1)
    taken = [fold.take(record) for record in hall.records]
    assert taken[-1] is False
    assert isinstance(hall.happened[-1], e.TicketTaken)
