"""`somc simulate SCENARIO.toml`: arrivals through the hall's scheduler in simulated time.

What must stay true: exit 0 done, 1 failed (a hall that cannot keep up), 2 wrong usage or scenario; with
`--json` stdout is one JSON document. A progress bar stands on a terminal only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import msgspec
import trio
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from somc.cli.failures import failing_clearly
from somc.composition import simulation_loop
from somc.journal.connection import system_errors
from somc.simulate.chart import check_plot, draw
from somc.simulate.run import Outcome, Waits, simulate
from somc.simulate.scenario import load_scenario

__all__ = ["command"]

PIPE_WIDTH = 200
"""Nothing is cut off in a pipe, where no terminal says how wide it is."""


@click.command("simulate")
@click.argument("scenario", metavar="SCENARIO.toml", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Instead of the scenario's seed.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw a chart into this .png or .svg file.")
def command(scenario: Path, as_json: bool, seed: int | None, plot: Path | None) -> None:
    """Run arrivals through the hall's scheduler in simulated time: waits and promises by class."""
    with failing_clearly():
        if plot is not None:
            check_plot(plot)
        loaded = load_scenario(scenario)
        if seed is not None:
            loaded = replace(loaded, seed=seed)
        with _progress() as on_progress:
            outcome = trio.run(partial(simulate, loaded, simulation_loop(), on_progress))
        if plot is not None:
            with system_errors(f"{plot} cannot be written"):
                draw(outcome, loaded, plot)
    if as_json:
        click.echo(msgspec.json.encode(outcome))
    else:
        _print(outcome)


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("simulating", total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _print(outcome: Outcome) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("class")
    for heading in ("arrived", "left", "mean", "±", "90 % within", "longest", "within promise %"):
        table.add_column(heading, justify="right")
    for name, waits in outcome.classes.items():
        table.add_row(name, *_cells(waits))
    for summed in (outcome.customer_classes, outcome.services):
        if 1 < len(summed) < len(outcome.classes):
            table.add_section()
            for name, waits in summed.items():
                table.add_row(name, *_cells(waits))
    if len(outcome.classes) > 1:
        table.add_section()
        table.add_row("all", *_cells(outcome.all))
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)
    console.print(
        f"waits in minutes; {outcome.policy}, counters busy {100 * outcome.utilisation:.1f} %, "
        f"{outcome.replications} replication{'s' if outcome.replications > 1 else ''}, seed {outcome.seed}",
        highlight=False,
    )
    for note in outcome.notes:
        click.echo(f"note: {note}", err=True)


def _cells(waits: Waits) -> list[str]:
    times = (waits.wait_mean_s, waits.wait_ci95_s, waits.wait_p90_s, waits.wait_max_s)
    kept = "-" if waits.within_target is None else f"{100 * waits.within_target:.1f}"
    minutes = ["-" if seconds is None else f"{seconds / 60:.2f}" for seconds in times]
    return [str(waits.arrived), str(waits.abandoned), *minutes, kept]
