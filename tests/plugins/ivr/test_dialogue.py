"""The dialogue's engine by itself, its menus, and AGI's lines."""

from __future__ import annotations

import os
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
    assert dialogue.heard("1") == Do("caller", {**FACTS, "step": 2})
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


def test_more_options_than_keys_are_read_out_by_pages_and_round() -> None:
    dialogue = Dialogue(MENUS, FACTS)
    dialogue.begin()
    dialogue.heard("1")
    dialogue.did(Outcome("known"))
    options = [Option(f"{n}", f"{n}", {"service_id": f"s{n}"}) for n in range(1, 12)]
    step = dialogue.did(Outcome("ok", options=options))
    for first, last in ((1, 8), (9, 11), (1, 8), (9, 11)):
        assert isinstance(step, Hear)
        heard = [each.values["what"] for each in step.said if each.prompt == "option"]
        assert heard == [str(n) for n in range(first, last + 1)]
        assert step.said[-1] == Said("more_options", {"key": "9"})
        step = dialogue.heard("9")
    dialogue.heard("9")
    step = dialogue.heard("3")
    assert isinstance(step, Do)
    assert step.facts["service_id"] == "s11"


@pytest.mark.parametrize("digits", ["0", "9", "12", "²", "٣", "-1", "*", "A", "99999999999999999999"])
def test_what_is_no_option_is_asked_again(digits: str) -> None:
    menus = {**MENUS, "main": Node(kind="choose", then={"ok": "goodbye"})}
    dialogue = Dialogue(menus, FACTS)
    dialogue.begin()
    dialogue.state.options = [Option("甲", "one", {}), Option("乙", "two", {})]
    step = dialogue.heard(digits)
    assert isinstance(step, Hear)
    assert step.said[0] == Said("again")


@pytest.mark.parametrize(
    "words",
    [
        '[menu.x]\nkind = "menu"\ntimeout_s = -1',
        '[menu.x]\nkind = "entry"\nmost = 0',
        '[prompt.main]\nzh = "{"\nen = "x"',
        '[prompt.main]\nzh = "{0}"\nen = "x"',
        '[prompt.main]\nzh = "x"\nen = "{hall.x}"',
    ],
)
def test_menus_that_would_fail_in_a_call_stop_the_start(tmp_path: Path, words: str) -> None:
    path = tmp_path / "menus.toml"
    path.write_text(words, encoding="utf-8")
    with pytest.raises(ValueError, match=r"menus\.toml"):
        read_menus(path)


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
        ("200 result=49 endpos=8000", Answer(200, 49, "", "endpos=8000")),
        ("200 result=-1 endpos=0", Answer(200, -1, "", "endpos=0")),
        ("200 result=-2", Answer(200, -2)),
        ("200 result=-1", Answer(200, -1)),
        ("200 result=1 (timeout)", Answer(200, 1, "timeout")),
        ("510 Invalid or unknown command", Answer(510, -1)),
        ("511 Command Not Permitted on a dead channel or intercept routine", Answer(511, -1)),
        ("520 Invalid command syntax.  Proper usage not available.", Answer(520, -1)),
        ("520-Invalid command syntax.  Proper usage follows:", None),
        ("100 result=0 Trying...", None),
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
    assert found.caller == "13800138000"
    assert reader.read(line) == answer


def test_an_answer_of_several_lines_is_one() -> None:
    reader = Reader()
    reader.read("")
    lines = [
        "520-Invalid command syntax.  Proper usage follows:",
        "  Usage: WAIT FOR DIGIT <timeout>",
        "200 result=0 is what this line is not",
        "520 End of proper usage.",
        "200 result=0",
    ]
    assert [reader.read(line) for line in lines] == [None, None, None, Answer(520, -1), Answer(200, 0)]


@pytest.mark.parametrize(
    ("variables", "caller"),
    [
        ({"agi_callerid": "13800138000"}, "13800138000"),
        ({"agi_callerid": "008613800138000", "agi_callingpres": "0"}, "13800138000"),
        ({"agi_callerid": "+86 10 8888 7777"}, "861088887777"),
        ({"agi_callerid": "unknown"}, None),
        ({"agi_callerid": "anonymous", "agi_callingpres": "67"}, None),
        ({"agi_callerid": "13800138000", "agi_callingpres": "35"}, None),
        ({"agi_callerid": "13800138000", "agi_callingpres": "x"}, "13800138000"),
        ({"agi_callerid": "9" * 40}, None),
        ({}, None),
    ],
)
def test_who_calls(variables: dict[str, str], caller: str | None) -> None:
    """A number that its owner withholds is not used, though the network tells it."""
    assert Environment(variables).caller == caller


@given(st.binary(max_size=500), st.integers(1, 50))
def test_no_bytes_raise(data: bytes, cut: int) -> None:
    lines, reader = Lines(), Reader()
    for at in range(0, len(data), cut):
        for line in lines.feed(data[at : at + cut]):
            reader.read(line)


def test_arguments_cannot_become_commands() -> None:
    assert command("EXEC", "Say", quoted('a"\nHANGUP\\')) == b'EXEC Say "a\\"HANGUP\\\\"\n'


# -- speech -------------------------------------------------------------------------------------------


def pack_of(
    folder: Path,
    rate_hz: int = 8000,
    said: tuple[str, ...] = ("欢", "迎", "致电", "号"),
    language: str = "zh",
) -> Path:
    """A voice pack with recordings of a few signs."""
    folder.mkdir()
    for number, _ in enumerate(said):
        sound = Sound(note(400 + 50 * number, 0.1, rate_hz), rate_hz)
        (folder / f"{number}.wav").write_bytes(sound.wav())
    segments = "\n".join(f'"{words}" = "{number}.wav"' for number, words in enumerate(said))
    about = f'[pack]\nname = "test"\nlanguage = "{language}"\nlicence = "CC0"\n[segments]\n'
    (folder / "pack.toml").write_text(about + segments + "\n", encoding="utf-8")
    return folder


async def said(speech: Speech, text: str, language: str = "zh") -> tuple[str, ...]:
    found = await speech.played(text, language)
    assert found is not None
    return found


async def test_sentences_are_put_together_of_a_voice_pack_once(tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    config = IvrConfig(pack=str(pack_of(tmp_path / "pack")), sounds=str(sounds))
    speech = Speech(config, structlog.get_logger())
    name, file, keys = await said(speech, "欢迎，致电")
    assert (name, keys) == ("STREAM FILE", '"#*0123456789ABCD"')
    (made,) = sounds.iterdir()
    assert made.with_suffix("") == Path(file.strip('"'))
    with wave.open(str(made), "rb") as opened:
        assert (opened.getframerate(), opened.getnchannels()) == (8000, 1)
        assert opened.getnframes() > 3 * 800
    made.write_bytes(made.read_bytes() + b"kept")
    assert (await said(speech, "欢迎，致电"))[1] == file
    assert made.read_bytes().endswith(b"kept")


async def test_what_no_call_needed_for_a_day_is_removed_and_nothing_of_others(tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    old, new, foreign = (sounds / name for name in ("somc-old.wav", "somc-new.wav", "hello.wav"))
    for path in (old, new, foreign):
        path.write_bytes(b"x")
    for path in (old, foreign):
        os.utime(path, (0, 0))
    config = IvrConfig(pack=str(pack_of(tmp_path / "pack")), sounds=str(sounds))
    await said(Speech(config, structlog.get_logger()), "欢迎")
    assert (old.exists(), new.exists(), foreign.exists()) == (False, True, True)


async def test_what_a_pack_cannot_say_is_spoken_by_the_application(tmp_path: Path) -> None:
    config = IvrConfig(pack=str(pack_of(tmp_path / "pack")), sounds=str(tmp_path / "sounds"))
    speech = Speech(config, structlog.get_logger())
    assert await speech.played("再见, 13号", "zh") is None
    assert speech.spoken("再见, 13号", "zh") == ("EXEC", "Espeak", '"再见 13号,any,zh"')


async def test_a_folder_that_cannot_be_written_leaves_nobody_in_silence(tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    config = IvrConfig(pack=str(pack_of(tmp_path / "pack")), sounds=str(sounds))
    speech = Speech(config, structlog.get_logger())
    sounds.rmdir()
    assert await speech.played("欢迎", "zh") is None


async def test_each_language_has_its_pack(tmp_path: Path) -> None:
    english = pack_of(tmp_path / "en", said=("welcome", "to"), language="en")
    config = IvrConfig(
        pack=str(pack_of(tmp_path / "zh")), other_pack=str(english), sounds=str(tmp_path / "sounds")
    )
    speech = Speech(config, structlog.get_logger())
    assert (await said(speech, "欢迎"))[1] != (await said(speech, "Welcome to", "en"))[1]
    assert await speech.played("欢迎", "en") is None
    with pytest.raises(ValueError, match="speaks en, not zh"):
        Speech(IvrConfig(pack=str(english), sounds="x"), structlog.get_logger())


@given(st.text(max_size=3000), st.sampled_from(("zh", "en")))
def test_no_text_is_a_command_of_its_own_or_longer_than_asterisk_reads(text: str, language: str) -> None:
    speech = Speech(IvrConfig(), structlog.get_logger())
    line = command(*speech.spoken(text, language))
    assert line.count(b"\n") == 1
    assert len(line) <= 2001
    assert line.startswith(b'EXEC Espeak "')
    assert line.decode().count('"') == 2


@pytest.mark.parametrize("speak", ["Say({texts})", "Say", "Say({)", "Say it({text})", "Say({text.x})"])
def test_a_way_to_speak_that_cannot_be_is_refused(speak: str) -> None:
    with pytest.raises(ValueError, match="speak"):
        Speech(IvrConfig(speak=speak), structlog.get_logger())


def test_a_pack_that_asterisk_cannot_play_is_refused(tmp_path: Path) -> None:
    config = IvrConfig(pack=str(pack_of(tmp_path / "pack", 22_050)), sounds=str(tmp_path / "sounds"))
    with pytest.raises(ValueError, match="22050 Hz"):
        Speech(config, structlog.get_logger())
