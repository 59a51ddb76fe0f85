"""What happens in the hall and somebody must be told of: records become messages.

    alert.raised                        → who is on duty, one message an alert        (key alert:ID)
                                          nobody is: an alert that says so, and the message when duty begins
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

import msgspec
import structlog
import trio

from somc.config.hall_config import StaffMember
from somc.domain import commands as c
from somc.domain import estimates
from somc.domain import events as e
from somc.domain.bookings import Appointment
from somc.domain.outbox import MessageState
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import TicketState, Words
from somc.errors import Overloaded, ShuttingDown
from somc.journal.record import Record
from somc.messages.appointments import UNDOING, appointment_notice
from somc.messages.duty import next_on_duty, on_duty
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

GAP = "nobody_on_duty"
"""The alert that somebody should be told and nobody is on duty."""

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
            case "alert.cleared":
                await self._guarded(self._take_back_alert, record)
            case "message.sent":
                await self._guarded(self._close_gap, record)
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
        state, now = self.hall.state, self.hall.now()
        member, not_before = on_duty(self.staff, duty, now, state.zone, device_class), None
        if member is None:
            if not self.staff:
                return
            member, not_before = next_on_duty(self.staff, duty, now, state.zone, device_class)
            await self._tell_gap(duty, not_before)
        if member is None:
            log.warning("nobody is ever on duty to be told", duty=duty, about=key)
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
            not_before=not_before,
        )
        if isinstance(outcome, Refusal):
            log.warning("staff is not told", duty=duty, about=key, why=outcome.code)

    async def _tell_gap(self, duty: str, until: int | None) -> None:
        """The pages say what no message can: that there is nobody to be told before `until`."""
        when = None if until is None else self.hall.state.clock_time(until)
        words = Words(
            zh=f"现在没有人值班（{duty}）" + (f"，{when}才有人收到通知" if when else "，无人会收到通知"),
            en=f"Nobody is on duty ({duty}): "
            + (f"who comes at {when} is told then" if when else "nobody is told"),
        )
        command = c.RaisePluginAlert(by=BY, plugin=BY, name=GAP, words=words)
        await self.hall.submit(command, lambda state, events, now: None)

    async def _close_gap(self, record: Record) -> None:
        """An alarm has reached somebody: who is on duty again."""
        event = event_of(record)
        if not isinstance(event, e.MessageSent) or not self._gap_stands():
            return
        message = self.hall.state.outbox.messages.get(event.message)
        if message is None or message.message_class == "alarm":
            command = c.ClearPluginAlert(by=BY, plugin=BY, name=GAP)
            await self.hall.submit(command, lambda state, events, now: None)

    def _gap_stands(self) -> bool:
        return any((each.plugin, each.name) == (BY, GAP) for each in self.hall.state.alerts.values())

    async def _take_back_alert(self, record: Record) -> None:
        """Whoever comes on duty is not told of what is over."""
        event = event_of(record)
        assert isinstance(event, e.AlertCleared)
        now = self.hall.now()
        for message in list(self.hall.state.outbox.messages.values()):
            key = message.key or ""
            about = key == f"alert:{event.alert}" or key.startswith(f"alert:{event.alert}:")
            if about and message.state is MessageState.QUEUED and message.ready_at > now:
                command = c.CancelMessage(by=BY, message=message.id, reason="the alert is over")
                await self.hall.submit(command, lambda state, events, now: None)

    async def _tell_alert(self, record: Record) -> None:
        """SL-02: one message a ticket and level, while there is still something to be done."""
        event = event_of(record)
        assert isinstance(event, e.AlertRaised)
        if event.alert not in self.hall.state.alerts:
            return  # cleared meanwhile
        if (event.plugin, event.name) == (BY, GAP):
            return  # that nobody can be told is told to nobody
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
        if told.code:
            codes = [await self.hall.journal.code_of(each) or "-" for each in block]
            values["code"] = (", " if language == "en" else "、").join(codes)
        ask = told.ask
        if ask is not None and len(block) > 1:
            ask = msgspec.structs.replace(ask, facts={**ask.facts, "block": block})
        known = self.hall.state.bookings.all.get(event.appointment)
        held = None if known is None or isinstance(event, e.AppointmentChanged) else known.block
        outcome = await self.messenger.send(
            told.template,
            values,
            by=BY,
            person=event.person,
            # What happens to a block at once is one message: its records are of one instant.
            key=f"appointment:{event.appointment}:{record.seq}"
            if held is None
            else f"appointment:{held}:{record.type}:{event.slot}:{record.at}",
            appointment=event.appointment,
            expires_at=told.expires_at,
            ask=ask,
        )
        if isinstance(outcome, Refusal):
            log.info("the holder of an appointment is not told", about=event.appointment, why=outcome.code)

    async def _take_back(self, appointment: str) -> None:
        """What was to be said of an appointment that is another one now, or none. What is said of a block
        stands while one of its places does."""
        state = self.hall.state
        known = state.bookings.all.get(appointment)
        names = [appointment]
        if known is not None and known.block is not None:
            others = _places_of(state, known.block)
            if any(
                each.state.ahead and (each.service, each.at) == (known.service, known.at) for each in others
            ):
                return
            names = [each.id for each in others]
        for name in names:
            for message in state.outbox.about(appointment=name):
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


def _places_of(state: HallState, block: str) -> list[Appointment]:
    """The places that were booked at once; the block is named after its first."""
    places = [each for each in state.bookings.all.values() if each.block == block]
    return sorted(places, key=lambda each: (each.id != block, each.key))


def _block_of(state: HallState, event: e.AppointmentEvent) -> list[str]:
    """The appointments of which this record's message tells: of a block those that are at the same time
    still, but of a change only the one. Ten places are one receipt with ten codes: ten receipts would be more
    than a number may get within an hour, and whoever lacks a code cannot check in by it."""
    known = state.bookings.all.get(event.appointment)
    if known is None or known.block is None or isinstance(event, e.AppointmentChanged):
        return [event.appointment]
    together = [
        each.id
        for each in _places_of(state, known.block)
        if each.state.ahead and (each.service, each.at) == (event.service, event.slot)
    ]
    return together or [event.appointment]


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
