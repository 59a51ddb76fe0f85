"""Calls that Asterisk hands to the hall: one connection a call, one dialogue a connection.

What must stay true: a caller who hangs up ends the dialogue wherever it is; a fault in one call sends that
caller to an agent and harms no other call; there are at most `most_calls`; no peer is waited for without end.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import trio

from somc.api import Words
from somc_plugins.ivr_fastagi import agi
from somc_plugins.ivr_fastagi.acts import Acts
from somc_plugins.ivr_fastagi.config import IvrConfig
from somc_plugins.ivr_fastagi.dialogue import Dialogue, Do, Hear, Node, Said, Step, Transfer
from somc_plugins.ivr_fastagi.menus import worded
from somc_plugins.ivr_fastagi.speech import LANGUAGES, Speech

__all__ = ["Calls"]

BETWEEN_KEYS_S = 5
"""A caller who has begun to key a number in has so long for each further digit."""

LONGEST_CALL_S = 1800
SLACK_S = 30
"""Over the time that a command may take, before Asterisk is given up."""

SPEAKING_S = 120


class HungUp(Exception):
    """The caller has left, or Asterisk has."""


class Misunderstood(Exception):
    """Asterisk cannot do what it was told: it is not set up for this, and says so."""


class Calls:
    """Serves the calls of one hall."""

    def __init__(
        self,
        config: IvrConfig,
        menus: Mapping[str, Node],
        prompts: Mapping[str, Words],
        acts: Acts,
        speech: Speech,
        name: Mapping[str, str],
        log: Any,
    ) -> None:
        self.config = config
        self.menus = menus
        self.prompts = prompts
        self.acts = acts
        self.speech = speech
        self.log = log
        self.name = name
        self.now = 0
        self._listeners: list[trio.SocketListener] = []

    async def open(self) -> None:
        """Listen. `ValueError` if that cannot be."""
        config = self.config
        try:
            self._listeners = await trio.open_tcp_listeners(config.port, host=config.host)
        except OSError as error:
            raise ValueError(f"cannot listen on {config.host}:{config.port}: {error}") from error

    async def run(self) -> None:
        """Serve until cancelled. Then the connections close, and the dialplan goes on with the callers."""
        if not self._listeners:  # it is started again after a fault
            await self.open()
        try:
            await trio.serve_listeners(self._serve, self._listeners)
        finally:
            self._listeners = []

    async def _serve(self, stream: trio.SocketStream) -> None:
        if self.now >= self.config.most_calls:
            self.log.warning("a call is turned away: too many at once", calls=self.now)
            await stream.aclose()
            return
        self.now += 1
        call = _Call(self, stream)
        try:
            with trio.move_on_after(LONGEST_CALL_S) as whole:
                await call.live()
            if whole.cancelled_caught:
                self.log.warning("a call is given up: it is too long", seconds=LONGEST_CALL_S)
        except (HungUp, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.log.debug("a call has ended", why=str(error))
        except Exception:
            self.log.exception("a call failed: it is put through to an agent")
            await call.rescue()
        finally:
            self.now -= 1
            with trio.move_on_after(1) as closing:
                closing.shield = True
                await stream.aclose()


class _Call:
    def __init__(self, calls: Calls, stream: trio.SocketStream) -> None:
        self._calls = calls
        self._stream = stream
        self._lines = agi.Lines()
        self._reader = agi.Reader()
        self._waiting: deque[str] = deque()
        self._language: str = calls.config.language
        self._hash_may_follow = False
        """The last digits were complete without a `#`; one that comes now belongs to them."""

    async def live(self) -> None:
        calls = self._calls
        environment = await self._next(SLACK_S)
        if not isinstance(environment, agi.Environment):
            raise HungUp("it did not begin as AGI does")
        if environment.script in LANGUAGES:
            self._language = environment.script
        await self._command("ANSWER")
        facts = {
            # A call without a name gets one that no other has: a booking is known by it.
            "call": environment.call or secrets.token_hex(8),
            "caller": environment.caller or "",
            "phone": environment.caller or "",
            "hall": calls.name[self._language],
            "language": self._language,
        }
        dialogue = Dialogue(calls.menus, facts, self._language)
        step: Step = dialogue.begin()
        while True:
            match step:
                case Hear():
                    step = dialogue.heard(await self._hear(step))
                case Do(act, known):
                    step = dialogue.did(await calls.acts.do(act, known))
                case Transfer(said):
                    await self._say(said)
                    await self._put_through()
                    return
                case _:
                    await self._say(step.said)
                    await self._command("HANGUP")
                    return

    async def rescue(self) -> None:
        """Something of ours is broken: an agent can still help."""
        with suppress(HungUp, Misunderstood, trio.BrokenResourceError, trio.ClosedResourceError):
            await self._put_through()  # where that fails, the dialplan goes on behind AGI()

    async def _hear(self, step: Hear) -> str:
        """The digits, of which the first may interrupt what is said."""
        digits = await self._say(step.said)
        while len(digits) < step.most and not digits.endswith("#"):
            wait_s = BETWEEN_KEYS_S if digits else step.timeout_s
            answer = await self._command("WAIT FOR DIGIT", str(wait_s * 1000), takes_s=wait_s)
            if not answer.digit:
                break
            if not self._belated(answer.digit):
                digits += answer.digit
        self._hash_may_follow = step.most > 1 and len(digits) == step.most and not digits.endswith("#")
        return digits

    def _belated(self, digit: str) -> bool:
        """Whether this key ends digits that were complete already. Callers were told to press it."""
        belated = self._hash_may_follow and digit == "#"
        self._hash_may_follow = False
        return belated

    async def _say(self, said: tuple[Said, ...]) -> str:
        """Say it; the key that interrupted it, if one did."""
        for each in said:
            text = worded(self._calls.prompts, each.prompt, each.values, self._language)
            digit = await self._speak(text) if text else ""
            if digit and self._belated(digit):
                digit = await self._speak(text)
            if digit:
                return digit
        return ""

    async def _speak(self, text: str) -> str:
        speech = self._calls.speech
        recorded = await speech.played(text, self._language)
        if recorded is not None:
            answer = await self._command(*recorded, takes_s=SPEAKING_S, may_fail=True)
            if not answer.unheard:
                return answer.digit
            self._calls.log.warning("Asterisk has not played this: can it read the folder?", file=recorded[1])
        spoken = speech.spoken(text, self._language)
        answer = await self._command(*spoken, takes_s=SPEAKING_S)
        if answer.unheard:
            raise Misunderstood(f"Asterisk has no application {spoken[1]}: load it, or set `speak`")
        return answer.digit

    async def _put_through(self) -> None:
        context, extension, priority = self._calls.config.agent.split(",")
        await self._command("SET CONTEXT", agi.quoted(context))
        await self._command("SET EXTENSION", agi.quoted(extension))
        await self._command("SET PRIORITY", priority)

    async def _command(
        self, name: str, *arguments: str, takes_s: float = 0, may_fail: bool = False
    ) -> agi.Answer:
        """Have it done, which may take so long; its answer. `HungUp` if there is no caller any more.
        `may_fail`: -1 can mean that nothing was played."""
        with trio.move_on_after(SLACK_S) as sending:
            await self._stream.send_all(agi.command(name, *arguments))
        if sending.cancelled_caught:
            raise HungUp("Asterisk reads no more")
        answer = await self._next(takes_s + SLACK_S)
        if not isinstance(answer, agi.Answer) or answer.code == 511:
            raise HungUp("the caller has left")
        if answer.code != 200:
            raise Misunderstood(f"Asterisk answers {answer.code} to {name}")
        if answer.result == -1 and not (may_fail and answer.unheard):
            raise HungUp(f"the caller has left at {name}")
        return answer

    async def _next(self, patience_s: float) -> agi.Environment | agi.Answer:
        with trio.move_on_after(patience_s):
            while True:
                while self._waiting:
                    found = self._reader.read(self._waiting.popleft())
                    if found is not None:
                        return found
                data = await self._stream.receive_some(4096)
                self._waiting.extend(self._lines.feed(data))
                if not data or self._lines.broken:
                    raise HungUp("Asterisk has closed" if not data else "a line without an end")
        raise HungUp(f"Asterisk was silent for {patience_s:g} s")
