"""Starts tasks without end."""

import trio

from somc.api import hookimpl


@hookimpl
async def somc_start(context):
    context.nursery.start_soon(breed, context)


async def breed(context):
    while True:
        for _ in range(100):
            context.nursery.start_soon(trio.sleep_forever)
        await trio.sleep(0.01)


@hookimpl
async def somc_identify(context, visit):
    for _ in range(50):
        context.nursery.start_soon(trio.sleep_forever)
