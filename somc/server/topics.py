"""Topics: a path `company/branch/district/hall/entity/id` and the patterns of subscriptions.

In a pattern `+` stands for one level and `#`, as the last, for all that follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

__all__ = ["Interest", "Levels", "outside", "public_topic"]

Levels = tuple[str, ...]

MOST_LEVELS = 16
PUBLIC = frozenset(("ticket", "counter", "day"))
"""Entities whose records kiosks and displays may see."""


@lru_cache(maxsize=4096)
def public_topic(topic: str) -> bool:
    """Whether the topic's entity (the level before the last) is one that the public's screens need."""
    levels = topic.rsplit("/", 2)
    return len(levels) == 3 and levels[1] in PUBLIC


def matches(pattern: Levels, topic: Levels) -> bool:
    """Whether the pattern covers the topic."""
    for n, level in enumerate(pattern):
        if level == "#":
            return True
        if n >= len(topic) or level not in ("+", topic[n]):
            return False
    return len(pattern) == len(topic)


class Interest:
    """What one client subscribed to."""

    def __init__(self) -> None:
        self._patterns: dict[str, Levels] = {}
        self.patterns: frozenset[Levels] = frozenset()

    @property
    def topics(self) -> list[str]:
        return list(self._patterns)

    def add(self, topics: Iterable[str]) -> None:
        """Subscribe. `ValueError` names the topic that is no pattern; then none is added."""
        added = {topic: parse(topic) for topic in topics}
        self._patterns.update(added)
        self.patterns = frozenset(self._patterns.values())

    def remove(self, topics: Iterable[str]) -> None:
        for topic in topics:
            self._patterns.pop(topic, None)
        self.patterns = frozenset(self._patterns.values())

    def matches(self, topic: str) -> bool:
        levels = tuple(topic.split("/"))
        return any(matches(pattern, levels) for pattern in self.patterns)


def outside(topic: str, scope: str) -> bool:
    """Whether a pattern can cover nothing inside `scope`, a path of the organisation ("": everything)."""
    for wanted, own in zip(topic.split("/"), scope.split("/") if scope else (), strict=False):
        if wanted == "#":
            return False
        if wanted not in ("+", own):
            return True
    return False


def parse(topic: str) -> Levels:
    levels = tuple(topic.split("/"))
    if not 1 <= len(levels) <= MOST_LEVELS or len(topic) > 512:
        raise ValueError(f"the topic '{topic[:80]}' has too many levels; allowed: {MOST_LEVELS}")
    for n, level in enumerate(levels):
        if level == "" or (level != "+" and ("+" in level or ("#" in level and level != "#"))):
            raise ValueError(f"'{topic[:80]}' is no topic: '{level}' is not a level, + or #")
        if level == "#" and n != len(levels) - 1:
            raise ValueError(f"'{topic[:80]}' is no topic: # may only be the last level")
    return levels
