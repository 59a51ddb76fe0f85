"""Configuration of a hall: hall.toml → frozen values, or every mistake at once, before anything is opened."""

from somc.config.customers import CustomerTable
from somc.config.hall_config import (
    AnnouncementSettings,
    DeviceSettings,
    DriverTerms,
    HallConfig,
    PluginSettings,
    ServerSettings,
    VisitorSettings,
)
from somc.config.load import Drivers, Kinds, load

__all__ = [
    "AnnouncementSettings",
    "CustomerTable",
    "DeviceSettings",
    "DriverTerms",
    "Drivers",
    "HallConfig",
    "Kinds",
    "PluginSettings",
    "ServerSettings",
    "VisitorSettings",
    "load",
]
