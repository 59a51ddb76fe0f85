"""Frames per second of each codec of the hardware layer.

    python tests/benchmarks/codecs.py [--rounds 5] [--frames 3000] [--seed 1] [--write]

A stream of a codec's sample frames, drawn at random, is fed in pieces of 32 bytes, as a serial port gives
them, clean and with 16 random bytes between the frames. Times are CPU time; rounds are interleaved; printed
are the median of the rounds and, in brackets, lowest and highest. The last column is how much of one core a
line at 9600 Bd (960 bytes a second) would take if it were never silent. `--write` puts the table into
docs/reference/performance.md.
"""

import argparse
import platform
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from somc_hal.testing.fuzz import Subject
from tests.benchmarks.hall_tickets import PAGE, write_into
from tests.hal.fuzz_codecs import subjects

CHUNK_BYTES = 32
NOISE_BYTES = 16
LINE_BYTES_PER_S = 960


def stream(subject: Subject, frames: int, chance: random.Random, noise: int) -> bytes:
    """So many frames, with so many random bytes before each."""
    return b"".join(chance.randbytes(noise) + chance.choice(subject.samples)[0] for _ in range(frames))


def seconds(subject: Subject, data: bytes, expected: int) -> float:
    """CPU time to decode `data`, in which at least nine of ten of `expected` frames must be found."""
    chunks = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
    decoder = subject.make()
    found = 0
    began = time.process_time()
    for chunk in chunks:
        found += len(decoder.feed(chunk))
    took = time.process_time() - began
    assert found >= 0.9 * expected or not subject.resynchronises, (subject.name, found)
    return took


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}–{max(values):,.0f})"


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--frames", type=int, default=3000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--write", action="store_true", help="into docs/reference/performance.md")
    options = asked.parse_args()
    rows: dict[str, tuple[list[float], list[float], list[float]]] = {}
    for number in range(options.rounds):
        for subject in subjects():
            chance = random.Random(f"{options.seed}/{number}/{subject.name}")
            clean = stream(subject, options.frames, chance, 0)
            noisy = stream(subject, options.frames, chance, NOISE_BYTES)
            quick, slow, share = rows.setdefault(subject.name, ([], [], []))
            took = seconds(subject, clean, options.frames)
            quick.append(options.frames / took)
            share.append(LINE_BYTES_PER_S / (len(clean) / took) * 100)
            slow.append(options.frames / seconds(subject, noisy, options.frames))
    lines = [
        f"`python tests/benchmarks/codecs.py --rounds {options.rounds} --frames {options.frames} "
        f"--seed {options.seed}`, Python {platform.python_version()}.",
        "",
        "| codec | frames per s, clean | frames per s, noisy | a full line at 9600 Bd, % of a core |",
        "| --- | --- | --- | --- |",
    ]
    for name, (quick, slow, share) in rows.items():
        lines.append(f"| {name} | {spread(quick)} | {spread(slow)} | {statistics.median(share):.2f} |")
    text = "\n".join(lines)
    print(text)
    if options.write:
        write_into(PAGE, "codecs", text + "\n")


if __name__ == "__main__":
    main()
