"""What a plugin in its own process may ask of the hall, answered here: its context's questions and acts.

What must stay true: nothing is decided here. `HallBehind` checks every question by what the plugin declared,
as it does for a plugin in the hall's process.
"""

from __future__ import annotations

from typing import Any

import msgspec

from somc.api import Action
from somc.api import actions as api_actions
from somc.runtime.plugins.behind import HallBehind

__all__ = ["ACTIONS", "answer_child"]

ACTIONS: dict[str, type[Action]] = {
    kind.__name__: kind
    for kind in vars(api_actions).values()
    if isinstance(kind, type) and issubclass(kind, Action) and kind is not Action
}
"""Every action by name, as it crosses the pipe."""


async def answer_child(behind: HallBehind, what: str, given: dict[str, Any]) -> Any:
    """The answer, as plain values. Raises what the hall's own answer raises, `ValueError` for no question."""
    match what:
        case "hall":
            return await behind.hall()
        case "ticket":
            return await behind.ticket(given["id"])
        case "tickets":
            return await behind.tickets()
        case "facts":
            return await behind.facts(given["ticket"], given["of"])
        case "visits":
            return await behind.visits(given["person"], given["limit"])
        case "phone_of":
            return await behind.phone_of(given["person"])
        case "person_of":
            return await behind.person_of(given["phone"])
        case "do":
            action = msgspec.convert(given["action"], ACTIONS[given["kind"]])
            done = await behind.do(action)
            return {
                "refused": isinstance(done, api_actions.Refusal),
                "outcome": msgspec.to_builtins(done),
            }
    raise ValueError(f"a context does not ask for '{what}'")
