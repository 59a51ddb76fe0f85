"""What the C core holds in memory: about a hundred bytes a ticket, all of it used again."""

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
