"""What became of offers: kept per person, counted per offer, told to the marketing system until it heard.

    p/PERSON         what was between them and each offer   consent/PERSON   whether they take offers
    counts/B         outcomes by offer, in buckets, and the last record counted in each
    out/SEQ          an outcome that the marketing system has not heard yet
    refused/SEQ      one that it would not take; it is told again later

What must stay true
- A record that comes again changes nothing: counts carry the last `seq` that is in them, an outcome waits
  under its `seq`, and what is kept per person is the same twice.
- An outcome leaves the store after the marketing system has answered, never before. No number is in the
  store: it is looked up when the outcome is told.
- Outcomes that the marketing system will not take, however many, do not hold up the others.
"""

from __future__ import annotations

import msgspec
import trio

from somc.api import Json, PluginContext, Record, Store, TicketView
from somc_plugins.json_source import JsonSource, SourceFailed, filled
from somc_plugins.marketing.config import MarketingConfig
from somc_plugins.marketing.offers import DAY_MS, Past
from somc_plugins.shelf import all_under, bucket_of

__all__ = ["Ledger"]

MOST_SHOWN = 20
"""Instants kept per person and offer."""

MOST_OFFERS = 100
"""Offers kept per person, the latest."""

TIDIED_AT_ONCE = 500

COUNT_DIGITS = 3
"""Of the buckets of offers that are counted: 20,000 of them are five a bucket."""

LONGEST_PAUSE_S = 3600.0


class Counts(msgspec.Struct, kw_only=True):
    """The outcomes of some offers."""

    seq: int = 0
    offers: dict[str, dict[str, int]] = {}
    """Offer → outcome → how often."""


class Ledger:
    """The store of one hall's offers."""

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._store: Store = context.store
        self._config: MarketingConfig = context.config
        self._news = trio.Event()
        self.declined: set[str] = set()
        """Persons who said here that they want no offers: the store's, for hooks that must not wait."""
        self._tidied = -1
        """The day on which old persons were looked for last."""
        self._tidy_after: str | None = None
        """Up to which person that has come; None: to the end."""

    async def open(self) -> None:
        """Read what must be at hand."""
        kept = await all_under(self._store, "consent/")
        self.declined = {person for person, consents in kept if consents is False}
        await self._split_old_counts()

    async def _split_old_counts(self) -> None:
        """An earlier version counted all offers in one entry, which goes when its buckets are written."""
        kept = await self._store.get("counts")
        if kept is None:
            return
        old = msgspec.convert(kept, Counts)
        buckets: dict[str, Counts] = {}
        for offer, outcomes in old.offers.items():
            bucket = buckets.setdefault(bucket_of(offer, COUNT_DIGITS), Counts(seq=old.seq))
            bucket.offers[offer] = outcomes
        for name, bucket in buckets.items():
            await self._store.put(f"counts/{name}", msgspec.to_builtins(bucket))
        await self._store.delete("counts")

    # -- asking -------------------------------------------------------------------------------------

    async def past(self, person: str) -> dict[str, Past]:
        """Offer → what was between this person and it."""
        kept = await self._store.get(f"p/{person}")
        return {} if kept is None else msgspec.convert(kept, dict[str, Past])

    async def set_consent(self, person: str, consent: bool) -> None:
        await self._store.put(f"consent/{person}", consent)
        (self.declined.discard if consent else self.declined.add)(person)

    async def counts(self) -> dict[str, dict[str, int]]:
        """Offer → outcome → how often."""
        kept = [msgspec.convert(bucket, Counts) for _, bucket in await all_under(self._store, "counts/")]
        return {offer: outcomes for counts in kept for offer, outcomes in counts.offers.items()}

    # -- keeping ------------------------------------------------------------------------------------

    async def outcome(self, record: Record, ticket: TicketView | None) -> None:
        """An `offer.outcome` happened."""
        offer, outcome = str(record.data["offer"]), str(record.data["outcome"])
        if ticket is not None and ticket.person is not None:
            await self._remember(ticket.person, offer, outcome, record.at)
        if self._config.source is not None and self._config.source.outcome_url is not None:
            waiting = {"offer": offer, "outcome": outcome, "at": record.at, "ticket": record.data["ticket"]}
            waiting["person"] = None if ticket is None else ticket.person
            await self._store.put(f"out/{record.seq:012d}", waiting)
            self._news.set()
        await self._count(record.seq, offer, outcome)

    async def _count(self, seq: int, offer: str, outcome: str) -> None:
        key = f"counts/{bucket_of(offer, COUNT_DIGITS)}"
        kept = await self._store.get(key)
        counts = Counts() if kept is None else msgspec.convert(kept, Counts)
        if seq > counts.seq:
            of = counts.offers.setdefault(offer, {})
            of[outcome] = of.get(outcome, 0) + 1
            counts.seq = seq
            await self._store.put(key, msgspec.to_builtins(counts))

    async def _remember(self, person: str, offer: str, outcome: str, at: int) -> None:
        pasts = await self.past(person)
        past = pasts.pop(offer, Past())
        if outcome == "shown":
            shown = sorted({*past.shown, at})[-MOST_SHOWN:]
            past = msgspec.structs.replace(past, shown=shown)
        else:
            past = msgspec.structs.replace(past, outcome=outcome, at=at)
        pasts[offer] = past
        while len(pasts) > MOST_OFFERS:
            pasts.pop(next(iter(pasts)))
        await self._store.put(f"p/{person}", msgspec.to_builtins(pasts))

    async def tidy(self, at: int) -> None:
        """Once a day: forget whom nothing was offered for `forget_days`. Each call looks at `TIDIED_AT_ONCE`
        persons, so that no record waits for all of them. Called by the follower alone, which is who writes
        what is deleted here."""
        if at // DAY_MS != self._tidied:
            self._tidied, self._tidy_after = at // DAY_MS, ""
        if self._tidy_after is None:
            return
        since = at - self._config.forget_days * DAY_MS
        page = await self._store.scan("p/", self._tidy_after, TIDIED_AT_ONCE)
        for key, kept in page:
            pasts = msgspec.convert(kept, dict[str, Past])
            if max((at for each in pasts.values() for at in (*each.shown, each.at)), default=0) <= since:
                await self._store.delete(key)
        self._tidy_after = page[-1][0] if page else None

    # -- telling ------------------------------------------------------------------------------------

    async def tell(self, source: JsonSource) -> None:
        """Tell the marketing system every outcome, the oldest first, for ever; what it would not take again
        by and by."""
        first_s = float(self._config.retry_s)
        pause_s = again_s = first_s
        again_at = trio.current_time() + again_s
        while True:
            self._news = trio.Event()  # what comes from here on is not missed
            heard = await self._tell_all(source, "out/")
            if heard and trio.current_time() >= again_at:
                heard = await self._tell_all(source, "refused/")
                left = await self._store.scan("refused/", limit=1)
                again_s = min(2 * again_s, LONGEST_PAUSE_S) if left else first_s
                again_at = trio.current_time() + again_s
            if heard:
                pause_s = first_s
                with trio.move_on_at(again_at):
                    await self._news.wait()
            else:
                await trio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _tell_all(self, source: JsonSource, prefix: str) -> bool:
        """Whether the other side heard them all, and took them or not. While it is down one try is enough."""
        hall = (await self._context.hall()).org
        after = ""
        while waiting := await self._store.scan(prefix, after, limit=50):
            for after, told in waiting:  # the last key is where the next page begins
                assert isinstance(told, dict)
                failed = await self._tell_one(source, hall, told)
                if failed not in (None, "wrong"):
                    return False
                if failed == "wrong":
                    await self._store.put(f"refused/{after.removeprefix(prefix)}", told)
                if failed is None or prefix == "out/":
                    await self._store.delete(after)
        return True

    async def _tell_one(self, source: JsonSource, hall: str, told: dict[str, Json]) -> str | None:
        """Why it was not heard; None: it was, or is given up after `keep_days`."""
        person = told["person"]
        phone = None if person is None else await self._context.phone_of(str(person))
        url = self._config.source.outcome_url if self._config.source is not None else None
        assert url is not None
        body = {name: told[name] for name in ("outcome", "at", "ticket")}
        try:
            await source.post(filled(url, offer=str(told["offer"])), {**body, "hall": hall, "phone": phone})
        except SourceFailed as failure:
            if self._context.now() - int(told["at"]) < self._config.keep_days * DAY_MS:
                return failure.why
            self._context.log.error("an outcome is given up", offer=told["offer"], why=failure.why)
        return None
