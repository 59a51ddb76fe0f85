"""`somc init DIR`: the folder of a new deployment: hall.toml, customers.csv, data folder, systemd unit.

What must stay true: nothing that exists is overwritten or changed, and a refusal leaves nothing behind.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from somc.config.new_hall import CUSTOMERS, CUSTOMERS_NAME, HALL, HALL_NAME, UNIT_NAME, systemd_unit

__all__ = ["command"]

DATA_NAME = "data"


@click.command("init", help="Write the folder of a new deployment; overwrite nothing.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    folder = folder.absolute()
    if not str(folder).isprintable():
        raise click.UsageError(f"{str(folder)!r} has characters that a systemd unit cannot hold")
    files = {
        HALL_NAME: HALL,
        CUSTOMERS_NAME: CUSTOMERS,
        UNIT_NAME: systemd_unit(folder, _executable()),
    }
    present = [
        name for name in (*files, DATA_NAME) if (folder / name).exists() or (folder / name).is_symlink()
    ]
    if present:
        names = ", ".join(present)
        raise click.UsageError(f"{folder} has {names} already; nothing was written. Name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # 0700: the journal's table of people is readable by the hall's account alone.
        (folder / DATA_NAME).mkdir(mode=0o700)
        for name, text in files.items():
            with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise click.ClickException(f"{error.filename or folder}: {error.strerror}") from error
    for name in (*files, f"{DATA_NAME}/"):
        click.echo(f"wrote {folder / name}")
    click.echo(f"next: edit {folder / HALL_NAME}, then somc check and somc run it")


def _executable() -> Path:
    """The `somc` that runs now, as systemd must call it."""
    called = Path(sys.argv[0])
    if called.name == "somc" and called.exists():
        return called.absolute()
    found = shutil.which("somc")
    return Path(found).absolute() if found else Path(sys.executable).with_name("somc")
