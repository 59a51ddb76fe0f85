"""The reference protocol with numbers out of a wire profile: frame, ops and keys as a file says.

What must stay true: a profile that cannot carry the protocol is refused when the driver is built, with the
file's name; nothing but numbers can be changed this way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from somc_hal.codecs.reference import write_key
from somc_hal.codecs.stx import Op, StxWire
from somc_hal.drivers.options import Option
from somc_hal.profiles import Profile, ProfileError, load
from somc_hal.values import Key

__all__ = ["ProfiledStx", "profile_option", "stx_wire"]


def profile_option(bundled: str) -> Option:
    """The option by which an installer puts a profile of his own in place of the bundled one."""
    return Option(str, bundled, "bundled wire profile, or the path of a .toml file")


@lru_cache(maxsize=64)
def stx_wire(source: str) -> StxWire:
    """The wire that a profile describes. `ProfileError` if it cannot carry the reference protocol."""
    profile = load(source)
    if profile.frame is None:
        raise ProfileError(f"{profile.path}: the profile describes no frame")
    try:
        ops = {op: profile.ops[op.name] for op in Op if op.name in profile.ops}
        return StxWire(profile.frame, ops, _keys(profile))
    except ValueError as error:
        raise ProfileError(f"{profile.path}: {error}") from None


def _keys(profile: Profile) -> dict[int, int]:
    names: Mapping[str, Key] = {key.value: key for key in Key}
    for name, code in profile.keys.items():
        if name not in names:
            raise ValueError(f"keys: found {name!r}; allowed: {', '.join(names)}")
        if code > 255:
            raise ValueError(f"keys: {name} is one byte, found {code}")
    return {write_key(names[name])[0]: code for name, code in profile.keys.items()}


class ProfiledStx:
    """Mixed into a driver of the reference protocol: its wire is that of the option `profile`."""

    _options: dict[str, Any]

    def _wire(self) -> StxWire:
        source: str = self._options["profile"]
        return stx_wire(source)

    def _protocol(self) -> str:
        return f"reference with the profile {self._options['profile']}"
