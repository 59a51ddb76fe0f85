"""Exports: byte-stable JSON Lines, Parquet through DuckDB, both without people."""

from __future__ import annotations

import importlib
import importlib.util
import io
import sys
from pathlib import Path

import msgspec
import pytest
import trio

from somc.errors import UsageError
from somc.journal import Entry, Person
from somc.journal.chain import genesis, link
from somc.journal.export import export_json_lines, export_parquet
from somc.journal.verify import verify
from tests.journal.samples import START_MS, record, running, write


def _exported(folder: Path, after: int = 0) -> bytes:
    output = io.BytesIO()
    count = export_json_lines(folder, output, after)
    assert count == output.getvalue().count(b"\n")
    return output.getvalue()


async def test_a_line_is_the_record_in_contract_form(folder: Path) -> None:
    async with running(folder) as journal:
        person = Person("p1", "13800138000", "王小明")
        await journal.append(Entry((record(1, person="p1", words="你好"),), (person,)))
    assert _exported(folder).decode() == (
        f'{{"seq":1,"at":{START_MS},"type":"ticket.taken","topic":"acme/east/pudong/hall1/ticket/t1",'
        '"data":{"person":"p1","words":"你好"},"v":1}\n'
    )


async def test_the_same_journal_gives_the_same_bytes_while_it_is_written(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 4500)
        first = _exported(folder)
        await write(journal, 1)
        assert _exported(folder).startswith(first)
        assert [msgspec.json.decode(line)["seq"] for line in first.splitlines()] == list(range(1, 4501))
        assert _exported(folder, after=4499).count(b"\n") == 2
        assert _exported(folder, after=9999) == b""


async def test_an_export_proves_itself_with_sha256_alone(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 30)
    report = verify(folder)
    assert report.epoch is not None
    chain = genesis(report.epoch)
    for line in _exported(folder).splitlines():
        chain = link(chain, line)
    assert chain.hex() == report.chain


async def test_the_documented_check_works_without_somc(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 30, words="你好")
    page = Path(__file__).parents[2] / "docs" / "reference" / "journal-store.md"
    program = page.read_text().split("```python\n")[1].split("```")[0]
    assert "somc" not in program.replace("somc journal ", "").replace("`somc", "")
    done = await trio.run_process(
        [sys.executable, "-c", program, "epoch-1"], stdin=_exported(folder), capture_stdout=True
    )
    assert done.stdout.decode().strip() == verify(folder).chain


async def test_progress_is_told_to_the_end(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 4500)
    told: list[tuple[int, int]] = []
    export_json_lines(folder, io.BytesIO(), on_progress=lambda done, total: told.append((done, total)))
    assert told == [(2000, 4500), (4000, 4500), (4500, 4500)]
    told.clear()
    verify(folder, lambda done, total: told.append((done, total)))
    assert told == [(2000, 4500), (4000, 4500), (4500, 4500)]


async def test_parquet_without_duckdb_names_the_extra(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(folder) as journal:
        await write(journal, 1)
    monkeypatch.setitem(sys.modules, "duckdb", None)  # as Python does for a package that is not there
    with pytest.raises(UsageError, match=r"pip install 'somc\[analytics\]'"):
        export_parquet(folder, tmp_path / "records.parquet")


@pytest.mark.skipif(importlib.util.find_spec("duckdb") is None, reason="needs duckdb: somc[analytics]")
async def test_parquet_holds_the_same_records(folder: Path, tmp_path: Path) -> None:
    duckdb = importlib.import_module("duckdb")

    async with running(folder) as journal:
        await write(journal, 50, words="你好", nested={"a": [1, 2]})
    output = tmp_path / "records.parquet"
    assert export_parquet(folder, output, after=10) == 40
    assert {path.name for path in tmp_path.iterdir()} == {"data", "records.parquet"}  # noqa: ASYNC240 - a test
    with duckdb.connect() as database:
        found = database.read_parquet(str(output)).order("seq").fetchall()
        words = database.sql(f"SELECT DISTINCT data->>'$.words' FROM read_parquet('{output}')").fetchall()
    assert [row[0] for row in found] == list(range(11, 51))
    assert found[0][1:4] == (START_MS, "ticket.taken", record(1).topic)
    assert msgspec.json.decode(found[0][4]) == {"words": "你好", "nested": {"a": [1, 2]}}
    assert words == [("你好",)]
