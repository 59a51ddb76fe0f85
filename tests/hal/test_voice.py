"""The voice plugin: reading, packs, samples, sinks, and the driver with a player that tests can look into."""

from __future__ import annotations

import os
import re
import shutil
import wave
from array import array
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trio

from somc.announce.speech import Call, Speaker
from somc.announce.wording import call_text
from somc.composition import load_config
from somc.config import AnnouncementSettings
from somc_hal.drivers import driver_spec
from somc_hal.errors import DeviceBusy, DeviceOffline, DeviceTimeout, Interrupted, OutcomeUnknown, Unsupported
from somc_hal.links import check_url, open_link
from somc_hal.status import DeviceState, DeviceStatus, Truth
from somc_hal.testing.rules.bench_rule import raises
from somc_hal.values import Phrase
from somc_plugins.voice import DRIVERS, build
from somc_plugins.voice.build import TEXTS
from somc_plugins.voice.driver import VoiceAnnouncer
from somc_plugins.voice.pack import PackError, load_pack
from somc_plugins.voice.reading import PAUSE, Unspeakable, covered, units
from somc_plugins.voice.sinks import KEPT, WavSink, sink_of
from somc_plugins.voice.sound import Sound, chime, scaled
from tests.hal.test_driver_pages import HALL, default

DOCS = Path(__file__).resolve().parents[2] / "docs"
RATE_HZ = 8000
UNIT = 80
"""Samples of each recording in the test packs."""

PATIENCE_S = 20.0


def make_pack(folder: Path, language: str, *, rate_hz: int = RATE_HZ, licence: str = "CC0") -> dict[int, str]:
    """A pack whose n-th recording is the sample n over and over; what each sample says."""
    folder.mkdir(parents=True)
    index = f'[pack]\nname = "test {language}"\nlanguage = "{language}"\nlicence = "{licence}"\n[segments]\n'
    said = {}
    for number, text in enumerate(TEXTS[language], 1000 if language == "en" else 100):
        (folder / f"{number}.wav").write_bytes(Sound(array("h", [number] * UNIT), rate_hz).wav())
        index += f'"{text}" = "{number}.wav"\n'
        said[number] = text
    (folder / "pack.toml").write_text(index, encoding="utf-8")
    return said


def heard(samples: array[int], said: dict[int, str]) -> list[str]:
    """What the samples say; a run of silence is a comma."""
    words: list[str] = []
    place = 0
    while place < len(samples):
        if samples[place]:
            words.append(said[samples[place]])
            place += UNIT
        else:
            words.append(",")
            while place < len(samples) and not samples[place]:
                place += 1
    return words


def samples_of(file: Path) -> array[int]:
    with wave.open(str(file)) as opened:
        return Sound.of_bytes(opened.readframes(opened.getnframes()), opened.getframerate()).samples


# --- reading -----------------------------------------------------------------------------------------


def test_mandarin_is_read_sign_by_sign_and_the_one_can_be_chosen() -> None:
    text = call_text("A016", 12, "zh")
    assert units(text, "zh") == [*"请A零幺六号到十二号台席办理业务", PAUSE]
    assert units(text, "zh", one="一") == [*"请A零一六号到十二号台席办理业务", PAUSE]
    assert units("a016", "zh") == [*"A零幺六"]


def test_zero_is_read_inside_a_counters_number() -> None:
    assert "".join(units(call_text("B100", 105, "zh"), "zh")) == "请B幺零零号到一百零五号台席办理业务"


def test_english_reads_the_number_by_digits_and_the_counter_as_a_number() -> None:
    said = units(call_text("A016", 12, "en"), "en")
    assert said == [
        "ticket",
        "a",
        "zero",
        "one",
        "six",
        PAUSE,
        "please",
        "go",
        "to",
        "counter",
        "twelve",
        PAUSE,
    ]


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("0", "zero"),
        ("10", "ten"),
        ("40", "forty"),
        ("99", "ninety nine"),
        ("100", "one hundred"),
        ("105", "one hundred and five"),
        ("111", "one hundred and eleven"),
        ("007", "zero zero seven"),
        ("1000", "one zero zero zero"),
    ],
)
def test_english_numbers(digits: str, words: str) -> None:
    assert " ".join(units(digits, "en")) == words


def test_the_longest_recordings_are_taken_and_a_gap_is_refused() -> None:
    segments: dict[tuple[str, ...], int] = {("号",): 1, ("号", "到"): 2, ("到",): 3, ("号", "到", "五"): 4}
    assert covered([*"号到五", PAUSE, *"号到"], segments) == [("号", "到", "五"), (), ("号", "到")]
    with pytest.raises(Unspeakable, match="七"):
        covered([*"号到七"], segments)


def test_a_built_pack_says_every_call_there_can_be() -> None:
    for language, texts in TEXTS.items():
        segments = {tuple(units(text, language)): text for text in texts}
        for counter in range(1, 1000):
            for one in ("幺", "一"):
                text = call_text(f"{chr(65 + counter % 26)}{counter:03}", counter, language)
                assert covered(units(text, language, one=one), segments)


# --- packs and samples ---------------------------------------------------------------------------------


def test_a_pack_is_its_recordings_by_what_they_say(tmp_path: Path) -> None:
    make_pack(tmp_path / "zh", "zh")
    pack = load_pack(tmp_path / "zh")
    assert (pack.language, pack.licence, pack.rate_hz) == ("zh", "CC0", RATE_HZ)
    assert pack.segments[tuple("号台席办理业务")] == array(
        "h", [100 + list(TEXTS["zh"]).index("号台席办理业务")] * UNIT
    )


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "pack.toml").unlink(), "pack.toml"),
        (lambda folder: (folder / "100.wav").unlink(), "the index names it"),
        (lambda folder: (folder / "100.wav").write_bytes(b"RIFF"), "allowed: a WAV file"),
        (lambda folder: (folder / "100.wav").write_bytes(Sound(array("h", [1]), 44100).wav()), "one for all"),
        (lambda folder: (folder / "pack.toml").write_text("[pack"), "pack.toml"),
        (lambda folder: _edit(folder, 'licence = "CC0"', 'licence = " "'), "pack.licence"),
        (lambda folder: _edit(folder, 'language = "zh"', 'language = "yue"'), "allowed: zh, en"),
        (lambda folder: _edit(folder, '"100.wav"', '"../100.wav"'), "beside it"),
    ],
)
def test_a_wrong_pack_says_what_is_wrong(spoil: Callable[[Path], Any], words: str, tmp_path: Path) -> None:
    folder = tmp_path / "zh"
    make_pack(folder, "zh")
    spoil(folder)
    with pytest.raises(PackError, match=re.escape(words)):
        load_pack(folder)


def _edit(folder: Path, old: str, new: str) -> None:
    file = folder / "pack.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_stereo_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    make_pack(tmp_path / "zh", "zh")
    with wave.open(str(tmp_path / "zh" / "100.wav"), "wb") as opened:
        opened.setnchannels(2)
        opened.setsampwidth(2)
        opened.setframerate(RATE_HZ)
    with pytest.raises(PackError, match="2 channels; allowed: 16 bits, 1 channel"):
        load_pack(tmp_path / "zh")


def test_volume_scales_and_never_overflows() -> None:
    assert scaled(array("h", [-32768, 32767, 100, -1]), 50) == array("h", [-16384, 16383, 50, -1])
    assert max(map(abs, chime(RATE_HZ))) < 10000


# --- the driver ----------------------------------------------------------------------------------------


@pytest.fixture
def packs(tmp_path: Path) -> dict[int, str]:
    return make_pack(tmp_path / "zh", "zh") | make_pack(tmp_path / "en", "en")


def voice(
    tmp_path: Path, url: str = "", statuses: list[DeviceStatus] | None = None, **options: Any
) -> VoiceAnnouncer:
    now = options.pop("now", None)
    if not url:
        (tmp_path / "calls").mkdir(exist_ok=True)
        url = f"wav://{tmp_path / 'calls'}"
    chosen = {
        "packs": [str(tmp_path / "zh"), str(tmp_path / "en")],
        "chime": False,
        "look_s": 0.05,
        **options,
    }
    more: dict[str, Any] = {} if now is None else {"now": lambda: now}
    if statuses is not None:
        more["on_status"] = statuses.append
    return VoiceAnnouncer("voice", url, chosen, **more)


CALL = [Phrase(call_text("A016", 12, "zh"), "zh"), Phrase(call_text("A016", 12, "en"), "en")]
ZH = ["请", "A", "零", "幺", "六", "号到", "十", "二", "号台席办理业务", ","]
EN = ["ticket", "A", "zero", "one", "six", ",", "please go to counter", "twelve", ","]


async def test_a_call_is_put_together_in_both_languages_and_repeated(
    tmp_path: Path, packs: dict[int, str]
) -> None:
    device = voice(tmp_path)
    assert device.capabilities.languages == ("zh", "en")
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        assert await device.announce(CALL * 2, timeout_s=PATIENCE_S) is Truth.UNKNOWN
        assert device.status.confirmed is Truth.UNKNOWN
        nursery.cancel_scope.cancel()
    assert heard(samples_of(tmp_path / "calls" / "00000001.wav"), packs) == (ZH + EN) * 2


async def test_two_notes_come_before_it(tmp_path: Path, packs: dict[int, str]) -> None:
    device = voice(tmp_path, chime=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        await device.announce(CALL, timeout_s=PATIENCE_S)
        nursery.cancel_scope.cancel()
    samples = samples_of(tmp_path / "calls" / "00000001.wav")
    notes = chime(RATE_HZ)
    assert samples[: len(notes)] == notes
    assert heard(samples[len(notes) :], packs) == ZH + EN


@pytest.mark.parametrize(
    ("hour", "percent"), [(12, 80), (20, 80), (21, 30), (23, 30), (3, 30), (7, 30), (8, 80)]
)
def test_nights_are_quieter(hour: int, percent: int, tmp_path: Path, packs: dict[int, str]) -> None:
    at = datetime(2026, 3, 1, hour, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
    device = voice(
        tmp_path, volume=80, night_volume=30, night="21:00-08:00", timezone="Asia/Shanghai", now=at
    )
    assert device.volume_now() == percent


async def test_the_volume_is_in_the_samples(tmp_path: Path, packs: dict[int, str]) -> None:
    device = voice(tmp_path, volume=50)
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        await device.announce([Phrase("请", "zh")], timeout_s=PATIENCE_S)
        nursery.cancel_scope.cancel()
    number = next(number for number, text in packs.items() if text == "请")
    assert samples_of(tmp_path / "calls" / "00000001.wav") == array("h", [number // 2] * UNIT)


async def test_what_cannot_be_said_whole_is_refused_before_a_sound(
    tmp_path: Path, packs: dict[int, str]
) -> None:
    device = voice(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        await device.wait_online()
        for phrase in (Phrase("请Ö号", "zh"), Phrase("hello", "x-none")):
            await raises(Unsupported, device.announce([phrase]))
        nursery.cancel_scope.cancel()
    assert not list((tmp_path / "calls").iterdir())


async def test_a_missing_folder_is_told_and_holds_up_nobody(tmp_path: Path, packs: dict[int, str]) -> None:
    statuses: list[DeviceStatus] = []
    device = voice(tmp_path, f"wav://{tmp_path / 'later'}", statuses)
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        await raises(DeviceOffline, device.announce(CALL, timeout_s=0.1))
        assert device.status.state is DeviceState.NO_DEVICE
        assert "mkdir -p" in device.status.detail
        (tmp_path / "later").mkdir()
        with trio.fail_after(PATIENCE_S):
            await device.wait_online()
        await device.announce(CALL)
        nursery.cancel_scope.cancel()
    assert [status.serving for status in statuses] == [False, True, False]


async def test_a_folder_keeps_the_newest_files(tmp_path: Path) -> None:
    sink = WavSink(tmp_path)
    for _ in range(KEPT + 3):
        await sink.play(Sound(array("h", [1]), RATE_HZ))
    names = sorted(os.listdir(tmp_path))
    assert names == [f"{number:08}.wav" for number in range(4, KEPT + 4)]


PLAYER = """#!/bin/sh
echo "$@" > {folder}/arguments
cat > {folder}/sound
touch {folder}/playing
{then}
"""


def player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, name: str = "aplay") -> Path:
    """A program in the place of a player, which keeps what it is given."""
    folder = tmp_path / "player"
    folder.mkdir()
    program = folder / name
    program.write_text(PLAYER.format(folder=folder, then=then))
    program.chmod(0o755)
    tools = [str(Path(found).parent) for found in map(shutil.which, ("cat", "touch", "mkdir")) if found]
    monkeypatch.setenv("PATH", ":".join([str(folder), *tools]))
    return folder


async def test_a_player_is_given_the_samples(
    tmp_path: Path, packs: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = player(tmp_path, monkeypatch, "exit 0")
    device = voice(tmp_path, "audio://auto")
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        assert await device.announce(CALL, timeout_s=PATIENCE_S) is Truth.UNKNOWN
        nursery.cancel_scope.cancel()
    assert (folder / "arguments").read_text() == "-q -t raw -f S16_LE -c 1 -r 8000 -\n"
    assert heard(Sound.of_bytes((folder / "sound").read_bytes(), RATE_HZ).samples, packs) == ZH + EN


async def test_ffplay_is_given_a_wav_file(
    tmp_path: Path, packs: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = player(tmp_path, monkeypatch, "exit 0", "ffplay")
    device = voice(tmp_path, "audio://ffplay")
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        await device.announce(CALL, timeout_s=PATIENCE_S)
        nursery.cancel_scope.cancel()
    assert heard(samples_of(folder / "sound"), packs) == ZH + EN


async def _playing(folder: Path) -> None:
    with trio.fail_after(PATIENCE_S):
        while not (folder / "playing").exists():  # noqa: ASYNC110  # another process makes the file
            await trio.sleep(0.01)
    (folder / "playing").unlink()


async def test_speech_is_stopped_by_a_word_or_by_its_caller_and_the_next_one_speaks(
    tmp_path: Path, packs: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # `exec`: what is ended must be the player itself.
    folder = player(tmp_path, monkeypatch, f"[ -e {tmp_path}/short ] || exec sleep 3600")
    device = voice(tmp_path, "audio://aplay")
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        with trio.fail_after(PATIENCE_S):
            await device.wait_online()
        async with trio.open_nursery() as speaking:
            speaking.start_soon(raises, Interrupted, device.announce(CALL))
            await _playing(folder)
            assert device.speaking
            await raises(DeviceBusy, device.announce(CALL))
            await device.interrupt()
        async with trio.open_nursery() as speaking:
            speaking.start_soon(device.announce, CALL)
            await _playing(folder)
            speaking.cancel_scope.cancel()
        assert not device.speaking
        (tmp_path / "short").touch()
        assert await device.announce(CALL) is Truth.UNKNOWN
        nursery.cancel_scope.cancel()


async def test_calls_that_come_at_once_are_played_one_after_the_other(
    tmp_path: Path, packs: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = player(tmp_path, monkeypatch, "")
    # A player that finds another one playing says so; each keeps what it played.
    (folder / "aplay").write_text(
        f"#!/bin/sh\nmkdir {folder}/busy || touch {folder}/overlap\n"
        f"cat > {folder}/$$.raw\necho $$.raw >> {folder}/order\nsleep 0.1\nrmdir {folder}/busy\n"
    )
    device = voice(tmp_path, "audio://aplay")
    settings = AnnouncementSettings(languages=("zh",), repeat=1, stale_after_s=30)
    speaker = Speaker(device, settings, lambda call: call.number != "A002")  # the second has left
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        with trio.fail_after(PATIENCE_S):
            await device.wait_online()
            for number in (1, 2, 3):
                speaker.add(Call(f"t{number}", f"A00{number}", 1, 0))
            nursery.start_soon(speaker.run)
            while speaker.spoken < 2:  # noqa: ASYNC110  # a speaker has no event for having spoken
                await trio.sleep(0.02)
        nursery.cancel_scope.cancel()
    assert (speaker.spoken, speaker.dropped) == (2, 1)
    assert "overlap" not in os.listdir(folder)
    played = [(folder / name).read_bytes() for name in (folder / "order").read_text().split()]
    numbers = [heard(Sound.of_bytes(sound, RATE_HZ).samples, packs)[4] for sound in played]
    assert numbers == ["幺", "三"]


async def test_a_player_that_fails_or_hangs_is_told(
    tmp_path: Path, packs: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = player(tmp_path, monkeypatch, "echo no such card >&2; exit 1")
    device = voice(tmp_path, "audio://auto", speech_timeout_s=2.0)
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        with pytest.raises(OutcomeUnknown, match="aplay ended with 1: no such card"):
            await device.announce(CALL, timeout_s=PATIENCE_S)
        (folder / "aplay").write_text("#!/bin/sh\nexec sleep 3600\n")
        await raises(DeviceTimeout, device.announce(CALL))
        assert not device.speaking
        nursery.cancel_scope.cancel()


async def test_without_a_player_it_is_away(
    tmp_path: Path, packs: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    device = voice(tmp_path, "audio://auto")
    async with trio.open_nursery() as nursery:
        await nursery.start(device.run)
        await raises(DeviceOffline, device.announce(CALL, timeout_s=0.1))
        assert device.status.state is DeviceState.NO_DEVICE
        assert "install alsa-utils" in device.status.detail
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("audio://mpv", {}, "allowed: auto, aplay, paplay, ffplay"),
        ("tcp://host:1", {}, "audio://PLAYER or wav:///FOLDER"),
        ("", {"night": "late"}, "two times such as"),
        ("", {"timezone": "Moon/Crater"}, "a name such as"),
        ("", {"packs": ["nowhere"]}, "a voice pack is a folder"),
        ("", {"volume": 101}, "from 0 to 100"),
    ],
)
def test_a_wrong_option_says_what_is_allowed(
    url: str, options: dict[str, Any], words: str, tmp_path: Path, packs: dict[int, str]
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        voice(tmp_path, url, **options)


def test_two_packs_need_two_languages_and_one_rate(tmp_path: Path, packs: dict[int, str]) -> None:
    make_pack(tmp_path / "other", "en", rate_hz=16000)
    with pytest.raises(ValueError, match="packs of one rate"):
        voice(tmp_path, packs=[str(tmp_path / "zh"), str(tmp_path / "other")])
    with pytest.raises(ValueError, match="one pack for en"):
        voice(tmp_path, packs=[str(tmp_path / "en"), str(tmp_path / "other")])


async def test_a_sink_is_no_line() -> None:
    for url in ("audio://auto", "wav:///tmp"):
        with pytest.raises(ValueError, match="is no line"):
            check_url(url)
        with pytest.raises(ValueError, match="is no line"):
            await open_link(url)
        with pytest.raises(ValueError, match="is no line"):  # not a hall that ends when it opens its devices
            driver_spec("escpos").make("printer", url, {})
    for url in ("audio://", "wav://calls", "record+wav:///tmp?record=x"):
        with pytest.raises(ValueError, match="device URL"):
            sink_of(url)


# --- espeak-ng, the page -----------------------------------------------------------------------------------


def test_the_builder_writes_a_pack_that_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a program in espeak-ng's place: what it is given, and what becomes of what it says."""
    program = tmp_path / "espeak-ng"
    said = tmp_path / "said.wav"
    said.write_bytes(Sound(array("h", [0] * 50 + [5000] * 100 + [0] * 50), 22050).wav())
    program.write_text(f'#!/bin/sh\necho "$2 $(cat)" >> {tmp_path}/asked\ncat {said}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert build.main([str(tmp_path / "zh"), "--language", "zh"]) == 0
    pack = load_pack(tmp_path / "zh")
    assert pack.rate_hz == 22050
    assert "GPL-3.0-or-later" in pack.licence
    assert set(pack.segments) == {tuple(units(text, "zh")) for text in TEXTS["zh"]}
    assert set(map(len, pack.segments.values())) == {100}, "silence was left at the ends"
    assert "cmn-latn-pinyin yao1\n" in (tmp_path / "asked").read_text()
    assert build.main([str(tmp_path / "zh"), "--language", "zh"]) == 1  # the folder is not empty


def test_tones_say_every_segment_in_notes_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # nothing is run
    for language in TEXTS:
        assert build.main([str(tmp_path / language), "--language", language, "--tones"]) == 0
        pack = load_pack(tmp_path / language)
        assert set(pack.segments) == {tuple(units(text, language)) for text in TEXTS[language]}
        assert len({samples.tobytes() for samples in pack.segments.values()}) == len(pack.segments)
        assert all(0.1 < len(samples) / pack.rate_hz < 0.3 for samples in pack.segments.values())


def test_without_espeak_the_builder_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.main([str(tmp_path / "zh"), "--language", "zh"]) == 1
    assert "apt-get install espeak-ng" in capsys.readouterr().err


PAGE = (DOCS / "reference" / "drivers" / "voice.md").read_text(encoding="utf-8")


def test_every_option_and_capability_is_on_the_page(tmp_path: Path) -> None:
    for name, option in VoiceAnnouncer.OPTIONS.items():
        assert f"| `{name}` | {default(option.default)} |" in PAGE, name
    for field in fields(voice(tmp_path, packs=[]).capabilities):
        assert f"`{field.name}`" in PAGE, field.name


def test_the_pages_hall_and_pack_are_good(
    tmp_path: Path, packs: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = re.search(r"^## hall.toml\n.*?```toml\n(.*?)```", PAGE, re.M | re.S)
    assert hall
    file = tmp_path / "hall.toml"
    file.write_text(HALL + hall[1], encoding="utf-8")
    (config, _) = load_config(file)
    (device,) = config.devices
    (tmp_path / "voices").mkdir()
    for language in ("zh", "en"):
        (tmp_path / language).rename(tmp_path / "voices" / language)
    monkeypatch.chdir(tmp_path)
    (spec,) = DRIVERS
    spec.make(device.name, str(device.url), device.options)
    pack = re.search(r"^## A pack of your own\n.*?```toml\n(.*?)```", PAGE, re.M | re.S)
    assert pack
    index = tmp_path / "voices" / "zh" / "pack.toml"
    index.write_text(re.sub(r'"[\w-]+\.wav"', '"100.wav"', pack[1]), encoding="utf-8")
    assert load_pack(index.parent).segments
