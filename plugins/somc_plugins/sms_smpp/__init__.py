"""Short messages over SMPP 3.4, as most gateways of the world speak it.

    [plugins]
    enabled = ["sms_smpp"]

    [plugin.sms_smpp.gateway.main]
    host = "10.1.2.3"
    system_id = "hall"
    password_file = "/etc/somc/smpp.secret"
    source = "10086"

Each gateway is a channel of its name; several share by `weight` and stand in for one another.
Reference: docs/reference/plugins/sms.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from somc.api import About, Channel, PluginContext, SimulatedGateway, Store, Words, hookimpl
from somc_plugins.sms.channel import SmsChannel
from somc_plugins.sms.dialect import Dialect
from somc_plugins.sms.gate import Gate
from somc_plugins.sms_smpp.config import SmppConfig, SmppGateway
from somc_plugins.sms_smpp.dialect import SmppDialect
from somc_plugins.sms_smpp.gate import SmppSide

__all__ = ["SmppConfig", "channel_of"]


def channel_of(name: str, settings: SmppGateway, store: Store, log: object) -> SmsChannel:
    """The channel of one gateway; `store` is where parts of messages are kept."""

    def dialect(password: str) -> Dialect:
        return SmppDialect(settings, password)

    return SmsChannel(name, settings, dialect, store, log)


@hookimpl
def somc_plugin() -> About:
    return About(title=Words("短信（SMPP）", "Short messages (SMPP)"), config=SmppConfig)


@hookimpl
def somc_channels(context: PluginContext) -> Iterable[Channel]:
    gateways = context.config.gateway
    return [channel_of(name, settings, context.store, context.log) for name, settings in gateways.items()]


@hookimpl
def somc_channel_simulators() -> Mapping[str, Callable[[], SimulatedGateway]]:
    return {"smpp": lambda: Gate(SmppSide)}
