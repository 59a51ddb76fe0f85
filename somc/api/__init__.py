"""All that a plugin may import.

Plugins register by the entry-point group `somc.plugins` and implement hooks of `somc.api.hooks`:

    from somc.api import hookimpl

    @hookimpl
    def somc_device_drivers(): ...
"""

from somc.api.hooks import PROJECT, HallHooks, hookimpl

__all__ = ["PROJECT", "HallHooks", "hookimpl"]
