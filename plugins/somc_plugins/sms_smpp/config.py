"""What `[plugin.sms_smpp]` in hall.toml may say."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from somc_plugins.sms.config import Gateway

__all__ = ["SmppConfig", "SmppGateway"]

Octet = Annotated[int, Meta(ge=0, le=6)]


class SmppGateway(Gateway, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SMSC. `system_id` and the password are those of the account, `source` the hall's own number."""

    port: Annotated[int, Meta(ge=1, le=65_535)] = 2775
    system_id: Annotated[str, Meta(min_length=1, max_length=15)]
    system_type: Annotated[str, Meta(max_length=12)] = ""
    service_type: Annotated[str, Meta(max_length=5)] = ""
    source: Annotated[str, Meta(max_length=20)] = ""
    source_ton: Octet = 0
    source_npi: Octet = 1
    destination_ton: Octet = 1
    destination_npi: Octet = 1
    long_messages: Literal["udh", "sar"] = "udh"
    """How parts of a long message say that they belong together."""
    receipt_ids: Literal["same", "decimal"] = "same"
    """`decimal`: the gateway answers a submission with an id in hexadecimal and writes the same number in
    decimal into receipts."""

    def id_as_receipts_say(self, ref: str) -> str:
        """The id of a submission as its receipts will write it."""
        if self.receipt_ids == "decimal":
            try:
                return str(int(ref, 16))
            except ValueError:
                return ref
        return ref


class SmppConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The gateways by name; each is a channel of that name."""

    gateway: dict[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$(?!\n)")], SmppGateway] = {}
