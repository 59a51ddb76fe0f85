"""Cannot start."""

from somc.api import hookimpl


@hookimpl
async def somc_start(context):
    raise ConnectionError("the server of this plugin is not there")
