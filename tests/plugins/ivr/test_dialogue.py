"""The dialogue's engine by itself, its menus, and AGI's lines."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from somc_plugins.ivr_fastagi.acts import ACTS
from somc_plugins.ivr_fastagi.agi import Answer, Environment, Lines, Reader, command, quoted
from somc_plugins.ivr_fastagi.config import IvrConfig
from somc_plugins.ivr_fastagi.dialogue import (
    MOST_STEPS,
    Dialogue,
    Do,
    End,
    Hear,
    Node,
    Option,
    Outcome,
    Said,
    Transfer,
    faults,
)
from somc_plugins.ivr_fastagi.menus import MENUS, PROMPTS, read_menus, worded
from somc_plugins.ivr_fastagi.speech import Speech
from somc_plugins.voice.sound import Sound, note

FACTS = {"call": "1", "phone": "13800138000", "hall": "X"}


def test_our_own_menus_hold_together() -> None:
    assert faults(MENUS, PROMPTS, ACTS) == []


@pytest.mark.parametrize("prompt", PROMPTS)
def test_our_own_words_are_in_both_languages(prompt: str) -> None:
    words = PROMPTS[prompt]
    assert worded(PROMPTS, prompt, {}, "en").isascii()
    assert words.zh


def test_what_is_wrong_with_menus_is_said() -> None:
    wrong = {
        "main": Node(kind="menu", say="nothing", keys={"1": "gone"}),
        "agent": Node(kind="act", act="dance"),
        "x": Node(kind="entry"),
    }
    said = "\n".join(faults(wrong, PROMPTS, ACTS))
    for words in (
        "no node 'goodbye'",
        "leads to 'gone'",
        "says 'nothing'",
        "does 'dance'",
        "then.ok",
        "into",
    ):
        assert words in said


@given(st.lists(st.sampled_from([*"0123456789*#", "", "13800138000#", "12345678901234"]), max_size=60))
def test_every_call_ends_whatever_is_pressed(keys: list[str]) -> None:
    """Acts answer with whatever their nodes know; who presses no more is put through or bid farewell."""
    dialogue = Dialogue(MENUS, FACTS)
    step = dialogue.begin()
    pressed = iter(keys)
    for _ in range(10 * MOST_STEPS):
        match step:
            case Hear():
                step = dialogue.heard(next(pressed, ""))
            case Do():
                node = MENUS[dialogue.state.node]
                options = [Option("甲", "one", {"service_id": "a"}), Option("乙", "two", {})]
                step = dialogue.did(Outcome(next(iter(node.then)), options=options))
            case Transfer() | End():
                return
    raise AssertionError("it never ended")


def test_options_are_read_out_with_their_keys_and_the_chosen_one_is_kept() -> None:
    dialogue = Dialogue(MENUS, FACTS)
    dialogue.begin()
    assert dialogue.heard("1") == Do("caller", FACTS)
    assert isinstance(dialogue.did(Outcome("known")), Do)
    step = dialogue.did(Outcome("ok", options=[Option("缴费", "Payment", {"service_id": "payment"})]))
    assert isinstance(step, Hear)
    assert step.said[-1] == Said("option", {"key": "1", "what": "缴费"})
    assert worded(PROMPTS, "option", step.said[-1].values, "zh") == "缴费请按1。"
    step = dialogue.heard("2")
    assert isinstance(step, Hear)
    assert step.said[0].prompt == "again"
    step = dialogue.heard("1")
    assert isinstance(step, Do)
    assert step.facts["service_id"] == "payment"


def test_menus_of_a_file_stand_in_the_place_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "menus.toml"
    path.write_text(
        '[menu.main]\nkind = "menu"\nsay = "hello"\nkeys = { 1 = "queue" }\ntimeout_s = 5\n'
        '[prompt.hello]\nzh = "您好"\nen = "Hello"\n',
        encoding="utf-8",
    )
    menus, prompts = read_menus(path)
    assert faults(menus, prompts, ACTS) == []
    step = Dialogue(menus, FACTS).begin()
    assert isinstance(step, Hear)
    assert (step.timeout_s, worded(prompts, step.said[0].prompt, {}, "zh")) == (5, "您好")
    path.write_text('[menu.main]\nkind = "song"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"menus\.toml"):
        read_menus(path)


# -- AGI ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("200 result=0", Answer(200, 0)),
        ("200 result=49 endpos=8000", Answer(200, 49)),
        ("200 result=-1", Answer(200, -1)),
        ("200 result=1 (timeout)", Answer(200, 1, "timeout")),
        ("510 Invalid or unknown command", Answer(510, -1)),
        ("520-Invalid command syntax.  Proper usage follows:", Answer(520, -1)),
        ("HANGUP", Answer(511, -1, "hangup")),
        ("nonsense", None),
        ("200 result=99999999999999999999", Answer(200, 0)),
    ],
)
def test_answers_of_asterisk(line: str, answer: Answer | None) -> None:
    reader = Reader()
    assert reader.read("agi_callerid: +86 138 0013 8000") is None
    found = reader.read("")
    assert isinstance(found, Environment)
    assert found.caller == "8613800138000"
    assert reader.read(line) == answer


@given(st.binary(max_size=500), st.integers(1, 50))
def test_no_bytes_raise(data: bytes, cut: int) -> None:
    lines, reader = Lines(), Reader()
    for at in range(0, len(data), cut):
        for line in lines.feed(data[at : at + cut]):
            reader.read(line)


def test_arguments_cannot_become_commands() -> None:
    assert command("EXEC", "Say", quoted('a"\nHANGUP\\')) == b'EXEC Say "a\\"HANGUP\\\\"\n'


# -- speech -------------------------------------------------------------------------------------------


def pack_of(folder: Path, rate_hz: int = 8000) -> Path:
    """A voice pack with recordings of a few signs."""
    folder.mkdir()
    said = ["欢", "迎", "致电", "号"]
    for number, _ in enumerate(said):
        sound = Sound(note(400 + 50 * number, 0.1, rate_hz), rate_hz)
        (folder / f"{number}.wav").write_bytes(sound.wav())
    segments = "\n".join(f'"{words}" = "{number}.wav"' for number, words in enumerate(said))
    about = '[pack]\nname = "test"\nlanguage = "zh"\nlicence = "CC0"\n[segments]\n'
    (folder / "pack.toml").write_text(about + segments + "\n", encoding="utf-8")
    return folder


def test_sentences_are_put_together_of_a_voice_pack_once(tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    config = IvrConfig(pack=str(pack_of(tmp_path / "pack")), sounds=str(sounds))
    speech = Speech(config, structlog.get_logger())
    name, file, keys = speech.command_for("欢迎，致电")
    assert (name, keys) == ("STREAM FILE", '"0123456789*#"')
    (made,) = sounds.iterdir()
    assert made.with_suffix("") == Path(file.strip('"'))
    with wave.open(str(made), "rb") as opened:
        assert (opened.getframerate(), opened.getnchannels()) == (8000, 1)
        assert opened.getnframes() > 3 * 800
    assert speech.command_for("欢迎，致电")[1] == file


def test_what_a_pack_cannot_say_is_spoken_by_the_application(tmp_path: Path) -> None:
    config = IvrConfig(pack=str(pack_of(tmp_path / "pack")), sounds=str(tmp_path / "sounds"))
    assert Speech(config, structlog.get_logger()).command_for("再见, 13号")[:2] == ("EXEC", "PicoTTS")


def test_a_pack_that_asterisk_cannot_play_is_refused(tmp_path: Path) -> None:
    config = IvrConfig(pack=str(pack_of(tmp_path / "pack", 22_050)), sounds=str(tmp_path / "sounds"))
    with pytest.raises(ValueError, match="22050 Hz"):
        Speech(config, structlog.get_logger())
