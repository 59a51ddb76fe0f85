"""What a dialogue does in the hall: each act takes what is known of the call and gives an outcome.

What must stay true: a caller learns only what belongs to the number that calls or the code that was keyed in;
a booking has the call's own key, so that a line that breaks and a repetition book once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from somc.api import (
    BookAppointment,
    CancelAppointment,
    ChangeAppointment,
    FindAppointment,
    ListServices,
    ListSlots,
    PluginContext,
    Refusal,
)
from somc_plugins.ivr_fastagi.dialogue import Option, Outcome, Said

__all__ = ["ACTS", "Acts"]

DAYS_LOOKED_AT = 14

Facts = Mapping[str, Any]


class Acts:
    """The acts of one hall, in the language of each call."""

    def __init__(self, context: PluginContext, timezone: str) -> None:
        self._context = context
        self._zone: tzinfo = ZoneInfo(timezone)

    async def do(self, act: str, facts: Facts) -> Outcome:
        """Do it. What cannot be is an outcome too, with the reason to say."""
        doing: Callable[[Facts], Awaitable[Outcome]] = getattr(self, f"_{act}")
        return await doing(facts)

    async def _caller(self, facts: Facts) -> Outcome:
        phone = str(facts.get("phone") or "")
        known = phone.removeprefix("+").isdigit() and len(phone) >= 5
        return Outcome("known" if known else "unknown", {"purpose": "book"})

    async def _services(self, facts: Facts) -> Outcome:
        answer = await self._context.do(ListServices())
        if isinstance(answer, Refusal):
            return _refused(answer, facts)
        services: list[Any] = answer.data["services"]
        options = [
            Option(
                each["name"]["zh"],
                each["name"]["en"],
                {"service_id": each["id"], "service": each["name"][_language(facts)]},
            )
            for each in services
        ]
        if not options:
            return Outcome("none", said=Said("nothing_free"))
        if len(options) == 1:
            return Outcome("one", options[0].facts)
        return Outcome("ok", options=options)

    async def _dates(self, facts: Facts) -> Outcome:
        today = self._here(self._context.now()).date()
        options = []
        for ahead in range(DAYS_LOOKED_AT):
            day = today + timedelta(days=ahead)
            if await self._free(str(facts["service_id"]), day):
                words = _date_words(day, facts)
                options.append(Option(words, words, {"day": day.isoformat(), "date": words}))
        if not options:
            return Outcome("none", said=Said("nothing_free"))
        return Outcome("ok", options=options)

    async def _times(self, facts: Facts) -> Outcome:
        slots = await self._free(str(facts["service_id"]), date.fromisoformat(str(facts["day"])))
        options = []
        for at in slots:
            words = _time_words(self._here(at), facts)
            options.append(Option(words, words, {"at": at, "time": words}))
        if not options:
            return Outcome("none", said=Said("nothing_free"))
        return Outcome("ok", options=options)

    async def _free(self, service: str, day: date) -> list[int]:
        answer = await self._context.do(ListSlots(service=service, date=day.isoformat()))
        if isinstance(answer, Refusal):
            return []
        slots: list[Any] = answer.data["slots"]
        return [slot["at"] for slot in slots if slot["bookable"] and slot["free"]]

    async def _purpose(self, facts: Facts) -> Outcome:
        return Outcome(str(facts.get("purpose", "book")))

    async def _book(self, facts: Facts) -> Outcome:
        answer = await self._context.do(
            BookAppointment(
                service=str(facts["service_id"]),
                at=int(facts["at"]),
                phone=str(facts["phone"]),
                channel="ivr",
                confirmed=True,
                key=f"{facts['call']}:{facts['step']}",
            )
        )
        if isinstance(answer, Refusal):
            return _refused(answer, facts)
        code = str(answer.data["code"])
        values = {name: str(facts[name]) for name in ("service", "date", "time")}
        return Outcome("ok", {"appointment": code}, said=Said("booked", {**values, "code": " ".join(code)}))

    async def _find(self, facts: Facts) -> Outcome:
        answer = await self._context.do(
            FindAppointment(appointment=str(facts["appointment"]), asker=_asker(facts))
        )
        if isinstance(answer, Refusal):
            return _refused(answer, facts)
        service, at = str(answer.data["service"]), int(answer.data["at"])
        found = {"service_id": service, "service": await self._name_of(service, facts)}
        here = self._here(at)
        values = {**found, "date": _date_words(here.date(), facts), "time": _time_words(here, facts)}
        return Outcome("ok", found, said=Said("found", values))

    async def _find_to_change(self, facts: Facts) -> Outcome:
        found = await self._find(facts)
        return Outcome(found.name, {**found.facts, "purpose": "change"}, said=found.said)

    async def _change(self, facts: Facts) -> Outcome:
        answer = await self._context.do(
            ChangeAppointment(
                appointment=str(facts["appointment"]),
                at=int(facts["at"]),
                asker=_asker(facts),
            )
        )
        if isinstance(answer, Refusal):
            return _refused(answer, facts)
        values = {"date": str(facts["date"]), "time": str(facts["time"])}
        return Outcome("ok", said=Said("changed", values))

    async def _cancel(self, facts: Facts) -> Outcome:
        answer = await self._context.do(
            CancelAppointment(appointment=str(facts["appointment"]), asker=_asker(facts))
        )
        if isinstance(answer, Refusal):
            return _refused(answer, facts)
        return Outcome("ok", said=Said("cancelled"))

    async def _queue(self, facts: Facts) -> Outcome:
        hall = await self._context.hall()
        # Of the number that calls, not of one that was keyed in: anybody can key anybody's in.
        person = await self._context.person_of(str(facts.get("caller") or "0"))
        tickets = await self._context.tickets()
        mine = [ticket for ticket in tickets if person is not None and ticket.person == person]
        for ticket in reversed(mine):
            if ticket.state in ("called", "serving"):
                values = {"number": ticket.number, "counter": str(ticket.counter)}
                return Outcome("ok", said=Said("called", values))
            if ticket.state == "waiting":
                now = await self._context.ticket(ticket.id)
                if now is None or now.position_now is None:
                    break  # called this instant, or nobody serves it now: the line as a whole is told
                ahead = str(now.position_now - 1)
                return Outcome("ok", said=Said("place", {"number": ticket.number, "ahead": ahead}))
        if not hall.open:
            return Outcome("ok", said=Said("closed"))
        return Outcome("ok", said=Said("queue", {"waiting": str(sum(hall.waiting.values()))}))

    # -- words --------------------------------------------------------------------------------------

    async def _name_of(self, service: str, facts: Facts) -> str:
        answer = await self._context.do(ListServices())
        if isinstance(answer, Refusal):
            return service
        services: list[Any] = answer.data["services"]
        return next((each["name"][_language(facts)] for each in services if each["id"] == service), service)

    def _here(self, at: int) -> datetime:
        return datetime.fromtimestamp(at / 1000, self._zone)


def _language(facts: Facts) -> str:
    return "en" if facts.get("language") == "en" else "zh"


def _asker(facts: Facts) -> str:
    """Who is slowed down when he tries codes in vain: the number that calls. Those that withhold theirs are
    one: a new call is no new chance to guess."""
    return str(facts.get("caller") or "")


def _refused(refusal: Refusal, facts: Facts) -> Outcome:
    words = refusal.words
    return Outcome(
        "refused", said=Said("refused", {"why": words.en if _language(facts) == "en" else words.zh})
    )


def _date_words(day: date, facts: Facts) -> str:
    return f"{day:%B} {day.day}" if _language(facts) == "en" else f"{day.month}月{day.day}日"


def _time_words(here: datetime, facts: Facts) -> str:
    if _language(facts) == "en":
        return f"{here:%H:%M}"
    return f"{here.hour}点" + (f"{here.minute}分" if here.minute else "")


ACTS = frozenset(
    name.removeprefix("_")
    for name in (
        *("_caller", "_services", "_dates", "_times", "_purpose", "_book", "_find", "_find_to_change"),
        *("_change", "_cancel", "_queue"),
    )
)
"""What menus may name."""
