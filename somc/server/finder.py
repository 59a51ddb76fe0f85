"""Which appointment somebody means: by its code, as its holder has it, or its id, as staff's lists show it.

What must stay true: whoever tries codes in vain is slowed down, whichever request they try them with.
"""

from __future__ import annotations

import trio

from somc.domain.codes import CODE_DIGITS, normal_code
from somc.domain.refusals import refuse
from somc.domain.values import Words
from somc.runtime.booker import code_hash
from somc.runtime.hall import Hall
from somc.server.access import Principal
from somc.server.allowance import Allowance
from somc.server.problems import Problem, of_refusal, problem

__all__ = ["Finder", "too_many"]


TRIES = 20
"""In vain at once: several customers in a row who mistype."""

TRY_EVERY_S = 6.0
"""At ten a minute a code of 43 bits is guessed in a million years."""


def too_many(wait_s: int) -> Problem:
    """That somebody has tried too often in vain."""
    words = Words(
        f"输错次数过多，请 {wait_s} 秒后再试。",
        f"Too many codes or numbers were tried that are not there: come again in {wait_s} s.",
    )
    return problem(429, "too_many_tries", words.en, words=words, retry_after_s=wait_s)


class Finder:
    """Finds appointments, and counts who tries in vain."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.tries = Allowance(trio.current_time, TRIES, TRY_EVERY_S)
        """Codes and numbers that are not there; those that are cost nothing: a busy kiosk never waits."""

    def find(self, said: str, principal: Principal, asker: str = "") -> str | Problem:
        """The id of the appointment that is meant. `asker` tells those apart for whom one principal asks."""
        bookings = self.hall.state.bookings
        who = f"{principal.by} {asker}"
        if (wait_s := self.tries.wait_s(who)) > 0:
            return too_many(wait_s)
        if said in bookings.all:
            return said
        code = normal_code(said)
        if code is None and said[:1].isdecimal():  # ids begin with a letter
            self.tries.spend(who)
            words = Words(
                f"预约码输错了：应为 {CODE_DIGITS} 位数字，请核对后重新输入。",
                f"The code is mistyped: it has {CODE_DIGITS} digits, the last of which checks the others.",
            )
            return problem(422, "bad_code", words.en, words=words, fields={"appointment": words.en})
        name = None if code is None else bookings.by_code.get(code_hash(self.hall.journal, code))
        if name is None:
            self.tries.spend(who)
            return of_refusal(refuse("unknown_appointment"))
        return name
