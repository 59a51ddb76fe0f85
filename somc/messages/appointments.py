"""What the holder of an appointment is told, by record: pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from somc.domain import events as e
from somc.domain.business_day import local
from somc.domain.state import HallState

__all__ = ["UNDOING", "Notice", "appointment_notice"]

UNDOING = (e.AppointmentChanged, e.AppointmentCancelled, e.AppointmentMissed, e.AppointmentCheckedIn)
"""After these, what was to be said of the appointment as it was is not said any more."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message: its template, what it says beside service, date and time, whether it holds the code, until
    when it is of use, and what a yes to it does."""

    template: str
    values: dict[str, str] = field(default_factory=dict)
    code: bool = False
    expires_at: int | None = None
    ask: e.AskFacts | None = None


def appointment_notice(state: HallState, event: e.AppointmentEvent) -> Notice | None:
    """What its holder is told of this; None: nothing."""

    def confirming(until: int) -> e.AskFacts:
        return e.AskFacts(kind="confirm_appointment", facts={"appointment": event.appointment}, until=until)

    def until_words(until: int) -> dict[str, str]:
        return {"until": local(until, state.zone).strftime("%H:%M")}

    match event:
        case e.AppointmentBooked(confirm_by=None):
            return Notice("appointment_booked", code=True)
        case e.AppointmentBooked(confirm_by=until) if until is not None:
            return Notice("appointment_to_confirm", until_words(until), True, until, confirming(until))
        case e.AppointmentWaitlisted():
            return Notice("appointment_waitlisted", code=True)
        case e.AppointmentOffered(answer_by=until):
            return Notice("appointment_offered", until_words(until), False, until, confirming(until))
        case e.AppointmentChanged():
            return Notice("appointment_changed", code=True)
        case e.AppointmentCancelled():
            return Notice("appointment_cancelled")
        case e.AppointmentReminderDue(too_late=False):
            return Notice(
                "appointment_reminder", code=True, expires_at=event.slot, ask=confirming(event.slot)
            )
        case e.AppointmentExpired(cause="unconfirmed" | "offer"):
            return Notice("appointment_expired")
    return None
