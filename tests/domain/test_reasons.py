"""Why this ticket: the data and the sentence, in both languages, beside every call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from somc.domain.choosing import preview
from somc.domain.events import CalledReason, TicketCalled
from somc.domain.reasons import CAUSES, SENTENCES
from somc.domain.values import to_plain
from somc.scheduler import Rule, Terms
from somc.scheduler.kinds import BUILT_IN
from somc.scheduler.policy import Candidate, PolicyKind, each
from somc.testing.given import Situation, given, small_hall
from tests.domain.acts import call, configure, finish, hold, open_, resume, start, take, transfer


def reason(hall: Situation, counter: int = 1) -> CalledReason:
    event: Any = hall.when(call(counter)).event
    said: CalledReason = event.reason
    names(said, event.number)
    return said


def names(said: CalledReason, *parts: str) -> None:
    """Both sentences name each part."""
    for part in parts:
        assert part in said.words.en, said.words.en
        assert part in said.words.zh, said.words.zh


def rules(said: CalledReason) -> tuple[Rule, str | None]:
    return said.rule, said.runner_up


def test_the_only_line() -> None:
    hall = (
        given()
        .and_(open_(1), take("t1", "payment", "gold"))
        .after("7min")
        .and_(take("t2", "payment", "gold"))
    )
    said = reason(hall)
    assert rules(said) == ("only", None)
    assert (said.candidates, said.waited_s, said.policy) == (2, 420, "fifo")
    names(said, "gold", "7")
    assert "gold（中）" in said.words.zh


def test_the_best_score_with_the_best_of_the_other_lines() -> None:
    hall = given(small_hall(policy={"kind": "accumulating"})).and_(open_(1), take("t1", "payment", "plain"))
    hall.after("2min").and_(take("t2", "repair", "gold")).after("5min")
    said = reason(hall)
    assert rules(said) == ("score", "A001")
    assert (said.score, said.runner_up_score) == (2000 * 300_000, 1000 * 420_000)
    names(said, "B001", "A001", "5", "7", "2", "10")  # 2 times as much: 5 min like 10 of the other's
    assert (said.facts["factor"], said.facts["counts_like_s"]) == (2.0, 600)
    assert "gold" in said.words.en
    assert "gold（中）" in said.words.zh


def test_the_better_level() -> None:
    hall = given(small_hall(counters={1: {"repair": 1, "payment": 4}})).and_(open_(1), take("t1", "payment"))
    said = reason(hall.after("10min").and_(take("t2", "repair")))
    assert rules(said) == ("level", "A001")
    assert said.level == 1
    names(said, "B001", "A001", "plain", "1")


def test_the_longest_wait_of_all() -> None:
    policy = {"kind": "strict", "max_wait_s": 1800}
    hall = given(small_hall(policy=policy)).and_(open_(1), take("t1", "payment", "plain")).after("20min")
    said = reason(hall.and_(take("t2", "payment", "gold")).after("11min"))
    assert rules(said) == ("guard", "A002")
    names(said, "A001", "plain", "31", "30")


def test_candidates_are_those_whom_this_counter_could_have_called() -> None:
    skills = {"payment": 1}
    hall = given(small_hall(counters={1: skills, 2: skills})).and_(open_(1), open_(2))
    hall.and_(take("t1"), take("t2"), take("t3"), take("r1", "repair"), transfer("t3", counter=2))
    assert reason(hall).candidates == 2
    assert reason(hall, 2).candidates == 2


def test_no_sentence_promises_who_is_next() -> None:
    """The runner-up is of another line: here the winner's own line has the next two."""
    hall = given().and_(open_(1), take("t1"), take("t2")).after("1min").and_(take("r1", "repair"))
    said = reason(hall.after("1min"))
    assert rules(said) == ("score", "B001")
    assert "next" not in said.words.en
    assert "其次" not in said.words.zh


def test_a_ticket_keeps_the_reason_of_its_last_call() -> None:
    hall = given().and_(open_(1), take("t1", "payment"))
    said = to_plain(reason(hall))
    assert hall.ticket("t1").reason == said
    hall.and_(hold("t1"), resume("t1"))
    assert hall.ticket("t1").reason == said
    hall.and_(call(1), start(1), finish(1))
    assert hall.ticket("t1").reason is not None


# -- by kind of policy --------------------------------------------------------------------------------


def two(policy: dict[str, Any], **more: Any) -> Situation:
    """A001 (plain) has waited ten minutes, B001 (gold, repair) six; counter 1 is open."""
    hall = given(small_hall(policy=policy, **more)).and_(open_(1), take("t1", "payment", "plain"))
    return hall.after("4min").and_(take("t2", "repair", "gold")).after("6min")


def test_fifo_says_who_waited_longer() -> None:
    said = reason(two({"kind": "fifo"}))
    assert rules(said) == ("score", "B001")
    names(said, "A001", "10", "B001", "6")
    assert "longer" in said.words.en
    assert "更久" in said.words.zh


def test_who_came_first_when_both_waited_as_long() -> None:
    hall = given().and_(open_(1), take("t1", "payment"), take("t2", "repair")).after("5min")
    said = reason(hall)
    assert "came first" in said.words.en
    assert "先到" in said.words.zh


def test_strict_says_whose_class_goes_before() -> None:
    said = reason(two({"kind": "strict"}))
    names(said, "B001", "gold", "A001", "plain")
    assert "goes before" in said.words.en
    assert "优先于" in said.words.zh
    assert said.version == 1


def test_gcmu_says_how_much_waiting_counts_and_why() -> None:
    classes = {"gold": {"target_wait_s": 300}, "plain": {"target_wait_s": 1200}}
    services = {"payment": {"mean_service_s": 180}, "repair": {"mean_service_s": 360}}
    said = reason(two({"kind": "gcmu"}, classes=classes, services=services))
    # gold, repair: 1/5 min by work twice as long as payment's; plain, payment: 1/20 min. Twice as much.
    assert rules(said) == ("score", "A001")
    assert said.facts["factor"] == 2.0
    assert (said.facts["target_wait_s"], said.facts["mean_service_s"]) == (300, 360)
    assert said.facts["counts_like_s"] == 720
    assert said.facts["causes"] == ["promise"]
    names(said, "B001", "A001", "6", "12", "10", "5", "20")
    assert "less was promised, 5 against 20 min" in said.words.en
    assert "承诺更短：5 对 20 分钟" in said.words.zh
    assert said.target_left_s == -60


def test_gcmu_says_what_weight_and_short_work_do() -> None:
    classes = {"gold": {"weight_milli": 150}, "plain": {}}
    services = {"payment": {"mean_service_s": 360}, "repair": {"mean_service_s": 180}}
    said = reason(two({"kind": "gcmu"}, classes=classes, services=services))
    assert (said.facts["factor"], said.facts["causes"]) == (3.0, ["weight", "work"])
    assert "gold weighs more and its work is shorter, about 3 against 6 min" in said.words.en
    assert "gold（中）权重更高，业务更快：约 3 对 6 分钟" in said.words.zh


def test_who_waited_long_enough_although_it_counts_for_less() -> None:
    classes = {"gold": {"target_wait_s": 900}, "plain": {"target_wait_s": 1200}}
    said = reason(two({"kind": "gcmu"}, classes=classes, services={"payment": {}, "repair": {}}))
    assert (said.facts["factor"], said.runner_up) == (0.75, "B001")
    assert "long enough" in said.words.en
    assert "等候够久" in said.words.zh


def test_deadline_says_whose_promise_ends_first() -> None:
    classes = {"gold": {"target_wait_s": 480}, "plain": {"target_wait_s": 900}}
    said = reason(two({"kind": "deadline"}, classes=classes))
    assert rules(said) == ("score", "A001")
    assert (said.target_left_s, said.facts["runner_up_left_s"]) == (120, 300)
    assert "2 min left" in said.words.en
    assert "5 min left" in said.words.en
    assert "还剩 2 分钟" in said.words.zh


def test_deadline_says_by_how_much_a_promise_is_over() -> None:
    classes = {"gold": {"target_wait_s": 60}, "plain": {"target_wait_s": 900}}
    said = reason(two({"kind": "deadline"}, classes=classes))
    assert "5 min over" in said.words.en
    assert "已超 5 分钟" in said.words.zh


def test_ratio_says_whose_turn_it_is() -> None:
    classes = {"gold": {"share": 3}, "plain": {"share": 1}}
    hall = two({"kind": "ratio"}, classes=classes).and_(call(1), start(1), finish(1))
    hall.and_(take("t3", "payment", "plain"))
    said = reason(hall)
    assert said.rule == "ratio"
    assert (said.facts["share"], said.facts["runner_up_share"]) == (3, 1)
    names(said, "B001", "gold", "plain", "3 : 1")


def test_within_a_class_ratio_says_who_waited_longer() -> None:
    hall = given(small_hall(policy={"kind": "ratio"})).and_(open_(1), take("t1", "payment", "plain"))
    said = reason(hall.after("2min").and_(take("t2", "repair", "plain")).after("1min"))
    assert rules(said) == ("ratio", "B001")
    assert "longer" in said.words.en


# -- by what a counter is set up for, and by boost ------------------------------------------------------


def test_a_boost_is_said_where_it_decided() -> None:
    classes = {"gold": {"rate_milli": 1000, "boost_after_s": 240, "boost_milli": 3000}, "plain": {}}
    hall = two({"kind": "accumulating"}, classes=classes)
    said = reason(hall)  # 6 min, from the fourth on threefold: 10 min; as A001, who came first
    assert said.rule == "score"
    hall = two({"kind": "accumulating"}, classes=classes).after("1min")
    said = reason(hall)
    assert rules(said) == ("boost", "A001")
    assert (said.facts["boost_after_s"], said.facts["boost"]) == (240, 3.0)
    names(said, "B001", "A001", "4", "3", "11")


def set_up(**counter: Any) -> Situation:
    values = small_hall(policy={"kind": "accumulating"})
    return given({**values, **{f"counter.1.{name}": value for name, value in counter.items()}})


def test_overflow_is_said() -> None:
    hall = set_up(overflow_s={"payment": 300}).and_(open_(1), take("t1", "payment")).after("6min")
    said = reason(hall)
    assert (said.rule, said.facts["after_s"]) == ("overflow", 300)
    names(said, "A001", "6", "5")


def test_a_reserved_counter_is_said_where_it_decided() -> None:
    hall = set_up(reserved_for=["gold"], opens_after_s=900).and_(open_(1), take("t1", "payment", "plain"))
    hall.after("10min").and_(take("t2", "payment", "gold"))
    said = reason(hall)
    assert said.rule == "reserved"
    assert said.facts["reserved_for"] == ["gold"]
    names(said, "A002", "gold")
    hall.and_(start(1), finish(1)).after("6min")
    said = reason(hall)
    assert (said.rule, said.facts["after_s"]) == ("overflow", 900)


def test_a_reserved_counter_that_has_opened_to_all_still_calls_its_own_first() -> None:
    hall = set_up(reserved_for=["gold"], opens_after_s=900).and_(open_(1), take("t1", "payment", "plain"))
    hall.after("20min").and_(take("t2", "payment", "gold"))
    said = reason(hall)
    assert rules(said) == ("reserved", "A001")
    names(said, "A002", "gold")
    assert said.level == 1
    hall.and_(start(1), finish(1))
    assert reason(hall).facts["after_s"] == 900


def test_the_guard_of_the_class_is_the_one_that_is_said() -> None:
    hall = two(
        {"kind": "strict"}, classes={"gold": {"priority": 1}, "plain": {"priority": 2, "max_wait_s": 600}}
    )
    said = reason(hall)
    assert rules(said) == ("guard", "B001")
    assert said.guard_s == 600
    assert "35" not in said.words.en


# -- a kind of a plugin ---------------------------------------------------------------------------------


def plugin_kind(**more: Any) -> dict[str, PolicyKind]:
    because = {"zh": "因为{这样}，先于 {second}", "en": "because {so}, before {second}"}
    words = {"zh": "试", "en": "trial"}
    made = PolicyKind(
        "mine", words, words, each(lambda queue: Terms(rate=queue.priority)), because=because, **more
    )
    return {**BUILT_IN, "mine": replace(made, plugin="ours")}


def waiting_under(kinds: dict[str, PolicyKind]) -> Situation:
    hall = given(small_hall(policy={"kind": "mine"}), kinds=kinds).and_(
        open_(1), take("t1", "payment", "plain")
    )
    return hall.after("4min").and_(take("t2", "repair", "gold")).after("6min")


def test_a_plugin_s_coefficients_are_explained_in_its_own_words() -> None:
    said = reason(waiting_under(plugin_kind()))
    assert rules(said) == ("score", "B001")
    assert "because {so}, before B001" in said.words.en
    assert "因为{这样}，先于 B001" in said.words.zh


def test_an_auto_counter_is_given_whom_the_program_chooses() -> None:
    """Without the program it would be the head of the payments."""
    for pick, given_to_it in ((lambda heads, now: len(heads) - 1, "B001"), (None, "A001")):
        hall = waiting_under(plugin_kind(pick=pick))
        called, *_ = hall.when(configure(1, mode="auto")).followed
        assert isinstance(called, TicketCalled)
        assert (called.number, called.reason.rule) == (given_to_it, "assigned")
        assert called.reason.facts["because"] == ("score" if pick is None else "strategy")


def test_a_program_s_choice_is_its_own_rule() -> None:
    said = reason(waiting_under(plugin_kind(pick=lambda heads, now: len(heads) - 1)))
    assert rules(said) == ("strategy", "A001")
    assert "before A001" in said.words.en
    assert said.failed is None


def wrong(heads: Sequence[Candidate], now: int) -> int:
    raise LookupError("not today")


@pytest.mark.parametrize(
    "pick", [wrong, lambda heads, now: 2, lambda heads, now: None, lambda heads, now: True]
)
def test_a_program_that_fails_leaves_it_to_its_coefficients_and_the_reason_says_so(pick: Any) -> None:
    said = reason(waiting_under(plugin_kind(pick=pick)))
    assert rules(said) == ("score", "B001")
    assert said.failed is not None
    assert "failed" in said.words.en
    assert "出错" in said.words.zh


def test_a_program_is_not_asked_while_somebody_waits_beyond_the_guard_or_alone() -> None:
    kinds = plugin_kind(pick=wrong)
    hall = waiting_under(kinds).after("30min")
    said = reason(hall)
    assert (said.rule, said.failed) == ("guard", None)
    hall.and_(start(1), finish(1))
    said = reason(hall)
    assert (said.rule, said.failed) == ("only", None)


def test_a_program_sees_the_heads_and_a_preview_asks_it_as_calls_do() -> None:
    seen: list[tuple[str, ...]] = []

    def last(heads: Sequence[Candidate], now: int) -> int:
        seen.append(tuple(head.number for head in heads))
        assert all(head.target_ms == 600_000 for head in heads)
        return len(heads) - 1

    hall = waiting_under(plugin_kind(pick=last)).and_(
        take("t3", "repair", "gold"), take("t4", "payment", "plain")
    )
    keys = preview(hall.state, 1, hall.now, 10)
    foreseen = [hall.state.tickets[hall.state.by_key[key]].number for key in keys]
    assert foreseen == ["B001", "B002", "A001", "A002"]
    assert seen[0] == ("A001", "B001")
    called = []
    for _ in foreseen:
        called.append(hall.when(call(1)).event.number)
        hall.and_(start(1), finish(1))
    assert called == foreseen


def test_every_sentence_is_spoken_in_both_languages_with_the_same_facts() -> None:
    for name, sentence in {**SENTENCES, **CAUSES}.items():
        named = [set(re.findall(r"{(\w+)", each)) for each in sentence]
        assert named[0] - {"second_level"} <= named[1] | {"second_kind", "minutes", "second_minutes"}, name
        assert re.search(r"[\u4e00-\u9fff]", sentence.zh), name
        assert sentence.en.isascii(), name
