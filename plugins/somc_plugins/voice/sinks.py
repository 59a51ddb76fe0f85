"""Where the sound goes: a program that plays it, or a folder of WAV files.

    audio://auto   audio://aplay   audio://paplay   audio://ffplay      wav:///var/spool/somc/calls

What must stay true
- `look` says by an `OSError` that the sink is not there now; it makes no sound.
- `play` returns when the sound was played; cancelling it ends the player at once. A player that fails is
  `OSError` with its own words.
- A file stands in the folder whole or not at all, and no more than `KEPT` of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import trio

from somc_hal.links import Target

from .sound import Sound

__all__ = ["KEPT", "PLAYERS", "AudioSink", "Sink", "WavSink", "sink_of"]

KEPT = 100
"""How many files stay in a folder; older ones are deleted."""


class Sink(Protocol):
    """Takes sounds."""

    async def look(self) -> None:
        """Return if it can be used; else `OSError`."""

    async def play(self, sound: Sound) -> None:
        """Return when `sound` was played."""


@dataclass(frozen=True, slots=True)
class Player:
    """A program that plays what comes on its standard input."""

    arguments: Callable[[int], list[str]]
    takes: Callable[[Sound], bytes]


PLAYERS: Mapping[str, Player] = {
    # aplay and paplay cannot seek in a pipe; as raw samples they need not.
    "aplay": Player(
        lambda rate: ["-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(rate), "-"], Sound.raw
    ),
    "paplay": Player(lambda rate: ["--raw", "--format=s16le", "--channels=1", f"--rate={rate}"], Sound.raw),
    "ffplay": Player(lambda rate: ["-nodisp", "-autoexit", "-loglevel", "error", "-i", "-"], Sound.wav),
}
"""In the order in which `audio://auto` looks for them."""


class AudioSink:
    """Plays by a program of this machine."""

    def __init__(self, player: str) -> None:
        self._names = tuple(PLAYERS) if player == "auto" else (player,)

    def _found(self) -> tuple[str, str]:
        for name in self._names:
            if (program := shutil.which(name)) is not None:
                return name, program
        raise FileNotFoundError(
            f"no {' or '.join(self._names)} on this machine; install alsa-utils for aplay"
        )

    async def look(self) -> None:
        await trio.to_thread.run_sync(self._found)

    async def play(self, sound: Sound) -> None:
        name, program = await trio.to_thread.run_sync(self._found)
        player = PLAYERS[name]
        done = await trio.run_process(
            [program, *player.arguments(sound.rate_hz)],
            stdin=player.takes(sound),
            stdout=subprocess.DEVNULL,
            capture_stderr=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[-200:]
            raise OSError(f"{name} ended with {done.returncode}: {said}")


class WavSink:
    """Writes each announcement as a file, `00000001.wav` and so on. It takes no time to play."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def look(self) -> None:
        await trio.to_thread.run_sync(self._checked)

    def _checked(self) -> None:
        if not self._folder.is_dir():
            raise FileNotFoundError(f"{self._folder}: no such folder; make it: mkdir -p {self._folder}")
        if not os.access(self._folder, os.W_OK):
            raise PermissionError(f"{self._folder}: cannot be written to")

    async def play(self, sound: Sound) -> None:
        await trio.to_thread.run_sync(self._write, sound.wav())

    def _write(self, data: bytes) -> None:
        there = sorted(self._folder.glob("????????.wav"))
        number = int(there[-1].stem) + 1 if there and there[-1].stem.isdigit() else 1
        unfinished = self._folder / "unfinished"
        unfinished.write_bytes(data)
        unfinished.replace(self._folder / f"{number:08}.wav")
        for old in there[: max(0, len(there) + 1 - KEPT)]:
            old.unlink(missing_ok=True)


def sink_of(url: str) -> Sink:
    """The sink behind `url`. `ValueError` for a URL that is none."""
    target = Target(url)
    if target.scheme == "wav":
        return WavSink(Path(target.path))
    if target.scheme != "audio":
        raise ValueError(f"device URL {url!r}: the voice needs audio://PLAYER or wav:///FOLDER")
    if target.host != "auto" and target.host not in PLAYERS:
        allowed = ", ".join(("auto", *PLAYERS))
        raise ValueError(f"device URL {url!r}: found player {target.host!r}; allowed: {allowed}")
    return AudioSink(target.host)
