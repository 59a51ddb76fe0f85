"""`somc journal`: verify, export and tail a hall's journal, also while the hall runs, here or elsewhere.

What must stay true: these commands only read, in a process of their own. Exit codes: 0 done, 1 the
journal does not hold or cannot be read, 2 wrong usage.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import trio

from somc.cli.failures import failing_clearly
from somc.cli.journal_live import tail_hall
from somc.cli.progress import progress
from somc.cli.running_hall import read_token, token_file_option, url_option
from somc.errors import UsageError
from somc.journal.chain import line_of
from somc.journal.connection import system_errors
from somc.journal.export import export_json_lines, export_parquet
from somc.journal.opening import open_journal
from somc.journal.verify import Report, database_in, verify

__all__ = ["command"]

Folder = click.Path(exists=True, path_type=Path)


@click.group("journal")
def command() -> None:
    """Check, export and follow a journal (记录). DIR is a hall's data folder."""


@command.command("verify")
@click.argument("directory", metavar="DIR", type=Folder)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def verify_command(directory: Path, as_json: bool) -> None:
    """Check sequence, hash chain, times, content and snapshots."""
    with failing_clearly(), progress("verifying") as on_progress:
        report = verify(directory, on_progress)
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        _print(report)
    sys.exit(0 if report.ok else 1)


def _print(report: Report) -> None:
    for problem in report.problems:
        click.echo(problem.what)
    verdict = "holds" if report.ok else "DOES NOT HOLD"
    click.echo(f"{report.path}: {verdict}: {report.records} records, {report.snapshots} snapshots")
    if report.first_at is not None and report.last_at is not None:
        click.echo(f"from {_moment(report.first_at)} to {_moment(report.last_at)}")
    click.echo(f"epoch {report.epoch}, record {report.head} has chain {report.chain}")


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


@command.command("export")
@click.argument("directory", metavar="DIR", type=Folder)
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), default="jsonl", show_default=True)
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="SEQ", help="Only records after SEQ.")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="The file to write; stdout without it.",
)
def export_command(directory: Path, form: str, after: int, output: Path | None) -> None:
    """Write the records as JSON Lines or Parquet: no phone, no name."""
    with failing_clearly():
        database_in(directory)  # before a file is made for nothing
        if form == "parquet" and output is None:
            raise UsageError("Parquet is not a stream: name a file with --output")
        if output is None:
            with _quiet_when_nobody_reads():
                export_json_lines(directory, sys.stdout.buffer, after)
                sys.stdout.buffer.flush()
            return
        with system_errors(f"{output} cannot be written"), progress("exporting") as on_progress:
            if form == "parquet":
                export_parquet(directory, output, after, on_progress)
            else:
                with output.open("wb") as file:
                    export_json_lines(directory, file, after, on_progress)


@command.command("tail")
@click.argument("directory", metavar="[DIR]", type=Folder, required=False)
@click.option(
    "-n", "count", type=click.IntRange(min=0), default=10, show_default=True, help="Records to begin with."
)
@click.option("--follow", "-f", is_flag=True, help="Go on as records come, until interrupted.")
@url_option("Instead of DIR: a hall that runs there, like http://127.0.0.1:8080.")
@token_file_option()
def tail_command(
    directory: Path | None, count: int, follow: bool, url: str | None, token_file: Path | None
) -> None:
    """Print the newest records, one line of JSON each."""
    with failing_clearly(), _quiet_when_nobody_reads():
        if (directory is None) == (url is None):
            raise UsageError("whose journal? Give DIR, a hall's data folder, or --url URL, one of them")
        if url is not None:
            trio.run(tail_hall, url, read_token(token_file), count, follow)
        elif directory is not None:
            trio.run(_tail, database_in(directory).parent, count, follow)


async def _tail(directory: Path, count: int, follow: bool) -> None:
    async with open_journal(
        directory, new_epoch=str, clock_ms=lambda: time.time_ns() // 1_000_000, read_only=True
    ) as opened:
        seq = max(0, opened.head - count)
        while True:
            for record in await opened.records_after(seq):
                sys.stdout.buffer.write(line_of(record) + b"\n")
                seq = record.seq
            sys.stdout.buffer.flush()
            if seq >= opened.head:
                if not follow:
                    return
                await opened.wait_beyond(seq)


@contextmanager
def _quiet_when_nobody_reads() -> Iterator[None]:
    """`| head` and Ctrl-C end a listing; neither is a fault."""
    try:
        yield
    except BrokenPipeError:
        # Else the interpreter complains once more when it flushes stdout at the end.
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115 - it lives as long as the process
    except KeyboardInterrupt:
        pass
