"""Simulated time against exact theory: two million customers a case, and more where counters are never idle.

`campaign.py` runs the long form.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.theory import formulas
from tests.theory.cases import CASES, Case, accumulating, strict
from tests.theory.gate import CAMPAIGN_SEED, CI_CUSTOMERS, CI_LIMIT, HEAVY_TIMES, Row, rows


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_simulator_agrees_with_theory(case: Case) -> None:
    customers = CI_CUSTOMERS * (HEAVY_TIMES if case.heavy else 1)
    found = list(rows(case, customers, CAMPAIGN_SEED))
    wrong = [row for row in found if not row.holds(CI_LIMIT)]
    assert not wrong, f"campaign seed {CAMPAIGN_SEED}: {wrong}"
    assert found[0].customers > 0.9 * customers


def test_every_case_has_its_own_seed_and_another_one_in_another_campaign() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    seeds = {case.sized(1e6, campaign).seed for case in CASES for campaign in (1, 2)}
    assert len(seeds) == 2 * len(CASES)


def wrongly(case: Case, other: Case) -> list[Row]:
    """What the gate says of `case` simulated under the policy of `other`."""
    return list(rows(replace(case, scenario=other.scenario), CI_CUSTOMERS, CAMPAIGN_SEED))


def test_the_gate_sees_a_wrong_policy() -> None:
    rates = (0.5, 1.0, 0.75)
    found = wrongly(strict(3, rates), accumulating(3, rates, (8, 4, 1)))
    assert not all(row.holds(CI_LIMIT) for row in found)


def test_the_gate_sees_slopes_that_are_ten_per_cent_off() -> None:
    case, other = accumulating(4, (1.0, 2.4), (1.5, 1)), accumulating(4, (1.0, 2.4), (1.65, 1))
    assert all(row.holds(CI_LIMIT) for row in rows(case, CI_CUSTOMERS, CAMPAIGN_SEED))
    assert not all(row.holds(CI_LIMIT) for row in wrongly(case, other))


# -- the formulas themselves, against values and relations printed elsewhere ------------------------------


def test_erlang_b_and_c_give_the_values_of_the_tables() -> None:
    assert formulas.erlang_b(1, 1.0) == pytest.approx(0.5)
    assert formulas.erlang_b(10, 5.0) == pytest.approx(0.018385, abs=5e-7)
    assert formulas.erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert formulas.mmc_wait(1, 0.8) == pytest.approx(4.0)


def test_erlang_a_joins_erlang_b_and_c_at_its_ends() -> None:
    assert formulas.erlang_a(8, 6.8, 1e-7)["wait"] == pytest.approx(formulas.mmc_wait(8, 6.8), rel=1e-4)
    assert formulas.erlang_a(8, 7.0, 1e7)["abandoned"] == pytest.approx(formulas.erlang_b(8, 7.0), rel=1e-4)


def test_accumulating_joins_levels_and_first_come_first_served_at_its_ends() -> None:
    loads, w0 = [0.2, 0.3, 0.35], 1.3
    steep = formulas.accumulating(loads, w0, (1e8, 1e4, 1))
    assert steep == pytest.approx(formulas.cobham(loads, w0), rel=1e-3)
    alike = formulas.accumulating(loads, w0, (2, 2, 2))
    assert alike == pytest.approx([w0 / (1 - sum(loads))] * 3)
    any_slopes = formulas.accumulating(loads, w0, (3, 1, 1.7))
    work = sum(load * wait for load, wait in zip(loads, any_slopes, strict=True))
    assert work == pytest.approx(formulas.conserved(loads, w0))
