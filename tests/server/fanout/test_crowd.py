"""A hundred screens of which five read nothing, with the clients and the server of the benchmark.

The same with 2,000 and what it costs: `tests/benchmarks/fanout_stalled.py`.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CLIENTS, STALLED = 100, 5


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(os.environ.get("CC", "cc")) is None and os.environ.get("CI") != "true":
        pytest.skip("needs a C compiler, for the clients")
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.usefixtures("benchmarks")
def test_screens_that_read_nothing_cost_the_others_no_message_and_the_hall_little_memory() -> None:
    from fanout import served
    from fanout_stalled import metrics

    command = [sys.executable, str(BENCHMARKS / "peers" / "fanout_servers.py"), "somc"]
    with served("SOMC", command, CLIENTS, STALLED) as pair:
        pair.measure(100, 4.0)
        told = metrics(pair)
        run = pair.measure(100, 2.0)
        assert run.published >= 20
        assert run.delivered == run.published * (CLIENTS - STALLED)
    assert told["somc_feed_behind"] == STALLED, "they are served: this test shows nothing"
    # A rest of one frame each, and nothing that grows with what they have not read.
    assert told["somc_feed_buffered_bytes"] < STALLED * 64 * 1024
    assert run.kb_a_client < 150
