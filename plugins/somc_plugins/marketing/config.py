"""The configuration of `marketing`: where offers come from, how often somebody may be spoken to.

What must stay true: there is a campaign file, a source, or both; caps are numbers, not code.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from somc.api import Words
from somc_plugins.json_source import Source, UrlTemplate, check_template

__all__ = ["Caps", "MarketingConfig", "OfferSource"]

Path = Annotated[str, Meta(max_length=100)]
Days = Annotated[int, Meta(ge=0, le=3650)]


class OfferSource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The marketing system: asked for one customer's offers, told what became of them."""

    offers: Path = "offers"
    """The dotted path to the list of offers; each has `id`, `title` and `text` (`zh`, `en`), and may have
    `script` (a list of such) and `valid_until` (RFC 3339)."""
    consent: Path = "consent"
    """The path to whether the customer takes offers; anything but `true` is no. Empty: not asked."""
    plan: Path = "customer.plan"
    brand: Path = "customer.brand"
    """Paths to what the script says as `{plan}` and `{brand}`."""
    outcome_url: UrlTemplate | None = None
    """Where outcomes are told, with `{offer}`; none: they stay here."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.outcome_url is not None:
            check_template("outcome_url", self.outcome_url, frozenset(("offer",)))


class Caps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often somebody is spoken to. An offer that was refused or accepted never comes again."""

    at_once: Annotated[int, Meta(ge=1, le=5)] = 2
    """Offers of one ticket."""
    most: Annotated[int, Meta(ge=1, le=1000)] = 4
    within_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    """At most `most` offers are shown to one person within so many days."""
    again_after_days: Days = 7
    """An offer that was shown, or put off, comes again after so many days."""


class MarketingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[plugin.marketing]`."""

    campaigns: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    """A campaign file (TOML); a relative path is below the plugin's data folder."""
    source: OfferSource | None = None
    caps: Caps = Caps()
    slip: bool = True
    """Whether the first offer is printed on the slip."""
    slip_default: Words | None = None
    """What the slip says to somebody without an offer; none: nothing."""
    screen: bool = True
    """Whether offers stand on the counter's second screen."""
    retry_s: Annotated[int, Meta(ge=1, le=3600)] = 30
    """An outcome that could not be told is told again after so long, twice as long each time; at most an
    hour."""
    keep_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    """An outcome that could not be told for so long is given up, with an error in the log."""

    forget_days: Annotated[int, Meta(ge=30, le=3650)] = 730
    """Whom nothing was offered for so long is forgotten, refusals too; looked at once a day."""

    def __post_init__(self) -> None:
        if self.forget_days < self.caps.within_days:
            raise ValueError(f"forget_days: at least caps.within_days, {self.caps.within_days}")
        if self.campaigns is None and self.source is None:
            raise ValueError("say where offers come from: campaigns, a file, or [plugin.marketing.source]")
