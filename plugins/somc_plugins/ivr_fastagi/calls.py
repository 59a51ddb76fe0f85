"""Calls that Asterisk hands to the hall: one connection a call, one dialogue a connection.

What must stay true: a caller who hangs up ends the dialogue wherever it is; a fault in one call ends that
call and harms no other; there are at most `most_calls`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio

from somc.api import Words
from somc_plugins.ivr_fastagi import agi
from somc_plugins.ivr_fastagi.acts import Acts
from somc_plugins.ivr_fastagi.config import IvrConfig
from somc_plugins.ivr_fastagi.dialogue import Dialogue, Do, Hear, Node, Said, Step, Transfer
from somc_plugins.ivr_fastagi.menus import worded
from somc_plugins.ivr_fastagi.speech import Speech

__all__ = ["Calls", "HungUp"]

BETWEEN_KEYS_S = 5
"""A caller who has begun to key a number in has so long for each further digit."""

LONGEST_CALL_S = 1800
SLACK_S = 30
"""Over the time that a command may take, before Asterisk is given up."""


class HungUp(Exception):
    """The caller has left, or Asterisk has."""


class Calls:
    """Serves the calls of one hall."""

    def __init__(
        self,
        config: IvrConfig,
        menus: Mapping[str, Node],
        prompts: Mapping[str, Words],
        acts: Acts,
        speech: Speech,
        name: str,
        log: Any,
    ) -> None:
        self._config = config
        self._menus = menus
        self._prompts = prompts
        self._acts = acts
        self._speech = speech
        self._log = log
        self.port = 0
        self.name = name
        self.now = 0
        self.taken = 0
        self.opened = trio.Event()

    async def run(self) -> None:
        """Serve until cancelled."""
        listeners = await trio.open_tcp_listeners(self._config.port, host=self._config.host)
        self.port = listeners[0].socket.getsockname()[1]
        self.opened.set()
        await trio.serve_listeners(self._serve, listeners)

    async def _serve(self, stream: trio.SocketStream) -> None:
        if self.now >= self._config.most_calls:
            self._log.warning("a call is turned away: too many at once", calls=self.now)
            await stream.aclose()
            return
        self.now += 1
        self.taken += 1
        try:
            with trio.move_on_after(LONGEST_CALL_S):
                await _Call(self, stream).live()
        except (HungUp, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        except Exception:
            self._log.exception("a call failed")
        finally:
            self.now -= 1
            with trio.move_on_after(1) as closing:
                closing.shield = True
                await stream.aclose()

    def text_of(self, said: Said) -> str:
        return worded(self._prompts, said.prompt, said.values, self._config.language)


class _Call:
    def __init__(self, calls: Calls, stream: trio.SocketStream) -> None:
        self._calls = calls
        self._stream = stream
        self._lines = agi.Lines()
        self._reader = agi.Reader()
        self._waiting: list[str] = []

    async def live(self) -> None:
        calls = self._calls
        environment = await self._next(SLACK_S)
        if not isinstance(environment, agi.Environment):
            raise HungUp
        await self._command("ANSWER")
        facts = {
            "call": environment.call or f"{calls.taken}",
            "phone": environment.caller or "",
            "hall": calls.name,
        }
        dialogue = Dialogue(calls._menus, facts, calls._config.language)
        step: Step = dialogue.begin()
        while True:
            match step:
                case Hear():
                    step = dialogue.heard(await self._hear(step))
                case Do(act, known):
                    step = dialogue.did(await calls._acts.do(act, known))
                case Transfer(said):
                    await self._say(said)
                    await self._put_through()
                    return
                case _:
                    await self._say(step.said)
                    await self._command("HANGUP")
                    return

    async def _hear(self, step: Hear) -> str:
        """The digits, of which the first may interrupt what is said."""
        digits = await self._say(step.said)
        while len(digits) < step.most and not digits.endswith("#"):
            wait_s = BETWEEN_KEYS_S if digits else step.timeout_s
            answer = await self._command("WAIT FOR DIGIT", str(wait_s * 1000), patience_s=wait_s + SLACK_S)
            if not answer.digit:
                break
            digits += answer.digit
        return digits

    async def _say(self, said: tuple[Said, ...]) -> str:
        """Say it; the key that interrupted it, if one did."""
        for each in said:
            text = self._calls.text_of(each)
            if text:
                name, *arguments = self._calls._speech.command_for(text)
                answer = await self._command(name, *arguments, patience_s=120)
                if answer.digit:
                    return answer.digit
        return ""

    async def _put_through(self) -> None:
        context, extension, priority = self._calls._config.agent.split(",")
        await self._command("SET CONTEXT", agi.quoted(context))
        await self._command("SET EXTENSION", agi.quoted(extension))
        await self._command("SET PRIORITY", priority)

    async def _command(self, name: str, *arguments: str, patience_s: float = SLACK_S) -> agi.Answer:
        """Have it done; its answer. `HungUp` if there is no caller any more."""
        await self._stream.send_all(agi.command(name, *arguments))
        answer = await self._next(patience_s)
        if not isinstance(answer, agi.Answer) or answer.result == -1:
            raise HungUp
        return answer

    async def _next(self, patience_s: float) -> agi.Environment | agi.Answer:
        with trio.move_on_after(patience_s):
            while True:
                while self._waiting:
                    found = self._reader.read(self._waiting.pop(0))
                    if found is not None:
                        return found
                data = await self._stream.receive_some(4096)
                self._waiting += self._lines.feed(data)
                if not data or self._lines.broken:
                    raise HungUp
        raise HungUp
