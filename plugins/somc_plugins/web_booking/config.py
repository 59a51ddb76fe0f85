"""What `[plugin.web_booking]` says."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = ["WebBookingConfig"]


class WebBookingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[plugin.web_booking]`."""

    near_halls: bool = True
    """Whether the page offers near and idle halls; that needs `[public]` in hall.toml."""
    waiting_list: bool = True
    """Whether somebody for whom there is no place may stand on the waiting list."""
    phone: Annotated[str, Meta(min_length=1, max_length=200)] = r"1[3-9]\d{9}"
    """Which numbers may be proved, as a regular expression: a message to any number of the world costs."""
    template: Annotated[str, Meta(min_length=1, max_length=64)] = "phone_code"
    """The message with the code that proves a number; it says `code` and `minutes`."""
    minutes: Annotated[int, Meta(ge=1, le=60)] = 5
    """How long that code is good."""
    per_phone_day: Annotated[int, Meta(ge=1, le=100)] = 5
    """So many such messages go to one number on a day."""
    per_address_hour: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """So many are sent for one address within an hour."""
    per_minute: Annotated[int, Meta(ge=1, le=10_000)] = 120
    """So often one address may ask for anything."""
    live: Annotated[int, Meta(ge=1, le=10_000)] = 500
    """So many pages may follow their place in line at a time."""

    def __post_init__(self) -> None:
        try:
            re.compile(self.phone)
        except re.error as error:
            raise ValueError(f"phone is no regular expression: {error}") from error
