"""Never answers, but lets itself be cancelled."""

import threading

import trio

from somc.api import About, hookimpl


@hookimpl
def somc_plugin():
    return About(follows=("ticket.called",))


@hookimpl
async def somc_identify(context, visit):
    await trio.sleep_forever()


@hookimpl
def somc_slip_lines(context, ticket):
    threading.Event().wait()


@hookimpl
async def somc_record(context, record):
    await trio.sleep_forever()
