"""What was acknowledged is on disk: killed writers, full disks, two writers."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from somc.errors import StoreError, StoreLocked
from somc.journal import open_journal
from somc.journal.verify import verify
from tests.journal.samples import entry, running, write

ROOT = Path(__file__).parents[2]
KILLS = 20


def _writer(
    folder: Path, producers: int, *limit: str, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.journal.writer", str(folder), str(producers), *limit],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # else what was read ahead would be missing from `communicate`
    )


def _said(writer: subprocess.Popen[bytes], enough_bytes: int) -> bytes:
    assert writer.stdout is not None
    said = b""
    while len(said) < enough_bytes:
        more = writer.stdout.read(enough_bytes - len(said))
        assert more, writer.communicate()[1].decode()
        said += more
    return said


def _acknowledged(said: bytes) -> list[int]:
    # The last line may be cut by the kill.
    return [int(line) for line in said[: said.rfind(b"\n") + 1].split()]


def test_twenty_killed_writers_lose_nothing_they_acknowledged(folder: Path) -> None:
    seed = int(os.environ.get("SOMC_SEED", random.SystemRandom().randrange(2**32)))
    print(f"SOMC_SEED={seed}")
    chosen = random.Random(seed)
    head = 0
    for _ in range(KILLS):
        with _writer(folder, producers=chosen.choice([1, 20, 200])) as writer:
            said = _said(writer, chosen.randrange(1, 20_000))
            writer.kill()
            rest, trouble = writer.communicate()
        assert trouble == b""
        acknowledged = _acknowledged(said + rest)
        report = verify(folder)
        assert report.ok, report.problems
        assert report.head == report.records  # gapless, from the first
        assert max(acknowledged, default=0) <= report.head
        assert report.head >= head
        assert not acknowledged or min(acknowledged) > head
        head = report.head
    assert head > KILLS


@pytest.fixture(scope="module")
def slow_sync(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes each sync slow and counts it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler named cc")
    library = tmp_path_factory.mktemp("slow_sync") / "slow_sync.so"
    source = Path(__file__).with_name("slow_sync.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.parametrize(("producers", "least_each", "most_each"), [(1, 0.3, 1.0), (100, 15, 100)])
def test_every_acknowledgement_waits_for_a_sync_that_many_may_share(
    folder: Path, slow_sync: Path, producers: int, least_each: float, most_each: float
) -> None:
    log = folder.with_name("syncs")
    preload = {"LD_PRELOAD": str(slow_sync), "SYNC_LOG": str(log)}
    with _writer(folder, producers, env=preload) as writer:
        said = _said(writer, 600 if producers == 1 else 12_000)
        syncs = log.stat().st_size  # some of them from opening
        writer.kill()
    assert least_each <= said.count(b"\n") / syncs <= most_each, f"{syncs} syncs"


def _stops_cleanly_when_full(folder: Path, *limit: str) -> None:
    with _writer(folder, 30, *limit) as writer:
        said, trouble = writer.communicate(timeout=60)
    assert (writer.returncode, trouble) == (0, b"")
    acknowledged = _acknowledged(said)
    report = verify(folder)
    assert report.ok, report.problems
    assert report.records == report.head >= max(acknowledged)
    assert sorted(acknowledged) == list(range(1, max(acknowledged) + 1))


async def test_a_full_disk_stops_the_journal_with_nothing_half_written(folder: Path) -> None:
    _stops_cleanly_when_full(folder, str(2**20))
    async with running(folder) as journal:  # space was freed: it goes on where it was
        before = journal.head
        await write(journal, 10)
        assert journal.head == before + 10
    assert verify(folder).ok


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte and a half."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k,mode=700", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_real_full_disk_does_the_same(small_disk: Path) -> None:
    _stops_cleanly_when_full(small_disk / "data")


def test_a_second_process_cannot_write(folder: Path) -> None:
    with _writer(folder, 1) as first:
        assert first.stdout is not None
        first.stdout.readline()
        with _writer(folder, 1) as second:
            _, trouble = second.communicate(timeout=60)
            assert second.returncode == 1
            assert f"another process (id {first.pid})".encode() in trouble
            assert b"StoreLocked" in trouble
        assert verify(folder).ok  # reading is for everybody
        first.kill()


async def test_the_lock_goes_with_the_journal(folder: Path) -> None:
    async with running(folder):
        with pytest.raises(StoreLocked, match="data folder of its own"):
            async with running(folder):
                pass
    async with running(folder) as journal:
        await journal.append(entry(1))


async def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be made"):
        async with open_journal(tmp_path / "file", new_epoch=str, clock_ms=lambda: 0):
            pass
