"""Settings as dotted keys, and the frozen settings that the rules read.

The journal keeps settings as a flat table: `service.payment.prefix` → `"A"`. Values are plain JSON
(words as `{"zh": …, "en": …}`). hall.toml gives the first values as one `config.changed` record; later
records win, until a key's value in hall.toml itself changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from somc.domain.values import NEVER_QUIET, Counter, HallSettings, OpeningHours
from somc.scheduler.interface import GROUP_LIMIT

__all__ = ["TABLES", "differences", "is_date", "settings_from", "skills_under"]

TABLES = {"service": "services", "class": "classes", "counter": "counters", "calendar": "calendar"}
"""First word of a three-part key → the field of `HallSettings` that collects it."""

SINGLE = ("policy", "alerts", "appointments", "estimates", "display", "messages")
"""First words of a two-part key, each a field of `HallSettings`."""

GATHERED = frozenset((*TABLES.values(), *SINGLE))
"""Fields of `HallSettings` that no `hall.…` key may set."""

DAY_S = 86_400


def settings_from(values: Mapping[str, Any]) -> HallSettings:
    """The settings that `values` spell out.

    Raises `msgspec.ValidationError` if a key is unknown, a value has the wrong type or lies out of bounds, or
    a name refers to nothing (a skill for a service that does not exist). What passes here can be applied:
    `evolve` never meets a time zone or a number that it cannot use. (Whether the policy is a good one is
    asked by `policy_faults`: that needs the kinds, which a replay may lack.)
    """
    plain: dict[str, Any] = {name: {} for name in (*TABLES.values(), *SINGLE)}
    # Sorted, so that services and classes come in one order however the table was filled: live, from
    # the journal or from a snapshot. Queues are numbered in that order.
    for key, value in sorted(values.items()):
        match key.split(".", 2):
            case ["hall", field] if field not in GATHERED:
                plain[field] = value
            case [table, field] if table in SINGLE:
                plain[table][field] = value
            case [table, name, field] if table in TABLES:
                plain[TABLES[table]].setdefault(name, {})[field] = value
            case _:
                raise msgspec.ValidationError(f"'{key}' is no setting")
    for table in ("services", "classes"):
        plain[table] = dict(sorted(plain[table].items(), key=_place))
    settings = msgspec.convert(plain, HallSettings, str_keys=True)
    _check_names(settings)
    return settings


def _place(item: tuple[str, dict[str, Any]]) -> tuple[int, str]:
    order = item[1].get("order", 0)
    return (order if isinstance(order, int) else 0, item[0])  # of a wrong type: `convert` says so


def _check_names(settings: HallSettings) -> None:
    try:
        ZoneInfo(settings.timezone)
    except (KeyError, ValueError, OSError):  # OSError: "Asia" is a folder of the database
        raise msgspec.ValidationError(f"hall.timezone is '{settings.timezone}', which is no zone") from None
    if settings.default_class not in settings.classes:
        raise msgspec.ValidationError(
            f"hall.default_class names '{settings.default_class}', which is no class"
        )
    for kind in settings.messages.quiet_classes:
        if kind in NEVER_QUIET:
            raise msgspec.ValidationError(
                f"messages.quiet_classes names '{kind}', for which somebody waits: it is never held"
            )
    for day, special in settings.calendar.items():
        if (special.spans is None) == (special.like is None) or not is_date(day):
            why = "needs a date of the calendar, and spans or like: one of them"
            raise msgspec.ValidationError(f"calendar.{day} {why}")
        if any(start >= end or start >= DAY_S for start, end in special.spans or ()):
            raise msgspec.ValidationError(f"calendar.{day}.spans has a span that ends before it begins")
    _check_hours("hall.hours", settings.hours)
    for name, offered in settings.services.items():
        _check_hours(f"service.{name}.hours", offered.hours)
    for key, named in _names_of(settings):
        known = settings.services if key.endswith((".skills", ".overflow_s")) else settings.classes
        for name in named:
            if name not in known:
                what = "service" if known is settings.services else "class"
                raise msgspec.ValidationError(f"{key} names '{name}', which is no {what}")
    if len(settings.classes) > GROUP_LIMIT:
        raise msgspec.ValidationError(f"there are {len(settings.classes)} classes; allowed are {GROUP_LIMIT}")


def _check_hours(key: str, hours: OpeningHours | None) -> None:
    """That a week's hours can be kept: spans of the day they begin on, at least one, none in another."""
    if hours is None:
        return
    if not any(hours.week):
        raise msgspec.ValidationError(f"{key} has no day with opening hours")
    for number, spans in enumerate(hours.week):
        if any(not 0 <= start < DAY_S or not start < end <= start + DAY_S for start, end in spans):
            raise msgspec.ValidationError(f"{key} has a span that is none, on day {number + 1} of the week")
        # Of the day after only the first can be met: a span is never longer than a day.
        tomorrow = [(start + DAY_S, end) for start, end in sorted(hours.week[(number + 1) % 7])[:1]]
        if any(begin < end for (_, end), (begin, _) in pairwise([*sorted(spans), *tomorrow])):
            raise msgspec.ValidationError(f"{key} has spans that overlap, on day {number + 1} of the week")


def is_date(text: str) -> bool:
    """Whether it is a date of the calendar, as `YYYY-MM-DD`, with a day before and after it in every zone."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return False
    return found.isoformat() == text and date.min.year < found.year < date.max.year


def _names_of(settings: HallSettings) -> Iterator[tuple[str, Collection[str]]]:
    """Every setting that names services or classes, with the names."""
    for number, counter in settings.counters.items():
        yield f"counter.{number}.skills", counter.skills
        yield f"counter.{number}.overflow_s", counter.overflow_s
        yield f"counter.{number}.reserved_for", counter.reserved_for
    for name, offered in settings.services.items():
        yield f"service.{name}.target_wait_s", offered.target_wait_s
        yield f"service.{name}.weight", offered.weight
        yield f"service.{name}.max_wait_s", offered.max_wait_s


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What turns `old` into `new`: key → new value, `None` for a key that is gone. Sorted by key."""
    keys = sorted(old.keys() | new.keys())
    return {key: new.get(key) for key in keys if old.get(key) != new.get(key)}


def skills_under(
    settings: HallSettings, changes: Mapping[str, Any], number: int, counter: Counter | None
) -> dict[str, int]:
    """The skills of a counter once `changes` have led to `settings`; `counter` is how it stood before.

    An agent's own choice of skills lasts until the counter closes, less what is gone.
    """
    skills = settings.counters[number].skills
    if counter is None or counter.agent is None or f"counter.{number}.skills" in changes:
        return skills
    return {name: level for name, level in counter.skills.items() if name in settings.services} or skills
