"""Computes for ever without giving the loop back."""

from somc.api import hookimpl


@hookimpl
async def somc_identify(context, visit):
    while True:
        pass
