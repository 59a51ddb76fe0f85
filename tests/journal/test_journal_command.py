"""`somc journal`: what it prints, its exit codes, and that it works beside a writing process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest
import trio
from click.testing import CliRunner, Result

from somc.cli.journal import command
from tests.journal.samples import running, write

ROOT = Path(__file__).parents[2]


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


async def _fill(folder: Path, count: int) -> None:
    async with running(folder) as journal:
        await write(journal, count)


@pytest.fixture
def filled(folder: Path) -> Path:
    trio.run(_fill, folder, 25)
    return folder


def _tamper(folder: Path) -> None:
    connection = apsw.Connection(str(folder / "journal.db"))
    connection.execute("UPDATE record SET topic = 'else' WHERE seq = 7; DELETE FROM record WHERE seq = 9")
    connection.close()


def test_verify_says_what_it_found(filled: Path) -> None:
    done = _run("verify", filled)
    assert done.exit_code == 0
    assert "holds: 25 records" in done.stdout
    assert "epoch epoch-1, record 25 has chain" in done.stdout


def test_verify_names_what_does_not_hold_and_fails(filled: Path) -> None:
    _tamper(filled)
    done = _run("verify", filled)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("record 7 is not what was written")
    assert lines[1] == "record 9 is missing"
    assert "DOES NOT HOLD" in done.stdout


def test_verify_json_is_one_document(filled: Path) -> None:
    report = msgspec.json.decode(_run("verify", filled, "--json").stdout)
    assert (report["ok"], report["head"], report["problems"]) == (True, 25, [])
    _tamper(filled)
    done = _run("verify", filled, "--json")
    assert done.exit_code == 1
    assert [problem["seq"] for problem in msgspec.json.decode(done.stdout)["problems"]] == [7, 9]


def test_export_writes_lines_to_stdout_or_a_file(filled: Path, tmp_path: Path) -> None:
    done = _run("export", filled)
    assert done.exit_code == 0
    assert done.stdout.count("\n") == 25
    output = tmp_path / "records.jsonl"
    assert _run("export", filled, "--after", 20, "--output", output).exit_code == 0
    assert output.read_text() == "".join(done.stdout.splitlines(keepends=True)[20:])


@pytest.mark.parametrize(
    "arguments", [["verify"], ["export"], ["tail"], ["export", "--output", "made.jsonl"]]
)
def test_a_folder_without_a_journal_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = _run(arguments[0], tmp_path, *arguments[1:])
    assert done.exit_code == 2
    assert "holds no journal" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_is_2_and_says_what_to_do(filled: Path) -> None:
    done = _run("export", filled, "--format", "parquet")
    assert (done.exit_code, "--output" in done.stderr) == (2, True)
    assert _run("export", filled, "--format", "xml").exit_code == 2
    assert _run("verify", filled / "nowhere").exit_code == 2


def test_a_file_that_cannot_be_written_fails_in_one_line(filled: Path, tmp_path: Path) -> None:
    done = _run("export", filled, "--output", tmp_path / "no" / "such" / "folder.jsonl")
    assert done.exit_code == 1
    assert "folder.jsonl cannot be written" in done.stderr
    assert done.stderr.count("\n") == 1


def test_tail_prints_the_newest_records(filled: Path) -> None:
    done = _run("tail", filled, "-n", 3)
    assert done.exit_code == 0
    assert [msgspec.json.decode(line)["seq"] for line in done.stdout.splitlines()] == [23, 24, 25]
    assert _run("tail", filled, "-n", 0).stdout == ""
    assert _run("tail", filled).stdout.count("\n") == 10


PROGRAM = "from somc.cli.journal import command; command()"


@pytest.fixture
def following(filled: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "tail", str(filled), "-f", "-n", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        yield process
        process.kill()


def _line(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return int(msgspec.json.decode(process.stdout.readline())["seq"])


async def test_tail_follows_another_process_until_interrupted(
    filled: Path, following: subprocess.Popen[bytes]
) -> None:
    with trio.fail_after(30):
        assert await trio.to_thread.run_sync(_line, following) == 25
        async with running(filled) as journal:
            for seq in (26, 27, 28):
                await write(journal, 1)
                assert await trio.to_thread.run_sync(_line, following) == seq
        following.send_signal(signal.SIGINT)
        assert await trio.to_thread.run_sync(following.wait) == 0
    assert following.stderr is not None
    assert following.stderr.read() == b""


def test_export_into_a_closed_pipe_is_no_fault(folder: Path) -> None:
    trio.run(_fill, folder, 3000)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "export", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0
