from pathlib import Path

import pytest

from somc.testing.hall import hall_with

PROJECT = Path(__file__).parents[1]
PHONE = "13911112222"


@pytest.mark.parametrize("isolation", ["in-process", "process"])
async def test_who_comes_again_is_welcomed_back(isolation):
    async with hall_with(PROJECT, isolation=isolation) as hall:
        first = await hall.take("payment", phone=PHONE)
        assert hall.slip_of(first) == []
        await hall.serve(counter=1)
        await hall.turn("2h")
        second = await hall.take("payment", phone=PHONE)
        assert hall.slip_of(second) == ["Welcome back"]
        ((plugin, prompt),) = (await hall.card(second)).prompts
        assert (plugin, prompt.words.en) == ("acme_greeting", "Has come 1 times before")
        assert hall.faults() is None


async def test_the_hall_says_how_often_is_regular():
    async with hall_with(PROJECT, settings={"regular_after": 2}) as hall:
        for _ in range(2):
            assert hall.slip_of(await hall.take("payment", phone=PHONE)) == []
        assert hall.slip_of(await hall.take("payment", phone=PHONE)) == ["Welcome back"]


async def test_who_leaves_no_number_is_nobody_s_regular():
    async with hall_with(PROJECT) as hall:
        for _ in range(3):
            assert hall.slip_of(await hall.take("payment")) == []
