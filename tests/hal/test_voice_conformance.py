"""The voice passes the conformance kit: its wire is a program, its cable the place where the program lies.

The player is a real process. It keeps what it is given, sample by sample, and while it is told to hold, it
plays until it is ended. What was said is read back from the samples.
"""

from __future__ import annotations

import os
import shutil
import signal
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from somc_hal.testing import Check, checks_for, simulated
from somc_hal.turn import Turn
from somc_hal.values import Phrase
from somc_plugins.voice import DRIVERS
from somc_plugins.voice.sound import Sound
from tests.hal.test_voice import heard, make_pack

(SPEC,) = DRIVERS
URL = "audio://aplay"

PLAYER = """#!/bin/sh
name=$(printf %06d $(ls {folder}/sounds | wc -l))
cat > {folder}/sounds/$name.playing
if [ -e {folder}/hold ]; then echo $$ > {folder}/held-$name; exec sleep 3600; fi
mv {folder}/sounds/$name.playing {folder}/sounds/$name.whole
"""

DIGITS = {sign: str(digit) for digit, sign in enumerate("零幺二三四五六七八九")}

LOOK_S = 0.005


@dataclass(frozen=True)
class Said:
    """One announcement: its text, and whether it was played to its end."""

    phrases: tuple[Phrase, ...]
    whole: bool


class Loudspeaker:
    """What the player got, as the kit looks at an announcer."""

    CHECKED = False
    NOISE = b""

    def __init__(self, folder: Path, words: dict[int, str]) -> None:
        self.changed = Turn()
        self.retransmit_s = 0.0
        self.folder = folder
        self._words = words
        self._forgotten = 0
        self.s_per_cell = 0.0

    @property
    def s_per_cell(self) -> float:
        return 3600.0 if (self.folder / "hold").exists() else 0.0

    @s_per_cell.setter
    def s_per_cell(self, seconds: float) -> None:
        if seconds:
            (self.folder / "hold").touch()
        else:
            (self.folder / "hold").unlink(missing_ok=True)

    def sounds(self) -> list[Path]:
        return sorted((self.folder / "sounds").iterdir())

    @property
    def raw(self) -> bytes:
        return b"".join(file.read_bytes() for file in self.sounds())

    @property
    def holding(self) -> int | None:
        """The process that has all of an announcement and plays it, and does not come to its end."""
        files = self.sounds()
        if not files or files[-1].suffix != ".playing":
            return None
        held = self.folder / f"held-{files[-1].stem}"
        pid = held.read_text().strip() if held.exists() else ""
        return int(pid) if pid and Path(f"/proc/{pid}").exists() else None

    @property
    def speaking(self) -> bool:
        return self.holding is not None

    @property
    def spoken(self) -> list[Said]:
        since = self.sounds()[self._forgotten :]
        return [Said((Phrase(self._text(file)),), file.suffix == ".whole") for file in since]

    def _text(self, file: Path) -> str:
        samples: array[int] = Sound.of_bytes(file.read_bytes(), 8000).samples
        signs = [sign for sign in heard(samples, self._words) if sign != ","]
        return "".join(DIGITS.get(sign, f"{sign} " if sign == "请" else sign) for sign in signs)

    def noise(self, data: bytes) -> None:
        """It has no line on which there could be any."""

    def power_off(self) -> None:
        """It is silent, and nobody remembers what it said."""
        self._forgotten = len(self.sounds())

    def power_on(self) -> None:
        """It plays again."""


class Shelf:
    """Where the player lies: without it the voice has nothing to play with, and what plays breaks off."""

    def __init__(self, loudspeaker: Any) -> None:
        self._loudspeaker = loudspeaker
        self._program = loudspeaker.folder / "bin" / "aplay"

    async def run(self, *, task_status: trio.TaskStatus[str]) -> None:
        task_status.started(URL)
        while True:  # a folder tells nobody that it has changed
            await trio.sleep(LOOK_S)
            self._loudspeaker.changed.turn()

    async def unplug(self) -> None:
        await trio.lowlevel.checkpoint()
        self._program.rename(self._program.with_name("away"))
        if (pid := self._loudspeaker.holding) is not None:
            os.kill(pid, signal.SIGTERM)

    async def replug(self) -> None:
        await trio.lowlevel.checkpoint()
        self._program.with_name("away").rename(self._program)


def _name(check: Check) -> str:
    return getattr(check, "__name__", "check")


@pytest.mark.parametrize("check", checks_for(SPEC, url=URL), ids=_name)
async def test_the_voice_conforms(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = make_pack(tmp_path / "zh", "zh")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "aplay"
    program.write_text(PLAYER.format(folder=tmp_path))
    program.chmod(0o755)
    tools = [str(Path(found).parent) for found in map(shutil.which, ("cat", "ls", "wc", "mv")) if found]
    monkeypatch.setenv("PATH", ":".join([str(program.parent), *tools]))

    def loudspeaker() -> Any:
        shutil.rmtree(tmp_path / "sounds", ignore_errors=True)
        for held in tmp_path.glob("held-*"):
            held.unlink()
        (tmp_path / "sounds").mkdir()
        return Loudspeaker(tmp_path, words)

    options = {"chime": False, "look_s": 0.05, "packs": (str(tmp_path / "zh"),)}
    await check(simulated(SPEC, simulator=loudspeaker, options=options, host=Shelf))


def test_no_rule_for_announcers_is_left_out() -> None:
    names = {_name(check) for check in checks_for(SPEC, url=URL)}
    assert names >= {
        "speech_can_be_interrupted_and_cancelled",
        "speech_cut_by_a_lost_line_is_not_repeated",
        "unplugging_is_reported_and_replugging_recovers",
        "a_one_way_device_is_never_said_to_confirm",
    }
