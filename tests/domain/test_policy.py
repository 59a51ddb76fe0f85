"""The policy as data: what it compiles to, versions, roll-back, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from somc.domain import events as e
from somc.domain.commands import ChangeConfig, ChangePolicy, ConfigureCounter, RollbackPolicy
from somc.domain.decide import decide
from somc.domain.evolve import evolve
from somc.domain.policy import HISTORY_LIMIT, is_policy_key, policy_faults
from somc.domain.settings import settings_from
from somc.domain.state import HallState
from somc.scheduler.interface import NEVER, Terms
from somc.scheduler.kinds import BUILT_IN
from somc.scheduler.policy import PolicyKind, each
from somc.scheduler.reference import ReferenceScheduler
from somc.server.kpis import kpis
from somc.server.policy_acts import field_of
from somc.testing.given import Situation, given, instant, like, small_hall
from tests.domain.acts import call, close, finish, open_, start, take

MANAGER = "manager:wu"
WORDS = {"zh": "试", "en": "trial"}


def change(**changes: Any) -> ChangePolicy:
    """`kind="strict"` is `policy.kind`; `class__gold__priority=2` is `class.gold.priority`."""
    keys = {name.replace("__", ".") if "__" in name else f"policy.{name}": v for name, v in changes.items()}
    return ChangePolicy(by=MANAGER, changes=keys)


def back(version: int) -> RollbackPolicy:
    return RollbackPolicy(by=MANAGER, version=version)


def two_wait(policy: Mapping[str, Any] | None = None) -> Situation:
    """A001 of `plain` has waited ten minutes, A002 of `gold` six; counter 1 is open."""
    hall = given(small_hall(policy=policy or {"kind": "fifo"}))
    hall.and_(open_(1), take("t1", "payment", "plain"))
    return hall.after("4min").and_(take("t2", "payment", "gold")).after("6min")


def next_number(hall: Situation) -> str:
    """Whom counter 1 would call now."""
    choice = hall.state.scheduler.peek(hall.state.queues.counter_profile(1), hall.now)
    assert choice is not None
    return hall.state.tickets[hall.state.by_key[choice.key]].number


# -- taking effect ------------------------------------------------------------------------------------


def test_a_change_takes_effect_at_the_next_call() -> None:
    hall = two_wait()
    assert next_number(hall) == "A001"
    hall.when(change(kind="strict")).then(like(e.PolicyChanged, version=2, cause="asked", back_to=None))
    assert next_number(hall) == "A002"
    hall.when(call(1)).then(like(e.TicketCalled, number="A002"))


def test_a_change_of_one_parameter_is_in_the_record_and_in_the_settings() -> None:
    hall = two_wait({"kind": "accumulating"})
    event = hall.when(change(class__gold__rate_milli=5000)).event
    assert event.changes == {"class.gold.rate_milli": 5000}
    assert event.terms["payment/gold"] == e.QueueTerms(
        rate=5000, guard=2100_000, warn=480_000, target=600_000
    )
    assert hall.state.hall.classes["gold"].rate_milli == 5000


def test_what_changes_nothing_is_no_version() -> None:
    hall = two_wait()
    hall.when(change(kind="fifo", max_wait_s=None)).then()
    assert hall.state.policies.version == 1


def test_parameters_that_compile_to_nothing_are_versions_too() -> None:
    given().when(change(behind=5, target_utilisation_milli=800)).then(like(e.PolicyChanged, version=2))


def test_null_brings_back_what_hall_toml_says_or_the_default() -> None:
    hall = two_wait({"kind": "strict"}).and_(change(kind="fifo", max_wait_s=60, class__gold__max_wait_s=300))
    event = hall.when(change(kind=None, max_wait_s=None, class__gold__max_wait_s=None)).event
    assert event.changes == {
        "policy.kind": "strict",
        "policy.max_wait_s": None,
        "class.gold.max_wait_s": None,
    }
    assert (hall.state.hall.policy.kind, hall.state.hall.policy.max_wait_s) == ("strict", 2100)


def test_of_a_service_s_map_only_the_named_classes_change() -> None:
    services = {"payment": {"target_wait_s": {"plain": 900}}, "repair": {}}
    hall = given(small_hall(services=services))
    hall.and_(change(service__payment__target_wait_s={"gold": 300}))
    assert hall.state.hall.services["payment"].target_wait_s == {"gold": 300, "plain": 900}
    hall.and_(change(service__payment__target_wait_s={"gold": None, "plain": 100}))
    assert hall.state.hall.services["payment"].target_wait_s == {"plain": 100}
    hall.and_(change(service__payment__target_wait_s={"plain": None}))
    assert hall.state.hall.services["payment"].target_wait_s == {"plain": 900}


def test_the_guard_of_a_class_and_of_a_service_and_class() -> None:
    hall = two_wait({"kind": "strict"})
    assert next_number(hall) == "A002"
    hall.and_(change(class__plain__max_wait_s=600))
    assert next_number(hall) == "A001"
    hall.and_(change(service__payment__max_wait_s={"plain": 601}))
    assert next_number(hall) == "A002"
    assert next_number(hall.after("1s")) == "A001"


# -- versions and roll-back -----------------------------------------------------------------------------


def test_a_version_is_brought_back_and_that_too_can_be_undone() -> None:
    hall = two_wait().and_(change(kind="strict"), change(class__gold__priority=3))
    assert next_number(hall) == "A001"
    hall.when(back(2)).then(like(e.PolicyChanged, version=4, cause="rollback", back_to=2))
    assert next_number(hall) == "A002"
    hall.when(back(1)).then(like(e.PolicyChanged, version=5, back_to=1, changes={"policy.kind": "fifo"}))
    hall.when(back(4)).then(like(e.PolicyChanged, version=6, back_to=4, changes={"policy.kind": "strict"}))
    assert next_number(hall) == "A002"
    assert [(each.version, each.cause) for each in hall.state.policies.versions] == [
        (1, "config"),
        (2, "asked"),
        (3, "asked"),
        (4, "rollback"),
        (5, "rollback"),
        (6, "rollback"),
    ]


def test_rolling_back_to_what_is_in_force_changes_nothing() -> None:
    given().when(back(1)).then()


def test_a_version_that_never_was_is_refused() -> None:
    given().and_(change(kind="strict")).when(back(7)).refused("unknown_policy_version", "7", "1, 2")


def test_a_roll_back_leaves_alone_what_came_and_what_went_since() -> None:
    hall = given().and_(change(kind="strict", service__repair__weight={"gold": 500}))
    came = {"class.silver.name": {"zh": "银", "en": "silver"}, "class.silver.priority": 5}
    gone = {key: None for key in hall.state.values if key.startswith("service.repair.")}
    skills = {"counter.1.skills": {"payment": 1}}
    hall.and_(ChangeConfig(by="config", changes={**came, **gone, **skills}))
    hall.and_(change(kind="fifo", class__silver__priority=4)).and_(back(2))
    assert hall.state.hall.policy.kind == "strict"
    assert hall.state.hall.classes["silver"].priority == 4
    assert "repair" not in hall.state.hall.services


def test_a_bounded_number_of_versions_is_kept() -> None:
    hall = given()
    for number in range(HISTORY_LIMIT + 3):
        hall.state.policies.add(
            e.PolicyChanged(by="x", version=number + 2, cause="asked", changes={}, terms={}), 0, {}
        )
    assert len(hall.state.policies.versions) == HISTORY_LIMIT
    assert hall.state.policies.versions[0].version == 5


def test_a_snapshot_keeps_versions_and_terms() -> None:
    hall = two_wait().and_(change(kind="strict"))
    again = hall.reloaded()
    assert again.dump() == hall.state.dump()
    assert again.queues.terms == hall.state.queues.terms


# -- the first version, hall.toml, old journals ------------------------------------------------------------


def test_a_journal_from_before_there_were_versions_gets_its_first_at_the_start() -> None:
    state = HallState(ReferenceScheduler)
    at = instant("2026-03-02 09:00")
    evolve(state, e.ConfigChanged(by="config", changes=small_hall(policy={"kind": "strict"})), at)
    assert set(state.scheduler.dump()["queues"][0]["terms"].items()) >= {("rate", 1), ("guard", NEVER)}
    hall = given(small_hall(policy={"kind": "strict"}))
    first = hall.state.policies.versions[0]
    assert (first.version, first.cause, first.by) == (1, "config", "config")
    assert hall.state.queues.terms["payment/gold"].guard == 2100_000
    hall.when(ChangeConfig(by="config", changes={})).then()


def test_an_old_journal_with_people_in_it_replays_and_goes_on_under_its_policy() -> None:
    old = {
        key: value
        for key, value in small_hall(policy={"kind": "strict"}).items()
        if key != "policy.max_wait_s"
    }
    at = instant("2026-03-02 09:00")
    state = HallState(ReferenceScheduler)
    model = given(small_hall(policy={"kind": "strict"}), at=at).and_(
        open_(1), take("t1", "payment", "plain"), take("t2", "payment", "gold")
    )
    written = [e.ConfigChanged(by="config", changes=dict(sorted(old.items()))), *model.happened]
    for event in written:  # as it was written before there were versions
        evolve(state, event, at)
    profile = state.queues.counter_profile(1)
    assert state.scheduler.preview(profile, at, 2) == [3, 4]
    begun = decide(state, ChangeConfig(by="config", changes={}), at)
    assert isinstance(begun, list)
    (first,) = begun
    assert isinstance(first, e.PolicyChanged)
    assert (first.version, first.cause, first.changes) == (1, "config", {})
    evolve(state, first, at)
    assert state.scheduler.preview(profile, at, 2) == [4, 3]  # gold goes before plain
    state.check_invariants()


def test_a_change_of_hall_toml_goes_the_same_way() -> None:
    hall = two_wait()
    hall.when(ChangeConfig(by="config", changes={"policy.kind": "strict"})).then(
        e.ConfigChanged,
        like(e.PolicyChanged, version=2, cause="config", changes={"policy.kind": "strict"}),
    )
    assert next_number(hall) == "A002"
    hall.and_(back(1))
    assert next_number(hall) == "A001"


def test_a_setting_that_the_policy_reads_is_a_version_one_that_it_does_not_is_none() -> None:
    hall = given(small_hall(policy={"kind": "gcmu"}))
    hall.when(ChangeConfig(by="config", changes={"hall.max_recalls": 1})).then(e.ConfigChanged)
    hall.when(ChangeConfig(by="config", changes={"service.repair.mean_service_s": 900})).then(
        e.ConfigChanged, like(e.PolicyChanged, changes={})
    )


# -- a plugin's kind --------------------------------------------------------------------------------------


def kind(rate: int = 1, **more: Any) -> PolicyKind:
    return PolicyKind("mine", WORDS, WORDS, each(lambda queue: Terms(rate=rate)), plugin="ours", **more)


def test_replay_needs_no_plugin() -> None:
    hall = given(kinds={**BUILT_IN, "mine": kind(7)}).and_(change(kind="mine"))
    bare = HallState(ReferenceScheduler)
    evolve(bare, e.ConfigChanged(by="config", changes=dict(sorted(small_hall().items()))), hall.now)
    for event in hall.happened:
        evolve(bare, event, hall.now)
    assert bare.queues.terms["payment/gold"].rate == 7
    assert bare.hall.policy.kind == "mine"


def test_a_plugin_that_computes_otherwise_is_a_new_version_at_the_start() -> None:
    hall = given(small_hall(policy={"kind": "mine"}), kinds={**BUILT_IN, "mine": kind(7)})
    for state in (hall.state, hall.replayed):
        state.kinds = {**BUILT_IN, "mine": kind(8)}
    hall.when(ChangeConfig(by="config", changes={})).then(like(e.PolicyChanged, version=2, cause="plugin"))


def test_a_plugin_that_fails_leaves_the_terms_that_it_computed() -> None:
    hall = given(small_hall(policy={"kind": "mine"}), kinds={**BUILT_IN, "mine": kind(7)})
    for state in (hall.state, hall.replayed):
        state.kinds = BUILT_IN
    hall.when(ChangeConfig(by="config", changes={})).then()
    assert hall.state.queues.terms["payment/gold"].rate == 7
    hall.when(ChangeConfig(by="config", changes={"hall.max_recalls": 1})).then(e.ConfigChanged)


# -- what is refused ------------------------------------------------------------------------------------


def test_an_unknown_kind_names_those_that_there_are() -> None:
    hall = given(kinds={**BUILT_IN, "mine": kind()})
    hall.when(change(kind="dice")).refused("bad_policy", "dice", "fifo, gcmu, mine, ratio, strict")
    assert hall.when(change(kind="dice")).refusal.keys == ("policy.kind",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("class.silver.rate_milli", "unknown_class", "gold, plain"),
        ("service.haircut.weight", "unknown_service", "payment, repair"),
        ("service.payment.prefix", "no_policy_setting", "service.payment.prefix"),
        ("counter.1.skills", "no_policy_setting", "counter.1.skills"),
        ("hall.timezone", "no_policy_setting", "hall.timezone"),
    ],
)
def test_a_key_that_is_no_parameter_is_refused_and_named(key: str, code: str, said: str) -> None:
    outcome = given().when(ChangePolicy(by=MANAGER, changes={key: 1}))
    outcome.refused(code, said)
    assert outcome.refusal is not None
    assert outcome.refusal.keys == (key,)


def test_an_unknown_class_or_wrong_number_within_is_refused() -> None:
    given().when(change(service__payment__prefix="Z")).refused("no_policy_setting", "payment.prefix")
    given().when(change(service__payment__weight={"silver": 1})).refused("bad_policy", "silver")
    given().when(change(class__gold__rate_milli=0)).refused("bad_policy", "rate_milli")


def test_strict_with_priorities_needs_a_guard() -> None:
    hall = given(small_hall(policy={"kind": "strict"}))
    outcome = hall.when(change(max_wait_s=0))
    outcome.refused("bad_policy", "strict", "policy.max_wait_s", "2100")
    assert "gold" in outcome.refusal.words.en  # type: ignore[union-attr]
    hall.and_(change(class__gold__priority=2), change(max_wait_s=0))
    hall.when(change(class__gold__priority=1)).refused("bad_policy", "strict")
    hall.when(change(class__gold__priority=1, class__plain__max_wait_s=1800)).then(e.PolicyChanged)


def test_without_a_guard_every_service_must_be_the_best_somewhere() -> None:
    hall = given(small_hall(counters={1: {"payment": 1, "repair": 2}}))
    hall.when(change(max_wait_s=0)).refused("bad_policy", "repair", "2100")
    hall.and_(ConfigureCounter(by=MANAGER, counter=1, skills={"payment": 1, "repair": 1}))
    hall.and_(change(max_wait_s=0))
    worse = ConfigureCounter(by=MANAGER, counter=1, skills={"payment": 1, "repair": 2})
    hall.when(worse).refused("bad_policy", "repair")


def reserved(**counter: Any) -> dict[str, Any]:
    values = small_hall(counters={1: {"payment": 1}, 2: {"payment": 1, "repair": 1}})
    return {**values, **{f"counter.1.{name}": value for name, value in counter.items()}}


def test_somebody_must_be_called_by_some_counter() -> None:
    shut = {"counter.2.reserved_for": ["gold"]}
    hall = given(reserved(reserved_for=["gold"]))
    outcome = hall.when(ChangeConfig(by="config", changes=shut))
    outcome.refused("bad_policy", "plain", "opens_after_s")
    assert outcome.refusal.keys == ("counter.1.reserved_for",)  # type: ignore[union-attr]
    hall.when(ChangeConfig(by="config", changes={**shut, "counter.2.opens_after_s": 600})).then(
        e.ConfigChanged
    )


def test_idle_counters_kept_free_must_leave_some_for_the_others() -> None:
    hall = given(small_hall(counters={1: {"payment": 1, "repair": 1}, 2: {"payment": 1, "repair": 1}}))
    auto = {"counter.1.mode": "auto", "counter.2.mode": "auto"}
    hall.and_(ChangeConfig(by="config", changes=auto), change(class__gold__reserved_idle=1))
    outcome = hall.when(change(class__gold__reserved_idle=2))
    outcome.refused("bad_policy", "plain", "2")
    assert outcome.refusal.keys == ("class.gold.reserved_idle",)  # type: ignore[union-attr]


def test_idle_counters_kept_free_need_a_guard_where_all_are_automatic() -> None:
    hall = given(small_hall(counters={1: {"payment": 1, "repair": 1}, 2: {"payment": 1, "repair": 1}}))
    hall.and_(ChangeConfig(by="config", changes={"counter.1.mode": "auto", "counter.2.mode": "auto"}))
    hall.and_(change(policy__max_wait_s=0))
    outcome = hall.when(change(class__gold__reserved_idle=1))
    outcome.refused("bad_policy", "plain")
    assert outcome.refusal.keys == ("policy.max_wait_s",)  # type: ignore[union-attr]
    hall.when(change(class__gold__reserved_idle=1, policy__max_wait_s=2100)).then(e.PolicyChanged)
    hall.when(change(policy__max_wait_s=0)).refused("bad_policy", "plain")
    hall.and_(ConfigureCounter(by=MANAGER, counter=2, mode="manual"))
    hall.when(change(policy__max_wait_s=0)).then(e.PolicyChanged)


def test_a_rollback_passes_over_a_class_that_is_gone_from_a_services_map() -> None:
    hall = given().and_(
        ChangePolicy(by=MANAGER, changes={"service.repair.weight": {"gold": 500, "plain": 20}})
    )
    gone = {key: None for key in hall.state.values if key.startswith("class.gold.")}
    hall.and_(ChangeConfig(by="config", changes={**gone, "service.repair.weight": None}))
    hall.when(back(2)).then(e.PolicyChanged)
    assert hall.state.hall.services["repair"].weight == {"plain": 20}


def test_a_kind_with_a_program_of_its_own_needs_a_guard() -> None:
    hall = given(kinds={**BUILT_IN, "mine": kind(pick=lambda heads, now: 0)})
    hall.when(change(kind="mine", max_wait_s=0)).refused("bad_policy", "mine")
    hall.when(change(kind="mine")).then(e.PolicyChanged)


def test_a_kind_that_fails_is_refused_with_its_own_words() -> None:
    hall = given(kinds={**BUILT_IN, "mine": kind(rate=-1)})
    hall.when(change(kind="mine")).refused("bad_policy", "rate is -1", "mine")


def test_no_kind_of_ours_starves_anybody_with_the_default_guard() -> None:
    for name in BUILT_IN:
        settings = settings_from(small_hall(policy={"kind": name}))
        assert policy_faults(settings, BUILT_IN) == []


@pytest.mark.parametrize(
    ("key", "its"),
    [
        ("policy.kind", True),
        ("class.gold.share", True),
        ("service.repair.weight", True),
        ("service.repair.mean_service_s", False),
        ("class.gold.name", False),
        ("counter.1.mode", False),
        ("hall.org", False),
    ],
)
def test_which_settings_are_the_policy_s(key: str, its: bool) -> None:
    assert is_policy_key(key) is its


# -- counters --------------------------------------------------------------------------------------------


def test_a_skill_that_overflows_is_offered_only_after_the_wait() -> None:
    hall = given(reserved(overflow_s={"payment": 300})).and_(open_(1), take("t1", "payment"))
    hall.after("299s").when(call(1)).then()
    hall.after("1s").when(call(1)).then(like(e.TicketCalled, number="A001"))


def test_a_reserved_counter_opens_to_others_after_their_wait() -> None:
    hall = given(reserved(reserved_for=["gold"], opens_after_s=600)).and_(open_(1), take("t1", "payment"))
    hall.after("9min").when(call(1)).then()
    hall.and_(take("t2", "payment", "gold"))
    hall.after("1min").when(call(1)).then(like(e.TicketCalled, number="A002"))
    hall.and_(start(1), finish(1)).when(call(1)).then(like(e.TicketCalled, number="A001"))


def test_a_counter_reserved_for_good_never_calls_others() -> None:
    hall = given(reserved(reserved_for=["gold"])).and_(open_(1), take("t1", "payment"))
    hall.after("5h").when(call(1)).then()
    hall.and_(take("t2", "payment", "gold")).when(call(1)).then(like(e.TicketCalled, number="A002"))


def test_idle_counters_kept_free_for_a_class_are_in_the_lanes_of_the_others() -> None:
    hall = given(reserved(mode="manual")).and_(change(class__gold__reserved_idle=1))
    lanes = hall.state.scheduler.dump()["profiles"][hall.state.queues.counter_profile(1)]
    kept = {hall.state.queues.names[lane["queue"]][1]: lane["reserve"] for lane in lanes}
    assert kept == {"gold": 0, "plain": 1}


# -- an indicator's parameter changes the next call (R-01, R-05) ------------------------------------------


@pytest.mark.parametrize(
    ("kpi", "changes"),
    [
        ("target_wait", {"class.gold.target_wait_s": 200}),
        ("within_target", {"class.gold.weight_milli": 300}),
        ("longest_wait", {"class.gold.max_wait_s": 360}),
    ],
)
def test_the_parameter_of_an_indicator_changes_who_is_next(kpi: str, changes: dict[str, Any]) -> None:
    hall = two_wait({"kind": "gcmu"})
    named = {each["id"]: each["parameter"] for each in kpis(hall.state, hall.now)}
    assert next_number(hall) == "A001"
    hall.and_(ChangePolicy(by=MANAGER, changes=changes))
    assert next_number(hall) == "A002"
    (key,) = changes
    path = field_of(key)
    named |= {each["id"]: each["parameter"] for each in kpis(hall.state, hall.now)}
    assert path in (named.get(f"{kpi}.gold"), named.get(kpi))


def test_the_guard_of_the_hall_changes_who_is_next() -> None:
    hall = two_wait({"kind": "strict"})
    assert next_number(hall) == "A002"
    hall.and_(change(max_wait_s=600))
    assert next_number(hall) == "A001"


def test_the_level_of_a_skill_changes_who_is_next() -> None:
    hall = given(small_hall()).and_(open_(1), take("t1", "payment")).after("4min").and_(take("t2", "repair"))
    assert next_number(hall.after("1min")) == "A001"
    parameters = [each["parameter"] for each in kpis(hall.state, hall.now)]
    assert "counters.1.skills" in parameters
    hall.and_(ConfigureCounter(by=MANAGER, counter=1, skills={"payment": 2, "repair": 1}))
    assert next_number(hall) == "B001"


def test_the_wished_utilisation_is_what_the_advice_reads() -> None:
    hall = given().and_(change(target_utilisation_milli=700))
    (kpi,) = (each for each in kpis(hall.state, hall.now) if each["id"] == "utilisation")
    assert (kpi["parameter"], kpi["value"], kpi["target"]) == ("target_utilisation", 0.7, 0.7)


def test_utilisation_is_the_share_of_open_time_in_which_somebody_was_there() -> None:
    hall = given().and_(open_(1)).after("10min").and_(take("t1"), call(1), start(1)).after("10min")
    assert utilisation(hall) == 0.5  # open for twenty minutes, somebody there for ten
    hall.and_(finish(1)).after("20min")
    assert utilisation(hall) == 0.25
    hall.and_(close(1)).after("1h")
    assert utilisation(hall) == 0.25


def utilisation(hall: Situation) -> Any:
    return next(each["actual"] for each in kpis(hall.state, hall.now) if each["id"] == "utilisation")
