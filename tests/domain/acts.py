"""Commands in short, for tests: who asks is seldom the point."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from somc.domain import commands as c
from somc.domain.values import SpecialDay

AGENT = "agent:li"


def take(
    ticket_id: str, service: str = "payment", customer_class: str = "plain", **more: Any
) -> c.TakeTicket:
    fields = {"class_source": "given", "channel": "kiosk", **more}
    return c.TakeTicket(
        by="kiosk:1", ticket_id=ticket_id, service=service, customer_class=customer_class, **fields
    )


def open_(counter: int, agent: str | None = None, skills: dict[str, int] | None = None) -> c.OpenCounter:
    return c.OpenCounter(by=AGENT, counter=counter, agent=agent or f"agent{counter}", skills=skills)


def close(counter: int) -> c.CloseCounter:
    return c.CloseCounter(by=AGENT, counter=counter)


def pause(counter: int, reason: str = "lunch") -> c.PauseCounter:
    return c.PauseCounter(by=AGENT, counter=counter, reason=reason)


def resume_counter(counter: int) -> c.ResumeCounter:
    return c.ResumeCounter(by=AGENT, counter=counter)


def configure(
    counter: int, skills: dict[str, int] | UnsetType | None = UNSET, mode: str | UnsetType | None = UNSET
) -> c.ConfigureCounter:
    return c.ConfigureCounter(by="manager:wu", counter=counter, skills=skills, mode=mode)


def return_(counter: int) -> c.ReturnTicket:
    return c.ReturnTicket(by=AGENT, counter=counter)


def call(counter: int) -> c.CallNext:
    return c.CallNext(by=AGENT, counter=counter)


def call_ticket(counter: int, ticket: str) -> c.CallTicket:
    return c.CallTicket(by=AGENT, counter=counter, ticket=ticket)


def recall(counter: int) -> c.Recall:
    return c.Recall(by=AGENT, counter=counter)


def start(counter: int) -> c.StartService:
    return c.StartService(by=AGENT, counter=counter)


def finish(counter: int, outcome: str | None = None) -> c.FinishService:
    return c.FinishService(by=AGENT, counter=counter, outcome=outcome)


def no_show(counter: int) -> c.MarkNoShow:
    return c.MarkNoShow(by=AGENT, counter=counter)


def cancel(ticket: str, reason: str | None = None) -> c.CancelTicket:
    return c.CancelTicket(by=AGENT, ticket=ticket, reason=reason)


def hold(ticket: str, reason: str | None = None) -> c.HoldTicket:
    return c.HoldTicket(by=AGENT, ticket=ticket, reason=reason)


def resume(ticket: str) -> c.ResumeTicket:
    return c.ResumeTicket(by=AGENT, ticket=ticket)


def transfer(ticket: str, service: str | None = None, counter: int | None = None) -> c.TransferTicket:
    return c.TransferTicket(by=AGENT, ticket=ticket, service=service, counter=counter)


def print_again(ticket: str) -> c.PrintTicket:
    return c.PrintTicket(by=AGENT, ticket=ticket)


def rate(ticket: str, score: int | None, scale: int = 5) -> c.RateTicket:
    return c.RateTicket(by="device:evaluator-1", ticket=ticket, score=score, scale=scale, source="evaluator")


def count(door: str, entered: int, left: int = 0, since: int = 0) -> c.CountPeople:
    return c.CountPeople(
        by="device:doors", device="doors", door=door, entered=entered, left=left, since=since
    )


def offer(ticket: str, name: str, outcome: str, counter: int | None = None) -> c.RecordOffer:
    return c.RecordOffer(by=AGENT, ticket=ticket, offer=name, outcome=outcome, counter=counter)


def care(ticket: str, kind: str = "water", note: str | None = None) -> c.LogCare:
    return c.LogCare(by="floor:chen", ticket=ticket, kind=kind, note=note)


def divert(
    service: str | None = None, kind: str = "self_service", to: str = "pay-1", ticket: str | None = None
) -> c.Divert:
    return c.Divert(by="kiosk:1", service=service, ticket=ticket, kind=kind, to=to)


def end_day() -> c.EndDay:
    return c.EndDay(by="deadline")


def change(by: str = "manager:wu", /, **changes: Any) -> c.ChangeConfig:
    """Changes with `__` for the dots of the keys: `change(policy__kind="strict")`."""
    return c.ChangeConfig(by=by, changes={key.replace("__", "."): value for key, value in changes.items()})


def report(device: str, status: str, detail: str = "") -> c.ReportDevice:
    return c.ReportDevice(by="device", device=device, status=status, detail=detail)


def acknowledge(alert: str, done: str = "served", note: str | None = None) -> c.AcknowledgeAlert:
    return c.AcknowledgeAlert(by="manager:wu", alert=alert, done=done, note=note)


def book(
    name: str, at: int, service: str = "payment", places: int = 1, person: str | None = None, **more: Any
) -> c.BookAppointment:
    """Book as the channel does; the code of the n-th place of `name` is `name-n`."""
    drawn = [name, *(f"{name}{n}" for n in range(2, places + 1))]
    fields = {"channel": "web", **more}
    return c.BookAppointment(
        by="channel:web",
        places=tuple(c.Place(each, f"code-{each}") for each in drawn),
        service=service,
        at=at,
        person=person,
        **fields,
    )


def confirm(appointment: str) -> c.ConfirmAppointment:
    return c.ConfirmAppointment(by="channel:sms", appointment=appointment)


def move(appointment: str, at: int | None = None, service: str | None = None) -> c.ChangeAppointment:
    return c.ChangeAppointment(by="channel:web", appointment=appointment, at=at, service=service)


def give_up(appointment: str, reason: str | None = None) -> c.CancelAppointment:
    return c.CancelAppointment(by="channel:web", appointment=appointment, reason=reason)


def check_in(appointment: str | None, ticket_id: str, service: str | None = None, **more: Any) -> c.CheckIn:
    fields = {"customer_class": "plain", "class_source": "default", "channel": "kiosk", **more}
    return c.CheckIn(by="kiosk:1", appointment=appointment, ticket_id=ticket_id, service=service, **fields)


def special(date: str, day: SpecialDay | None, cancel: bool = False) -> c.ChangeCalendar:
    return c.ChangeCalendar(by="manager:wu", date=date, day=day, cancel=cancel)
