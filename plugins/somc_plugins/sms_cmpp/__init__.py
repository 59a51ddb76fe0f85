"""Short messages over CMPP 2.0 and 3.0, China Mobile's protocol.

    [plugins]
    enabled = ["sms_cmpp"]

    [plugin.sms_cmpp.gateway.main]
    host = "10.1.2.4"
    version = "3.0"
    sp_id = "901234"
    password_file = "/etc/somc/cmpp.secret"
    source = "10086"
    service = "HALL"

Each gateway is a channel of its name; several share by `weight` and stand in for one another.
Reference: docs/reference/plugins/sms.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from somc.api import About, Channel, PluginContext, SimulatedGateway, Store, Words, hookimpl
from somc_plugins.sms.channel import SmsChannel
from somc_plugins.sms.dialect import Dialect
from somc_plugins.sms.gate import Gate
from somc_plugins.sms_cmpp.config import CmppConfig, CmppGateway
from somc_plugins.sms_cmpp.dialect import CmppDialect
from somc_plugins.sms_cmpp.gate import CmppSide

__all__ = ["CmppConfig", "channel_of"]


def channel_of(name: str, settings: CmppGateway, store: Store, log: object) -> SmsChannel:
    """The channel of one gateway; `store` is where parts of messages are kept."""

    def dialect(password: str) -> Dialect:
        return CmppDialect(settings, password)

    return SmsChannel(name, settings, dialect, store, log)


@hookimpl
def somc_plugin() -> About:
    return About(title=Words("短信（CMPP）", "Short messages (CMPP)"), config=CmppConfig)


@hookimpl
def somc_channels(context: PluginContext) -> Iterable[Channel]:
    gateways = context.config.gateway
    return [channel_of(name, settings, context.store, context.log) for name, settings in gateways.items()]


@hookimpl
def somc_channel_simulators() -> Mapping[str, Callable[[], SimulatedGateway]]:
    return {"cmpp": lambda: Gate(CmppSide)}
