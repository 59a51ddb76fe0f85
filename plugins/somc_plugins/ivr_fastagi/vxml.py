"""A dialogue as VoiceXML 2.1 documents: the same steps for a voice browser. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from somc.api import Words
from somc_plugins.ivr_fastagi.dialogue import End, Hear, Said, Transfer
from somc_plugins.ivr_fastagi.menus import worded

__all__ = ["rendered"]

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<vxml version="2.1" xmlns="http://www.w3.org/2001/vxml" xml:lang={}>\n'
)
LANGUAGES = {"zh": "zh-CN", "en": "en-US"}


def rendered(
    step: Hear | Transfer | End, prompts: Mapping[str, Words], language: str, *, next_url: str, agent: str
) -> str:
    """The document of one step. What is heard comes back to `next_url` as `digits`."""
    said = _said(step.said, prompts, language)
    match step:
        case Hear(most=most, timeout_s=timeout_s):
            url = quoteattr(next_url)
            body = (
                f'<form id="step"><property name="termchar" value="#"/>\n'
                f'<field name="digits" type="digits?minlength=1;maxlength={most}">\n'
                f'<property name="timeout" value="{timeout_s}s"/>\n'
                f"<prompt>{said}</prompt>\n"
                f"<noinput>{_submitted(url, '')}</noinput>\n"
                f"<nomatch>{_submitted(url, '?')}</nomatch>\n"
                f'<filled><submit next={url} namelist="digits"/></filled>\n</field></form>'
            )
        case Transfer():
            body = (
                f"<form><block><prompt>{said}</prompt></block>\n"
                f'<transfer name="agent" dest={quoteattr(agent)} bridge="false"/></form>'
            )
        case End():
            body = f"<form><block><prompt>{said}</prompt><exit/></block></form>"
    return f"{HEAD.format(quoteattr(LANGUAGES[language]))}{body}\n</vxml>\n"


def _said(said: Sequence[Said], prompts: Mapping[str, Words], language: str) -> str:
    return "".join(escape(worded(prompts, each.prompt, each.values, language)) for each in said)


def _submitted(url: str, digits: str) -> str:
    """Nothing was heard, or nonsense: the dialogue says what follows."""
    return f'<assign name="digits" expr="\'{digits}\'"/><submit next={url} namelist="digits"/>'
