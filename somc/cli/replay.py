"""`somc replay JOURNAL`: recorded days under another routing policy, beside what happened.

What must stay true: the journal is only read, also while the hall runs; with `--json` stdout is one JSON
document; exit 0 done, 1 the journal cannot be read, 2 wrong usage, a faulty policy file or a policy that
the hall refuses.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from somc.cli.failures import failing_clearly
from somc.cli.progress import progress
from somc.composition import play_recorded
from somc.config.policy_file import PolicyFile, read_policy_file
from somc.errors import UsageError
from somc.journal.connection import system_errors
from somc.simulate.chart import check_plot
from somc.simulate.comparison import Comparison, Figures
from somc.simulate.comparison_chart import draw_comparison
from somc.simulate.what_if import ASSUMPTIONS

__all__ = ["command"]

DAY = click.DateTime(["%Y-%m-%d"])


@click.command("replay")
@click.argument("journal", metavar="JOURNAL", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--policy",
    "policy_path",
    metavar="P.toml",
    type=click.Path(path_type=Path),
    help="What is to be different: [policy], [class.X], [service.S] as in hall.toml.",
)
@click.option("--from", "first", type=DAY, help="The first business day, YYYY-MM-DD.")
@click.option("--to", "last", type=DAY, help="The last business day, YYYY-MM-DD.")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="NAME",
    help="An installed plugin whose policy kinds are used.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw a chart into this .png or .svg file.")
def command(
    journal: Path,
    policy_path: Path | None,
    first: datetime | None,
    last: datetime | None,
    plugins: tuple[str, ...],
    as_json: bool,
    plot: Path | None,
) -> None:
    """What if: play recorded days again under another routing policy (排队策略)."""
    with failing_clearly():
        if plot is not None:
            check_plot(plot)
        policy = None if policy_path is None else read_policy_file(policy_path)
        since = date.min if first is None else first.date()
        until = date.max if last is None else last.date()
        if since > until:
            raise UsageError(f"--from {since} is after --to {until}")
        with progress("replaying") as on_progress:
            comparison = play_recorded(
                journal,
                policy,
                wanted=lambda day: since <= date.fromisoformat(day) <= until,
                on_progress=on_progress,
                plugins=plugins,
            )
        if not comparison.days:
            raise UsageError(f"{journal} has no business day with tickets in that time")
        if plot is not None:
            with system_errors(f"{plot} cannot be written"):
                draw_comparison(comparison, plot)
    if as_json:
        click.echo(msgspec.json.encode(_document(journal, policy, comparison)))
    else:
        _print(policy, comparison)


def _document(journal: Path, policy: PolicyFile | None, comparison: Comparison) -> dict[str, Any]:
    document: dict[str, Any] = {
        "journal": str(journal),
        "days": comparison.days,
        "unfinished": comparison.unfinished,
        "policy": {
            "happened": comparison.policies_then,
            "what_if": comparison.policies,
            "without_plugin": comparison.kinds_missing,
            "changes": {} if policy is None else dict(policy.changes),
        },
        "classes": {},
        "services": {},
        "calls": {"happened": comparison.calls, "the_same": comparison.calls_as_recorded},
        "inexact": {
            "guessed_services": comparison.guessed_services,
            "guessed_gaps": comparison.guessed_gaps,
            "turned_away": comparison.turned_away,
            "not_done": dict(comparison.not_done),
        },
        "assumptions": ASSUMPTIONS,
    }
    homes = {"class": "classes", "service": "services"}
    for kind, name, group in comparison.groups():
        sides = {
            "happened": group.happened.figures(),
            "what_if": group.what_if.figures(),
            "difference": group.difference(),
        }
        if kind in homes:
            document[homes[kind]][name] = sides
        else:
            document[kind] = sides
    return document


# -- for people ---------------------------------------------------------------------------------------

HEAD = ("", "", "taken", "called", "left", "mean", "median", "p90", "longest", "within target")


def _print(policy: PolicyFile | None, comparison: Comparison) -> None:
    days = comparison.days
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)} days)"
    click.echo(f"{span}, waits in seconds")
    if comparison.unfinished is not None:
        click.echo(f"{comparison.unfinished} is not over in this journal: it is replayed as far as it went")
    was, would = " and ".join(comparison.policies_then), " and ".join(comparison.policies)
    click.echo(f"happened under '{was}', what if under '{would}'")
    for kind in comparison.kinds_missing:
        click.echo(f"the kind '{kind}' is a plugin's: without --plugin NAME only its coefficients are known")
    for key, value in {} if policy is None else sorted(policy.changes.items()):
        click.echo(f"  {key} = {msgspec.json.encode(value).decode()}")
    click.echo()
    rows: list[tuple[str, ...]] = [HEAD]
    for kind, name, group in comparison.groups():
        label = name if kind == name else f"{kind} {name}"
        rows.append((label, "happened", *_cells(group.happened.figures())))
        rows.append(("", "what if", *_cells(group.what_if.figures())))
        rows.append(("", "difference", *_cells(group.difference(), sign="+")))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())
    click.echo()
    click.echo(
        f"{comparison.calls_as_recorded} of {comparison.calls} calls are the same: ticket, counter, instant"
    )
    for what, count in (
        ("services without an example in the record", comparison.guessed_services),
        ("gaps between customers without an example in the record", comparison.guessed_gaps),
        ("visitors turned away by a limit that had let them in", comparison.turned_away),
        ("acts of the record that were refused this time", comparison.not_done.total()),
    ):
        if count:
            click.echo(f"{count} {what}")
    click.echo("\nTaken for granted:")
    for words in ASSUMPTIONS:
        click.echo(f"- {words.en}")


def _cells(figures: Figures, sign: str = "") -> tuple[str, ...]:
    counts = (figures.taken, figures.called, figures.left)
    times = (figures.mean_s, figures.median_s, figures.p90_s, figures.longest_s)
    share = figures.within_target
    return (
        *(f"{count:{sign}d}" for count in counts),
        *("-" if time is None else f"{time:{sign}.0f}" for time in times),
        "-" if share is None else f"{share * 100:{sign}.1f}%",
    )
