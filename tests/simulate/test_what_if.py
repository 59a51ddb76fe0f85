"""A recorded day under another policy: what is kept, what is decided anew, checked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from somc.composition import open_hall, play_recorded
from somc.config import HallConfig, load
from somc.config.policy_file import PolicyFile
from somc.domain.events import ConfigChanged, TicketCalled, TicketFinished
from somc.domain.settings import settings_from
from somc.errors import StoreCorrupt, UsageError
from somc.runtime.ids import IdSource
from somc.scheduler.choose import factory
from somc.simulate.arrivals import Arrival, random_arrivals
from somc.simulate.recorded_day import recorded_days
from somc.simulate.what_if import play_again
from somc.testing.day import DayClock, midnight, play_day, quiet
from somc.testing.given import instant, small_hall
from tests.domain import acts
from tests.simulate.recording import Recording

HALL = Path(__file__).parents[2] / "examples" / "real_day" / "hall.toml"
ONE_COUNTER = small_hall(counters={1: {"payment": 1, "repair": 1}})


def three_wait() -> Recording:
    """Counter 1 serves a, b, c in the order in which they came: c is of the better class."""
    day = Recording(ONE_COUNTER)
    day.at("09:00", acts.open_(1), acts.take("a"), acts.call(1), acts.start(1))
    day.at("09:01", acts.take("b"))
    day.at("09:02", acts.take("c", customer_class="gold"))
    day.at("09:10", acts.finish(1))
    day.at("09:10:30", acts.call(1))
    day.at("09:11", acts.start(1))
    day.at("09:16", acts.finish(1))
    day.at("09:16:20", acts.call(1), acts.start(1))
    day.at("09:20", acts.finish(1))
    return day


def test_under_its_own_policy_every_call_is_as_it_was() -> None:
    day = three_wait()
    assert day.calls(day.under()) == day.calls()
    assert day.under().visits == day.days()[0].visits


def test_another_policy_calls_others_and_each_keeps_its_own_service() -> None:
    day = three_wait()
    assert day.calls() == [("a", 1, "09:00:00"), ("b", 1, "09:10:30"), ("c", 1, "09:16:20")]
    # c is served first, for 3:40; then the counter's second gap of 20 s; b walks 30 s and is served 5 min.
    assert day.calls(day.under(kind="strict")) == [
        ("a", 1, "09:00:00"),
        ("c", 1, "09:10:30"),
        ("b", 1, "09:14:30"),
    ]


def test_who_left_leaves_after_the_same_wait_unless_called_before() -> None:
    day = Recording(ONE_COUNTER)
    day.at("09:00", acts.open_(1), acts.take("a"), acts.call(1), acts.start(1))
    day.at("09:01", acts.take("b"), acts.take("vip", customer_class="gold"))
    day.at("09:10", acts.finish(1), acts.call(1), acts.start(1))
    day.at("09:12", acts.cancel("vip"))
    day.at("09:20", acts.finish(1))
    assert [name for name, _, _ in day.calls()] == ["a", "b"]
    assert day.days()[0].visits["vip"].left

    played = day.under(kind="strict")
    assert day.calls(played)[1] == ("vip", 1, "09:10:00")
    assert not played.visits["vip"].left
    # Nobody knows how long vip would have taken: the mean of the two services seen, both 10 minutes. The
    # journal ends at 09:20, when vip goes: b is called at that instant, after the recorded gap of none.
    assert played.guessed_services == 1
    assert day.calls(played)[2] == ("b", 1, "09:20:00")


def test_a_counter_that_is_busy_when_it_closed_closes_after_its_customer() -> None:
    hall = small_hall(counters={1: {"payment": 1}, 2: {"payment": 1}})
    day = Recording(hall)
    day.at("09:00", acts.open_(1), acts.open_(2))
    day.at(
        "09:00", acts.take("long"), acts.call(1), acts.start(1), acts.take("x"), acts.call(2), acts.start(2)
    )
    day.at("09:01", acts.take("short"), acts.take("slow", customer_class="gold"))
    day.at("09:05", acts.finish(1), acts.call(1), acts.start(1))  # short
    day.at("09:07", acts.finish(1), acts.close(1))
    day.at("09:10", acts.finish(2), acts.call(2), acts.start(2))  # slow
    day.at("09:30", acts.finish(2), acts.take("last"), acts.call(2))
    played = day.under(kind="strict")
    # Now counter 1 has slow from 09:05 until 09:25, and takes nobody after that although it closed at 09:07.
    assert day.calls(played)[2:] == [
        ("slow", 1, "09:05:00"),
        ("short", 2, "09:10:00"),
        ("last", 2, "09:30:00"),
    ]
    assert played.not_done == {}


def test_a_counter_that_saw_somebody_and_did_not_press_is_slow_again() -> None:
    hall = small_hall(counters={1: {"payment": 1}, 2: {"payment": 1}})
    day = Recording(hall)
    day.at("09:00", acts.open_(1), acts.open_(2), acts.take("a"), acts.call(1), acts.start(1))
    day.at("09:02", acts.take("b"))
    day.at("09:05", acts.finish(1))
    day.at("09:06", acts.call(1))  # counter 2 was open all the time and let b wait
    assert day.calls(day.under()) == day.calls()


def test_holds_transfers_and_calls_by_number_go_as_they_went() -> None:
    hall = small_hall(counters={1: {"payment": 1, "repair": 1}, 2: {"payment": 1, "repair": 1}})
    day = Recording(hall)
    day.at("09:00", acts.open_(1), acts.open_(2), *(acts.take(name) for name in "abcd"))
    day.at("09:01", acts.call_ticket(1, "c"), acts.start(1), acts.hold("a"))
    day.at("09:02", acts.call(2), acts.recall(2))
    day.at("09:03", acts.no_show(2), acts.transfer("c", "repair", 2))
    day.at("09:04", acts.call_ticket(1, "a"), acts.start(1), acts.call(2), acts.start(2))
    day.at("09:20", acts.finish(1), acts.finish(2), acts.call(1))
    assert day.calls(day.under()) == day.calls()
    assert [name for name, _, _ in day.calls()] == ["c", "b", "a", "c", "d"]


def test_an_overflow_and_an_appointments_window_bring_somebody_by_time_alone() -> None:
    hall = small_hall(counters={1: {"payment": 1, "repair": 1}, 2: {"payment": 1}, 3: {"repair": 1}})
    hall |= {"counter.2.overflow_s": {"payment": 300}, "counter.3.mode": "auto"}
    day = Recording(hall)
    soon = instant("2026-03-02 09:20")
    day.at(
        "09:00", *(acts.open_(number) for number in (1, 2, 3)), acts.take("a"), acts.call(1), acts.start(1)
    )
    day.at("09:01", acts.take("b"), acts.take("booked", "repair", booked_at=soon))
    day.at("09:06:10", acts.call(2), acts.start(2))  # b, seen at counter 2 since 09:06
    day.at("09:30", acts.finish(1), acts.finish(2), acts.start(3))
    assert day.calls() == [("a", 1, "09:00:00"), ("b", 2, "09:06:10"), ("booked", 3, "09:15:00")]
    assert day.calls(day.under()) == day.calls()
    assert day.under().guessed_gaps == 0


def test_an_auto_counter_is_given_whom_the_other_policy_puts_first() -> None:
    hall = small_hall(counters={1: {"payment": 1}})
    hall["counter.1.mode"] = "auto"
    day = Recording(hall)
    day.at("09:00", acts.open_(1), acts.take("a"), acts.start(1), acts.take("b"))
    day.at("09:01", acts.take("c", customer_class="gold"))
    day.at("09:10", acts.finish(1), acts.start(1))
    day.at("09:20", acts.finish(1), acts.return_(1))
    day.at("09:21", acts.start(1))
    assert [name for name, _, _ in day.calls()] == ["a", "b", "c", "c"]
    assert day.calls(day.under()) == day.calls()
    assert day.calls(day.under(kind="strict"))[1] == ("c", 1, "09:10:00")


def test_somebody_whom_no_counter_sees_yet_is_called_by_number_when_it_was() -> None:
    day = Recording(ONE_COUNTER)
    day.at("09:00", acts.open_(1), acts.take("early", booked_at=instant("2026-03-02 11:00")))
    day.at("09:30", acts.call_ticket(1, "early"), acts.start(1))
    day.at("09:40", acts.finish(1))
    assert day.calls() == [("early", 1, "09:30:00")]
    assert day.calls(day.under()) == day.calls()


def test_what_comes_after_a_days_end_at_the_same_instant_is_not_of_that_day() -> None:
    day = Recording(ONE_COUNTER)
    day.at("09:00", acts.open_(1), acts.take("a"), acts.call(1), acts.start(1))
    day.at("2026-03-03 04:00", acts.transfer("a", "repair"), acts.call(1))
    (recorded,) = day.days()
    assert [name for name, _, _ in recorded.calls] == ["a"]
    assert day.under().calls == recorded.calls


def test_settings_changed_during_the_day_do_not_undo_what_is_tried_out() -> None:
    changed = three_wait()
    because = ConfigChanged(by="manager:wu", changes={"policy.kind": "fifo"})
    changed.happened.insert(-8, (because, changed.happened[-9][1]))
    (recorded,) = changed.days()
    played = play_again(recorded, {"policy.kind": "strict"}, factory())
    assert [name for name, _, _ in played.calls] == ["a", "c", "b"]


def test_days_end_and_what_still_waits_expires_in_both() -> None:
    day = Recording(ONE_COUNTER)
    day.at("09:00", acts.open_(1), acts.take("a"), acts.take("b"), acts.call(1), acts.start(1))
    day.at("2026-03-03 04:00")
    day.at("2026-03-03 04:10", acts.finish(1))
    day.at("2026-03-03 09:00", acts.take("c"), acts.call(1))
    first, second = day.days()
    assert (first.day, second.day) == ("2026-03-02", "2026-03-03")
    assert first.ended
    assert not second.ended
    assert first.visits["b"].left
    for one in (first, second):
        played = play_again(one, {}, factory())
        assert (played.calls, played.visits) == (one.calls, one.visits)


def test_a_policy_that_the_hall_refuses_is_refused_with_its_reason() -> None:
    (day,) = three_wait().days()
    with pytest.raises(UsageError, match=r"2026-03-02: the hall refuses this policy: .*dice"):
        play_again(day, {"policy.kind": "dice"}, factory())


def test_a_record_that_cannot_follow_is_named() -> None:
    day = three_wait()
    called = next(place for place, (event, _) in enumerate(day.happened) if isinstance(event, TicketCalled))
    del day.happened[called]
    with pytest.raises(StoreCorrupt, match=rf"record {called + 1} \(ticket.service_started\)"):
        day.days()


# -- whole days ---------------------------------------------------------------------------------------


def visits(seed: int, patience_s: float | None) -> list[Arrival]:
    """Six busy hours at five counters of the example's hall."""
    found = []
    for visit in random_arrivals(
        per_hour=55,
        services={"regular": 6, "new": 3, "shares": 1},
        classes={"premium": 2, "medium": 3, "ordinary": 5},
        means_s={"regular": 300, "new": 150, "shares": 600},
        patience_s=patience_s,
        seed=seed,
    ):
        if visit.at_s > 6 * 3600:
            return found
        found.append(visit)
    raise AssertionError("the stream of visitors ended")


def under(kind: str) -> HallConfig:
    config = load(HALL)
    values = {**config.values, "policy.kind": kind}
    return replace(config, values=values, settings=settings_from(values))


async def record(folder: Path, kind: str, seed: int, patience_s: float | None = None) -> None:
    config = under(kind)
    await play_day(
        config,
        folder,
        visits(seed, patience_s),
        begin_ms=midnight("2026-11-23", config.settings.timezone),
        counters={number: f"agent-{number}" for number in range(1, 6)},
        seed=seed,
    )


@pytest.mark.parametrize("kind", ["fifo", "accumulating", "strict"])
async def test_a_simulated_day_under_its_own_policy_has_the_very_same_waits(
    tmp_path: Path, kind: str
) -> None:
    await record(tmp_path, kind, seed=11, patience_s=1200)
    comparison = play_recorded(tmp_path)
    assert comparison.days == ["2026-11-23"]
    assert comparison.calls_as_recorded == comparison.calls > 200
    for _, _, group in comparison.groups():
        assert group.happened.waits_ms == group.what_if.waits_ms
        assert group.happened.figures() == group.what_if.figures()
    assert not comparison.guessed_gaps
    assert not comparison.guessed_services


async def test_what_if_says_of_a_day_nearly_what_the_same_day_was_under_that_policy(tmp_path: Path) -> None:
    await record(tmp_path / "fifo", "fifo", seed=12)
    await record(tmp_path / "strict", "strict", seed=12)
    fifo: dict[str, float] = {}
    strict: dict[str, float] = {}
    for name, found in (("fifo", fifo), ("strict", strict)):
        groups = play_recorded(tmp_path / name).classes
        found.update({kind: group.happened.figures().mean_s or 0 for kind, group in groups.items()})
    asked = play_recorded(tmp_path / "fifo", PolicyFile(Path("p.toml"), {"policy.kind": "strict"}, {}))
    for kind, group in asked.classes.items():
        happened, would = group.happened.figures().mean_s, group.what_if.figures().mean_s
        assert happened == fifo[kind]
        # Walks to the counter are drawn anew when the day itself is played, so seconds may differ.
        assert would == pytest.approx(strict[kind], rel=0.15, abs=20), kind
    assert strict["premium"] < fifo["premium"] / 2, "the two policies differ by far more than that"


async def test_a_journal_is_replayed_while_its_hall_runs(tmp_path: Path) -> None:
    config = under("fifo")
    clock = DayClock(midnight("2026-11-23", config.settings.timezone))
    async with open_hall(config, tmp_path, clock, IdSource(1)) as (hall, _):
        for command in (acts.open_(1), acts.take("a", "regular", "medium"), acts.call(1)):
            clock.advance(clock.now_ms() + 60_000)
            await hall.submit(command, lambda state, events, now: None)
        await quiet(hall)
        comparison = play_recorded(tmp_path)
    assert comparison.unfinished == "2026-11-23"
    assert comparison.calls_as_recorded == comparison.calls == 1


async def test_only_the_wanted_days_are_played(tmp_path: Path) -> None:
    day = Recording(ONE_COUNTER)
    day.at("09:00", acts.open_(1), acts.take("a"), acts.call(1), acts.start(1), acts.finish(1))
    for date in ("2026-03-03", "2026-03-04"):
        day.at(f"{date} 09:00", acts.take(f"t{date}"), acts.call(1), acts.start(1), acts.finish(1))
    wanted = recorded_days(day.records(), factory(), lambda name: name > "2026-03-02")
    assert [one.day for one in wanted] == ["2026-03-03", "2026-03-04"]
    assert sum(isinstance(event, TicketFinished) for event, _ in day.happened) == 3
