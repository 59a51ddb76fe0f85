"""Gives something else than it should."""

from somc.api import hookimpl


@hookimpl
async def somc_identify(context, visit):
    return {"customer_class": "gotone"}


@hookimpl
def somc_slip_lines(context, ticket):
    return [1, None, object()]


@hookimpl
def somc_display_lines(hall):
    return "a text is a list of letters"


@hookimpl
async def somc_card(context, ticket, visit):
    return 5
