"""The command line `somc`: one file a command; it parses and prints, and decides nothing.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
"""

from __future__ import annotations

import click

import somc
from somc.cli import check, init, run, simulate
from somc.cli.channel import command as channel
from somc.cli.device import command as device
from somc.cli.journal import command as journal
from somc.cli.logs import set_up_logs
from somc.cli.plugin import command as plugin
from somc.cli.replay import command as replay

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(somc.__version__, package_name="somc", message="somc %(version)s")
def main() -> None:
    """Run a service hall (营业厅): tickets, calling, devices, live pages."""
    set_up_logs()


main.add_command(run.command)
main.add_command(check.installed_command())
main.add_command(init.command)
main.add_command(journal)
main.add_command(device)
main.add_command(plugin)
main.add_command(channel)
main.add_command(replay)
main.add_command(simulate.command)
