"""The chart of `somc simulate --plot`: waits and kept promises by class, as PNG or SVG.

What must stay true: matplotlib is an extra and is imported by `draw` alone; the same outcome gives the same
bytes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from somc.errors import UsageError
from somc.simulate.run import Outcome, Waits
from somc.simulate.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "STYLE", "check_plot", "draw", "write"]

FORMATS = (".png", ".svg")
FONTS = ["Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "DejaVu Sans"]
"""Names of classes may be Chinese. SVG keeps text as text, for the reader's own fonts."""

STYLE: dict[Any, Any] = {
    "font.sans-serif": FONTS,
    "font.family": "sans-serif",
    "svg.fonttype": "none",
    "svg.hashsalt": "somc",
}

MEAN, P90, KEPT = "#2a6f97", "#a9c9dd", "#4c956c"


def check_plot(path: Path) -> None:
    """`UsageError` if a chart could not be written there: before hours are simulated for nothing."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: a chart is a {' or a '.join(FORMATS)} file")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib: pip install 'somc[plot]'")


def draw(outcome: Outcome, scenario: Scenario, path: Path) -> None:
    """Write the chart."""
    import matplotlib
    from matplotlib.figure import Figure

    rows: Mapping[str, Waits] = {**outcome.classes, "all": outcome.all}
    targets = {each.name: each.target_wait_s for each in scenario.classes}
    names = list(rows)
    with warnings.catch_warnings(), matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 1.6 + 0.5 * len(names)), layout="constrained")
        waits, kept = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        places = list(range(len(names)))
        means = [(rows[name].wait_mean_s or 0) / 60 for name in names]
        widths = [(rows[name].wait_ci95_s or 0) / 60 for name in names]
        waits.barh(
            places, [(rows[name].wait_p90_s or 0) / 60 for name in names], color=P90, label="90 % within"
        )
        waits.barh(places, means, height=0.45, xerr=widths, color=MEAN, label="mean, 95 % interval")
        promised = [(place, targets.get(name)) for place, name in zip(places, names, strict=True)]
        marks = [(place, target_s / 60) for place, target_s in promised if target_s is not None]
        if marks:
            waits.plot(
                [at for _, at in marks], [place for place, _ in marks], "|k", ms=18, mew=2, label="promised"
            )
        waits.set_yticks(places, names)
        waits.invert_yaxis()
        waits.set_xlabel("wait, minutes")
        waits.legend(loc="lower right", fontsize="small")
        shares = [100 * (rows[name].within_target or 0) for name in names]
        bars = kept.barh(places, shares, color=KEPT)
        kept.bar_label(
            bars,
            [
                "none promised" if rows[name].within_target is None else f"{share:.1f}"
                for name, share in zip(names, shares, strict=True)
            ],
            padding=3,
        )
        kept.set_xlim(0, 115)
        kept.set_xlabel("called within the promise, %")
        figure.suptitle(
            f"{outcome.policy}: {outcome.all.arrived} customers, "
            f"counters busy {100 * outcome.utilisation:.1f} %, seed {outcome.seed}"
        )
        write(figure, path)


def write(figure: Figure, path: Path) -> None:
    """Write a chart, with nothing in its file that changes from day to day."""
    # PNG needs a font that has the names' characters, SVG does not: the page says so.
    warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else {"Software": None})
