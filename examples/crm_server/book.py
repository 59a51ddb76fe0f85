"""The operator's book of customers: who they are, what happened with them, what to offer them.

Pure values and look-ups by phone. What must stay true: an outcome of an offer is kept once for each ticket
and offer, however often it is told (the last word counts).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["Book"]

Plain = dict[str, Any]

SEED = Path(__file__).with_name("customers.json")


class Book:
    """Everything the server knows. Without `people` it is the seed beside this file."""

    def __init__(self, people: list[Plain] | None = None) -> None:
        if people is None:
            people = json.loads(SEED.read_text(encoding="utf-8"))
        self._by_phone = {person["phone"]: person for person in people}
        self.outcomes: dict[str, Plain] = {}
        """`ticket/offer` → the last that was told."""

    def customer(self, phone: str) -> Plain | None:
        """Who has this number; the history is asked for by itself."""
        person = self._by_phone.get(phone)
        if person is None:
            return None
        return {key: value for key, value in person.items() if key not in ("history", "offers")}

    def history(self, kind: str, phone: str) -> list[Plain]:
        """`complaints`, `calls` (outbound), `contacts` (hotline) or `orders`, the newest first."""
        person = self._by_phone.get(phone, {})
        found: list[Plain] = person.get("history", {}).get(kind, [])
        return sorted(found, key=lambda entry: str(entry["at"]), reverse=True)

    def offers(self, phone: str) -> Plain:
        """What to offer, with what the agent's script needs of the customer, unless they want no offers."""
        person = self._by_phone.get(phone)
        if person is None:
            return {"consent": False, "customer": {}, "offers": []}
        consent = person["consent"]["marketing"]
        customer = {"plan": person["plan"]["name"], "brand": person["brand"]["name"], "name": person["name"]}
        return {"consent": consent, "customer": customer, "offers": person["offers"] if consent else []}

    def told(self, offer: str, outcome: Plain) -> None:
        """An outcome came back from a hall."""
        self.outcomes[f"{outcome.get('ticket')}/{offer}"] = {"offer": offer, **outcome}
