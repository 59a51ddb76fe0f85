"""Every codec under seeded noise; `fuzz_codecs.py` runs the same for as long as one likes."""

from __future__ import annotations

import pytest

from somc_hal.codecs.frames import CheckRule, Frame, FrameCodec, FrameFormat, LengthRule
from somc_hal.testing.fuzz import Subject, fuzz
from tests.hal.fuzz_codecs import run

INPUTS = 100_000


def test_no_codec_raises_depends_on_splitting_or_loses_a_good_frame(seed: int) -> None:
    tallies = dict(run(INPUTS, seed))
    assert sum(tally.inputs for tally in tallies.values()) > 0.99 * INPUTS
    assert [fault for tally in tallies.values() for fault in tally.faults] == []
    assert all(tally.good for tally in tallies.values())


FORM = FrameFormat(
    (b"\xa0", "length", "body", "check"), LengthRule("body", "body"), CheckRule("xor", "length", "body")
)
SAMPLES = [(FrameCodec(FORM).encode(Frame((), body)), Frame((), body)) for body in (b"", b"abc", b"\xa0\x02")]


class _Forgetful(FrameCodec):
    """Drops what is unfinished at every chunk."""

    def feed(self, data: bytes) -> list[Frame]:
        self.gap()
        return super().feed(data)


class _Impatient(FrameCodec):
    """Believes the first head: a frame that claims to be long takes the next one with it."""

    def __init__(self) -> None:
        super().__init__(FORM)
        self._all = b""

    def feed(self, data: bytes) -> list[Frame]:
        self._all += data
        frames = []
        while (at := self._all.find(b"\xa0")) >= 0 and len(self._all) > at + 1:
            end = at + self._all[at + 1] + 3
            if len(self._all) < end:
                break
            frame = self.read(self._all[at:end])
            self._all = self._all[end:]
            if frame is not None:
                frames.append(frame)
        return frames


class _Raising(FrameCodec):
    """Meets a byte that it does not like."""

    def feed(self, data: bytes) -> list[Frame]:
        if 0x7F in data:
            raise KeyError(0x7F)
        return super().feed(data)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: _Forgetful(FORM), "in small ones"),
        (_Impatient, "good frames"),
        (lambda: _Raising(FORM), "raised KeyError"),
    ],
)
def test_the_fuzzer_finds_a_bad_codec(make: object, words: str) -> None:
    tally = fuzz(Subject("bad", make, SAMPLES), inputs=2000, seed=1)  # type: ignore[arg-type]
    assert any(words in fault for fault in tally.faults), tally


def test_an_input_can_be_made_again_by_its_number() -> None:
    subject = Subject("bad", lambda: _Forgetful(FORM), SAMPLES)
    fault = fuzz(subject, inputs=500, seed=3).faults[0]
    number = int(fault.partition("input ")[2].partition(":")[0])
    assert fuzz(subject, inputs=1, seed=3, first=number).faults == [fault]
