"""Builds a fallback voice pack with espeak-ng: `python -m somc_plugins.voice.build FOLDER --language zh`.

With `--tones` each segment is a few notes of its own instead: nobody understands them, but loudspeakers,
volume and the whole way of a call can be tried on a machine without espeak-ng.

espeak-ng (GPL-3.0-or-later, Debian package `espeak-ng`) runs as a process of its own; nothing of it is
linked or shipped. Mandarin goes in as pinyin with tone numbers: espeak-ng 1.51, Debian's,
reads Hanzi as English.

What must stay true: the pack says all that a call of this version can say; a test holds that against the
wording.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import string
import subprocess
import sys
import wave
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

from .pack import INDEX, load_pack
from .sound import Sound, note

__all__ = ["TEXTS", "build", "main", "tones", "trimmed"]

PINYIN: Mapping[str, str] = {
    **dict(
        zip(
            "零一二三四五六七八九",
            ["ling2", "yi1", "er4", "san1", "si4", "wu3", "liu4", "qi1", "ba1", "jiu3"],
            strict=True,
        )
    ),
    "幺": "yao1",
    "十": "shi2",
    "百": "bai3",
    "请": "qing3",
    "号": "hao4",
    "到": "dao4",
    "号到": "hao4 dao4",
    "号台席办理业务": "hao4 tai2 xi2 ban4 li3 ye4 wu4",
}
"""Tone sandhi is written out where a word stands alone: 一 in a number is yi1."""

WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "and",
]

TEXTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "zh": {
        **{text: ("cmn-latn-pinyin", pinyin) for text, pinyin in PINYIN.items()},
        **{letter: ("en-gb", letter) for letter in string.ascii_uppercase},
    },
    "en": {
        **{text: ("en-gb", text) for text in (*WORDS, "ticket", "please go to counter")},
        **{letter: ("en-gb", letter) for letter in string.ascii_uppercase},
    },
}
"""By language: what a segment says, with the voice of espeak-ng and what that is given."""

QUIET = 200
"""Samples below this at both ends of a recording are silence."""

LICENCE = (
    "Synthesised by espeak-ng, a program under GPL-3.0-or-later, from SOMC's word list. SOMC claims no "
    "rights in these recordings."
)


TONES_LICENCE = "Computed tones; SOMC claims no rights in them."
TONE_S, TONE_RATE_HZ = 0.08, 16_000


def spoken(program: str, voice: str, text: str) -> Sound:
    """What espeak-ng says. `OSError` if it fails."""
    done = subprocess.run(
        [program, "-v", voice, "-s", "150", "--stdin", "--stdout"],
        input=text.encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode or not done.stdout:
        raise OSError(f"{program}: {done.stderr.decode(errors='replace').strip() or 'said nothing'}")
    with wave.open(io.BytesIO(done.stdout), "rb") as opened:
        # Its header promises two gigabytes, since it is written before the sound is known.
        rate_hz = opened.getframerate()
        return Sound.of_bytes(opened.readframes(min(opened.getnframes(), 60 * rate_hz)), rate_hz)


def trimmed(samples: array[int]) -> array[int]:
    """Without the silence at both ends: it would make a pause inside a number."""
    loud = [place for place, sample in enumerate(samples) if abs(sample) >= QUIET]
    return samples[loud[0] : loud[-1] + 1] if loud else samples[:0]


def tones(number: int) -> Sound:
    """Three notes that no other segment has in this order: its number, on a scale of ten notes."""
    samples = array("h")
    for digit in f"{number:03}":
        samples.extend(note(220.0 * 2 ** (int(digit) / 5), TONE_S, TONE_RATE_HZ))
    return Sound(samples, TONE_RATE_HZ)


def build(folder: Path, language: str, program: str | None) -> int:
    """Write the pack, without a `program` as tones; how many segments it has. `OSError` if the folder is not
    empty or espeak-ng fails."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise OSError(f"{folder}: is not empty; name another folder")
    lines = [
        "[pack]",
        f'name = "{"tones" if program is None else "fallback"} {language}"',
        f'language = "{language}"',
        f"licence = {json.dumps(TONES_LICENCE if program is None else LICENCE)}",
        "",
        "[segments]",
    ]
    for number, (text, (voice, given)) in enumerate(TEXTS[language].items(), 1):
        sound = tones(number) if program is None else spoken(program, voice, given)
        name = f"{number:03}.wav"
        (folder / name).write_bytes(Sound(trimmed(sound.samples), sound.rate_hz).wav())
        lines.append(f'"{text}" = "{name}"')
    (folder / INDEX).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(load_pack(folder).segments)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 done, 1 failed."""
    parser = argparse.ArgumentParser(
        prog="python -m somc_plugins.voice.build", description="Build a fallback voice pack with espeak-ng."
    )
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--language", choices=sorted(TEXTS), required=True)
    parser.add_argument(
        "--tones", action="store_true", help="notes instead of words: to try the way of a call"
    )
    asked = parser.parse_args(arguments)
    program = None if asked.tones else shutil.which("espeak-ng")
    if program is None and not asked.tones:
        print(
            "espeak-ng is not on this machine; on Debian: apt-get install espeak-ng (or --tones, to try the "
            "loudspeakers)",
            file=sys.stderr,
        )
        return 1
    try:
        count = build(asked.folder, asked.language, program)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"wrote {asked.folder}: {count} segments")
    return 0


if __name__ == "__main__":
    sys.exit(main())
