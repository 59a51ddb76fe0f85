"""Wire profiles: the bundled ones keep their word, and a mistake is named with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from somc_hal.codecs import stx
from somc_hal.codecs.checks import CHECKS
from somc_hal.codecs.reference import write_key
from somc_hal.profiles import CONFIDENCES, STATUSES, TABLES, ProfileError, bundled, load
from somc_hal.testing import decoder_is_chunk_invariant
from somc_hal.values import Key

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "wire-profiles.md").read_text("utf-8")

GOOD = """\
[profile]
name = "mine"
title = "A display"
status = "observed"

[[provenance]]
fact = "all"
source = "my notes"
confidence = "low"

[frame]
layout = ["A0", "length", "op", "body", "check"]
length = { bytes = 1, counts = ["op", "body"] }
check = { kind = "xor", covers = ["length", "body"] }

[serial]
baud = 19200

[ops]
show = 0x10

[[vector]]
name = "show A"
source = "own"
fields = { op = 0x10 }
body = "41"
wire = "a0 02 10 41 53"
"""


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_vector_comes_out_both_ways(name: str) -> None:
    profile = load(name)
    assert profile.name == name
    assert profile.vectors, "a profile without golden vectors proves nothing"
    for vector in profile.vectors:
        assert profile.codec().encode(vector.frame) == vector.wire, vector.name
        decoder_is_chunk_invariant(profile.codec, vector.wire, [vector.frame])


@pytest.mark.parametrize("name", bundled())
def test_no_bundled_profile_claims_to_be_verified(name: str) -> None:
    profile = load(name)
    assert profile.status in ("reference", "observed")
    assert profile.provenance
    if profile.status == "reference":
        assert any(fact.confidence == "own" for fact in profile.provenance)


def test_the_reference_profile_is_the_reference_codec() -> None:
    for name in ("reference", "zhaowei"):
        profile = load(name)
        assert profile.frame == stx.FORMAT
        assert {op.name: int(op) for op in stx.Op} == profile.ops
        assert {key.value: write_key(key)[0] for key in Key} == profile.keys


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def test_a_profile_of_ones_own_is_read(file: Path) -> None:
    file.write_text(GOOD, encoding="utf-8")
    profile = load(file)
    assert (profile.name, profile.serial.baud, profile.serial.format) == ("mine", 19200, "8N1")
    assert profile.ops == {"show": 16}
    (vector,) = profile.vectors
    assert profile.codec().encode(vector.frame) == vector.wire
    assert load(str(file)) == profile


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"xor"', '"crc"', "line 14: frame.check.kind: found 'crc'; allowed: sum8, xor"),
        (
            'status = "observed"',
            'status = "true"',
            "line 4: profile.status: found 'true'; allowed",
        ),
        ('status = "observed"', 'status = "verified"', "verified: found nothing; allowed: a table"),
        ("baud = 19200", "baud = 19200\nspeed = 1", "line 18: serial.speed: found 'speed'; allowed: baud"),
        ("baud = 19200", "baud = true", "line 17: serial.baud: found True; allowed: a whole number from 50"),
        ("baud = 19200", 'format = "8X1"', "line 17: serial.format: found '8X1'"),
        ("0x10\n", '"0x10"\n', "line 20: ops.show: found '0x10'; allowed: a whole number"),
        ('confidence = "low"', 'confidence = "sure"', "line 9: provenance.0.confidence: found 'sure'"),
        ('fact = "all"\n', "", "provenance.0.fact: found nothing; allowed: a string"),
        ('"body", "check"]', '"check"]', "line 13: frame.length.counts: found 'body', which is not a part"),
        ('covers = ["length"', 'covers = ["len"', "line 14: frame.check.covers: found 'len', which is not"),
        ("a0 02 10 41 53", "a0 02 zz", "line 27: vector.0.wire: found 'a0 02 zz'; allowed: bytes in hex"),
        (
            "fields = { op = 0x10 }",
            "fields = { oq = 1 }",
            "line 25: vector.0.fields.oq: found 'oq'",
        ),
        ("[frame]", "[frame", "Expected ']'"),
        ('["A0", "length", "op"', '[7, "length", "op"', "line 12: frame.layout: found"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(file: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProfileError, match=words) as caught:
        load(file)
    assert str(file) in str(caught.value)


def test_verified_needs_who_when_and_the_recording(file: Path) -> None:
    verified = GOOD.replace('status = "observed"', 'status = "verified"')
    file.write_text(verified + '[verified]\nby = "the installer"\non = 2026-11-26\n', encoding="utf-8")
    with pytest.raises(ProfileError, match=r"verified\.capture: found nothing"):
        load(file)
    file.write_text(
        verified + '[verified]\nby = "the installer"\non = 2026-11-26\ncapture = "bench.rec"\n',
        encoding="utf-8",
    )
    assert load(file).status == "verified"
    file.write_text(GOOD + '[verified]\nby = "me"\n', encoding="utf-8")
    with pytest.raises(ProfileError, match="it goes with the status 'verified'"):
        load(file)


def test_a_profile_may_build_on_another_and_change_single_facts(file: Path) -> None:
    file.write_text(
        '[profile]\nname = "hall-7"\ntitle = "as recorded"\nstatus = "observed"\nbase = "pingan"\n'
        "[serial]\nbaud = 19200\n[keys]\nnext = 0x21\n"
        '[[provenance]]\nfact = "next is 21"\nsource = "a recording"\nconfidence = "high"\n',
        encoding="utf-8",
    )
    changed, base = load(file), load("pingan")
    assert changed.frame == base.frame
    assert (changed.keys["next"], changed.keys["recall"]) == (0x21, base.keys["recall"])
    assert (changed.serial.baud, changed.serial.format) == (19200, "8N1")
    assert changed.provenance[0].fact == "next is 21"
    assert changed.vectors == base.vectors
    file.with_name("next.toml").write_text(
        '[profile]\nname = "x"\ntitle = "x"\nstatus = "observed"\nbase = "mine.toml"\n', encoding="utf-8"
    )
    assert load(file.with_name("next.toml")).keys["next"] == 0x21


def test_a_profile_cannot_build_on_itself(file: Path) -> None:
    file.write_text(
        '[profile]\nname = "x"\ntitle = "x"\nstatus = "observed"\nbase = "mine.toml"\n', encoding="utf-8"
    )
    with pytest.raises(ProfileError, match="builds on itself"):
        load(file)


def test_the_page_names_every_key_of_a_profile() -> None:
    for key in (*TABLES, *STATUSES, *CONFIDENCES, *CHECKS):
        assert f"`{key}`" in PAGE, key
    for name in bundled():
        assert f"| `{name}` | {load(name).status} |" in PAGE


def test_the_pages_example_is_a_profile(file: Path) -> None:
    file.write_text(PAGE.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    profile = load(file)
    assert profile.vectors
    for vector in profile.vectors:
        assert profile.codec().encode(vector.frame) == vector.wire


def test_a_missing_profile_names_the_bundled_ones(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"found profile 'pinagn'; allowed: .*pingan"):
        load("pinagn")
    with pytest.raises(ProfileError, match="cannot be read"):
        load(tmp_path / "none.toml")
