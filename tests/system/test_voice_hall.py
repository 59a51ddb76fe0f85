"""A running hall calls by voice, out of packs of its own builder: by espeak-ng where it is, else of tones."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import httpx
import trio

from somc.announce.wording import call_text
from somc_plugins.voice import build
from somc_plugins.voice.pack import load_pack
from somc_plugins.voice.reading import covered, units
from somc_plugins.voice.sound import PAUSE_S, chime, silence
from tests.server.rig import HALL
from tests.system.process import PATIENCE_S, started

BASE = "/api/v1"

TOML = """
[plugins]
enabled = ["standard_devices", "voice"]

[announcements]
languages = ["zh", "en"]

[device.voice]
driver = "voice"
url = "wav://{folder}/calls"
options = {{ packs = ["{folder}/zh", "{folder}/en"], volume = 100 }}
"""


async def test_a_call_is_written_as_it_is_to_be_heard(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    how = [] if shutil.which("espeak-ng") else ["--tones"]
    for language in ("zh", "en"):
        assert build.main([str(tmp_path / language), "--language", language, *how]) == 0
    async with started(tmp_path, HALL + TOML.format(folder=tmp_path)) as hall, hall.client() as client:
        await client.post(f"{BASE}/counters/1/open", json={"agent": "li"})
        await client.post(f"{BASE}/tickets", json={"service": "payment"})
        with trio.fail_after(PATIENCE_S):
            while not await _online(client):  # noqa: ASYNC110 - a poll over HTTP
                await trio.sleep(0.02)
        assert (await client.post(f"{BASE}/counters/1/call-next")).status_code == 200
        file = tmp_path / "calls" / "00000001.wav"
        with trio.fail_after(PATIENCE_S):
            while not file.exists():  # noqa: ASYNC110 - a folder tells nobody that it has changed
                await trio.sleep(0.02)
        assert await hall.stop() == 0
    rate, samples = 0, 0
    for language in ("zh", "en"):
        pack = load_pack(tmp_path / language)
        rate = pack.rate_hz
        for piece in covered(units(call_text("A001", 1, language), language), pack.segments):
            samples += len(pack.segments[piece]) if piece else len(silence(PAUSE_S, rate))
    with wave.open(str(file)) as written:
        assert written.getframerate() == rate
        assert written.getnframes() == len(chime(rate)) + samples


async def _online(client: httpx.AsyncClient) -> bool:
    (device,) = (await client.get(f"{BASE}/devices")).json()
    return bool(device["status"] == "online")
