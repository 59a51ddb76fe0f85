"""`somc device …` as a person uses it: real processes, a real pty, a wire kept and played again."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

QUICK = [
    *("-o", "heartbeat_s=0.2"),
    *("-o", "answer_timeout_s=0.2"),
    *("-o", "backoff_first_s=0.05"),
]
SOMC = (sys.executable, "-c", "from somc.cli import main; main()")


def somc(*words: str, timeout: float = 60.0, code: int = 0) -> str:
    done = subprocess.run([*SOMC, "device", *words], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code != 2 else done.stderr


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and what stands behind `ready`. It ends cleanly with SIGTERM."""
    process = subprocess.Popen(
        [*SOMC, "device", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("ready "), line
        yield process, line.split()[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        if process.stdin is not None:
            process.stdin.close()


def press(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def test_list_says_drivers_and_what_is_plugged_in() -> None:
    document: dict[str, Any] = json.loads(somc("list", "--json"))
    by_name = {one["name"]: one for one in document["drivers"]}
    assert by_name["escpos"]["device_class"] == "ticket_printer"
    assert by_name["escpos"]["plugin"] == "standard_devices"
    assert isinstance(document["plugged_in"], list)
    assert "reference-keypad" in somc("list")


def test_a_simulated_device_is_probed_checked_recorded_and_replayed(tmp_path: Path) -> None:
    wire = tmp_path / "keypad.jsonl"
    with running("simulate", "reference-keypad") as (simulator, url):
        probed = json.loads(somc("probe", url, "--driver", "reference-keypad", "--json"))
        assert [one["driver"] for one in probed["answered"]] == ["reference-keypad"]
        # The wrong driver is told by the device itself, and that is no answer of its kind.
        assert (
            json.loads(somc("probe", url, "--driver", "reference-strip", "--json", "--timeout", "1", code=1))[
                "answered"
            ]
            == []
        )
        report = json.loads(somc("check", url, "--driver", "reference-keypad", "--json", *QUICK))
        assert report["passed"]
        assert {one["outcome"] for one in report["findings"]} <= {"passed", "skipped"}
        press(simulator, "press next")
        press(simulator, "press transfer 3")
        press(simulator, "nonsense")  # told, and changes nothing
        kept = json.loads(
            somc("capture", url, str(wire), "--driver", "reference-keypad", "--seconds", "2", "--json")
        )
        assert kept["to_device"] > 0
        assert kept["to_host"] > 0
    played = json.loads(somc("replay", str(wire), "--driver", "reference-keypad", "--json", *QUICK))
    assert played["online"]
    assert [event.split("key=")[1] for event in played["events"]] == [
        "<Key.NEXT: 'next'>, digits='')",
        "<Key.TRANSFER: 'transfer'>, digits='3')",
    ]


def test_a_device_that_fails_the_kit_is_exit_one() -> None:
    with running("simulate", "reference-strip", "--on", "tcp") as (simulator, url):
        press(simulator, "power_off")
        somc("probe", url, "--driver", "reference-strip", "--timeout", "1", code=1)


def test_a_line_where_nobody_answers_is_said_to_be_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        said = somc("probe", url, "--driver", "reference-strip", "--timeout", "0.3", code=1)
    assert "no answer within 0.3 s" in said


def test_probing_with_every_driver_passes_over_those_that_cannot_speak_there() -> None:
    said = somc("probe", "pty:///dev/nowhere", "--timeout", "0.05", code=1)
    assert "voice" in said
    assert "the voice needs audio://PLAYER" in said
    assert "zhaowei-strip" in said  # those after it were asked too


def test_an_agent_serves_a_device_to_whoever_knows_the_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-sixteen-or-more")
    with (
        running("simulate", "reference-strip") as (_, url),
        running("agent", "--device", f"strip={url}", "--token-file", str(token), "--port", "0") as (_, agent),
    ):
        far = f"{agent}strip?token-file={token}"
        assert json.loads(somc("probe", far, "--driver", "reference-strip", "--json"))["answered"]
        other = tmp_path / "other"
        other.write_text("another-token-of-the-like")
        said = somc(
            "probe",
            f"{agent}strip?token-file={other}",
            "--driver",
            "reference-strip",
            "--timeout",
            "2",
            code=1,
        )
        assert "wrong token" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("probe", "bus://x"), "found scheme 'bus'"),
        (("probe", "pty:///x", "--driver", "reference-stripe"), "did you mean 'reference-strip'?"),
        (("check", "pty:///x", "--driver", "escpos", "-o", "columns=wide"), "a whole number from 16 to 96"),
        (("check", "pty:///x", "--driver", "escpos", "-o", "columns"), "write KEY=VALUE"),
        (("check", "pty:///x", "--driver", "voice"), "audio://PLAYER or wav:///FOLDER"),
        (("capture", "pty:///x", "{token}.new", "--driver", "voice"), "audio://PLAYER or wav:///FOLDER"),
        (("probe", "audio://auto"), "takes sound from a voice"),
        (("simulate", "nothing"), "there is no simulator of 'nothing'"),
        (("agent", "--device", "strip", "--token-file", "{token}"), "write NAME=URL"),
        (("agent", "--device", "a b=pty:///x", "--token-file", "{token}"), "device name 'a b'"),
        (("replay", "{token}", "--driver", "escpos"), "this is no capture"),
        (("capture", "pty:///x", "{token}", "--driver", "escpos"), "exists already"),
    ],
)
def test_wrong_usage_is_exit_two_and_says_what_is_allowed(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text('{"a": "token-of-sixteen-or-more"}')
    assert said in somc(*(word.replace("{token}", str(token)) for word in words), code=2)


def test_a_port_that_never_opens_is_exit_one(tmp_path: Path) -> None:
    began = time.monotonic()
    somc("capture", "pty:///nowhere", str(tmp_path / "x"), "--driver", "escpos", "--seconds", "0.5", code=1)
    assert time.monotonic() - began < 30
