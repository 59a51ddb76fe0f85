"""What a device tells of itself, carried to the door until it is taken.

What must stay true: a full door is waited for, everything else that stands in the way is a word for the log;
nothing that a device says stops its listener.
"""

from __future__ import annotations

import trio

from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.errors import Overloaded, RuleFailed, ShuttingDown, StoreError
from somc.runtime.hall import Hall

__all__ = ["written"]


async def written(hall: Hall, command: c.Command) -> str:
    """Have `command` carried out: empty when it is on disk, else why it is not."""
    while True:
        try:
            outcome = await hall.submit(command, lambda state, events, now: None)
        except Overloaded as error:
            await trio.sleep(error.retry_after_s)
            continue
        except (RuleFailed, ShuttingDown, StoreError) as error:
            return str(error)
        return outcome.words.en if isinstance(outcome, Refusal) else ""
