"""That a plugin cannot go now."""

from somc.errors import SomcError

__all__ = ["InUse"]


class InUse(SomcError):
    """The plugin cannot be disabled now: something of it is in use."""
