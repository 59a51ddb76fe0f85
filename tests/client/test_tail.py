"""`somc journal tail --url`: a hall elsewhere is followed through its death; what is wrong is one line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.serving import Serving, serving
from tests.client.test_your_own_display import ask
from tests.system.process import SOMC


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("hall")) as found:
        yield found


def tail(hall: Serving, *more: str) -> list[str]:
    return [*SOMC, "journal", "tail", "--url", hall.url, "--token-file", f"{hall.folder}/admin.token", *more]


def take(hall: Serving) -> str:
    return str(ask(hall, "tickets", service="payment", channel="kiosk")["id"])


def test_the_newest_records(hall: Serving) -> None:
    tickets = [take(hall) for _ in range(3)]
    done = subprocess.run(tail(hall, "-n", "2"), capture_output=True, text=True, timeout=60, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["data"]["ticket"] for record in records] == tickets[1:]
    assert list(records[0]) == ["seq", "at", "type", "topic", "data", "v"]


def test_it_follows_through_a_kill(hall: Serving) -> None:
    first = take(hall)
    with subprocess.Popen(tail(hall, "-n", "1", "-f"), stdout=subprocess.PIPE, text=True) as following:
        try:
            assert following.stdout is not None
            seen = [json.loads(following.stdout.readline())]
            tickets = [first, take(hall)]
            hall.kill()
            hall.start()
            tickets.append(take(hall))
            seen += [json.loads(following.stdout.readline()) for _ in tickets[1:]]
        finally:
            following.kill()
    assert [record["data"]["ticket"] for record in seen] == tickets
    assert [record["seq"] - seen[0]["seq"] for record in seen] == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["journal", "tail"], 2, "--url"),
        (["journal", "tail", "--url", "http://127.0.0.1:9"], 2, "--token-file"),
        (["journal", "tail", "--url", "ftp://x", "--token-file", "TOKEN"], 2, "no address of a hall"),
        (["journal", "tail", "--url", "http://127.0.0.1:9", "--token-file", "TOKEN"], 1, "127.0.0.1:9"),
        (["journal", "tail", "--url", "HALL", "--token-file", "TOKEN"], 1, "401"),
    ],
)
def test_what_is_wrong_is_one_line(
    hall: Serving, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("not-a-token-of-this-hall\n")
    command = [{"HALL": hall.url, "TOKEN": str(wrong)}.get(word, word) for word in arguments]
    done = subprocess.run([*SOMC, *command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
