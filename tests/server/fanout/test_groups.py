"""The index of subscriptions finds whom each pattern's own test finds, and costs what it finds."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from somc.server.fanout.groups import Form, GroupIndex
from somc.server.fanout.table import PureTable
from somc.server.topics import Interest, outside, parse
from somc.server.wire import FORMATS

STAFF = Form(FORMATS["somc.v1.json"], False)
PUBLIC = Form(FORMATS["somc.v1.json"], True)
level = st.sampled_from(["a", "b", "ticket", "counter", "1"])
topics = st.lists(level, min_size=1, max_size=5).map("/".join)
patterns = st.builds(
    lambda levels, rest: "/".join([*levels, *rest]),
    st.lists(st.one_of(level, st.just("+")), min_size=0, max_size=5),
    st.sampled_from([["#"], ["a"], ["+"]]),
)


class Member:
    """Somebody with an interest; no socket is written to here."""

    def __init__(self, wanted: list[str], form: Form) -> None:
        self.place = -1
        self.fd = 0
        self.form = form
        self.interest = Interest()
        self.interest.add(wanted)


def join(index: GroupIndex[Any], member: Member) -> Any:
    return index.join(member, member.form, member.interest.patterns, told=0)


@given(
    st.lists(st.tuples(st.lists(patterns, min_size=0, max_size=4), st.sampled_from([STAFF, PUBLIC]))),
    st.lists(topics, min_size=1, max_size=8),
    st.data(),
)
def test_the_index_finds_whom_the_patterns_match(
    wanted: list[tuple[list[str], Form]], asked: list[str], data: st.DataObject
) -> None:
    index: GroupIndex[Any] = GroupIndex(PureTable)
    here = [Member(*each) for each in wanted]
    groups = {member: join(index, member) for member in here}
    while True:
        for topic in asked:
            found = [member for group in index.matching(topic) for member in group.table.members]
            assert len(found) == len(set(found))
            assert set(found) == {member for member in here if member.interest.matches(topic)}
        if not here:
            break
        gone = here.pop(data.draw(st.integers(0, len(here) - 1)))
        index.leave(gone, groups[gone])
    assert not index._root.below, "what nobody wants any more is left in the tree"
    assert not list(index)


def test_who_wants_the_same_shares_a_group_and_other_forms_do_not() -> None:
    index: GroupIndex[Any] = GroupIndex(PureTable)
    one, same = Member(["a/#", "b/+"], STAFF), Member(["b/+", "a/#"], STAFF)
    other, public = Member(["a/#"], STAFF), Member(["a/#", "b/+"], PUBLIC)
    assert join(index, one) is join(index, same)
    assert len({id(join(index, each)) for each in (one, other, public)}) == 3


def test_a_record_is_not_held_against_subscriptions_that_it_is_not_for() -> None:
    """5,000 subscriptions to other tickets: the tree leads past them."""
    index: GroupIndex[Any] = GroupIndex(PureTable)
    for number in range(5_000):
        join(index, Member([f"a/b/c/d/ticket/t{number}"], STAFF))
    visited = 0

    class Levels(list[str]):
        def __getitem__(self, at: Any) -> Any:
            nonlocal visited
            visited += 1
            return super().__getitem__(at)

    found: set[Any] = set()
    index._root.find(Levels(["a", "b", "c", "d", "ticket", "t77"]), 0, found)
    assert len(found) == 1
    assert visited <= 6


@given(topics, patterns)
def test_a_topic_is_outside_only_if_nothing_inside_can_match_it(scope: str, pattern: str) -> None:
    interest = Interest()
    interest.add([pattern])
    depth = len(parse(pattern)) + 1
    inside = [scope, *("/".join([scope, *["a"] * n]) for n in range(1, depth))]
    if outside(pattern, scope):
        assert not any(interest.matches(topic) for topic in inside)
    assert not outside(pattern, "")
