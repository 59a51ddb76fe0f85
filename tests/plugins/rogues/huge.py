"""Gives far more than anybody asked for."""

import itertools

from somc.api import Identity, Words, hookimpl


@hookimpl
async def somc_identify(context, visit):
    return Identity(facts={"everything": "x" * 5_000_000})


@hookimpl
def somc_slip_lines(context, ticket):
    return (Words(zh="无尽", en="endless") for _ in itertools.count())


@hookimpl
def somc_display_lines(hall):
    return [Words(zh="长" * 100_000, en="long")]


@hookimpl
async def somc_start(context):
    hoard = []
    for _ in range(3):
        hoard.append(bytearray(2**20))
