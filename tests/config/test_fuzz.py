"""Whatever the bytes: a configuration or a `ConfigurationError` whose faults are readable lines."""

import random
from pathlib import Path

import pytest

from somc.config import DriverTerms, load
from somc.errors import ConfigurationError, Fault

EXAMPLE = Path(__file__).parents[2] / "examples" / "hall"
PIECES = [
    *(
        '"',
        "'",
        '"""',
        "'''",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ",",
        ".",
        "#",
        "\n",
        "\r\n",
        "\\",
        "\0",
        "\\u0000",
    ),
    *(
        "true",
        "nan",
        "inf",
        "-1",
        "0",
        "1e400",
        "9" * 30,
        "1979-05-27",
        "07:32:00",
        "“",
        "＝",
        "　",
        "é",
        "\ufeff",
    ),
    *(
        "[hall]\n",
        "[counter.1]\n",
        "skills = ",
        "{ zh = ",
        "name = 1\n",
        "x.y.z = 1\n",
        "[[device]]\n",
        "[hours]\n",
    ),
    *('"22:00-02:00"', "[" * 40, "{a=" * 40),
]
DRIVERS = {
    "escpos": DriverTerms(options={"columns": int}, at_counter=False),
    "reference-strip": DriverTerms(required=frozenset(), at_counter=True),
    "reference-announcer": DriverTerms(),
    "reference-hall": DriverTerms(),
    "reference-keypad": DriverTerms(at_counter=True),
}


def mutated(rng: random.Random, raw: bytes) -> bytes:
    """`raw` with a few bytes, words or lines replaced, moved, doubled or gone."""
    for _ in range(rng.choice([1, 1, 2, 5, 30])):
        start = rng.randrange(len(raw) + 1)
        end = min(len(raw), start + rng.choice([0, 1, 1, 3, 20, 200]))
        match rng.randrange(6):
            case 0:
                raw = raw[:start] + raw[end:]
            case 1:
                raw = raw[:start] + rng.choice(PIECES).encode() + raw[end:]
            case 2:
                raw = raw[:start] + rng.randbytes(rng.randrange(1, 4)) + raw[end:]
            case 3:
                raw = raw[:end] + raw[start:]
            case 4:
                lines = raw.split(b"\n")
                place = rng.randrange(len(lines))
                lines.insert(rng.randrange(len(lines)), lines[place])
                raw = b"\n".join(lines)
            case 5:
                words = raw.split(b" ")
                first, second = rng.randrange(len(words)), rng.randrange(len(words))
                words[first], words[second] = words[second], words[first]
                raw = b" ".join(words)
    return raw


def check(folder: Path, hall: bytes, customers: bytes) -> bool:
    """Whether these files load; anything but a `ConfigurationError` fails the test."""
    (folder / "hall.toml").write_bytes(hall)
    (folder / "customers.csv").write_bytes(customers)
    (folder / "halls.toml").write_bytes((EXAMPLE / "halls.toml").read_bytes())
    faults: tuple[Fault, ...] = ()
    try:
        load(folder / "hall.toml", drivers=DRIVERS, plugins=["standard_devices"])
        return True
    except ConfigurationError as error:
        faults = error.faults
    ends = {
        "hall.toml": hall.count(b"\n") + 1,
        "customers.csv": customers.count(b"\n") + customers.count(b"\r") + 1,
    }
    assert faults
    for fault in faults:
        assert fault.key
        assert fault.found
        assert fault.allowed
        assert "\n" not in str(fault)
        assert "\0" not in str(fault)
        assert len(str(fault)) < 700 + len(fault.file)
        assert 0 <= fault.line <= ends.get(Path(fault.file).name, 1)
    return False


@pytest.mark.parametrize("seed", range(4))
def test_mutations_of_the_example_only_ever_give_faults(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    hall = (EXAMPLE / "hall.toml").read_bytes()
    customers = (EXAMPLE / "customers.csv").read_bytes()
    loaded = sum(check(tmp_path, mutated(rng, hall), mutated(rng, customers)) for _ in range(40))
    assert loaded < 40


@pytest.mark.parametrize("seed", range(4))
def test_mutations_of_a_small_hall_only_ever_give_faults(tmp_path: Path, smallest: str, seed: int) -> None:
    rng = random.Random(seed)
    more = "[server]\nport = 1\n[device.d]\ndriver = 'escpos'\nsimulated = 'pty'\n"
    more += "[hours]\nmon = ['09:00-10:00']\n"
    for _ in range(300):
        check(tmp_path, mutated(rng, (smallest + more).encode()), b"phone,class\n")


@pytest.mark.parametrize("seed", range(2))
def test_random_bytes_only_ever_give_faults(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        words = "".join(rng.choice(PIECES) for _ in range(rng.randrange(12)))
        assert not check(tmp_path, rng.choice([rng.randbytes(40), words.encode()]), b"")
