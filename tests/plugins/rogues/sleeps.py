"""Blocks the loop with time.sleep, as code that knows no async does."""

import time

from somc.api import hookimpl


@hookimpl
async def somc_identify(context, visit):
    time.sleep(1.2)  # noqa: ASYNC251 - what it is here for
