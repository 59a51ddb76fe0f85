"""The moments of a hall: every hook as one typed method, asked of every plugin that has it.

What must stay true
- None of these raises for a plugin's fault, and none takes longer than its deadline: what a plugin does not
  give in time and in its right shape is left out, and whoever asked is told whose it was.
- Plugins are asked side by side; what they give stands in the order of hall.toml.
- Where no plugin has the hook, nothing is made and nothing is awaited that could fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import trio

from somc.api import (
    Advice,
    CardSection,
    DeviceLine,
    HallView,
    Identity,
    Offer,
    Panel,
    Prompt,
    TicketView,
    Visit,
    Words,
)
from somc.runtime.plugins.facts import Known
from somc.runtime.plugins.ledger import HookFailed

__all__ = ["Asking", "Card", "Identified", "Runner"]

IDENTIFY_S = 0.3
CARD_S = 1.0
CONTRIBUTING = 1 / 3
"""What is contributed has a third of the time for identifying: 100 ms unless hall.toml says otherwise."""

MOST_SLIP_LINES = 8
MOST_DISPLAY_LINES = 8

replace = msgspec.structs.replace


class Runner(Protocol):
    """One enabled plugin, in this process or in one of its own."""

    @property
    def name(self) -> str: ...

    @property
    def hooks(self) -> frozenset[str]: ...

    async def call(self, hook: str, deadline_s: float, **arguments: Any) -> Any: ...

    async def contribute(self, hook: str, deadline_s: float, **arguments: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Identified:
    """What is known of a visitor. `customer_class` is None when no plugin settles it; `source` then is what
    the first of them says of that. `late` are the plugins that gave no answer, with why."""

    customer_class: str | None = None
    source: str | None = None
    known: Mapping[str, Known] = field(default_factory=dict)
    late: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """What the counter sees. `late` names the plugins of which nothing came in time."""

    sections: list[tuple[str, CardSection]]
    prompts: list[tuple[str, Prompt]]
    late: Mapping[str, str]

    @property
    def offers(self) -> list[tuple[str, Offer]]:
        return [(plugin, prompt.offer) for plugin, prompt in self.prompts if prompt.offer is not None]


@dataclass(frozen=True, slots=True)
class Sights:
    """What one plugin may see, and how long it may take to identify."""

    sees: frozenset[str]
    identify_s: float = IDENTIFY_S

    @property
    def contribute_s(self) -> float:
        return self.identify_s * CONTRIBUTING

    @property
    def people(self) -> bool:
        return not self.sees.isdisjoint(("phone", "history"))


class Asking:
    """Asks plugins. `runners` gives those that are enabled, in the order of hall.toml, `present` all their
    hooks."""

    def __init__(
        self,
        runners: Callable[[], Sequence[tuple[Any, Sights]]],
        present: Callable[[], frozenset[str]],
    ) -> None:
        self._runners = runners
        self._present = present

    def anybody(self, hook: str) -> bool:
        """Whether any plugin at work has this hook."""
        return hook in self._present()

    def _having(self, hook: str) -> list[tuple[Any, Sights]]:
        if hook not in self._present():
            return []
        return [(runner, sights) for runner, sights in self._runners() if hook in runner.hooks]

    # -- identifying --------------------------------------------------------------------------------

    async def identify(self, visit: Visit, classes: Mapping[str, Any]) -> Identified:
        """Who this is, as far as plugins know it in time. `classes` are those of the hall."""
        asked = self._having("somc_identify")
        if not asked:
            return Identified()

        async def ask(runner: Runner, sights: Sights) -> Identity | None:
            seen = _seen(visit, sights)
            found: Identity | None = await runner.call("somc_identify", sights.identify_s, visit=seen)
            if found is not None and found.customer_class not in (None, *classes):
                raise HookFailed("wrong", f"the hall has no class '{found.customer_class}'")
            return found

        answers, late = await _side_by_side(asked, ask)
        settled = next((name for name, found in answers.items() if found and found.customer_class), None)
        known = {
            name: Known(facts=found.facts, name=found.name, note=found.note, source=found.source)
            for name, found in answers.items()
            if found is not None
        }
        if settled is None:
            said = next((name for name, found in answers.items() if found and found.source), None)
            return Identified(None, None if said is None else _source(said, answers[said]), known, late)
        found = answers[settled]
        assert found is not None
        return Identified(found.customer_class, _source(settled, found), known, late)

    async def card(self, ticket: TicketView, visit: Visit, known: Mapping[str, Known]) -> Card:
        """What the counter sees of a ticket's customer."""

        async def ask(runner: Runner, sights: Sights) -> list[CardSection]:
            shown = ticket if sights.people else replace(ticket, person=None)
            found: list[CardSection] = await runner.call(
                "somc_card", CARD_S, ticket=shown, visit=_seen(visit, sights)
            )
            return found

        sections: dict[str, list[CardSection]] = {}
        prompts: dict[str, list[Prompt]] = {}
        late: dict[str, str] = {}
        late_prompts: dict[str, str] = {}

        async def get_sections() -> None:
            found, failed = await _side_by_side(self._having("somc_card"), ask)
            sections.update(found)
            late.update(failed)

        async def get_prompts() -> None:
            found, failed = await self._of_ticket("somc_counter_prompts", ticket, known)
            prompts.update(found)
            late_prompts.update(failed)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(get_sections)
            nursery.start_soon(get_prompts)
        return Card(_flat(sections), _flat(prompts), {**late_prompts, **late})

    # -- contributing -------------------------------------------------------------------------------

    async def slip_lines(self, ticket: TicketView, known: Mapping[str, Known]) -> tuple[Words, ...]:
        """Lines for a slip that is about to be printed, fit for a record."""
        found, _ = await self._of_ticket("somc_slip_lines", ticket, known)
        return tuple(line for _, line in _flat(found))[:MOST_SLIP_LINES]

    async def second_screen(self, ticket: TicketView, known: Mapping[str, Known]) -> list[tuple[str, Panel]]:
        """What the customer at a counter sees there."""
        found, _ = await self._of_ticket("somc_second_screen", ticket, known)
        return _flat(found)

    async def display_lines(self, hall: HallView) -> list[Words]:
        """Lines for the hall's displays."""

        async def ask(runner: Runner, sights: Sights) -> list[Words]:
            found: list[Words] = await runner.contribute("somc_display_lines", sights.contribute_s, hall=hall)
            return found

        found, _ = await _side_by_side(self._having("somc_display_lines"), ask)
        return [line for _, line in _flat(found)][:MOST_DISPLAY_LINES]

    async def kiosk_advice(self, service: str, hall: HallView) -> list[tuple[str, Advice]]:
        """What a kiosk says before it gives a ticket for `service`."""

        async def ask(runner: Runner, sights: Sights) -> list[Advice]:
            found: list[Advice] = await runner.contribute(
                "somc_kiosk_advice", sights.contribute_s, service=service, hall=hall
            )
            return found

        found, _ = await _side_by_side(self._having("somc_kiosk_advice"), ask)
        return _flat(found)

    async def devices(self, hall: HallView) -> list[tuple[str, DeviceLine]]:
        """What plugins know of devices that the hall does not drive."""

        async def ask(runner: Runner, sights: Sights) -> list[DeviceLine]:
            found: list[DeviceLine] = await runner.contribute("somc_devices", sights.contribute_s, hall=hall)
            return found

        found, _ = await _side_by_side(self._having("somc_devices"), ask)
        return _flat(found)

    async def _of_ticket(
        self, hook: str, ticket: TicketView, known: Mapping[str, Known]
    ) -> tuple[dict[str, list[Any]], dict[str, str]]:
        """What each plugin contributes about a ticket, from its own facts."""

        async def ask(runner: Runner, sights: Sights) -> list[Any]:
            shown = ticket if sights.people else replace(ticket, person=None)
            facts = known[runner.name].facts if runner.name in known else {}
            found: list[Any] = await runner.contribute(hook, sights.contribute_s, ticket=shown, facts=facts)
            return found

        return await _side_by_side(self._having(hook), ask)


async def _side_by_side(
    asked: Sequence[tuple[Any, Sights]], ask: Callable[[Any, Sights], Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What each gives, and why the others do not, both in the order of `asked`."""
    answers: dict[str, Any] = {}
    late: dict[str, str] = {}

    async def one(runner: Any, sights: Sights) -> None:
        try:
            answers[runner.name] = await ask(runner, sights)
        except HookFailed as error:
            late[runner.name] = error.why

    if len(asked) == 1:  # a nursery costs more than most hooks
        await one(*asked[0])
    elif asked:
        async with trio.open_nursery() as nursery:
            for runner, sights in asked:
                nursery.start_soon(one, runner, sights)
    names = [runner.name for runner, _ in asked]
    return (
        {name: answers[name] for name in names if name in answers},
        {name: late[name] for name in names if name in late},
    )


def _source(plugin: str, found: Identity | None) -> str:
    """Where it was found, for a ticket's `class_source`: the plugin, and what it says beside its own name."""
    said = found.source if found is not None else ""
    return f"{plugin}: {said}" if said and said != plugin else plugin


def _flat(found: Mapping[str, list[Any]]) -> list[tuple[str, Any]]:
    return [(name, thing) for name, things in found.items() for thing in things]


def _seen(visit: Visit, sights: Sights) -> Visit:
    """The visit without what the plugin may not see."""
    return replace(
        visit,
        phone=visit.phone if "phone" in sights.sees else None,
        person=visit.person if sights.people else None,
    )
