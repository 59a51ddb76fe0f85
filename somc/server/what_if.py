"""`POST /policy/what-if`: what a change of the policy would do to waits, tried on simulated days like today.

    this hall: who came today, who serves ──▶ scenario ──┬─▶ days under the policy in force ─┐
                              a change of the policy ────┴─▶ the same days under the change ─┴▶ side by side

What must stay true
- Nothing of the hall changes and nothing is recorded. The change is first held against the rules of
  `policy.change` and `counters.configure`: what the hall would refuse is refused here too, with the same
  reason.
- One at a time, in a thread, bounded in days and customers. The C loop gives the GIL away: calling goes on.
- Both sides have the same customers, service times and counters: they differ by the policy alone, and the
  counters' skills where others are tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
import trio
from msgspec import Meta
from quart import Response

from somc.domain import commands as c
from somc.domain.decide import decide
from somc.domain.learning import mean_services_ms
from somc.domain.refusals import Refusal
from somc.domain.settings import settings_from
from somc.domain.state import HallState
from somc.domain.values import CounterState, HallSettings, Words
from somc.errors import CannotKeepUp
from somc.scheduler.kinds import BUILT_IN
from somc.server.access import may
from somc.server.acts import Skills
from somc.server.edge import Edge, read_body
from somc.server.policy_acts import PolicyBody, change_of
from somc.server.problems import Problem, of_refusal, of_validation, problem
from somc.server.query import STAFF
from somc.simulate.model import LoopFactory
from somc.simulate.run import Outcome, Simulation, Waits
from somc.simulate.scenario import ClassTerms, CounterTerms, PolicyTerms, Scenario

__all__ = ["WhatIfBody", "add_what_if_route"]

Plain = dict[str, Any]

HOURS = 8
"""A day of a hall."""

MOST_CUSTOMERS = 60_000
"""On each side: some tens of milliseconds to half a second of the C loop."""

MOST_DAYS = 200
PATIENCE_S = 20.0
"""A policy that takes longer to try (a hall of hundreds of queues) is not waited for."""

FEW = 20
"""Fewer tickets than this say little about a day: then each service has an equal share."""

LEAST_SPAN_MS = 1_800_000
"""A rate over less than half an hour is no rate."""

ASSUMPTIONS = Words(
    "按今天的到达速率、各业务的平均办理时间（指数分布）和列出的台席，模拟多个 8 小时营业日；"
    "两边的顾客和办理时间相同，只有策略（及试改的台席业务）不同。",
    "Days of eight hours with today's rate of arrivals, the services' mean times (exponential) and the "
    "counters listed; both sides have the same customers and differ by the policy (and skills tried) alone.",
)


class WhatIfBody(msgspec.Struct, frozen=True, kw_only=True):
    """`policy` as for `PUT /policy`, `skills` by counter as for `PATCH /counters/{counter}`. Without
    `arrivals_per_h` it is today's rate, without `counters` the open ones serve."""

    policy: PolicyBody = PolicyBody()
    skills: dict[Annotated[int, Meta(ge=1, le=999)], Skills] = {}
    arrivals_per_h: Annotated[float, Meta(gt=0, le=2000)] | None = None
    counters: (
        Annotated[list[Annotated[int, Meta(ge=1, le=999)]], Meta(min_length=1, max_length=200)] | None
    ) = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One hall under two policies."""

    now: Scenario
    then: Scenario
    per_hour: float
    counters: tuple[int, ...]


def add_what_if_route(edge: Edge, make_loop: LoopFactory) -> None:
    """Adds it to the framework's application."""
    hall = edge.hall
    free = trio.Semaphore(1)

    @edge.quart.post("/api/v1/policy/what-if")
    async def what_if() -> Response:
        principal = edge.changer()
        if isinstance(principal, Problem):
            return edge.fail(principal)
        if not may(principal, STAFF):
            allowed = ", ".join(sorted(STAFF))
            return edge.fail(
                problem(403, "no_right", f"{principal.by} may not try policies; allowed: {allowed}")
            )
        try:
            body = msgspec.json.decode(await read_body(), type=WhatIfBody)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return edge.fail(of_validation(error))
        change = change_of(body.policy, principal)
        skills = [
            c.ConfigureCounter(by=principal.by, counter=number, skills=wanted)
            for number, wanted in sorted(body.skills.items())
        ]
        trial = await hall.read(lambda state, now: trial_of(state, change, skills, body, now))
        if isinstance(trial, Problem):
            return edge.fail(trial)
        try:
            free.acquire_nowait()
        except trio.WouldBlock:
            why = "another policy is being tried: one at a time, so that calling has the machine"
            return edge.fail(problem(503, "overloaded", why, retry_after_s=2))
        try:
            with trio.fail_after(PATIENCE_S):
                was, would = [await _simulated(each, make_loop) for each in (trial.now, trial.then)]
        except trio.TooSlowError:
            return edge.fail(
                problem(503, "overloaded", "trying this policy takes too long here", retry_after_s=30)
            )
        except CannotKeepUp as error:
            return edge.fail(problem(422, "cannot_keep_up", str(error)))
        finally:
            free.release()
        return edge.answer(200, view(trial, was, would))


async def _simulated(scenario: Scenario, make_loop: LoopFactory) -> Outcome:
    simulation = Simulation(scenario, make_loop)
    while await trio.to_thread.run_sync(simulation.advance):
        pass
    return simulation.outcome()


def trial_of(
    state: HallState,
    change: c.ChangePolicy,
    skills: list[c.ConfigureCounter],
    body: WhatIfBody,
    now: int,
) -> Trial | Problem:
    """The hall as two scenarios, or why the hall would refuse the change."""
    values = dict(state.values)
    for command in (change, *skills):
        outcome = decide(state, command, now)
        if isinstance(outcome, Refusal):
            return of_refusal(outcome)
        for event in outcome:
            values.update(getattr(event, "changes", {}))
    then = settings_from({key: value for key, value in values.items() if value is not None})
    for settings in (state.hall, then):
        if settings.policy.kind not in BUILT_IN:
            why = f"the kind '{settings.policy.kind}' is a plugin's: try it with `somc replay`"
            zh = f"“{settings.policy.kind}”是插件提供的策略，无法在此试算：请用 `somc replay` 试算"
            words = Words(zh, why)
            return problem(422, "no_simulation", why, words=words, fields={"kind": why})
    counters = _counters(state, body.counters)
    unknown = [number for number in counters if number not in state.hall.counters]
    if unknown:
        why = f"there is no counter {unknown[0]}"
        return problem(422, "unknown_counter", why, fields={"counters": why})
    rates = _rates(state, body.arrivals_per_h, now)
    means_s = {name: ms / 1000 for name, ms in mean_services_ms(state.learned_ms, state.hall).items()}
    skills_now = {number: state.counters[number].skills for number in counters}
    sides = ((state.hall, skills_now), (then, skills_now | body.skills))
    was, would = (_scenario(settings, counters, known, rates, means_s) for settings, known in sides)
    common = {terms.name for terms in was.classes} & {terms.name for terms in would.classes}
    if not common:
        why = "none of these counters serves any service that people come for"
        return problem(422, "nobody_served", why, fields={"counters": why})
    return Trial(_with(was, common), _with(would, common), sum(rates.values()), counters)


def _with(scenario: Scenario, classes: set[str]) -> Scenario:
    """Who is not served on both sides stays away on both."""
    return replace(scenario, classes=tuple(terms for terms in scenario.classes if terms.name in classes))


def _counters(state: HallState, asked: list[int] | None) -> tuple[int, ...]:
    """Those asked for; else the open ones; else all."""
    if asked is not None:
        return tuple(sorted(set(asked)))
    open_now = [each.number for each in state.counters.values() if each.state is not CounterState.CLOSED]
    return tuple(sorted(open_now or state.hall.counters))


def _rates(state: HallState, per_hour: float | None, now: int) -> dict[tuple[str, str], float]:
    """Service and class → arrivals an hour, in today's shares (equal ones while hardly anybody came)."""
    today = [ticket for ticket in state.tickets.values() if ticket.day == state.day]
    pairs = [(service, kind) for service in state.hall.services for kind in state.hall.classes]
    counts = dict.fromkeys(pairs, 0)
    for ticket in today:
        pair = ticket.service, ticket.customer_class
        counts[pair] = counts.get(pair, 0) + 1
    if len(today) < FEW:
        counts = dict.fromkeys(pairs, 1)
    began = min((ticket.taken_at for ticket in today), default=now)
    span_h = max(now - began, LEAST_SPAN_MS) / 3_600_000
    whole = per_hour if per_hour is not None else max(1.0, len(today) / span_h)
    total = sum(counts.values())
    return {pair: whole * count / total for pair, count in counts.items() if count}


def _scenario(
    settings: HallSettings,
    counters: tuple[int, ...],
    skills: Mapping[int, Mapping[str, int]],
    rates: Mapping[tuple[str, str], float],
    means_s: Mapping[str, float],
) -> Scenario:
    """The hall under `settings`, without those whom no counter here may ever call."""
    desks = [
        CounterTerms(
            skills=skills[number],
            overflow_s=settings.counters[number].overflow_s,
            reserved_for=settings.counters[number].reserved_for,
            opens_after_s=settings.counters[number].opens_after_s,
        )
        for number in counters
    ]
    classes = [
        terms
        for pair, rate in rates.items()
        if pair[0] in settings.services
        for terms in (_class_terms(settings, pair, rate, means_s[pair[0]]),)
        if any(desk.offered_after_s(terms) is not None for desk in desks)
    ]
    per_day = max(1.0, sum(rate for rate in rates.values()) * HOURS)
    return Scenario(
        classes=tuple(classes),
        counters=tuple(desks),
        policy=PolicyTerms(
            kind=settings.policy.kind,
            max_wait_s=settings.policy.max_wait_s,
            alpha=settings.policy.alpha_milli / 1000,
            distribution=settings.policy.distribution,
        ),
        horizon_h=HOURS,
        replications=max(2, min(MOST_DAYS, int(MOST_CUSTOMERS / per_day))),
    )


def _class_terms(settings: HallSettings, pair: tuple[str, str], rate: float, mean_s: float) -> ClassTerms:
    service, name = pair
    kind = settings.classes[name]
    weight = settings.weight_milli(service, name)
    return ClassTerms(
        name=f"{service}/{name}",
        customer_class=name,
        service=service,
        service_mean_s=mean_s,
        arrivals_per_h=(rate,),
        priority=kind.priority,
        rate=kind.rate_milli / 1000,
        target_wait_s=settings.target_wait_s(service, name),
        weight=None if weight is None else weight / 1000,
        share=kind.share,
        max_wait_s=settings.guard_s(service, name),
        boost_after_s=kind.boost_after_s,
        boost=kind.boost_milli / 1000,
        reserved_idle=kind.reserved_idle,
    )


# -- the answer ---------------------------------------------------------------------------------------


def view(trial: Trial, was: Outcome, would: Outcome) -> Plain:
    """Side by side: everybody, then classes, then services."""
    rows = [_row("all", "all", was.all, would.all)]
    rows += [
        _row("class", name, waits, would.customer_classes[name])
        for name, waits in was.customer_classes.items()
    ]
    rows += [_row("service", name, waits, would.services[name]) for name, waits in was.services.items()]
    return {
        "policy": was.policy,
        "policy_then": would.policy,
        "arrivals_per_h": round(trial.per_hour, 1),
        "counters": list(trial.counters),
        "hours": HOURS,
        "days": was.replications,
        "utilisation": round(was.utilisation, 4),
        "utilisation_then": round(would.utilisation, 4),
        "assumptions": msgspec.to_builtins(ASSUMPTIONS),
        "rows": rows,
    }


def _row(kind: str, name: str, was: Waits, would: Waits) -> Plain:
    # Not "now": that would be an instant of the hall in every other view.
    return {"kind": kind, "id": name, "in_force": _side(was), "changed": _side(would)}


def _side(waits: Waits) -> Plain:
    return {
        "arrived": waits.arrived,
        **{
            name: None if value is None else round(value, digits)
            for name, value, digits in (
                ("wait_mean_s", waits.wait_mean_s, 1),
                ("wait_p90_s", waits.wait_p90_s, 1),
                ("wait_max_s", waits.wait_max_s, 1),
                ("within_target", waits.within_target, 4),
            )
        },
    }
