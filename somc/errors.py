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
    ├── IdempotencyConflict   you: this key was used before with another body
    └── ClientError           of `somc.client`, whose hall is another process
        ├── NotAdmitted       you: the hall does not know this token, or it has no right to be there
        ├── HallRefused       the hall said no, and why, in a problem document
        ├── NoAnswer          they: nothing was heard in time; whether it happened is not known
        └── HallUnreachable   they: nobody answers at that address, or who answers is no hall

A refusal of the domain (calling at a paused counter) is not an exception: it is a value, see
`somc.domain.refusals`. An exception means that nothing was decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "CannotKeepUp",
    "ClientError",
    "ConfigurationError",
    "Fault",
    "HallRefused",
    "HallUnreachable",
    "IdempotencyConflict",
    "NoAnswer",
    "NotAdmitted",
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


class ClientError(SomcError):
    """A hall elsewhere did not do what was asked of it."""


class NotAdmitted(ClientError):
    """The hall knows no such token (`status` 401), or it has no right to be there (403). Asking again with
    the same token does not help."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(f"{detail} ({status})")


class HallRefused(ClientError):
    """The hall said no. `code` is stable for programs, `words` says why in `zh` and `en` where a rule of
    the hall refused, `fields` names wrong input."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        words: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.words = dict(words or {})
        self.fields = dict(fields or {})
        self.retry_after_s = retry_after_s
        super().__init__(f"{detail} ({status} {code})")


class NoAnswer(ClientError):
    """Nothing was heard of `act` in time: it may have happened or not. The same act with the same `key`
    has one effect, however often it is asked."""

    def __init__(self, act: str, key: str, waited_s: float) -> None:
        self.act = act
        self.key = key
        super().__init__(
            f"the hall did not answer {act} within {waited_s:g} s; whether it happened is not known:"
            f" ask again with the key {key}"
        )


class HallUnreachable(ClientError):
    """Nobody answers at that address, or who answers is no hall; the message says which."""
