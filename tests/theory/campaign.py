"""The long comparison with theory: 24 million customers a case, every value within 1.5 % and |z| < 5.

    python -m tests.theory.campaign [--seed N] [--customers 24e6] [--only WORDS] [--write]

With `--write` the table goes into docs/reference/routing-theory.md. Exit code 1 if a value does not hold.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from pathlib import Path

from tests.theory.cases import BATCHES, CASES
from tests.theory.gate import (
    CAMPAIGN_CUSTOMERS,
    CAMPAIGN_LIMIT,
    CAMPAIGN_SEED,
    HEAVY_TIMES,
    Z_LIMIT,
    Row,
    rows,
)

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "routing-theory.md"
BEGIN, END = "<!-- campaign: begin -->\n", "<!-- campaign: end -->"


def table(found: list[Row], command: str, took_s: float) -> str:
    """The section of the page."""
    wrong = [row for row in found if not row.holds(CAMPAIGN_LIMIT)]
    worst = max(found, key=lambda row: abs(row.error))
    highest = max((row for row in found if row.z is not None), key=lambda row: abs(row.z or 0))
    lines = [
        f"`{command}`: {len({row.case for row in found})} cases, {len(found)} values in {took_s:.0f} s,",
        f"Python {platform.python_version()}; {len(wrong)} values outside the limits.",
        f"Largest error {100 * abs(worst.error):.2f} % ({worst.case}, {worst.metric}),",
        f"largest |z| {abs(highest.z or 0):.2f} over {BATCHES} batches ({highest.case}, {highest.metric}).",
        "",
        "| case | metric | exact | simulated | error % | z | customers | seed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        z = "" if row.z is None else f"{row.z:.2f}"
        lines.append(
            f"| {row.case} | {row.metric} | {row.exact:.5f} | {row.simulated:.5f} | {100 * row.error:.2f} "
            f"| {z} | {row.customers / 1e6:.1f} M | {row.seed} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=CAMPAIGN_SEED)
    parser.add_argument("--customers", type=float, default=CAMPAIGN_CUSTOMERS)
    parser.add_argument("--only", default="", help="cases with these words in their names")
    parser.add_argument("--write", action="store_true", help="into docs/reference/routing-theory.md")
    options = parser.parse_args()
    print(f"campaign seed {options.seed}, limits {100 * CAMPAIGN_LIMIT} % and |z| < {Z_LIMIT}", flush=True)
    began, found = time.perf_counter(), []
    for case in CASES:
        if options.only not in case.name:
            continue
        customers = options.customers * (HEAVY_TIMES if case.heavy else 1)
        for row in rows(case, customers, options.seed):
            found.append(row)
            mark = "" if row.holds(CAMPAIGN_LIMIT) else "   OUTSIDE"
            z = "" if row.z is None else f"z {row.z:6.2f}"
            print(
                f"{row.case:64} {row.metric:18} {row.exact:10.5f} {row.simulated:10.5f} "
                f"{100 * row.error:6.2f} % {z}{mark}",
                flush=True,
            )
    if options.write:
        command = f"python -m tests.theory.campaign --seed {options.seed} --customers {options.customers:g}"
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        text = table(found, command, time.perf_counter() - began)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    return 0 if all(row.holds(CAMPAIGN_LIMIT) for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
