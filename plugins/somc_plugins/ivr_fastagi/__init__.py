"""Booking by telephone: a FastAGI server for Asterisk, and the same dialogue as VoiceXML.

    [plugins]
    enabled = ["ivr_fastagi"]

    [plugin.ivr_fastagi]
    pack = "/etc/somc/voice-zh"
    sounds = "/var/lib/asterisk/sounds/somc"

In Asterisk's dialplan: `AGI(agi://HALL:4573/)`. A caller books, changes and cancels by key presses, hears the
code read back, asks for the place in line, and is put through to an agent whenever he presses 0 or does not
get on. Reference: docs/reference/plugins/ivr_fastagi.md.

    dialogue   the engine, without a telephone        menus   SOMC's own dialogue as data, and its words
    acts       what it does in the hall               agi, calls, speech   Asterisk         vxml   VoiceXML
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlencode

import trio

from somc.api import (
    PUBLIC,
    About,
    ListServices,
    PluginContext,
    Refusal,
    Request,
    Response,
    Route,
    Words,
    hookimpl,
)
from somc_plugins.ivr_fastagi.acts import ACTS, Acts
from somc_plugins.ivr_fastagi.agi import Environment
from somc_plugins.ivr_fastagi.calls import Calls
from somc_plugins.ivr_fastagi.config import IvrConfig
from somc_plugins.ivr_fastagi.dialogue import Dialogue, Do, faults
from somc_plugins.ivr_fastagi.menus import MENUS, PROMPTS, read_menus
from somc_plugins.ivr_fastagi.speech import LANGUAGES, Speech
from somc_plugins.ivr_fastagi.vxml import rendered

__all__ = ["IvrConfig"]

MOST_BROWSERS = 1000
"""Calls of voice browsers that are held; the one that was silent longest goes."""


class Browser:
    """A voice browser's call: its dialogue, and its last document with the number of the turn that follows.
    A request that is told again is answered again and does nothing twice; two at once go one by one."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        self.turn = 0
        self.document = ""
        self.lock = trio.Lock()


class Ivr:
    """The running plugin. `ValueError` says what is wrong with its menus or its voice pack."""

    def __init__(self, context: PluginContext, name: Mapping[str, str], timezone: str) -> None:
        config: IvrConfig = context.config
        self.config = config
        menus, prompts = (MENUS, PROMPTS) if config.menus is None else read_menus(Path(config.menus))
        wrong = faults(menus, prompts, ACTS)
        if wrong:
            raise ValueError(f"the menus do not hold together: {'; '.join(wrong)}")
        if config.vxml_key is not None and config.vxml_agent is None:
            raise ValueError("vxml_key needs vxml_agent, where a voice browser puts callers through")
        self.menus, self.prompts = menus, prompts
        self.acts = Acts(context, timezone)
        self.name = name if config.name is None else dict.fromkeys(LANGUAGES, config.name)
        speech = Speech(config, context.log)
        self.calls = Calls(config, menus, prompts, self.acts, speech, self.name, context.log)
        self._browsers: OrderedDict[str, Browser] = OrderedDict()

    async def vxml(self, request: Request) -> Response:
        """One turn of a voice browser's call: `call` names it, `turn` counts, `digits` is what was heard."""
        query = request.query
        key = self.config.vxml_key
        if key is None or not hmac.compare_digest(key.encode(), query.get("key", "").encode()):
            return _plain(403, "a voice browser must give the key")
        call = query.get("call", "")[:80]
        if not call:
            return _plain(422, "a call needs a name: call")
        browser = self._browsers.get(call)
        if browser is None or not query.get("turn"):
            browser = self._browsers[call] = Browser(self._begun(call, query))
        self._browsers.move_to_end(call)
        while len(self._browsers) > MOST_BROWSERS:
            self._browsers.popitem(last=False)
        async with browser.lock:
            if browser.turn == 0 or query.get("turn") == str(browser.turn):
                await self._turn(call, browser, query.get("digits", "")[:40])
        return Response(body=browser.document, content_type="application/voicexml+xml; charset=utf-8")

    def _begun(self, call: str, query: Mapping[str, str]) -> Dialogue:
        language = query.get("language", "")
        language = language if language in LANGUAGES else self.config.language
        caller = Environment({"agi_callerid": query.get("from", "")[:40]}).caller or ""
        facts = {
            "call": f"vxml:{call}",
            "caller": caller,
            "phone": caller,
            "hall": self.name[language],
            "language": language,
        }
        return Dialogue(self.menus, facts, language)

    async def _turn(self, call: str, browser: Browser, digits: str) -> None:
        dialogue, config = browser.dialogue, self.config
        step = dialogue.begin() if browser.turn == 0 else dialogue.heard(digits)
        while isinstance(step, Do):
            step = dialogue.did(await self.acts.do(step.act, step.facts))
        browser.turn += 1
        url = "vxml?" + urlencode({"key": config.vxml_key, "call": call, "turn": browser.turn})
        browser.document = rendered(
            step, self.prompts, dialogue.language, next_url=url, agent=str(config.vxml_agent)
        )


def _plain(status: int, text: str) -> Response:
    return Response(status=status, body=text, content_type="text/plain; charset=utf-8")


@hookimpl
def somc_plugin() -> About:
    return About(
        title=Words("电话预约", "Booking by telephone"),
        config=IvrConfig,
        sees=frozenset(("phone",)),  # the caller's number is his place in line, and where the receipt goes
    )


@hookimpl
def somc_routes(context: PluginContext) -> Iterable[Route]:
    async def vxml(request: Request) -> Response:
        ivr: Ivr = context.state
        return await ivr.vxml(request)

    return [Route("GET", "/vxml", vxml, PUBLIC)]


@hookimpl
async def somc_start(context: PluginContext) -> None:
    hall = await context.do(ListServices())
    if isinstance(hall, Refusal):
        raise ValueError(hall.words.en)
    ivr = Ivr(context, hall.data["name"], hall.data["timezone"])
    context.state = ivr
    await ivr.calls.open()
    context.nursery.start_soon(ivr.calls.run)
