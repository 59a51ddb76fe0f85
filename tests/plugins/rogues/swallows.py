"""Swallows its cancellation and goes on."""

import trio

from somc.api import hookimpl


@hookimpl
async def somc_identify(context, visit):
    while True:
        try:
            await trio.sleep(0.05)
        except BaseException:
            await trio.lowlevel.cancel_shielded_checkpoint()
