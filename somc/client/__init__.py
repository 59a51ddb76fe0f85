"""The client of a hall for Trio programs: a live line that comes back by itself, and plain HTTP.

Everything public is here; docs/reference/client.md describes it.
"""

from somc.client.http import HallHttp, open_http
from somc.client.inbox import Message
from somc.client.live import ClientSettings, HallClient, Reader, open_client, ticket_by
from somc.client.messages import Figures, Position, Record, Resync, Snapshot, Welcome
from somc.client.state import (
    ClassState,
    CounterState,
    DeviceState,
    HallFigures,
    HallState,
    RecentCall,
    ServiceFigures,
    ServiceState,
    TicketState,
    Words,
)
from somc.errors import ClientError, HallRefused, HallUnreachable, NoAnswer, NotAdmitted

__all__ = [
    "ClassState",
    "ClientError",
    "ClientSettings",
    "CounterState",
    "DeviceState",
    "Figures",
    "HallClient",
    "HallFigures",
    "HallHttp",
    "HallRefused",
    "HallState",
    "HallUnreachable",
    "Message",
    "NoAnswer",
    "NotAdmitted",
    "Position",
    "Reader",
    "RecentCall",
    "Record",
    "Resync",
    "ServiceFigures",
    "ServiceState",
    "Snapshot",
    "TicketState",
    "Welcome",
    "Words",
    "open_client",
    "open_http",
    "ticket_by",
]
