"""What `[plugin.sms_cmpp]` in hall.toml may say."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from somc_plugins.sms.config import Gateway

__all__ = ["CmppConfig", "CmppGateway"]


class CmppGateway(Gateway, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ISMG (互联网短信网关). `sp_id` is the enterprise code (企业代码), the password the shared secret,
    `source` the service number that customers see (接入码), `service` the business code (业务代码)."""

    port: Annotated[int, Meta(ge=1, le=65_535)] = 7890
    version: Literal["2.0", "3.0"] = "3.0"
    sp_id: Annotated[str, Meta(min_length=1, max_length=6)]
    source: Annotated[str, Meta(min_length=1, max_length=20)]
    service: Annotated[str, Meta(max_length=10)] = ""
    fee_type: Annotated[str, Meta(pattern=r"^\d{2}$(?!\n)")] = "01"
    """`01`: free for whoever gets it."""
    fee_code: Annotated[str, Meta(pattern=r"^\d{0,6}$(?!\n)")] = "0"
    level: Annotated[int, Meta(ge=0, le=9)] = 0


class CmppConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The gateways by name; each is a channel of that name."""

    gateway: dict[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$(?!\n)")], CmppGateway] = {}
