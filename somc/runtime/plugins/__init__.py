"""The plugin host: finds, loads, runs, watches and lets go of plugins."""

from somc.runtime.plugins.brought import Plugins
from somc.runtime.plugins.finding import GROUP, installed

__all__ = ["GROUP", "Plugins", "installed"]
