"""All that a plugin may import.

Plugins register by the entry-point group `somc.plugins` and implement hooks of `somc.api.hooks`:

    from somc.api import hookimpl

    @hookimpl
    def somc_device_drivers(): ...
"""

from somc.api.hooks import PROJECT, HallHooks, hookimpl
from somc.scheduler.interface import NEVER, RATE_LIMIT, Terms
from somc.scheduler.policy import Candidate, PolicyInputs, PolicyKind, QueueInputs, each

__all__ = [
    "NEVER",
    "PROJECT",
    "RATE_LIMIT",
    "Candidate",
    "HallHooks",
    "PolicyInputs",
    "PolicyKind",
    "QueueInputs",
    "Terms",
    "each",
    "hookimpl",
]
