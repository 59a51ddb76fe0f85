"""The collector is held back, frozen after waves, and still finds garbage."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from somc.runtime import garbage
from somc.runtime.garbage import PAUSES, keep_collecting


@pytest.fixture(autouse=True)
def collector_as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
    assert PAUSES.note not in gc.callbacks


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.me = self


async def test_garbage_is_found_in_a_quiet_minute_and_at_last_also_without_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    quiet = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_collecting, lambda: 0, lambda: quiet)
        await trio.testing.wait_all_tasks_blocked()
        assert gc.get_freeze_count() > 1000
        for quiet, patience_s in ((True, garbage.QUIET_AFTER_S), (False, garbage.AT_LATEST_S)):
            ring = weakref.ref(Ring())
            await trio.sleep(patience_s + 2 * garbage.LOOKED_EVERY_S)
            assert ring() is None, f"quiet: {quiet}"
        nursery.cancel_scope.cancel()
    assert PAUSES.count > 0
    assert 0 < PAUSES.longest_s <= PAUSES.total_s


async def test_a_wave_of_connections_is_frozen_when_it_is_over_and_thawed_when_they_go(
    autojump_clock: trio.testing.MockClock,
) -> None:
    connections: list[Ring] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_collecting, lambda: len(connections), lambda: True)
        await trio.testing.wait_all_tasks_blocked()
        before = gc.get_freeze_count()
        connections += [Ring() for _ in range(5 * garbage.WAVE)]
        gone = weakref.ref(connections[0])
        await trio.sleep(3 * garbage.LOOKED_EVERY_S)
        assert gc.get_freeze_count() >= before + 5 * garbage.WAVE
        connections.clear()
        await trio.sleep(3 * garbage.LOOKED_EVERY_S)
        assert gone() is None
        nursery.cancel_scope.cancel()
