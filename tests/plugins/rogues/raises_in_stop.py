"""Cannot stop."""

from somc.api import hookimpl


@hookimpl
async def somc_stop(context):
    raise RuntimeError("not so fast")


@hookimpl
async def somc_identify(context, visit):
    return None
