"""A hall's state without a runtime, for what is drawn from it: commands in, `decide` and `evolve`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from somc.domain import commands as c
from somc.domain.decide import decide
from somc.domain.evolve import evolve
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import Counter, Ticket
from somc.scheduler.reference import ReferenceScheduler
from somc.testing.given import instant, small_hall

NINE = instant("2026-03-02 09:00")

SERVICES = {
    "payment": {"name": {"zh": "缴费", "en": "Payment"}, "prefix": "A", "mean_service_s": 180},
    "business": {"name": {"zh": "业务办理", "en": "Plans"}, "prefix": "B", "order": 1},
}


class Standing:
    """A hall that stands still between commands. The clock moves one second with each."""

    def __init__(
        self,
        *,
        services: Mapping[str, Mapping[str, Any]] = SERVICES,
        counters: Mapping[int, Mapping[str, int]] | None = None,
        name: str = "西单营业厅",
    ) -> None:
        self.state = HallState(ReferenceScheduler)
        self.now = NINE
        both = dict.fromkeys(services, 1)
        counters = counters if counters is not None else {1: both, 2: both, 12: both}
        values = small_hall(services=services, counters=counters)
        values["hall.name"] = {"zh": name, "en": "Xidan Hall"}
        self.do(c.ChangeConfig(by="config", changes=values))

    def do(self, command: c.Command) -> None:
        self.now += 1000
        outcome = decide(self.state, command, self.now)
        assert not isinstance(outcome, Refusal), outcome
        for event in outcome:
            evolve(self.state, event, self.now)

    def take(self, service: str = "payment", **more: Any) -> Ticket:
        ticket_id = f"t{self.state.seq}"
        fields = {"customer_class": "plain", "class_source": "given", "channel": "kiosk", **more}
        self.do(c.TakeTicket(by="kiosk:1", ticket_id=ticket_id, service=service, **fields))
        return self.state.tickets[ticket_id]

    def open(self, *counters: int) -> None:
        for number in counters:
            self.do(c.OpenCounter(by="agent:li", counter=number, agent=f"agent{number}"))

    def call(self, counter: int) -> None:
        self.do(c.CallNext(by="agent:li", counter=counter))

    def start(self, counter: int) -> None:
        self.do(c.StartService(by="agent:li", counter=counter))

    def counter(self, number: int) -> Counter:
        return self.state.counters[number]
