"""What crosses between Python and the C core: the structs of `scheduler.h`, as both sides see them.

What must stay true: fields stand in the order of the header. `scheduler.h` is the one description; the cdef
of cffi is made from it, and the `Struct`s here only unpack what the core wrote, which costs less than reading
its fields one by one.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import Struct
from typing import Any

from somc._sched import ffi
from somc.scheduler.interface import Lane, Terms

__all__ = [
    "ALERT",
    "CHOICE",
    "HEAD",
    "PLACE",
    "TICKET",
    "WAIT",
    "in_c",
    "lanes_in_c",
    "plain_lane",
    "plain_terms",
    "terms_in_c",
]

TICKET = Struct("=5q")
CHOICE = Struct("=8q")
HEAD = Struct("=6q")
PLACE = Struct("=3q")
WAIT = Struct("=2q8x")
"""A place without its last field."""
ALERT = Struct("=3q")

_TERMS = ("rate", "offset", "knee", "jump", "rate_after", "guard", "warn", "target", "share", "group")
_LANE = ("queue", "level", "bonus", "min_wait", "reserve")

# Types looked up once: finding one by its name costs as much as a short call.
_ARRAYS = {
    kind: ffi.typeof(kind)
    for kind in (
        "int64_t[]",
        "sched_ticket[]",
        "sched_ask[]",
        "sched_choice[]",
        "sched_server[]",
        "sched_place[]",
    )
}


def in_c(kind: str, numbers: array[int] | memoryview) -> Any:
    """The numbers as the core takes them, where they stand."""
    return ffi.from_buffer(_ARRAYS[kind], numbers)


def plain_terms(terms: Terms) -> dict[str, int]:
    """The fields by name, as `dump` gives them."""
    return {name: getattr(terms, name) for name in _TERMS}


def plain_lane(lane: Lane) -> dict[str, int]:
    return {name: getattr(lane, name) for name in _LANE}


def terms_in_c(terms: Terms) -> Any:
    return ffi.new("sched_terms *", plain_terms(terms))


def lanes_in_c(lanes: Sequence[Lane]) -> Any:
    return ffi.new("sched_lane[]", [plain_lane(lane) for lane in lanes])
