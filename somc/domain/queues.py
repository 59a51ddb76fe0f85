"""The hall's queues and skill sets, as the scheduler numbers them.

A queue is `(service, customer class, only counter, booked)`; tickets handed to one counter stand in queues
of their own, and so do the booked. Queues are opened when settings, a transfer or an appointment first need
them and are never removed, so that their numbers stay valid for the journal's whole life. A counter's
profile is its skills over all its queues; a service's profile (all of its classes) says how many are ahead
of somebody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from somc.domain.appointments import booked_terms, seen_after_ms
from somc.domain.policy import PLAIN, lanes_of, queue_key
from somc.domain.values import ANY_COUNTER, HallSettings, Ticket
from somc.scheduler.interface import Lane, Scheduler, Server, Terms

__all__ = ["QueueName", "Queues"]

QueueName = tuple[str, str, int, int]
"""Service, customer class, only counter (0: any), 1 for the booked (else 0)."""

WALK_IN, BOOKED = 0, 1

RETIRED = Terms(rate=0)
"""Terms of a queue whose service or class is no longer in the settings: nobody joins it."""


class Queues:
    """Maps the hall's words onto the scheduler's numbers. Written by `evolve` only."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.numbers: dict[QueueName, int] = {}
        self.names: list[QueueName] = []
        self.profiles: dict[str, int] = {}
        self.lanes: dict[str, dict[int, Lane]] = {}
        """The lanes of each profile by queue, as the scheduler has them."""
        self.terms: dict[str, Terms] = {}
        """The terms of the policy in force, by `service/class`."""

    # -- reading ----------------------------------------------------------------------------------

    def number_of(self, service: str, customer_class: str, only_counter: int) -> int:
        """The number of the walk-ins' queue; `KeyError` if it was never opened."""
        return self.numbers[service, customer_class, only_counter, WALK_IN]

    def counter_profile(self, number: int) -> int:
        return self.profiles[f"counter:{number}"]

    def lane(self, counter: int, queue: int) -> Lane:
        """How a counter sees a queue; `KeyError` if it does not at all."""
        return self.lanes[f"counter:{counter}"][queue]

    def terms_of(self, settings: HallSettings, queue: int) -> Terms:
        """The terms in force of a queue, by its number."""
        return self._terms(settings, self.names[queue])

    def service_profile(self, service: str) -> int:
        return self.profiles[f"service:{service}"]

    def means_ms(self, mean_ms: Mapping[str, int]) -> list[int]:
        """Mean service per queue in ms, in the order of the queue numbers, from those of the services."""
        return [mean_ms.get(service, 1) for service, _, _, _ in self.names]

    def waiting(self, service: str, customer_class: str) -> int:
        """How many wait for a service in a class, whoever may call them."""
        return sum(
            self.scheduler.waiting(number)
            for (name, kind, _, _), number in self.numbers.items()
            if name == service and kind == customer_class
        )

    def waiting_for(self, counter: int, skills: Collection[str]) -> int:
        """How many wait whom a counter with these skills may call."""
        return sum(
            self.scheduler.waiting(number)
            for (service, _, only, _), number in self.numbers.items()
            if service in skills and only in (ANY_COUNTER, counter)
        )

    def server(self, number: int, free_in_ms: int) -> Server:
        return Server(profile=self.counter_profile(number), free_in=free_in_ms)

    # -- writing ----------------------------------------------------------------------------------

    def apply_settings(self, settings: HallSettings, skills: Mapping[int, Mapping[str, int]]) -> None:
        """Open what is missing and give every queue and profile the terms in force."""
        for service in settings.services:
            for customer_class in settings.classes:
                self._open(settings, (service, customer_class, ANY_COUNTER, WALK_IN))
        for name in self.names:
            self.scheduler.set_terms(self.numbers[name], self._terms(settings, name))
        for service in settings.services:
            self._apply_service(settings, service)
        for number, counter_skills in skills.items():
            self.apply_skills(settings, number, counter_skills)

    def apply_terms(
        self,
        settings: HallSettings,
        terms: Mapping[str, Terms],
        skills: Mapping[int, Mapping[str, int]],
    ) -> None:
        """Another policy: these terms by `service/class`, and the lanes of `settings`."""
        self.terms = dict(terms)
        self.apply_settings(settings, skills)

    def apply_skills(self, settings: HallSettings, counter: int, skills: Mapping[str, int]) -> None:
        """Give a counter's profile the lanes of these skills."""
        queues = [
            (number, service, customer_class, bool(booked))
            for (service, customer_class, only, booked), number in sorted_items(self.numbers)
            if only in (ANY_COUNTER, counter)
        ]
        self._set_profile(f"counter:{counter}", lanes_of(settings, counter, skills, queues))

    def open_for(
        self, settings: HallSettings, ticket: Ticket, skills: Mapping[int, Mapping[str, int]]
    ) -> int:
        """The queue in which `ticket` stands, opened first if a transfer needs a new one."""
        only = ticket.only_counter
        name = (ticket.service, ticket.customer_class, only, BOOKED if ticket.booked else WALK_IN)
        if name not in self.numbers:
            # A returned ticket's line may be one that only the booked of it stood in.
            self._open(settings, (ticket.service, ticket.customer_class, only, WALK_IN))
            self._open(settings, name)
            self._apply_service(settings, ticket.service)
            for counter, its_skills in skills.items():
                if only in (ANY_COUNTER, counter):
                    self.apply_skills(settings, counter, its_skills)
        return self.numbers[name]

    def _apply_service(self, settings: HallSettings, service: str) -> None:
        early_ms = seen_after_ms(0, settings.appointments)
        lanes = [
            Lane(queue=number, min_wait=early_ms if booked else 0)
            for (name, _, _, booked), number in sorted_items(self.numbers)
            if name == service
        ]
        self._set_profile(f"service:{service}", lanes)

    def _open(self, settings: HallSettings, name: QueueName) -> None:
        if name not in self.numbers:
            self.numbers[name] = self.scheduler.define_queue(self._terms(settings, name))
            self.names.append(name)

    def _terms(self, settings: HallSettings, name: QueueName) -> Terms:
        service, customer_class, _, booked = name
        if service not in settings.services or customer_class not in settings.classes:
            return RETIRED
        terms = self.terms.get(queue_key(service, customer_class), PLAIN)
        return booked_terms(terms, settings.appointments) if booked else terms

    def _set_profile(self, name: str, lanes: list[Lane]) -> None:
        self.lanes[name] = {lane.queue: lane for lane in lanes}
        if name in self.profiles:
            self.scheduler.set_profile(self.profiles[name], lanes)
        else:
            self.profiles[name] = self.scheduler.define_profile(lanes)

    # -- dumping ----------------------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        return {
            "names": [list(name) for name in self.names],
            "profiles": self.profiles,
            "terms": {key: asdict(terms) for key, terms in sorted(self.terms.items())},
            "scheduler": self.scheduler.dump(),
        }

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Take over the numbering of a dump; the scheduler itself is restored by the caller."""
        self.names = [(service, kind, only, booked) for service, kind, only, booked in dumped["names"]]
        self.numbers = {name: number for number, name in enumerate(self.names)}
        self.profiles = dict(dumped["profiles"])
        made = dumped["scheduler"]["profiles"]
        self.lanes = {
            name: {lane["queue"]: Lane(**lane) for lane in made[profile]}
            for name, profile in self.profiles.items()
        }
        self.terms = {key: Terms(**terms) for key, terms in dumped["terms"].items()}


def sorted_items(numbers: Mapping[QueueName, int]) -> list[tuple[QueueName, int]]:
    """By queue number, so that lanes are listed the same way after a restart."""
    return sorted(numbers.items(), key=lambda item: item[1])
