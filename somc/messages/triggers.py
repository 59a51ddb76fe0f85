"""What happens in the hall and somebody must be told of: records become messages.

    alert.raised                        → who is on duty, one message an alert        (key alert:ID)
    device.status, not serving          → who keeps devices, one a spell              (key device:NAME:SEQ)
    whatever moves the line             → customers whose turn is near                (key near:TICKET)
    appointment.…                       → their holders                               (key appointment:ID:…)

Its position is durable and moves after the message is queued: after a crash a record is looked at again, and
the key says that it was done.

What must stay true: a fault here costs one message, which is logged, and never the hall; what is older than
`STALE_MS` when it is seen (the hall was off) is told to nobody any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
import trio

from somc.config.hall_config import StaffMember
from somc.domain import commands as c
from somc.domain import estimates
from somc.domain import events as e
from somc.domain.outbox import MessageState
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import TicketState, Words
from somc.errors import Overloaded, ShuttingDown
from somc.journal.record import Record
from somc.messages.appointments import UNDOING, appointment_notice
from somc.messages.duty import on_duty
from somc.messages.messenger import Messenger
from somc.messages.orders import when_values
from somc.runtime.hall import Hall
from somc.runtime.records import event_of

__all__ = ["NAME", "Triggers"]

log = structlog.get_logger(__name__)

NAME = "messages"
"""The follower's name: its position in the journal is kept under it."""

STALE_MS = 15 * 60_000
"""An alert of so long ago is no news: the manager has seen the hall since."""

BY = "messages"

MOVES = frozenset(
    (
        "ticket.taken",
        "ticket.called",
        "ticket.cancelled",
        "ticket.held",
        "ticket.transferred",
        "ticket.diverted",
        "ticket.returned",
        "ticket.resumed",
    )
)
"""Records after which somebody else may be near."""

BROKEN = frozenset(("offline", "power_off", "no_device", "hardware_error", "user_error", "fraud_attempt"))
"""States of a device (XFS4IoT) that somebody must look at; `busy` and the like pass."""


class Triggers:
    """Follows the journal of one hall. `run` must be running."""

    def __init__(
        self,
        hall: Hall,
        messenger: Messenger,
        staff: Sequence[StaffMember],
        device_classes: Mapping[str, Any],
    ) -> None:
        self.hall = hall
        self.messenger = messenger
        self.staff = staff
        self.position = hall.journal.position(NAME)
        self._devices = device_classes
        """Of each device what it is; the rack's own table."""
        self._near_told: set[str] = set()

    @property
    def busy(self) -> bool:
        return self.position < self.hall.journal.head

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow until cancelled. On a journal that it never saw, old records are not acted upon."""
        journal = self.hall.journal
        if self.position == 0:
            self.position = journal.head
            journal.note_position(NAME, self.position)
        task_status.started()
        while True:
            await journal.wait_beyond(self.position)
            moved = False
            for record in await journal.records_after(self.position):
                moved = moved or record.type in MOVES
                await self._tell(record)
                self.position = record.seq
            if moved:
                await self._guarded(self._tell_near)
            journal.note_position(NAME, self.position)

    async def _tell(self, record: Record) -> None:
        stale = self.hall.now() - record.at > STALE_MS
        match record.type:
            case "alert.raised" if not stale:
                await self._guarded(self._tell_alert, record)
            case "device.status" if not stale:
                await self._guarded(self._tell_device, record)
            case "day.ended":
                self._near_told.clear()
            case kind if kind.startswith("appointment."):
                await self._guarded(self._tell_appointment, record)

    async def _guarded(self, tell: Any, *args: Any) -> None:
        """A fault costs this message; a full door is waited for."""
        while True:
            try:
                await tell(*args)
            except Overloaded:
                await trio.sleep(0.2)
            except ShuttingDown:
                return
            except Exception:
                log.exception("a message was not queued: its trigger failed", trigger=tell.__name__)
                return
            else:
                return

    # -- staff ----------------------------------------------------------------------------------------

    async def _send_staff(
        self,
        duty: str,
        template: str,
        values: Mapping[str, Words | str],
        *,
        key: str,
        ticket: str | None = None,
        device_class: str | None = None,
    ) -> None:
        state = self.hall.state
        member = on_duty(self.staff, duty, self.hall.now(), state.zone, device_class)
        if member is None:
            if self.staff:
                log.warning("nobody is on duty to be told", duty=duty, about=key)
            return
        outcome = await self.messenger.send(
            template,
            _in_language(values, member.language),
            by=BY,
            phone=_digits(member.phone),
            language=member.language,
            message_class="alarm",
            key=key,
            ticket=ticket,
        )
        if isinstance(outcome, Refusal):
            log.warning("staff is not told", duty=duty, about=key, why=outcome.code)

    async def _tell_alert(self, record: Record) -> None:
        """SL-02: one message a ticket and level, while there is still something to be done."""
        event = event_of(record)
        assert isinstance(event, e.AlertRaised)
        if event.alert not in self.hall.state.alerts:
            return  # cleared meanwhile
        if event.kind == "gateway_down":
            values: dict[str, Words | str] = {
                "channel": event.subject or "",
                "minutes": str((event.value or 0) // 60),
            }
            await self._send_staff("channels", "alert_gateway_down", values, key=f"alert:{event.alert}")
            return
        template = f"alert_{event.kind}"
        if template not in self.messenger.templates:
            template = "alert_plugin"
        await self._send_staff(
            "alerts",
            template,
            self._alert_values(event),
            key=f"alert:{event.alert}:{record.seq if event.ticket is None else ''}",
            ticket=event.ticket,
        )

    def _alert_values(self, event: e.AlertRaised) -> dict[str, Words | str]:
        hall = self.hall.state.hall
        service = hall.services.get(event.service or "")
        brand = hall.classes.get(event.customer_class or "")
        divided = 60 if event.kind == "long_wait" else 1
        what = getattr(event, "words", None)
        return {
            "number": event.number or "",
            "service": service.name if service else event.service or "",
            "brand": brand.name if brand else event.customer_class or "",
            "waited": str((event.waited_s or 0) // 60),
            "minutes": str(-(-abs(event.left_s or 0) // 60)),
            "value": str((event.value or 0) // divided),
            "limit": str((event.limit or 0) // divided),
            "what": what if isinstance(what, Words) else event.kind,
        }

    async def _tell_device(self, record: Record) -> None:
        """OM-10: a device that is down, once a spell."""
        event = event_of(record)
        assert isinstance(event, e.DeviceReported)
        if event.status not in BROKEN:
            return
        now = self.hall.state.devices.get(event.device)
        if now is None or now.status not in BROKEN:
            return  # back already
        about = self._devices.get(event.device, {})
        await self._send_staff(
            "devices",
            "device_down",
            {"device": event.device, "status": event.status, "detail": event.detail[:60]},
            # Other words about the same spell of trouble are no other news.
            key=f"device:{event.device}:{now.since}",
            device_class=about.get("device_class"),
        )

    # -- customers ------------------------------------------------------------------------------------

    async def _tell_appointment(self, record: Record) -> None:
        """Its holder hears of it, however late: a receipt is no news that gets old."""
        event = event_of(record)
        assert isinstance(event, e.AppointmentEvent)
        told = appointment_notice(self.hall.state, event)
        if isinstance(event, UNDOING):
            await self._take_back(event.appointment)
        if told is None or event.person is None:
            return
        language = self.hall.state.hall.messages.language
        values = when_values(self.hall.state, event.service, event.slot, language)
        values.update(told.values)
        block = _block_of(self.hall.state, event)
        if event.appointment not in block[:1]:
            return  # told with the first of them
        if told.code:
            codes = [await self.hall.journal.code_of(each) or "-" for each in block]
            values["code"] = (", " if language == "en" else "、").join(codes)
        outcome = await self.messenger.send(
            told.template,
            values,
            by=BY,
            person=event.person,
            key=f"appointment:{event.appointment}:{record.seq}",
            appointment=event.appointment,
            expires_at=told.expires_at,
            ask=told.ask,
        )
        if isinstance(outcome, Refusal):
            log.info("the holder of an appointment is not told", about=event.appointment, why=outcome.code)

    async def _take_back(self, appointment: str) -> None:
        """What was to be said of an appointment that is another one now, or none."""
        for message in self.hall.state.outbox.about(appointment=appointment):
            if message.state is MessageState.QUEUED and message.message_class in ("reminder", "notice"):
                command = c.CancelMessage(by=BY, message=message.id, reason="the appointment has changed")
                await self.hall.submit(command, lambda state, events, now: None)

    async def _tell_near(self) -> None:
        """Whose turn is near, once a ticket."""
        state, now = self.hall.state, self.hall.now()
        ahead_most = state.hall.messages.near_turn
        if not ahead_most:
            return
        for ticket_id, ahead in _near(state, now, ahead_most):
            if ticket_id in self._near_told:
                continue
            self._near_told.add(ticket_id)
            ticket = state.tickets.get(ticket_id)
            if ticket is None or ticket.person is None:
                continue
            outcome = await self.messenger.send(
                "ticket_near",
                {"number": ticket.number, "ahead": str(ahead)},
                by=BY,
                person=ticket.person,
                key=f"near:{ticket_id}",
                ticket=ticket_id,
            )
            if isinstance(outcome, Refusal):
                log.info("a customer is not told that the turn is near", ticket=ticket_id, why=outcome.code)


def _block_of(state: HallState, event: e.AppointmentEvent) -> list[str]:
    """The appointments of which this record's message tells, the one that it is about first: all that were
    booked at once, if none needs a yes of its own. Ten places are one receipt with ten codes: ten receipts
    would be more than a number may get within an hour, and whoever lacks a code cannot check in by it."""
    if not isinstance(event, e.AppointmentBooked) or event.block is None or event.confirm_by is not None:
        return [event.appointment]
    others = [
        each for each in state.bookings.all.values() if each.block == event.block and each.id != event.block
    ]
    # The block is named after its first place.
    return [event.block, *(each.id for each in sorted(others, key=lambda each: each.key))]


def _near(state: HallState, now: int, most: int) -> list[tuple[str, int]]:
    """Who waits with at most so many ahead in the line of the service, and has left a number; with how many.

    Whoever took the ticket with so few ahead already knows: they are told on the slip.
    """
    known = [
        ticket
        for name in state.by_key.values()
        if (ticket := state.tickets[name]).person is not None
        and ticket.state is TicketState.WAITING
        and ticket.position - 1 > most
    ]
    if not known:
        return []
    forecast = estimates.forecast(state, now)
    near = []
    for ticket in known:
        place, _ = forecast.get(ticket.id, (None, None))
        if place is not None and place - 1 <= most:
            near.append((ticket.id, place - 1))
    return near


def _in_language(values: Mapping[str, Words | str], language: str) -> dict[str, str]:
    return {
        name: (value.en if language == "en" else value.zh) if isinstance(value, Words) else value
        for name, value in values.items()
    }


def _digits(phone: str) -> str:
    return phone.removeprefix("+")
