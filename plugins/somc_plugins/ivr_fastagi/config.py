"""What `[plugin.ivr_fastagi]` in hall.toml may say."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from somc.api import Secret

__all__ = ["IvrConfig"]


class IvrConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Asterisk finds the hall, how it speaks, and whereto it puts through."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 4573
    language: Literal["zh", "en"] = "zh"
    name: str | None = None
    """How the hall calls itself on the telephone, if not by its own name."""
    pack: str | None = None
    """A voice pack (see the plugin `voice`) of `language`: sentences are put together of its recordings."""
    other_pack: str | None = None
    """A voice pack of the other language, for calls that come as `agi://HALL/en` (or `/zh`)."""
    sounds: str | None = None
    """With `pack`: a folder that Asterisk reads, for what was put together."""
    speak: str = "Espeak({text},any,{lang})"
    """Without a pack: the dialplan application that speaks a text, and answers with the key that stops it."""
    agent: Annotated[str, Meta(pattern=r"^[^,\s]{1,40},[^,\s]{1,40},\d{1,4}$(?!\n)")] = "agents,s,1"
    """Context, extension and priority of the agents."""
    menus: str | None = None
    """A TOML file with other menus and prompts."""
    most_calls: Annotated[int, Meta(ge=1, le=1000)] = 100
    vxml_key: Secret | None = None
    """Voice browsers must give it as `key`; without it there is no VoiceXML."""
    vxml_agent: Annotated[str, Meta(pattern=r"^(tel|sips?):[^\s]{1,200}$(?!\n)")] | None = None
    """With `vxml_key`: the agents' address, to which a voice browser puts a caller through."""
