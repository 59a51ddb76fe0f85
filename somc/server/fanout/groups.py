"""Who gets what: clients that want the same, grouped, and found by a record's topic.

    #  ─────────────────────────▶ group, group
    somc ▶ shoudu ▶ … ▶ + ──────▶ group
                        ticket ▶ + ──▶ group

What must stay true
- Clients of one group get the same bytes: they share format, audience and topics. A message is made once
  a group, whatever the number of its clients.
- To find the groups of a topic costs its levels and what is found, not the number of subscriptions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from somc.server.fanout.table import Member, Table
from somc.server.topics import Levels
from somc.server.wire import Wire

__all__ = ["Form", "Group", "GroupIndex"]

M = TypeVar("M", bound=Member)


class Form(msgspec.Struct, frozen=True):
    """In which form a message is wanted: its format, and whether for the public's screens."""

    wire: Wire
    public: bool


class Group(Generic[M]):
    """Clients of one form with the same topics."""

    def __init__(self, form: Form, patterns: frozenset[Levels], table: Table[M]) -> None:
        self.form = form
        self.patterns = patterns
        self.table = table
        self.told = 0
        """Up to which `seq` its members know to be up to date."""


class GroupIndex(Generic[M]):
    """Groups by what they want, and a tree of topics that leads to them. A group without members is gone."""

    def __init__(self, kind: type[Table[M]]) -> None:
        self._kind = kind
        self._groups: dict[tuple[Form, frozenset[Levels]], Group[M]] = {}
        self._root: _Node[M] = _Node()

    def __iter__(self) -> Iterator[Group[M]]:
        return iter(list(self._groups.values()))

    def join(self, member: M, form: Form, patterns: frozenset[Levels], told: int) -> Group[M]:
        """Put `member` into the group of this form and these topics; it is `told` what is before."""
        group = self._groups.get((form, patterns))
        if group is None:
            group = self._groups[form, patterns] = Group(form, patterns, self._kind())
            group.told = told
            for pattern in patterns:
                self._root.put(pattern, group)
        group.table.add(member)
        group.told = min(group.told, told)
        return group

    def leave(self, member: M, group: Group[M]) -> None:
        """Take `member` out of `group`, where it is."""
        group.table.remove(member)
        if not group.table.members:
            del self._groups[group.form, group.patterns]
            for pattern in group.patterns:
                self._root.drop(pattern, group)

    def matching(self, topic: str) -> set[Group[M]]:
        """The groups that a record of this topic is for, as far as topics say."""
        found: set[Group[M]] = set()
        self._root.find(topic.split("/"), 0, found)
        return found


class _Node(Generic[M]):
    """One level of the tree of topics."""

    __slots__ = ("below", "here")

    def __init__(self) -> None:
        self.below: dict[str, _Node[M]] = {}
        self.here: set[Group[M]] = set()
        """The groups whose pattern ends here; below a `#`, those that want all that follows."""

    def put(self, pattern: Levels, group: Group[M]) -> None:
        node = self
        for level in pattern:
            node = node.below.setdefault(level, _Node())
        node.here.add(group)

    def drop(self, pattern: Levels, group: Group[M]) -> None:
        if not pattern:
            self.here.discard(group)
            return
        below = self.below[pattern[0]]
        below.drop(pattern[1:], group)
        if not below.below and not below.here:
            del self.below[pattern[0]]

    def find(self, levels: list[str], at: int, found: set[Group[M]]) -> None:
        below = self.below
        if (rest := below.get("#")) is not None:
            found |= rest.here
        if at == len(levels):
            found |= self.here
            return
        for name in (levels[at], "+"):
            if (node := below.get(name)) is not None:
                node.find(levels, at + 1, found)
