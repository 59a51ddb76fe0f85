"""A voice pack: a folder of WAV recordings with `pack.toml`, which says what each of them says.

    [pack]
    name = "…"   language = "zh"   licence = "…"

    [segments]
    "请" = "qing.wav"
    "号台席办理业务" = "counter.wav"

What must stay true
- All recordings are 16-bit mono of one rate, so that putting them together copies samples and nothing else.
- A pack is read once, whole and bounded; a wrong one is a `PackError` that names file, key and remedy.
- It says under which licence its recordings may be used. One that does not is refused.
"""

from __future__ import annotations

import tomllib
import wave
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .reading import LANGUAGES, PAUSE, units
from .sound import Sound

__all__ = ["INDEX", "Pack", "PackError", "load_pack", "read_wav"]

INDEX = "pack.toml"
LIMIT_BYTES = 64_000_000
"""Of all recordings of a pack: a hundred phrases of two seconds in the best quality are a third of it."""


class PackError(ValueError):
    """A voice pack cannot be used; the text names the file and what is allowed."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Recordings of one language by the units they say."""

    name: str
    language: str
    licence: str
    rate_hz: int
    segments: Mapping[tuple[str, ...], array[int]]


def load_pack(folder: Path) -> Pack:
    """The pack in `folder`. Reads files; `PackError` if it cannot be used."""
    index = folder / INDEX
    try:
        document = tomllib.loads(index.read_text(encoding="utf-8"))
    except OSError as error:
        raise PackError(f"{index}: {error.strerror}; a voice pack is a folder with {INDEX}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackError(f"{index}: {error}") from None
    about = document.get("pack")
    about = about if isinstance(about, dict) else {}
    for key in ("name", "language", "licence"):
        if not isinstance(about.get(key), str) or not about[key].strip():
            raise PackError(f"{index}: pack.{key}: found {about.get(key)!r}; allowed: a text, not empty")
    if about["language"] not in LANGUAGES:
        found = about["language"]
        raise PackError(f"{index}: pack.language: found {found!r}; allowed: {', '.join(LANGUAGES)}")
    sounds = _sounds(folder, index, document.get("segments"), about["language"])
    rates = {sound.rate_hz for sound in sounds.values()}
    if len(rates) != 1:
        raise PackError(f"{index}: segments: found rates of {sorted(rates)} Hz; allowed: one for all of them")
    segments = {said: sound.samples for said, sound in sounds.items()}
    return Pack(about["name"], about["language"], about["licence"], rates.pop(), segments)


def _sounds(folder: Path, index: Path, listed: Any, language: str) -> dict[tuple[str, ...], Sound]:
    if not isinstance(listed, dict) or not listed:
        raise PackError(f'{index}: segments: found {listed!r}; allowed: a table of "TEXT" = "FILE.wav"')
    sounds: dict[tuple[str, ...], Sound] = {}
    total = 0
    for text, name in listed.items():
        said = tuple(unit for unit in units(text, language) if unit != PAUSE)
        if not said or not isinstance(name, str) or Path(name).name != name:
            raise PackError(
                f'{index}: segments: found {text!r} = {name!r}; allowed: "TEXT" = "FILE.wav", beside it'
            )
        sounds[said] = read_wav(folder / name)
        total += 2 * len(sounds[said].samples)
        if total > LIMIT_BYTES:
            raise PackError(f"{index}: the recordings are longer than {LIMIT_BYTES} bytes; use a lower rate")
    return sounds


def read_wav(file: Path) -> Sound:
    """A 16-bit mono recording. `PackError` for any other."""
    try:
        with wave.open(str(file), "rb") as opened:
            form = (opened.getsampwidth(), opened.getnchannels())
            if form != (2, 1):
                raise PackError(
                    f"{file}: found {8 * form[0]} bits, {form[1]} channels; allowed: 16 bits, 1 channel "
                    f"(ffmpeg -i {file.name} -ac 1 -sample_fmt s16 new.wav)"
                )
            return Sound.of_bytes(opened.readframes(LIMIT_BYTES // 2), opened.getframerate())
    except OSError as error:
        raise PackError(f"{file}: {error.strerror}; the index names it") from None
    except (wave.Error, EOFError) as error:
        raise PackError(f"{file}: {error or 'it ends too early'}; allowed: a WAV file (PCM)") from None
