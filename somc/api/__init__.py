"""All that a plugin may import.

Plugins register by the entry-point group `somc.plugins` and implement hooks of `somc.api.hooks`:

    from somc.api import About, Visit, Identity, hookimpl

    @hookimpl
    def somc_plugin() -> About: ...

    @hookimpl
    async def somc_identify(context, visit): ...

A hook may leave out arguments that it does not need.
"""

from somc.api.about import About, AlertRule, Page
from somc.api.actions import (
    Action,
    BookAppointment,
    CancelAppointment,
    ChangeAppointment,
    CheckIn,
    ClearAlert,
    ConfirmAppointment,
    Divert,
    DivertTicket,
    Done,
    FindAppointment,
    ListServices,
    ListSlots,
    LogCare,
    Note,
    PermissionRefused,
    RaiseAlert,
    RateTicket,
    RecordOffer,
    Refusal,
    SendMessage,
)
from somc.api.channels import (
    Channel,
    ChannelHost,
    Inbound,
    Outcome,
    Outgoing,
    Receipt,
    Refused,
    Sent,
    SimulatedGateway,
    Unsent,
)
from somc.api.context import Behind, Nursery, PluginContext, Store
from somc.api.hooks import MOMENTS, PROJECT, HallHooks, hookimpl
from somc.api.values import (
    API_VERSION,
    Advice,
    CardRow,
    CardSection,
    CounterView,
    HallView,
    Identity,
    Json,
    Offer,
    OpenAlert,
    Panel,
    Prompt,
    Record,
    Secret,
    TicketView,
    Tone,
    Visit,
    Words,
)
from somc.api.web import PUBLIC, Request, Response, Route, Socket, SocketClosed, SocketRoute
from somc.scheduler.interface import NEVER, RATE_LIMIT, Terms
from somc.scheduler.policy import Candidate, PolicyInputs, PolicyKind, QueueInputs, each

__all__ = [
    "API_VERSION",
    "MOMENTS",
    "NEVER",
    "PROJECT",
    "PUBLIC",
    "RATE_LIMIT",
    "About",
    "Action",
    "Advice",
    "AlertRule",
    "Behind",
    "BookAppointment",
    "CancelAppointment",
    "Candidate",
    "CardRow",
    "CardSection",
    "ChangeAppointment",
    "Channel",
    "ChannelHost",
    "CheckIn",
    "ClearAlert",
    "ConfirmAppointment",
    "CounterView",
    "Divert",
    "DivertTicket",
    "Done",
    "FindAppointment",
    "HallHooks",
    "HallView",
    "Identity",
    "Inbound",
    "Json",
    "ListServices",
    "ListSlots",
    "LogCare",
    "Note",
    "Nursery",
    "Offer",
    "OpenAlert",
    "Outcome",
    "Outgoing",
    "Page",
    "Panel",
    "PermissionRefused",
    "PluginContext",
    "PolicyInputs",
    "PolicyKind",
    "Prompt",
    "QueueInputs",
    "RaiseAlert",
    "RateTicket",
    "Receipt",
    "Record",
    "RecordOffer",
    "Refusal",
    "Refused",
    "Request",
    "Response",
    "Route",
    "Secret",
    "SendMessage",
    "Sent",
    "SimulatedGateway",
    "Socket",
    "SocketClosed",
    "SocketRoute",
    "Store",
    "Terms",
    "TicketView",
    "Tone",
    "Unsent",
    "Visit",
    "Words",
    "each",
    "hookimpl",
]
