"""A command ready to be submitted, with all that was looked up and drawn for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from somc.domain import commands as c
from somc.journal.entry import MessageText, Person
from somc.runtime.plugins.facts import Known

__all__ = ["Prepared"]


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A command, what is kept sealed with it, and the body as the idempotency key knows it."""

    command: c.Command
    body: Any
    person: Person | None = None
    codes: tuple[MessageText, ...] = ()
    """Codes of appointments, or the words of a message."""
    choices: Callable[[], list[dict[str, Any]]] | None = None
    """What there is to choose among, should the hall say that several fit."""
    known: Mapping[str, Known] = {}
    """What plugins know of whoever takes a ticket."""
