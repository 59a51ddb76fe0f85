"""Acts and talks as fast as it can."""

import sys

import trio
import trio.lowlevel

from somc.api import Note, hookimpl


@hookimpl
async def somc_start(context):
    for _ in range(20):
        context.nursery.start_soon(flood, context)


async def flood(context):
    while True:
        context.log.info("again and again", text="x" * 1000)
        sys.stderr.write("y" * 1000 + "\n") if context.config else None
        await context.do(Note(kind="flood"))
        context.announce_changed()
        await trio.lowlevel.checkpoint()
