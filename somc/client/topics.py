"""Topics: paths `company/branch/district/hall/ENTITY/ID` in which `+` is any one level and, as the last, `#`
all that follows. What is no topic is told before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable

from somc.errors import UsageError

__all__ = ["MOST_TOPICS", "check_topics"]

MOST_TOPICS = 64
"""More a hall does not take from one client."""


def check_topics(topics: Iterable[str]) -> tuple[str, ...]:
    """The topics, each once. `UsageError` if one is none or there are too many."""
    found = tuple(dict.fromkeys(topics))
    for topic in found:
        parts = topic.split("/")
        whole = all(part in ("+", "#") or not set(part) & {"+", "#"} for part in parts)
        if not all(parts) or not whole or "#" in parts[:-1]:
            raise UsageError(
                f"'{topic}' is no topic: a path of levels, '+' for any one of them, '#' only as the last"
            )
    if len(found) > MOST_TOPICS:
        raise UsageError(f"{len(found)} topics: a hall takes at most {MOST_TOPICS} from one client")
    return found
