"""Mean services as a hall's own records say: what estimates are made of unless the settings say otherwise.

An exponential mean in whole milliseconds: each finished service moves the mean by a sixteenth of its
distance, so that the last twenty or so customers count for most of it. It begins at the configured mean and
stays between a third of that and three times it: a counter that was left running over lunch, or a service
ended by mistake after a second, moves an estimate a little and never turns it into nonsense.
"""

from __future__ import annotations

from collections.abc import Mapping

from somc.domain.values import HallSettings

__all__ = ["learn", "mean_services_ms"]

PACE = 16
"""One service moves the mean by one part in so many."""

MOST = 3
"""The mean stays within this factor of the configured one, either way."""


def learn(learned_ms: dict[str, int], settings: HallSettings, service: str, served_ms: int) -> None:
    """Fold one service of `served_ms` into the mean of `service`."""
    mean_ms = _within(settings, service, learned_ms.get(service))
    learned_ms[service] = _within(settings, service, mean_ms + (served_ms - mean_ms) // PACE)


def mean_services_ms(learned_ms: Mapping[str, int], settings: HallSettings) -> dict[str, int]:
    """Service → the mean that estimates count with (ms)."""
    if settings.estimates.means == "configured":
        return {name: service.mean_service_s * 1000 for name, service in settings.services.items()}
    return {name: _within(settings, name, learned_ms.get(name)) for name in settings.services}


def _within(settings: HallSettings, service: str, mean_ms: int | None) -> int:
    configured_ms = settings.services[service].mean_service_s * 1000
    if mean_ms is None:
        return configured_ms
    return min(max(mean_ms, configured_ms // MOST), configured_ms * MOST)
