"""How a command fails: one clear line on stderr and the exit code of the contract."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from somc.errors import ConfigurationError, SomcError, UsageError

__all__ = ["failing_clearly"]


@contextmanager
def failing_clearly() -> Iterator[None]:
    """Errors of ours become messages: exit 2 for wrong usage or configuration, 1 for the rest.

    An exception that is not ours keeps its traceback: it is a fault to be reported.
    """
    try:
        yield
    except BaseException as error:
        ours = [found for found in leaves(error) if isinstance(found, SomcError) or core_missing(found)]
        if not ours:
            raise
        for found in {str(found): found for found in ours}.values():  # several tasks may tell the same
            click.echo(f"error: {found}", err=True)
        wrong = any(isinstance(found, ConfigurationError | UsageError) for found in ours)
        sys.exit(2 if wrong else 1)


def core_missing(error: BaseException) -> bool:
    """Whether SOMC was installed without its C core and not told so; the message says both remedies."""
    return isinstance(error, ImportError) and error.name in ("somc._sched", "somc._fanout")


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions inside nested groups, or `error` itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
