"""Raises in every hook that it has, SystemExit among them."""

from somc.api import About, hookimpl


@hookimpl
def somc_plugin():
    return About(follows=("ticket.taken",), sees=frozenset({"phone"}))


@hookimpl
async def somc_identify(context, visit):
    raise SystemExit("a plugin does not end the hall")


@hookimpl
def somc_slip_lines(context, ticket):
    raise ZeroDivisionError("slips")


@hookimpl
async def somc_record(context, record):
    raise KeyboardInterrupt


@hookimpl
async def somc_card(context, ticket, visit):
    raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])
