"""Its follower dies at one record, and works at all others."""

from somc.api import About, LogCare, hookimpl


@hookimpl
def somc_plugin():
    return About(follows=("ticket.taken",))


@hookimpl
async def somc_record(context, record):
    if record.data["number"].endswith("2"):
        raise ValueError("not this one")
    await context.do(LogCare(ticket=record.data["ticket"], kind="welcomed"))
