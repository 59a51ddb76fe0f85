"""How a text becomes sound on an Asterisk: a file made of a voice pack, or an application that speaks.

What must stay true
- A text is put together once while it is used, in a thread: a slow disk stops nobody else's call.
- What the pack has no recording of is spoken by the application, and told in the log: a caller is never left
  in silence.
- Files that no call needed for a day are removed; a code that was read out is not kept for ever.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import trio

from somc_plugins.ivr_fastagi.agi import KEYS as DIGITS
from somc_plugins.ivr_fastagi.agi import LONGEST_COMMAND_BYTES, quoted
from somc_plugins.ivr_fastagi.config import IvrConfig
from somc_plugins.voice.pack import Pack, load_pack
from somc_plugins.voice.reading import Unspeakable, covered, units
from somc_plugins.voice.sound import Sound, joined, silence

__all__ = ["LANGUAGES", "Speech"]

PAUSE_S = 0.25
KEYS = quoted("".join(sorted(DIGITS)))
LANGUAGES = ("zh", "en")
RATES = {8000: ".wav", 16000: ".wav16"}
"""Rates that Asterisk plays, and how such a file's name must end."""

KEPT_S = 86_400
SWEPT_EVERY_S = 3600
MADE_BY_US = "somc-"

SPOKEN_BYTES = LONGEST_COMMAND_BYTES - 200
"""Of one text; the rest of a command is the application's name and what else it is told."""


class Speech:
    """Texts as commands. `ValueError` at the beginning says what is wrong with a pack or with `speak`."""

    def __init__(self, config: IvrConfig, log: Any) -> None:
        self._config = config
        self._log = log
        self._packs: dict[str, Pack] = {}
        self._folder = None if config.sounds is None else Path(config.sounds)
        self._swept_s = 0.0
        other = next(each for each in LANGUAGES if each != config.language)
        for language, folder in ((config.language, config.pack), (other, config.other_pack)):
            if folder is not None:
                if self._folder is None:
                    raise ValueError("a voice pack needs `sounds`, a folder that Asterisk reads")
                self._packs[language] = _checked(load_pack(Path(folder)), language)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        name, bracket, _ = config.speak.partition("(")
        try:
            self.spoken("x", config.language)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise ValueError(f"speak: {config.speak!r} knows {{text}} and {{lang}}, not {error}") from error
        if not name.isidentifier() or not bracket or not config.speak.endswith(")"):
            raise ValueError(f"speak: {config.speak!r} is no application with its arguments: Name({{text}})")

    async def played(self, text: str, language: str) -> tuple[str, ...] | None:
        """The command that plays this from the pack, and lets a key interrupt it; None: the pack cannot."""
        pack = self._packs.get(language)
        if pack is None:
            return None
        try:
            file = await trio.to_thread.run_sync(self._file, text, pack)
        except Unspeakable as error:
            self._log.warning("the voice pack cannot say this", text=text, why=str(error))
        except OSError as error:
            self._log.error("what is to be said cannot be written", folder=str(self._folder), why=str(error))
        else:
            return ("STREAM FILE", quoted(file), KEYS)
        return None

    def spoken(self, text: str, language: str) -> tuple[str, ...]:
        """The command that has an application speak this, and lets a key interrupt it."""
        name, _, rest = self._config.speak.partition("(")
        # Nothing that means something to the dialplan: separators, brackets, variables.
        plain = "".join(sign for sign in text if sign.isprintable() and sign not in '"|,()\\${}[]')
        options = rest.removesuffix(")").format(text=_cut(plain), lang=language)
        return ("EXEC", name, quoted(options))

    def _file(self, text: str, pack: Pack) -> str:
        """The file's name as Asterisk wants it: without its end. Runs in a thread."""
        folder = self._folder
        assert folder is not None
        now_s = time.time()
        if now_s - self._swept_s > SWEPT_EVERY_S:
            self._swept_s = now_s
            _sweep(folder, now_s - KEPT_S)
        digest = hashlib.blake2b(f"{pack.name}:{pack.language}:{text}".encode(), digest_size=12).hexdigest()
        path = folder / f"{MADE_BY_US}{digest}{RATES[pack.rate_hz]}"
        try:
            os.utime(path)
        except FileNotFoundError:
            said = covered(units(text, pack.language), pack.segments)
            pieces = [pack.segments[each] if each else silence(PAUSE_S, pack.rate_hz) for each in said]
            # Two calls may make the same at once: each under a name of its own.
            fresh = path.with_name(f"{path.name}.{os.urandom(4).hex()}.new")
            fresh.write_bytes(Sound(joined(pieces), pack.rate_hz).wav())
            os.replace(fresh, path)
        return str(path.with_suffix(""))


def _checked(pack: Pack, language: str) -> Pack:
    if pack.language != language:
        raise ValueError(f"the voice pack {pack.name!r} speaks {pack.language}, not {language}")
    if pack.rate_hz not in RATES:
        raise ValueError(f"the voice pack is of {pack.rate_hz} Hz; Asterisk plays 8000 and 16000")
    return pack


def _sweep(folder: Path, before_s: float) -> None:
    for path in folder.glob(f"{MADE_BY_US}*"):
        try:
            if path.stat().st_mtime < before_s:
                path.unlink()
        except FileNotFoundError:
            pass  # another hall, which has the same folder, was faster


def _cut(text: str) -> str:
    """As much of it as a command takes, in whole characters. Quoting adds nothing: what it would is gone."""
    return text.encode()[:SPOKEN_BYTES].decode(errors="ignore")
