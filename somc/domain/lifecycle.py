"""The life of a ticket, of a counter and of an appointment as tables.

A transition is a look-up; an illegal one is a missing key and becomes one precise refusal. `None` as
the first state means that the thing does not exist yet.
"""

from __future__ import annotations

from somc.domain import events as e
from somc.domain.bookings import AppointmentState as A
from somc.domain.outbox import MessageState as M
from somc.domain.values import CounterState as C
from somc.domain.values import TicketState as T
from somc.domain.values import Words

__all__ = [
    "ACTS",
    "APPOINTMENT_ACTS",
    "APPOINTMENT_MOVES",
    "APPOINTMENT_WORDS",
    "COUNTER_MOVES",
    "COUNTER_WORDS",
    "MESSAGE_MOVES",
    "STATE_WORDS",
    "TICKET_MOVES",
]

TICKET_MOVES: dict[tuple[T | None, type[e.Event]], T] = {
    (None, e.TicketTaken): T.WAITING,
    (T.WAITING, e.TicketCalled): T.CALLED,
    (T.HELD, e.TicketCalled): T.CALLED,
    (T.CALLED, e.TicketRecalled): T.CALLED,
    (T.CALLED, e.TicketServiceStarted): T.SERVING,
    (T.SERVING, e.TicketFinished): T.FINISHED,
    (T.CALLED, e.TicketNoShow): T.NO_SHOW,
    (T.CALLED, e.TicketReturned): T.WAITING,
    (T.WAITING, e.TicketCancelled): T.CANCELLED,
    (T.HELD, e.TicketCancelled): T.CANCELLED,
    (T.CALLED, e.TicketCancelled): T.CANCELLED,
    (T.WAITING, e.TicketHeld): T.HELD,
    (T.CALLED, e.TicketHeld): T.HELD,
    (T.SERVING, e.TicketHeld): T.HELD,
    (T.HELD, e.TicketResumed): T.WAITING,
    (T.WAITING, e.TicketTransferred): T.WAITING,
    (T.CALLED, e.TicketTransferred): T.WAITING,
    (T.SERVING, e.TicketTransferred): T.WAITING,
    (T.HELD, e.TicketTransferred): T.WAITING,
    (T.WAITING, e.TicketExpired): T.EXPIRED,
    (T.HELD, e.TicketExpired): T.EXPIRED,
    (T.FINISHED, e.TicketRated): T.FINISHED,
}

MESSAGE_MOVES: dict[tuple[M | None, type[e.Event]], M] = {
    (None, e.MessageQueued): M.QUEUED,
    (M.QUEUED, e.MessageSent): M.SENT,
    (M.QUEUED, e.MessageFailed): M.FAILED,
    (M.QUEUED, e.MessageCancelled): M.CANCELLED,
    (M.SENT, e.MessagePartDelivered): M.SENT,
    (M.SENT, e.MessageDelivered): M.DELIVERED,
    (M.SENT, e.MessageFailed): M.FAILED,
    (M.FAILED, e.MessageRequeued): M.QUEUED,
}
"""A `message.failed` with a `retry_at` leaves the message queued: it moves nothing."""

COUNTER_MOVES: dict[tuple[C, type[e.Event]], C] = {
    (C.CLOSED, e.CounterOpened): C.OPEN,
    (C.OPEN, e.CounterPaused): C.PAUSED,
    (C.PAUSED, e.CounterResumed): C.OPEN,
    (C.OPEN, e.CounterClosed): C.CLOSED,
    (C.PAUSED, e.CounterClosed): C.CLOSED,
}

APPOINTMENT_MOVES: dict[tuple[A | None, type[e.Event]], A] = {
    (None, e.AppointmentBooked): A.BOOKED,
    (None, e.AppointmentWaitlisted): A.WAITING,
    (A.WAITING, e.AppointmentOffered): A.OFFERED,
    (A.OFFERED, e.AppointmentConfirmed): A.CONFIRMED,
    (A.BOOKED, e.AppointmentConfirmed): A.CONFIRMED,
    (A.BOOKED, e.AppointmentChanged): A.BOOKED,
    (A.CONFIRMED, e.AppointmentChanged): A.CONFIRMED,
    (A.BOOKED, e.AppointmentReminderDue): A.BOOKED,
    (A.CONFIRMED, e.AppointmentReminderDue): A.CONFIRMED,
    (A.BOOKED, e.AppointmentCheckedIn): A.CHECKED_IN,
    (A.CONFIRMED, e.AppointmentCheckedIn): A.CHECKED_IN,
    (A.WAITING, e.AppointmentCancelled): A.CANCELLED,
    (A.OFFERED, e.AppointmentCancelled): A.CANCELLED,
    (A.BOOKED, e.AppointmentCancelled): A.CANCELLED,
    (A.CONFIRMED, e.AppointmentCancelled): A.CANCELLED,
    (A.BOOKED, e.AppointmentMissed): A.MISSED,
    (A.CONFIRMED, e.AppointmentMissed): A.MISSED,
    (A.WAITING, e.AppointmentExpired): A.EXPIRED,
    (A.OFFERED, e.AppointmentExpired): A.EXPIRED,
    (A.BOOKED, e.AppointmentExpired): A.EXPIRED,
}

STATE_WORDS: dict[T, Words] = {
    T.WAITING: Words("等候", "waiting"),
    T.CALLED: Words("已叫号", "called"),
    T.SERVING: Words("办理中", "being served"),
    T.HELD: Words("挂起", "on hold"),
    T.FINISHED: Words("已办结", "finished"),
    T.NO_SHOW: Words("过号", "a no-show"),
    T.CANCELLED: Words("已取消", "cancelled"),
    T.EXPIRED: Words("已过期", "expired"),
}

COUNTER_WORDS: dict[C, Words] = {
    C.CLOSED: Words("关闭", "closed"),
    C.OPEN: Words("开放", "open"),
    C.PAUSED: Words("暂停", "paused"),
}

APPOINTMENT_WORDS: dict[A, Words] = {
    A.WAITING: Words("候补", "on the waiting list"),
    A.OFFERED: Words("待接受", "offered"),
    A.BOOKED: Words("已预约", "booked"),
    A.CONFIRMED: Words("已确认", "confirmed"),
    A.CHECKED_IN: Words("已取号", "checked in"),
    A.CANCELLED: Words("已取消", "cancelled"),
    A.MISSED: Words("已失约", "missed"),
    A.EXPIRED: Words("已失效", "expired"),
}

APPOINTMENT_ACTS: dict[type[e.Event], Words] = {
    e.AppointmentConfirmed: Words("确认", "confirmed"),
    e.AppointmentChanged: Words("改期", "moved"),
    e.AppointmentCancelled: Words("取消", "cancelled"),
    e.AppointmentCheckedIn: Words("取号", "checked in"),
}
"""What an event does to an appointment, as a word for refusals."""

ACTS: dict[type[e.Event], Words] = {
    e.TicketCalled: Words("叫号", "called"),
    e.TicketRecalled: Words("重呼", "recalled"),
    e.TicketServiceStarted: Words("开始办理", "started"),
    e.TicketFinished: Words("办结", "finished"),
    e.TicketNoShow: Words("过号", "marked as a no-show"),
    e.TicketReturned: Words("退回队列", "sent back into line"),
    e.TicketCancelled: Words("取消", "cancelled"),
    e.TicketHeld: Words("挂起", "put on hold"),
    e.TicketResumed: Words("恢复", "resumed"),
    e.TicketTransferred: Words("转移", "transferred"),
    e.TicketPrinted: Words("补打", "printed again"),
    e.TicketRated: Words("评价", "rated"),
}
"""What an event does to a ticket, as a word for refusals."""
