"""What an order by message means in this hall, and what is answered: pure functions of the state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from somc.domain import estimates
from somc.domain.booking import free_places, slot_refused
from somc.domain.business_day import local
from somc.domain.calendar import slots_on
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import Ticket, TicketState
from somc.messages.replies import When, when

__all__ = ["Order", "Reply", "newest_ticket", "ordered", "place_reply", "slots_reply", "when_values"]

MOST_TIMES = 6
"""Free times that one answer names."""


class Reply:
    """What is answered: a template with its values (an empty one: nothing), and whatever else
    `Messenger.send` is to be told, such as the question that it asks."""

    def __init__(self, template: str, values: Mapping[str, str] | None = None, **more: object) -> None:
        self.template = template
        self.values = dict(values or {})
        self.more = more


class Order(NamedTuple):
    """A service and an instant (Unix ms)."""

    service: str
    at: int


def ordered(state: HallState, now: int, words: str) -> Order | Reply:
    """The order in `words` ("缴费 3月5日 10:00"), or what to answer if it is none."""
    written, rest = when(words)
    service = service_named(state, rest)
    if service is None:
        names = "、".join(each.name.zh for each in state.hall.services.values())
        names_en = ", ".join(each.name.en for each in state.hall.services.values())
        english = state.hall.messages.language == "en"
        why = f"which service? {names_en}" if english else f"请写明业务：{names}"
        return Reply("reply_refused", {"why": why})
    today, language = local(now, state.zone).date(), state.hall.messages.language
    day = _date(today, written)
    if day is None or written is None or written.hour is None:
        return free_times(state, now, service, day or today, language)
    try:
        shown = datetime(day.year, day.month, day.day, written.hour, written.minute or 0, tzinfo=state.zone)
    except ValueError:
        return free_times(state, now, service, day, language)
    return Order(service, int(shown.timestamp()) * 1000)


def service_named(state: HallState, words: str) -> str | None:
    """The service that is meant: by its id, its prefix, or its name in either language; the longest name
    first. With one service in the hall, nothing need be said."""
    bare = words.strip().casefold()
    services = state.hall.services
    if not bare:
        return next(iter(services)) if len(services) == 1 else None
    for name, service in services.items():
        if bare in (name, service.prefix.casefold(), service.name.zh.casefold(), service.name.en.casefold()):
            return name
    by_length = sorted(services.items(), key=lambda item: -len(item[1].name.zh))
    for name, service in by_length:
        if service.name.zh.casefold() in bare or service.name.en.casefold() in bare:
            return name
    return None


def _date(today: date, written: When | None) -> date | None:
    """The date that is meant; without a year the next that comes, without a date today."""
    if written is None:
        return None
    if written.word is not None:
        return today + timedelta(days=("today", "tomorrow", "after_tomorrow").index(written.word))
    if written.month is None or written.day is None:
        return today
    for year in (written.year,) if written.year else (today.year, today.year + 1):
        try:
            found = date(year, written.month, written.day)
        except ValueError:
            continue
        if written.year or found >= today:
            return found
    return None


def free_times(state: HallState, now: int, service: str, day: date, language: str) -> Reply:
    """The next free times of a service on a date."""
    times = [
        local(slot.at, state.zone).strftime("%H:%M")
        for slot in slots_on(state.hall, state.zone, day, service)
        if not isinstance(slot_refused(state, service, slot.at, now), Refusal)
        and free_places(state, service, slot) > 0
    ][:MOST_TIMES]
    none = "none" if language == "en" else "无"
    return Reply(
        "reply_slots",
        {
            "service": _words(state, service, language),
            "date": _date_words(day, language),
            "times": " ".join(times) or none,
        },
    )


def slots_reply(state: HallState, now: int, order: Order, language: str) -> Reply:
    """That time cannot be booked: the free ones of that date."""
    return free_times(state, now, order.service, local(order.at, state.zone).date(), language)


def when_values(state: HallState, service: str, at: int, language: str) -> dict[str, str]:
    """What templates of appointments say: service, date, time."""
    here = local(at, state.zone)
    return {
        "service": _words(state, service, language),
        "date": _date_words(here.date(), language),
        "time": here.strftime("%H:%M"),
    }


def _words(state: HallState, service: str, language: str) -> str:
    known = state.hall.services.get(service)
    if known is None:
        return service
    return known.name.en if language == "en" else known.name.zh


def _date_words(day: date, language: str) -> str:
    return day.isoformat() if language == "en" else f"{day.month}月{day.day}日"


# -- tickets ----------------------------------------------------------------------------------------


def newest_ticket(state: HallState, persons: Collection[str]) -> Ticket | None:
    """The ticket of somebody that is called or waits, the newest."""
    mine = [
        ticket for ticket in state.tickets.values() if ticket.person in persons and not ticket.state.ended
    ]
    return mine[-1] if mine else None


def place_reply(state: HallState, now: int, persons: Collection[str], language: str) -> Reply:
    """Where somebody stands."""
    ticket = newest_ticket(state, persons)
    if ticket is None:
        return Reply("reply_no_ticket", {"waiting": str(len(state.scheduler))})
    if ticket.state.at_counter:
        values = {"number": ticket.number, "counter": str(ticket.counter)}
        return Reply("reply_called", values, ticket=ticket.id)
    place, wait_s = (None, None)
    if ticket.state is TicketState.WAITING:
        place, wait_s = estimates.forecast(state, now).get(ticket.id, (None, None))
    values = {
        "number": ticket.number,
        "service": _words(state, ticket.service, language),
        "ahead": "?" if place is None else str(place - 1),
        "minutes": "?" if wait_s is None else str(-(-wait_s // 60)),
    }
    return Reply("reply_place", values, ticket=ticket.id)
