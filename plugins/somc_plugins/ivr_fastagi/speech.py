"""How a text becomes sound on an Asterisk: a file made of a voice pack, or an application that speaks.

What must stay true: the same text is put together once; a text for which the pack has no recording is spoken
by the application, and told in the log: a caller is never left in silence.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from somc_plugins.ivr_fastagi.agi import quoted
from somc_plugins.ivr_fastagi.config import IvrConfig
from somc_plugins.voice.pack import Pack, load_pack
from somc_plugins.voice.reading import Unspeakable, covered, units
from somc_plugins.voice.sound import Sound, joined, silence

__all__ = ["Speech"]

PAUSE_S = 0.25
KEYS = '"0123456789*#"'
LANGUAGES = {"zh": "zh-CN", "en": "en-US"}
RATES = {8000: ".wav", 16000: ".wav16"}
"""Rates that Asterisk plays, and how such a file's name must end."""


class Speech:
    """Texts of one language as commands. `ValueError` at the beginning says what is wrong with the pack."""

    def __init__(self, config: IvrConfig, log: Any) -> None:
        self._config = config
        self._log = log
        self._pack: Pack | None = None
        self._folder: Path | None = None
        self._made: dict[str, str] = {}
        if config.pack is not None:
            if config.sounds is None:
                raise ValueError("a voice pack needs `sounds`, a folder that Asterisk reads")
            pack = load_pack(Path(config.pack))
            if pack.language != config.language:
                raise ValueError(
                    f"the voice pack {pack.name!r} speaks {pack.language}, not {config.language}"
                )
            if pack.rate_hz not in RATES:
                raise ValueError(f"the voice pack is of {pack.rate_hz} Hz; Asterisk plays 8000 and 16000")
            self._pack, self._folder = pack, Path(config.sounds)
            self._folder.mkdir(parents=True, exist_ok=True)

    def command_for(self, text: str) -> tuple[str, ...]:
        """The AGI command that says this, and lets a key interrupt it. Writes a file the first time."""
        if self._pack is not None:
            try:
                return ("STREAM FILE", quoted(self._file(text)), KEYS)
            except Unspeakable as error:
                self._log.warning("the voice pack cannot say this", text=text, why=str(error))
        name, _, rest = self._config.speak.partition("(")
        plain = "".join(sign for sign in text if sign.isprintable() and sign not in '"|,()\\')
        options = rest.removesuffix(")").format(text=plain, lang=LANGUAGES[self._config.language])
        return ("EXEC", name, quoted(options))

    def _file(self, text: str) -> str:
        """The file's name as Asterisk wants it: without its end."""
        made = self._made.get(text)
        if made is not None:
            return made
        pack, folder = self._pack, self._folder
        assert pack is not None
        assert folder is not None
        said = covered(units(text, pack.language), pack.segments)
        pieces = [pack.segments[each] if each else silence(PAUSE_S, pack.rate_hz) for each in said]
        name = hashlib.blake2b(f"{pack.name}:{text}".encode(), digest_size=12).hexdigest()
        path = folder / (name + RATES[pack.rate_hz])
        fresh = path.with_name(path.name + ".new")
        fresh.write_bytes(Sound(joined(pieces), pack.rate_hz).wav())
        os.replace(fresh, path)
        if len(self._made) > 5000:
            self._made.clear()
        self._made[text] = str(folder / name)
        return self._made[text]
