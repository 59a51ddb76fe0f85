"""What one would write instead of the queue scheduler, as well as one can: the peers of its benchmarks.

Each makes the same calls as the core for scores of rate × wait, ties by `(v, order)`, and knows the earliest
moment of a warning or breach. None of them has guard, levels, overflow, runner-up or places; what the core
does beyond is not taken off its cost. Keys are integers, `v` never falls, and `order` is the key.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence

from sortedcontainers import SortedList

__all__ = ["SortedLists", "Twin"]


Entry = tuple[int, int]
"""v or moment, key."""


class Twin:
    """A deque a queue, a heap of deadlines, a set of who is inside; dead entries go when they surface."""

    keeps_dead = True

    def __init__(
        self, rates: Sequence[int], profiles: Sequence[Sequence[int]], targets: Sequence[int], lead: int
    ) -> None:
        self.alerts = [(target - lead, target) for target in targets]
        self.rates, self.skills = rates, profiles
        self.lines: list[deque[Entry]] = [deque() for _ in rates]
        self.lanes = [[(rates[queue], self.lines[queue]) for queue in queues] for queues in profiles]
        self.deadlines: list[Entry] = []
        self.inside: set[int] = set()

    def push(self, key: int, queue: int, v: int, order: int) -> None:
        self.inside.add(key)
        self.lines[queue].append((v, key))
        warn, breach = self.alerts[queue]
        heapq.heappush(self.deadlines, (v + warn, key))
        heapq.heappush(self.deadlines, (v + breach, key))

    def remove(self, key: int) -> None:
        self.inside.remove(key)

    def __contains__(self, key: int) -> bool:
        return key in self.inside

    def call(self, profile: int, now: int) -> int | None:
        inside = self.inside
        best, best_head, best_line = -1, (0, 0), None
        for rate, line in self.lanes[profile]:
            while line:
                head = line[0]
                if head[1] in inside:
                    break
                line.popleft()
            else:
                continue
            score = rate * (now - head[0])
            if score > best or (score == best and head < best_head):
                best, best_head, best_line = score, head, line
        if best_line is None:
            return None
        best_line.popleft()
        inside.remove(best_head[1])
        return best_head[1]

    def estimate_many(
        self, free: Sequence[tuple[int, int]], means: Sequence[int], now: int
    ) -> list[tuple[int, int]]:
        """Everybody's key and wait in the order of the calls, by running the policy forward: the heapq loop
        one ends with after some tuning. `free`: of each server its profile, and when it is free (ms)."""
        inside, rates, skills = self.inside, self.rates, self.skills
        lines = [[entry for entry in line if entry[1] in inside] for line in self.lines]
        for line in lines:
            line.reverse()  # so that a call is a pop from the end
        first = [line.pop() if line else None for line in lines]
        clocks = [(now + free_in, server) for server, (_, free_in) in enumerate(free)]
        heapq.heapify(clocks)
        lanes = [skills[profile] for profile, _ in free]
        places: list[tuple[int, int]] = []
        while clocks:
            clock, server = clocks[0]
            best, chosen, chosen_head = -1, -1, None
            for queue in lanes[server]:
                head = first[queue]
                if head is None:
                    continue
                score = rates[queue] * (clock - head[0])
                if score > best or (score == best and chosen_head is not None and head < chosen_head):
                    best, chosen, chosen_head = score, queue, head
            if chosen_head is None:
                heapq.heappop(clocks)
                continue
            places.append((chosen_head[1], clock - now))
            line = lines[chosen]
            first[chosen] = line.pop() if line else None
            heapq.heapreplace(clocks, (clock + means[chosen], server))
        return places

    def next_due(self) -> int | None:
        deadlines, inside = self.deadlines, self.inside
        while deadlines:
            if deadlines[0][1] in inside:
                return deadlines[0][0]
            heapq.heappop(deadlines)
        return None


class SortedLists:
    """A `SortedList` a queue and one of deadlines: nothing dead stays, and a rank costs a search."""

    keeps_dead = False

    def __init__(
        self, rates: Sequence[int], profiles: Sequence[Sequence[int]], targets: Sequence[int], lead: int
    ) -> None:
        self.alerts = [(target - lead, target) for target in targets]
        self.lines = [SortedList() for _ in rates]
        self.lanes = [[(rates[queue], self.lines[queue]) for queue in queues] for queues in profiles]
        self.deadlines = SortedList()
        self.places: dict[int, tuple[SortedList, Entry, Entry, Entry]] = {}

    def push(self, key: int, queue: int, v: int, order: int) -> None:
        line, entry = self.lines[queue], (v, key)
        warn, breach = self.alerts[queue]
        self.places[key] = (line, entry, (v + warn, key), (v + breach, key))
        line.add(entry)
        self.deadlines.add((v + warn, key))
        self.deadlines.add((v + breach, key))

    def remove(self, key: int) -> None:
        line, entry, warn, breach = self.places.pop(key)
        line.remove(entry)
        self.deadlines.remove(warn)
        self.deadlines.remove(breach)

    def __contains__(self, key: int) -> bool:
        return key in self.places

    def call(self, profile: int, now: int) -> int | None:
        best, best_head = -1, None
        for rate, line in self.lanes[profile]:
            if not line:
                continue
            head = line[0]
            score = rate * (now - head[0])
            if score > best or (score == best and best_head is not None and head < best_head):
                best, best_head = score, head
        if best_head is None:
            return None
        self.remove(best_head[1])
        return int(best_head[1])

    def next_due(self) -> int | None:
        return int(self.deadlines[0][0]) if self.deadlines else None
