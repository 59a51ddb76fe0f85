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
from collections.abc import Iterable
from pathlib import Path

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
from somc_plugins.ivr_fastagi.calls import Calls
from somc_plugins.ivr_fastagi.config import IvrConfig
from somc_plugins.ivr_fastagi.dialogue import Dialogue, Do, State, faults
from somc_plugins.ivr_fastagi.menus import MENUS, PROMPTS, read_menus
from somc_plugins.ivr_fastagi.speech import Speech
from somc_plugins.ivr_fastagi.vxml import rendered

__all__ = ["IvrConfig"]

MOST_BROWSERS = 1000
"""Calls of voice browsers that are held; the one that was silent longest goes."""


class Ivr:
    """The running plugin. `ValueError` says what is wrong with its menus or its voice pack."""

    def __init__(self, context: PluginContext, name: str, timezone: str) -> None:
        config: IvrConfig = context.config
        self.config = config
        menus, prompts = (MENUS, PROMPTS) if config.menus is None else read_menus(Path(config.menus))
        wrong = faults(menus, prompts, ACTS)
        if wrong:
            raise ValueError(f"the menus do not hold together: {'; '.join(wrong)}")
        self.menus, self.prompts = menus, prompts
        self.acts = Acts(context, timezone, config.language)
        self.name = config.name or name
        speech = Speech(config, context.log)
        self.calls = Calls(config, menus, prompts, self.acts, speech, self.name, context.log)
        self._browsers: OrderedDict[str, State] = OrderedDict()

    async def vxml(self, request: Request) -> Response:
        """One step of a voice browser's call: `call` names it, `digits` is what was heard."""
        query = request.query
        key = self.config.vxml_key
        if key is None or not hmac.compare_digest(key, query.get("key", "")):
            return _plain(403, "a voice browser must give the key")
        call = query.get("call", "")[:80]
        if not call:
            return _plain(422, "a call needs a name: call")
        facts = {"call": f"vxml:{call}", "phone": query.get("from", "")[:20], "hall": self.name}
        known = self._browsers.pop(call, None)
        dialogue = Dialogue(self.menus, facts, self.config.language, known)
        step = dialogue.begin() if known is None else dialogue.heard(query.get("digits", "")[:40])
        while isinstance(step, Do):
            step = dialogue.did(await self.acts.do(step.act, step.facts))
        self._browsers[call] = dialogue.state
        while len(self._browsers) > MOST_BROWSERS:
            self._browsers.popitem(last=False)
        url = f"vxml?key={key}&call={call}"
        document = rendered(step, self.prompts, self.config.language, next_url=url, agent=self.config.agent)
        return Response(body=document, content_type="application/voicexml+xml; charset=utf-8")


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
    ivr = Ivr(context, hall.data["name"][context.config.language], hall.data["timezone"])
    context.state = ivr
    context.nursery.start_soon(ivr.calls.run)
    await ivr.calls.opened.wait()
