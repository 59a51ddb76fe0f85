"""A frame as data: its parts in order, how its length and check are reckoned, what is escaped.

    A0 │ length │ command │ address │ counter │ body … │ check │ FF

What must stay true: a description that cannot be written or found again does not exist. It is refused where
it is made, with the key that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from somc_hal.codecs.checks import CHECKS, Order

__all__ = ["CheckRule", "Frame", "FrameFormat", "LengthRule", "Part"]

Part = str | bytes
"""Constant bytes, or a name: `length`, `check`, `body`, or a field of one byte."""

_RESERVED = ("length", "check", "body")


@dataclass(frozen=True, slots=True)
class LengthRule:
    """The value of `length` is the number of bytes from part `first` to part `last`, plus `plus`."""

    first: Part
    last: Part
    size_bytes: int = 1
    order: Order = "big"
    plus: int = 0


@dataclass(frozen=True, slots=True)
class CheckRule:
    """The value of `check` is `kind` of the bytes from part `first` to part `last`, as they are unescaped."""

    kind: str
    first: Part
    last: Part
    order: Order | None = None
    """The order of its bytes where it is not the kind's usual one."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame: its one-byte fields in the order of the layout, and its body."""

    fields: tuple[int, ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class FrameFormat:
    """A frame as data. `ValueError` names the key that is wrong, what was found and what is allowed.

    `limit_bytes` is the longest body. `escapes` gives for a byte what is sent in its stead between head
    and tail, check included.
    """

    layout: tuple[Part, ...]
    length: LengthRule | None = None
    check: CheckRule | None = None
    escapes: Mapping[int, bytes] = field(default_factory=dict)
    limit_bytes: int = 200

    def __post_init__(self) -> None:
        names = [part for part in self.layout if isinstance(part, str)]
        if not self.layout or not isinstance(self.layout[0], bytes):
            raise ValueError("layout: begins with the constant bytes of the head")
        if any(part == b"" for part in self.layout):
            raise ValueError("layout: found an empty constant; allowed: hex bytes")
        if len(set(names) - {"length"}) != len([name for name in names if name != "length"]):
            raise ValueError(
                f"layout: found a name twice in {names}; allowed: 'length' alone may be repeated"
            )
        self._pair("length", self.length is not None, names)
        self._pair("check", self.check is not None, names)
        if not 0 <= self.limit_bytes <= 65535:
            raise ValueError(f"limit: found {self.limit_bytes}; allowed: 0 to 65535")
        if self.length is not None:
            self._check_length(self.length)
        if self.check is not None:
            self._check_check(self.check)
        if self.escapes:
            self._check_escapes()
        elif self.length is None and "body" in names:
            tail = self.layout[-1]
            if not isinstance(tail, bytes) or len(tail) != 1:
                raise ValueError("layout: without 'length' and escapes a frame ends with one constant byte")

    def _pair(self, name: str, ruled: bool, names: Sequence[str]) -> None:
        if ruled and name not in names:
            raise ValueError(f"{name}: described, but not in the layout")
        if not ruled and name in names:
            raise ValueError(f"layout: found {name!r}, which needs a description of its own")

    def _check_length(self, rule: LengthRule) -> None:
        if not 1 <= rule.size_bytes <= 4:
            raise ValueError(f"length.bytes: found {rule.size_bytes}; allowed: 1 to 4")
        first, last = self.span("length.counts", rule.first, rule.last)
        if "body" not in self.layout:
            raise ValueError("length: a frame without 'body' has always the same length")
        body_at = self.layout.index("body")
        if not first <= body_at <= last:
            raise ValueError("length.counts: must hold the body")
        if "length" in self.layout[body_at:]:
            raise ValueError("layout: found 'length' behind 'body'; allowed: before it")
        longest = (
            sum(self.size_of(part) for part in self.layout[first : last + 1]) + self.limit_bytes + rule.plus
        )
        if not 0 <= longest < 256**rule.size_bytes:
            raise ValueError(f"limit: a body of {self.limit_bytes} bytes does not fit into the length field")

    def _check_check(self, rule: CheckRule) -> None:
        if rule.kind not in CHECKS:
            raise ValueError(f"check.kind: found {rule.kind!r}; allowed: {', '.join(CHECKS)}")
        first, last = self.span("check.covers", rule.first, rule.last)
        if first <= self.layout.index("check") <= last:
            raise ValueError("check.covers: found the check itself in what it covers")

    def _check_escapes(self) -> None:
        head, tail = self.layout[0], self.layout[-1]
        if not isinstance(tail, bytes) or len(self.layout) < 2 or len(tail) != 1:
            raise ValueError("escapes: the layout must end with one constant byte")
        assert isinstance(head, bytes)  # checked before
        if len(set(head)) != 1 or head[0] == tail[0]:
            raise ValueError("escapes: the head must repeat one byte, which is not the tail's")
        beginnings = {sent[:1] for sent in self.escapes.values()}
        for byte in (head[0], tail[0], *(one[0] for one in beginnings if one)):
            if byte not in self.escapes:
                raise ValueError(f"escapes: byte {byte:02X} has a meaning of its own and must be escaped too")
        if len(set(self.escapes.values())) != len(self.escapes):
            raise ValueError("escapes: two bytes are sent as the same bytes")
        for byte, sent in self.escapes.items():
            if len(sent) != 2 or {head[0], tail[0]} & set(sent):
                raise ValueError(
                    f"escapes: byte {byte:02X} is sent as {sent.hex()}; allowed: two others, not head or tail"
                )

    def span(self, key: str, first: Part, last: Part) -> tuple[int, int]:
        """The positions in the layout of the first `first` and the last `last`."""
        for part in (first, last):
            if part not in self.layout:
                shown = part.hex(" ") if isinstance(part, bytes) else part
                raise ValueError(f"{key}: found {shown!r}, which is not a part of the layout")
        begin = self.layout.index(first)
        end = len(self.layout) - 1 - self.layout[::-1].index(last)
        if begin > end:
            raise ValueError(f"{key}: its first part stands after its last one")
        return begin, end

    def size_of(self, part: Part) -> int:
        """The bytes of one part; 0 for the body."""
        if isinstance(part, bytes):
            return len(part)
        if part == "body":
            return 0
        if part == "length":
            assert self.length is not None
            return self.length.size_bytes
        if part == "check":
            assert self.check is not None
            return CHECKS[self.check.kind].size_bytes
        return 1

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the one-byte fields, in order."""
        return tuple(part for part in self.layout if isinstance(part, str) and part not in _RESERVED)
