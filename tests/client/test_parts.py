"""Back-off, topics and addresses by themselves."""

from __future__ import annotations

import pytest

from somc.client.address import Address
from somc.client.backoff import Backoff
from somc.client.topics import MOST_TOPICS, check_topics
from somc.errors import UsageError
from somc.testing.server_checks import MOST_TOPICS as A_HALL_TAKES


def test_the_limit_doubles_up_to_the_most() -> None:
    backoff = Backoff(0.25, 10.0, lambda: 1.0)
    assert [backoff.next_s() for _ in range(8)] == [0.25, 0.5, 1, 2, 4, 8, 10, 10]
    for _ in range(5_000):
        backoff.next_s()
    assert backoff.next_s() == 10
    backoff.reset()
    assert backoff.next_s() == 0.25


def test_jitter_is_full() -> None:
    chances = iter([0.0, 0.5, 0.999])
    backoff = Backoff(1.0, 10.0, lambda: next(chances))
    assert [backoff.next_s() for _ in range(3)] == [0.0, 1.0, 3.996]


def test_topics_are_checked_before_they_are_sent() -> None:
    assert check_topics(["#", "a/+/b/#", "#"]) == ("#", "a/+/b/#")
    assert MOST_TOPICS == A_HALL_TAKES
    for wrong in ("", "/", "a//b", "#/a", "a/#/b", "a#", "+a", "a/b+"):
        with pytest.raises(UsageError, match="no topic"):
            check_topics([wrong])
    with pytest.raises(UsageError, match="at most 64"):
        check_topics(f"a/{n}" for n in range(MOST_TOPICS + 1))


@pytest.mark.parametrize(
    ("url", "address", "said"),
    [
        ("http://127.0.0.1:8080", Address("127.0.0.1", 8080, False), "http://127.0.0.1:8080"),
        ("ws://hall/api/v1/ws", Address("hall", 80, False), "http://hall"),
        ("wss://hall/somc/api/v1/ws", Address("hall", 443, True, "/somc"), "https://hall/somc"),
        ("https://[::1]:99/api/v1/", Address("::1", 99, True), "https://[::1]:99"),
    ],
)
def test_addresses(url: str, address: Address, said: str) -> None:
    assert Address.of(url) == address
    assert str(address) == said
