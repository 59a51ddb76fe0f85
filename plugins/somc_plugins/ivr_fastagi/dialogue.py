"""A dialogue by key presses: menus as data, and an engine that walks through them. No I/O, no telephone.

    begin ──▶ Hear ── digits ──▶ … ──▶ Do ── Outcome ──▶ … ──▶ End | Transfer

Whoever renders a step (FastAGI, VoiceXML) says its prompts, gathers the digits or does the act, and hands
what came back to `heard` or `did`.

What must stay true
- Menus name only nodes and prompts that there are: `faults` finds others before the first call.
- Every call ends: a caller who says nothing or nonsense is asked again `retries` times, then goes to an
  agent or is bid farewell; and no call has more than `MOST_STEPS` steps.
- A dialogue is plain data: it can be kept between two requests of a VoiceXML browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "Dialogue",
    "Do",
    "End",
    "Hear",
    "Node",
    "Option",
    "Outcome",
    "Said",
    "Step",
    "Transfer",
    "faults",
]

TIMEOUT_S = 60
"""How long a caller may think. A minute, as the first system had it: people look for their glasses."""

MOST_STEPS = 200
"""Nobody needs so many; a menu that leads in a circle ends here."""

MOST_OPTIONS = 8
"""Choices that are read out at once, by the keys 1 to 8."""

MORE = "9"
"""The key that reads out the next ones, and after the last the first again."""

MAIN, AGENT, END = "main", "agent", "goodbye"


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place of a dialogue.

    `menu`: `say`, and a key of `keys` leads on. `entry`: digits, until `#` or `most` of them, are kept as
    `into`. `choose`: the options that the last act brought are read out, and the chosen one's facts are kept.
    `act`: something is done, and its outcome's name leads on by `then`. `transfer`, `end`: the call leaves.
    """

    kind: Literal["menu", "entry", "choose", "act", "transfer", "end"]
    say: str = ""
    keys: dict[str, str] = {}
    then: dict[str, str] = {}
    act: str = ""
    into: str = ""
    least: Annotated[int, Meta(ge=1, le=40)] = 1
    most: Annotated[int, Meta(ge=1, le=40)] = 1
    timeout_s: Annotated[int, Meta(ge=1, le=600)] = TIMEOUT_S
    retries: Annotated[int, Meta(ge=0, le=10)] = 3
    otherwise: str = AGENT
    """Where a caller goes who does not answer."""


class Said(msgspec.Struct, frozen=True):
    """A prompt by its name, with what stands in its braces."""

    prompt: str
    values: dict[str, str] = {}


class Hear(msgspec.Struct, frozen=True):
    """Say this and hear up to `most` digits (`#` ends them sooner)."""

    said: tuple[Said, ...]
    most: int
    timeout_s: int


class Do(msgspec.Struct, frozen=True):
    """Do this with what is known, and say what came of it. `facts` has `step` too, which no other act of this
    call has."""

    act: str
    facts: dict[str, Any]


class Transfer(msgspec.Struct, frozen=True):
    """Say this and hand the caller to an agent."""

    said: tuple[Said, ...]


class End(msgspec.Struct, frozen=True):
    """Say this and hang up."""

    said: tuple[Said, ...]


Step = Hear | Do | Transfer | End


class Option(msgspec.Struct, frozen=True):
    """One choice: how it is read out in each language, and what choosing it means."""

    zh: str
    en: str
    facts: dict[str, Any]


class Outcome(msgspec.Struct, frozen=True):
    """What came of an act: its name, which leads on; facts to keep; options to choose among; what to say."""

    name: str
    facts: dict[str, Any] = {}
    options: list[Option] = []
    said: Said | None = None


class State(msgspec.Struct):
    """Where a call is."""

    node: str = MAIN
    tries: int = 0
    steps: int = 0
    facts: dict[str, Any] = {}
    options: list[Option] = []
    first: int = 0
    """The option that is read out by key 1."""
    pending: list[Said] = []
    """To be said before the next question."""


class Dialogue:
    """One call's way through `menus`. `language` is how options are read out."""

    def __init__(
        self,
        menus: Mapping[str, Node],
        facts: Mapping[str, Any],
        language: str = "zh",
        state: State | None = None,
    ) -> None:
        self._menus = menus
        self.language = language
        self.state = State(facts=dict(facts)) if state is None else state

    def begin(self) -> Step:
        return self._enter(MAIN)

    def heard(self, digits: str) -> Step:
        """The caller pressed these; nothing: the time was over."""
        state, node = self.state, self._menus[self.state.node]
        digits = digits.rstrip("#")
        target = self._target(node, digits)
        if target is not None:
            return self._enter(target)
        if node.kind == "choose" and digits == MORE and len(state.options) > MOST_OPTIONS:
            state.first += MOST_OPTIONS
            if state.first >= len(state.options):
                state.first = 0
            state.steps += 1
            return self._ask(node) if state.steps <= MOST_STEPS else self._enter(END)
        state.tries += 1
        if state.tries > node.retries:
            state.pending.append(Said("no_answer"))
            return self._enter(node.otherwise)
        state.pending.append(Said("again" if digits else "nothing_heard"))
        return self._ask(node)

    def did(self, outcome: Outcome) -> Step:
        """What came of the act that was asked for."""
        state, node = self.state, self._menus[self.state.node]
        state.facts.update(outcome.facts)
        state.options, state.first = list(outcome.options), 0
        if outcome.said is not None:
            state.pending.append(outcome.said)
        return self._enter(node.then.get(outcome.name, node.otherwise))

    # -- steps ------------------------------------------------------------------------------------

    def _target(self, node: Node, digits: str) -> str | None:
        """Where these digits lead; None: they are no answer."""
        number = digits.isascii() and digits.isdecimal()
        if node.kind == "entry":
            if number and node.least <= len(digits) <= node.most:
                self.state.facts[node.into] = digits
                return node.then["ok"]
            return None
        if (
            node.kind == "choose"
            and number
            and len(digits) == 1
            and 1 <= int(digits) <= len(self._read_out())
        ):
            self.state.facts.update(self._read_out()[int(digits) - 1].facts)
            return node.then["ok"]
        return node.keys.get(digits)

    def _enter(self, name: str) -> Step:
        state = self.state
        state.steps += 1
        if state.steps > MOST_STEPS:
            name = END
        state.node, state.tries = name, 0
        node = self._menus[name]
        match node.kind:
            case "act":
                return Do(node.act, {**state.facts, "step": state.steps})
            case "transfer":
                return Transfer(self._saying(node))
            case "end":
                return End(self._saying(node))
        return self._ask(node)

    def _ask(self, node: Node) -> Step:
        said = self._saying(node)
        if node.kind == "choose":
            said += tuple(
                Said("option", {"key": str(key), "what": getattr(option, self.language)})
                for key, option in enumerate(self._read_out(), 1)
            )
            if len(self.state.options) > MOST_OPTIONS:
                said += (Said("more_options", {"key": MORE}),)
        return Hear(said, node.most if node.kind == "entry" else 1, node.timeout_s)

    def _read_out(self) -> list[Option]:
        return self.state.options[self.state.first : self.state.first + MOST_OPTIONS]

    def _saying(self, node: Node) -> tuple[Said, ...]:
        pending, self.state.pending = self.state.pending, []
        values = {name: str(value) for name, value in self.state.facts.items()}
        return (*pending, *((Said(node.say, values),) if node.say else ()))


def faults(menus: Mapping[str, Node], prompts: Mapping[str, Any], acts: frozenset[str]) -> list[str]:
    """What is wrong with menus, in words: nodes, prompts and acts that there are not."""
    found = [f"there is no node '{name}', which every dialogue needs" for name in (MAIN, AGENT, END)
             if name not in menus]  # fmt: skip
    for name, node in menus.items():
        for target in (*node.keys.values(), *node.then.values(), node.otherwise):
            if target not in menus:
                found.append(f"{name} leads to '{target}', which is no node")
        if node.say and node.say not in prompts:
            found.append(f"{name} says '{node.say}', which is no prompt")
        if node.kind == "act" and node.act not in acts:
            found.append(f"{name} does '{node.act}', which is no act; known: {', '.join(sorted(acts))}")
        if node.kind in ("entry", "choose") and "ok" not in node.then:
            found.append(f"{name} does not say where it leads: then.ok")
        if node.kind == "entry" and not node.into:
            found.append(f"{name} does not say what its digits are: into")
        if node.kind == "menu" and not node.keys:
            found.append(f"{name} offers no key")
        if node.least > node.most and node.kind == "entry":
            found.append(f"{name} wants at least {node.least} digits and takes {node.most}")
    if END in menus and menus[END].kind != "end":
        found.append(f"'{END}' must be of the kind 'end': there a call ends that would go on for ever")
    return found
