"""The chart of `somc replay --plot`: waits and kept promises side by side, as PNG or SVG.

What must stay true: matplotlib is an extra and is imported by `draw_comparison` alone; the same comparison
gives the same bytes.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from somc.simulate.chart import STYLE, write
from somc.simulate.comparison import Comparison, Side

__all__ = ["draw_comparison"]

SIDES = (("happened", "#7b8794", "#d3d9de"), ("what if", "#2a6f97", "#a9c9dd"))
"""Each side with the colours of its mean and of its 90 % bar."""

HEIGHT = 0.38
"""Of one side's bar, where a group has the height 1."""


def draw_comparison(comparison: Comparison, path: Path) -> None:
    """Write the chart."""
    import matplotlib
    from matplotlib.figure import Figure

    groups = list(comparison.groups())
    labels = [name if kind == name else f"{kind} {name}" for kind, name, _ in groups]
    with warnings.catch_warnings(), matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 1.8 + 0.6 * len(groups)), layout="constrained")
        waits, kept = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        for number, (title, colour, pale) in enumerate(SIDES):
            sides: list[Side] = [(group.happened, group.what_if)[number] for _, _, group in groups]
            figures = [side.figures() for side in sides]
            places = [place + (number - 0.5) * HEIGHT for place in range(len(groups))]
            p90s = [(one.p90_s or 0) / 60 for one in figures]
            waits.barh(places, p90s, height=HEIGHT, color=pale, label=f"{title}: 90 % within")
            means = [(one.mean_s or 0) / 60 for one in figures]
            waits.barh(places, means, height=HEIGHT / 2, color=colour, label=f"{title}: mean")
            shares = [100 * (one.within_target or 0) for one in figures]
            bars = kept.barh(places, shares, height=HEIGHT, color=colour, label=title)
            words = [
                "nobody called" if one.within_target is None else f"{100 * one.within_target:.1f}"
                for one in figures
            ]
            kept.bar_label(bars, words, padding=3, fontsize="small")
        waits.set_yticks(range(len(groups)), labels)
        waits.invert_yaxis()
        waits.set_xlabel("wait, minutes")
        waits.legend(fontsize="small")
        kept.set_xlim(0, 120)
        kept.set_xlabel("called within the promise, %")
        days = comparison.days
        span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        was, would = " and ".join(comparison.policies_then), " and ".join(comparison.policies)
        figure.suptitle(f"{span}: happened under '{was}', what if under '{would}'")
        write(figure, path)
