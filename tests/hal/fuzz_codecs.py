"""Fuzz every codec of the hardware layer.

    python tests/hal/fuzz_codecs.py [--inputs 10000000] [--seed N] [--subject NAME]

The inputs are shared out evenly. Exit code 1 if any decoder raised, depended on how its bytes were split, or
lost a good frame; each fault is printed with seed, number and bytes. CI runs 100,000 inputs of it
(`test_fuzz.py`), `make campaign` ten million.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from inspect import signature

from somc_hal.codecs import linux_input, reference, reference_events
from somc_hal.codecs.escpos import (
    EscposDecoder,
    PaperAnswer,
    StatusAnswer,
    StatusDecoder,
    begin_slip,
    end_slip,
    frames,
    paper_query,
    part,
    status_query,
)
from somc_hal.codecs.frames import Frame, FrameCodec
from somc_hal.codecs.stx import Op, StxDecoder, StxFrame, encode
from somc_hal.profiles import bundled, load
from somc_hal.testing.fuzz import Subject, Tally, fuzz
from somc_hal.values import HallRow, Key, Phrase, SlipCode, SlipImage, SlipLine
from somc_plugins.onbon_bx5.dots import Font
from somc_plugins.onbon_bx5.wire import Area, answer, area, ping, read_answer, read_request
from somc_plugins.pingan.soms import SomsDecoder, SomsMessage
from somc_plugins.pingan.soms import encode as encode_soms
from somc_plugins.pj06 import ButtonDecoder
from somc_plugins.syn6288.drivers import Said, SaidDecoder


class Requests(FrameCodec):
    """BX-5 frames, and what stands in them."""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames; requests and answers in them must not raise either."""
        frames = super().feed(data)
        for frame in frames:
            read_answer(frame.body)
            read_request(frame.body)
        read_answer(data)
        read_request(data)
        return frames


class InputTexts:
    """Input events, and the texts put together from them."""

    def __init__(self) -> None:
        self._decoder = linux_input.InputDecoder()
        self._assembler = linux_input.TextAssembler(limit=64, clear_s=10.0)

    def feed(self, data: bytes) -> list[tuple[str, str]]:
        """The texts that `data` completes."""
        entries = map(self._assembler.take, self._decoder.feed(data))
        return [entry for entry in entries if entry is not None]


class Payloads:
    """What stands in the data of the reference protocol's frames: every reader is given everything."""

    def __init__(self) -> None:
        modules = (reference, reference_events)
        reads = [getattr(m, name) for m in modules for name in m.__all__ if name.startswith("read_")]
        needs = {"address": 1, "levels": 5}
        self._readers = [
            (read, {key: needs[key] for key in needs.keys() & signature(read).parameters}) for read in reads
        ]

    def feed(self, data: bytes) -> list[object]:
        """Nothing: a reader gives a value or `None`, and must not raise."""
        for read, more in self._readers:
            read(**more, data=data)
        return []


def subjects() -> Iterator[Subject]:
    """Every decoder there is, with samples of its frames."""
    for name in bundled():
        profile = load(name)
        samples = [(vector.wire, vector.frame) for vector in profile.vectors]
        yield Subject(f"profile {name}", profile.codec, samples)
    stx = [
        StxFrame(Op.ENQ, 1, 0),
        StxFrame(Op.STRIP, 16, 3, "请 A001".encode("gb18030")),
        StxFrame(Op.KEY, 2, 16, b"\x02\x03\x10"),
    ]
    yield Subject("stx", StxDecoder, [(encode(frame), frame) for frame in stx])
    form = load("onbon_bx5").frame
    assert form is not None
    shown = [
        Frame((), area(0xA700, Area(0, 0, tuple(Font().draw("A001", 4))))),
        Frame((), answer(0xA001, 1, 3)),
        Frame((), ping(0xA200)),
    ]
    writer = FrameCodec(form)
    requests = [(writer.encode(frame), frame) for frame in shown]
    yield Subject("onbon requests", lambda: Requests(form), requests)
    soms = [
        SomsMessage("HEARTBEAT", session="0f", timestamp="20261126093000"),
        SomsMessage("RECORD", "1", ({"CALL_TIME": "20261126093000", "NO": "A001"}, {"NO": "请<&>"})),
    ]
    yield Subject("pansoms", SomsDecoder, [(encode_soms(m), m) for m in soms], resynchronises=False)
    said = [(bytes((byte,)), Said(byte)) for byte in (0x41, 0x4A, 0x4F)]
    yield Subject("syn6288 answers", SaidDecoder, said)
    yield Subject("pj06 buttons", ButtonDecoder, [(bytes((button,)), button) for button in (1, 6)])
    status = [(bytes((byte,)), StatusAnswer(byte)) for byte in (0x12, 0x1E, 0x72)]
    paper = [(b"\x00", PaperAnswer(False, False)), (b"\x0f", PaperAnswer(True, True))]
    yield Subject("escpos status", StatusDecoder, [*status, *paper])
    slip = [
        begin_slip("gb18030"),
        part(SlipLine("请 A001，3号窗口", double=True), "gb18030"),
        part(SlipCode("A001"), "gb18030"),
        *frames(SlipImage(12, b"\x81\x42" * 3), "gb18030"),
        end_slip(feed_lines=4, cut=True, partial=False),
        status_query(4),
        paper_query(),
    ]
    typed = [
        linux_input.keystrokes([*linux_input.typed_codes(text), linux_input.KEYS["enter"]])
        for text in ("13800138000", "A-001/x")
    ]
    yield Subject("input events", InputTexts, [(wire, None) for wire in typed], resynchronises=False)
    yield Subject("escpos", EscposDecoder, [(wire, None) for wire in slip], resynchronises=False)
    payloads = [
        reference.write_strip(reference.StripContent(("A001", "3号窗口"), True)),
        reference.write_rows([HallRow("A001", "3", "请办理", True)], "欢迎"),
        reference.write_speech(7, [Phrase("请 A001 号", "zh"), Phrase("please", "en")]),
        reference.write_key(Key.TRANSFER, "12"),
    ]
    yield Subject("reference payloads", Payloads, [(wire, None) for wire in payloads], resynchronises=False)


def run(inputs: int, seed: int, only: str = "") -> Iterator[tuple[str, Tally]]:
    """`inputs` shared out among the subjects; what each has seen, one after the other."""
    chosen = [subject for subject in subjects() if only in ("", subject.name)]
    each = -(-inputs // len(chosen))  # rounded up: never fewer than were asked for
    for subject in chosen:
        yield subject.name, fuzz(subject, inputs=each, seed=seed)


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--inputs", type=int, default=10_000_000)
    asked.add_argument("--seed", type=int, default=20261126)
    asked.add_argument("--subject", default="", help="only this one")
    options = asked.parse_args()
    began, inputs = time.monotonic(), 0
    faults: list[str] = []
    print(f"{'codec':<22}{'inputs':>10}{'MB':>8}{'good':>10}{'displaced':>11}{'invented':>10}{'faults':>8}")
    for name, tally in run(options.inputs, options.seed, options.subject):
        inputs += tally.inputs
        faults += tally.faults
        print(
            f"{name:<22}{tally.inputs:>10}{tally.size_bytes / 1e6:>8.1f}{tally.good:>10}"
            f"{tally.displaced:>11}{tally.invented:>10}{len(tally.faults):>8}",
            flush=True,
        )
    print(f"seed {options.seed}, {inputs} inputs, {time.monotonic() - began:.0f} s", *faults, sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
