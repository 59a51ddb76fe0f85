"""`decide`: what a command means in a hall, as events or a refusal, without effects.

It reads the state and the scheduler (`peek`, `estimate`), never a clock: `now` comes in, and is never
earlier than the last record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from somc.domain import (
    administration,
    alerts,
    auto,
    booking,
    business_calendar,
    calling,
    contacts,
    counters,
    messages,
    plugins,
    rating,
    steering,
    taking,
    upkeep,
    waiting_list,
    watch,
)
from somc.domain import commands as c
from somc.domain.events import Event
from somc.domain.refusals import Refusal
from somc.domain.state import HallState

__all__ = ["RULES", "decide"]


def decide(state: HallState, command: c.Command, now: int) -> list[Event] | Refusal:
    """The events that `command` causes at `now` (Unix ms), or why it cannot be.

    An empty list is a command that is fine and changes nothing (nobody to call).
    """
    return RULES[type(command)](state, command, now)


RULES: dict[type[c.Command], Callable[[HallState, Any, int], list[Event] | Refusal]] = {
    c.TakeTicket: taking.take,
    c.CancelTicket: taking.cancel,
    c.HoldTicket: taking.hold,
    c.ResumeTicket: taking.resume,
    c.TransferTicket: taking.transfer,
    c.PrintTicket: taking.print_again,
    c.RateTicket: rating.rate,
    c.RecordOffer: contacts.record_offer,
    c.LogCare: contacts.log_care,
    c.Divert: contacts.divert,
    c.CallNext: calling.call_next,
    c.CallTicket: calling.call_ticket,
    c.Recall: calling.recall,
    c.StartService: calling.start,
    c.FinishService: calling.finish,
    c.MarkNoShow: calling.no_show,
    c.ReturnTicket: calling.return_,
    c.AssignCounter: auto.assign,
    c.OpenCounter: counters.open_,
    c.PauseCounter: counters.pause,
    c.ResumeCounter: counters.resume,
    c.CloseCounter: counters.close,
    c.ConfigureCounter: counters.configure,
    c.RaiseAlerts: alerts.raise_due,
    c.ClearAlerts: alerts.clear,
    c.WatchHall: watch.look,
    c.AcknowledgeAlert: alerts.acknowledge,
    c.BookAppointment: booking.book,
    c.ConfirmAppointment: booking.confirm,
    c.ChangeAppointment: booking.change,
    c.CancelAppointment: booking.cancel,
    c.CheckIn: booking.check_in,
    c.OfferPlaces: waiting_list.offer,
    c.SeeToAppointments: waiting_list.see_to,
    c.ChangeCalendar: business_calendar.change_calendar,
    c.EndDay: upkeep.end_day,
    c.ChangeConfig: upkeep.take_config,
    c.ChangeSettings: administration.change_settings,
    c.GrantAccess: administration.grant,
    c.RevokeAccess: administration.revoke,
    c.ChangePolicy: steering.change_policy,
    c.RollbackPolicy: steering.rollback_policy,
    c.ReportDevice: upkeep.report_device,
    c.RaisePluginAlert: plugins.raise_alert,
    c.ClearPluginAlert: plugins.clear_alert,
    c.SwitchPlugin: plugins.switch,
    c.ReloadPlugin: plugins.reload,
    c.ConfigurePlugin: plugins.configure,
    c.ReportPluginFault: plugins.report_fault,
    c.NotePlugin: plugins.note,
    c.CountPeople: rating.count_people,
    c.QueueMessage: messages.queue,
    c.CancelMessage: messages.cancel,
    c.RetryMessage: messages.retry,
    c.ReportMessages: messages.report,
    c.ReportReceipts: messages.report_receipts,
    c.ReceiveMessage: messages.receive,
    c.SetConsent: messages.set_consent,
    c.ReportChannel: messages.report_channel,
    c.WatchGateways: messages.watch_gateways,
}
"""Command → its rule: the catalogue."""
