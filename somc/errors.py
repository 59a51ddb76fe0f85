"""Every exception that SOMC raises on purpose.

    SomcError
    ├── ConfigurationError    you: hall.toml is wrong; carries every fault at once
    ├── UsageError            you: a call or a command line that cannot be meant
    ├── Overloaded            we: the door is full; come back after `retry_after_s`
    ├── ShuttingDown          we: the hall is stopping; nothing was done
    ├── RuleFailed            we: a fault in a rule's code; nothing was done
    ├── CannotKeepUp          you: a simulated hall to which more come than it can serve
    ├── StoreError            the disk or the journal's file
    │   ├── StoreFull         no space left: nothing of the batch was kept
    │   ├── StoreLocked       another process has this journal open for writing
    │   ├── StoreTooNew       written by a newer SOMC than this one
    │   └── StoreCorrupt      the chain, a sequence or a checksum does not hold
    └── IdempotencyConflict   you: this key was used before with another body

A refusal of the domain (calling at a paused counter) is not an exception: it is a value, see
`somc.domain.refusals`. An exception means that nothing was decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "CannotKeepUp",
    "ConfigurationError",
    "Fault",
    "IdempotencyConflict",
    "Overloaded",
    "RuleFailed",
    "ShuttingDown",
    "SomcError",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "StoreTooNew",
    "UsageError",
]


class SomcError(Exception):
    """Root of the tree: catch this to catch everything that SOMC raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in a configuration file.

    `line` counts from 1; 0 means that no line can be named (a missing file or table).
    """

    file: str
    line: int
    key: str
    found: str
    allowed: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: found {self.found}; allowed: {self.allowed}"


class ConfigurationError(SomcError):
    """The configuration holds at least one mistake; `faults` has all of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class UsageError(SomcError):
    """A call that cannot be meant; the message says what to do instead."""


class Overloaded(SomcError):
    """The command door is full. Nothing was done; try again after `retry_after_s` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"the hall is taking commands as fast as it can; retry in {retry_after_s} s")


class ShuttingDown(SomcError):
    """The hall is stopping and takes no new command. Nothing was done."""


class RuleFailed(SomcError):
    """A rule raised instead of deciding: a fault in SOMC or a plugin. Nothing was done."""


class CannotKeepUp(SomcError):
    """More customers come to a simulated hall than its counters can serve; the message says what would
    help."""


class StoreError(SomcError):
    """The journal's file or its disk does not do what is asked of it."""


class StoreFull(StoreError):
    """No space left on the journal's disk. Nothing of the refused batch was kept."""


class StoreLocked(StoreError):
    """Another process writes this journal."""


class StoreTooNew(StoreError):
    """The store was written by a newer SOMC; upgrade this one."""


class StoreCorrupt(StoreError):
    """The journal's sequence, hash chain or content does not hold; the message names the record."""


class IdempotencyConflict(SomcError):
    """The idempotency key was used before by the same principal on the same route with another body."""
