"""Channels: how messages leave to customers and come back (SMS now)."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Channel"]


class Channel(Protocol):
    """One way out for messages. `kinds` says what it carries (`"sms"`); of several, more go to the one of
    more `weight`."""

    name: str
    kinds: frozenset[str]
    weight: int

    async def run(self, outgoing: Any, events: Any, *, task_status: Any) -> None:
        """Be connected until cancelled; `started()` when it can take messages."""
        ...
