"""What the C core holds in memory: about a hundred bytes a ticket, all of it used again."""

import pytest

from somc.scheduler import Terms
from somc.scheduler.native import NativeScheduler

TICKETS = 6300
"""A hundred full chunks."""


def test_tickets_that_join_in_order_fill_their_chunks() -> None:
    scheduler = NativeScheduler()
    scheduler.define_queue(Terms(1))
    for key in range(TICKETS):
        scheduler.push(key, 0, key, 0)
    assert scheduler.memory_bytes() < 100 * TICKETS


@pytest.mark.parametrize("step", [1, 2, 64, 65536, 1 << 22, 1 << 40, 0x9E3779B97F4A7C15 >> 3])
def test_keys_that_count_in_any_step_are_found_and_gone_again(step: int) -> None:
    scheduler = NativeScheduler()
    scheduler.define_queue(Terms(1))
    keys = [number * step % (1 << 62) for number in range(1000)]
    for place, key in enumerate(keys):
        scheduler.push(key, 0, place, 0)
    for key in keys[::3]:
        scheduler.remove(key)
    assert [key in scheduler for key in keys] == [place % 3 != 0 for place in range(1000)]
    assert scheduler.check() == 0


def test_memory_is_used_again_after_calls_from_the_front() -> None:
    scheduler = NativeScheduler()
    scheduler.define_queue(Terms(1, warn=5, target=10))
    for key in range(TICKETS):
        scheduler.push(key, 0, key, 0)
    full = scheduler.memory_bytes()
    for key in range(TICKETS, 20 * TICKETS):
        scheduler.remove(key - TICKETS)
        scheduler.push(key, 0, key, 0)
        assert scheduler.next_due() == key - TICKETS + 1 + 5
        if key % 500 == 0:
            assert scheduler.check() == 0
    # One chunk is partly called and one partly filled: two more than full ones, and the directory doubles.
    assert scheduler.memory_bytes() < full * 1.05
    assert scheduler.check() == 0


def test_sparse_chunks_are_merged() -> None:
    scheduler = NativeScheduler()
    scheduler.define_queue(Terms(1))
    for key in range(TICKETS):
        scheduler.push(key, 0, key, 0)
    full = scheduler.memory_bytes()
    for key in range(TICKETS):
        if key % 63:
            scheduler.remove(key)
    # The hundred that are left stood in a chunk each. Merged, they leave nearly all chunks to the others.
    for key in range(TICKETS, 2 * TICKETS - 200):
        scheduler.push(key, 0, key, 0)
    assert scheduler.memory_bytes() <= full
    assert scheduler.check() == 0
