"""Self-service machines (自助终端) as the hall's list of devices and care's own page show them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from somc.api import DeviceLine, Json
from somc_plugins.care.advice import Outside, works
from somc_plugins.care.config import CareConfig

__all__ = ["device_lines", "machine_list"]

STATUS: Mapping[str, Literal["online", "deviceBusy", "hardwareError", "offline"]] = {
    "working": "online",
    "paused": "deviceBusy",
    "out_of_order": "hardwareError",
    "offline": "offline",
    "unknown": "offline",
}
"""What a machine says of itself → how the hall says it of any device."""


def machine_list(config: CareConfig, now: int, today: str, outside: Outside) -> list[dict[str, Json]]:
    """The machines of hall.toml with what each said last; silent for long: `unknown`."""
    found: list[dict[str, Json]] = []
    for name, machine in config.machines.items():
        said = outside.machines.get(name)
        heard = said is not None and now - said.at <= config.machine_silent_s * 1000
        found.append(
            {
                "id": name,
                "title": msgspec.to_builtins(machine.title),
                "services": list(machine.services),
                "state": said.state if said is not None and heard else "unknown",
                "works": works(said, now, config.machine_silent_s),
                "heard_at": None if said is None else said.at,
                "detail": "" if said is None else said.detail,
                "uses_today": said.uses if said is not None and said.day == today else 0,
            }
        )
    return found


def device_lines(config: CareConfig, now: int, today: str, outside: Outside) -> list[DeviceLine]:
    """The same machines in the hall's list of devices (CA-06)."""
    return [
        DeviceLine(
            name=machine["id"],
            device_class="self_service",
            status=STATUS[machine["state"]],
            detail=machine["detail"] or ("" if machine["state"] != "unknown" else "it has fallen silent"),
            place=None if (place := config.machines[machine["id"]].place) is None else place.zh,
            uses_today=machine["uses_today"],
        )
        for machine in machine_list(config, now, today, outside)
    ]
