"""Whatever is asked of the outbox, in whatever order: what must stay true stays true.

Each step goes through `somc.testing.given`, so a hall fed from the records alone stands the same; invariants
hold. Here is added what needs the whole history.
"""

from __future__ import annotations

import collections
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.values import MESSAGE_CLASSES
from somc.testing.given import given, small_hall

CAMPAIGN = os.environ.get("SOMC_CAMPAIGN") == "1"
names = st.sampled_from([f"m{n}" for n in range(8)])
persons = st.sampled_from(("p1", "p2"))
gateways = st.sampled_from(("g1", "g2"))
refs = st.lists(st.sampled_from("abcd"), max_size=3, unique=True).map(tuple)
rules = st.fixed_dictionaries(
    {
        "per_hour": st.integers(1, 6),
        "attempts": st.integers(1, 3),
        "quiet_from_s": st.sampled_from((0, 79_200)),
        "quiet_until_s": st.sampled_from((0, 25_200)),
        "consent": st.sampled_from(([], ["marketing"])),
        "gateway_down_s": st.sampled_from((0, 60)),
    }
)


class Outboxes(RuleBasedStateMachine):
    @initialize(rules=rules, zone=st.sampled_from(("Asia/Shanghai", "Europe/Berlin")))
    def begin(self, rules: dict[str, Any], zone: str) -> None:
        hall = {**small_hall(timezone=zone), **{f"messages.{name}": value for name, value in rules.items()}}
        self.here = given(hall, at="2026-03-28 20:00")

    @rule(
        name=names,
        person=persons,
        kind=st.sampled_from(MESSAGE_CLASSES),
        key=st.none() | st.sampled_from(("k1", "k2", "k3")),
        life_s=st.none() | st.integers(1, 7200),
    )
    def queue(self, name: str, person: str, kind: str, key: str | None, life_s: int | None) -> None:
        expires = None if life_s is None else self.here.now + life_s * 1000
        self.here.when(
            c.QueueMessage(
                by="x",
                message_id=name,
                message_class=kind,
                template="t",
                person=person,
                key=key,
                expires_at=expires,
            )
        )

    @rule(
        gateway=gateways,
        outcomes=st.lists(
            st.builds(
                lambda name, outcome, refs, permanent: c.MessageOutcome(
                    message=name, outcome=outcome, refs=refs, permanent=permanent
                ),
                names,
                st.sampled_from(("sent", "refused", "expired", "no_number")),
                refs,
                st.booleans(),
            ),
            max_size=5,
        ),
    )
    def report(self, gateway: str, outcomes: list[c.MessageOutcome]) -> None:
        self.here.when(c.ReportMessages(by="x", gateway=gateway, outcomes=tuple(outcomes)))

    @rule(gateway=gateways, refs=st.lists(st.sampled_from("abcd"), max_size=5), delivered=st.booleans())
    def receipts(self, gateway: str, refs: list[str], delivered: bool) -> None:
        parts = tuple(c.PartReceipt(ref=ref, delivered=delivered) for ref in refs)
        self.here.when(c.ReportReceipts(by="x", gateway=gateway, receipts=parts))

    @rule(name=names, what=st.sampled_from((c.RetryMessage, c.CancelMessage)))
    def by_hand(self, name: str, what: Any) -> None:
        self.here.when(what(by="x", message=name))

    @rule(person=persons, allowed=st.booleans(), kind=st.sampled_from(("marketing", "reminder", "notice")))
    def consent(self, person: str, allowed: bool, kind: str) -> None:
        self.here.when(c.SetConsent(by="x", person=person, message_classes=(kind,), allowed=allowed))

    @rule(gateway=gateways, status=st.sampled_from(("up", "down", "off")))
    def channel(self, gateway: str, status: str) -> None:
        self.here.when(c.ReportChannel(by="x", channel=gateway, status=status))

    @rule(minutes=st.sampled_from((1, 30, 300, 1500)))
    def wait(self, minutes: int) -> None:
        self.here.running(f"{minutes}min")

    @invariant()
    def a_message_is_sent_once_between_its_queueings(self) -> None:
        if not hasattr(self, "here"):
            return
        open_: dict[str, int] = collections.defaultdict(int)
        for event in self.here.happened:
            if isinstance(event, e.MessageQueued | e.MessageRequeued):
                open_[event.message] = 1
            elif isinstance(event, e.MessageSent):
                assert open_[event.message] == 1, "it was sent twice"
                open_[event.message] = 0

    @invariant()
    def a_key_is_one_message(self) -> None:
        if hasattr(self, "here"):
            queued = [event for event in self.here.happened if isinstance(event, e.MessageQueued)]
            keys = [event.key for event in queued if event.key is not None]
            assert len(keys) == len(set(keys))

    @invariant()
    def a_snapshot_brings_it_back(self) -> None:
        if hasattr(self, "here"):
            assert self.here.reloaded().outbox.dump() == self.here.state.outbox.dump()


TestOutboxes = Outboxes.TestCase
TestOutboxes.settings = settings(
    max_examples=2000 if CAMPAIGN else 40,
    stateful_step_count=80 if CAMPAIGN else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
