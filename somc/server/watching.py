"""The reads of whoever watches over a hall: alerts and the promise, now and of any period, and advice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from somc.domain import advice
from somc.domain.state import HallState
from somc.reports.past_alerts import PastAlerts
from somc.reports.promise import TENS, Late, PromiseFold
from somc.reports.reading import feed, first_at
from somc.server.access import Principal
from somc.server.alert_views import alert_view, of_the_day
from somc.server.problems import Problem, problem
from somc.server.query import STAFF, Floor, NoParams, Query

__all__ = ["WATCHING"]

Plain = dict[str, Any]
Instant = Annotated[datetime, Meta(tz=True)]
Cursor = Annotated[str, Meta(pattern=r"^[0-9]{1,15}$(?!\n)")]
Name = Annotated[str, Meta(max_length=64)]

LONGEST_PERIOD = timedelta(days=366)
DAY_MS = 86_400_000
FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Of what may be asked: an instant of the first or the last year there is cannot be told in every zone."""


class AlertsParams(msgspec.Struct, frozen=True, rename={"begin": "from"}):
    """Without `from`: the running day's. `open`: only those to be looked at (true), or only the others."""

    open: bool | None = None
    kind: Literal["warning", "breach", "long_wait", "peak"] | None = None
    begin: Instant | None = None
    to: Instant | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    after: Cursor | None = None
    """The `next` of the page before."""


async def _alerts(floor: Floor, params: AlertsParams, principal: Principal) -> Any:
    if params.begin is not None:
        return await _past_alerts(floor, params, params.begin)

    def view(state: HallState, now: int) -> Plain:
        wanted = [
            alert
            for alert in of_the_day(state)
            if params.open in (None, alert.open) and params.kind in (None, alert.kind)
        ]
        skipped = int(params.after or 0)
        page = wanted[skipped : skipped + params.limit]
        through = skipped + len(page)
        return {
            "alerts": [alert_view(alert) for alert in page],
            "next": str(through) if through < len(wanted) else None,
        }

    return await floor.hall.read(view)


async def _past_alerts(floor: Floor, params: AlertsParams, begin: datetime) -> Any:
    """From the journal: `after` is the last record of the page before."""
    journal = floor.hall.journal
    head = journal.head
    period = period_ms(begin, params.to, floor.hall.now())
    if isinstance(period, Problem):
        return period
    first = await first_at(journal, period[0]) - 1
    found = PastAlerts(period[1], params.limit, params.kind)
    await feed(journal, max(first, int(params.after or 0)), head, found.take)
    alerts = [alert for alert in found.found.values() if params.open in (None, alert.open)]
    return {
        "alerts": [alert_view(alert) for alert in alerts],
        "next": str(found.last) if found.more else None,
    }


def period_ms(begin: datetime | None, to: datetime | None, now: int) -> tuple[int, int] | Problem:
    """A period in Unix ms, `to` excluded (none: until now; no `begin`: the day before), or why it is none."""
    for name, instant in (("from", begin), ("to", to)):
        if instant is not None and not FIRST_YEAR <= instant.year <= LAST_YEAR:
            why = f"not of the years {FIRST_YEAR} to {LAST_YEAR}"
            return problem(422, "wrong_input", f"'{name}' is {why}", fields={name: why})
    end = now + 1 if to is None else round(to.timestamp() * 1000)
    start = end - DAY_MS if begin is None else round(begin.timestamp() * 1000)
    if end <= start:
        why = "ends before it begins"
        return problem(422, "wrong_input", f"the period {why}: give a later 'to'", fields={"to": why})
    if end - start > LONGEST_PERIOD.total_seconds() * 1000:
        why = f"longer than {LONGEST_PERIOD.days} days"
        return problem(422, "wrong_input", f"the period is {why}: ask in parts", fields={"from": why})
    return start, end


class PromiseParams(msgspec.Struct, frozen=True, rename={"begin": "from"}):
    """Without `from`: the 24 hours before `to`; without `to`: until now."""

    begin: Instant | None = None
    to: Instant | None = None
    within_s: Annotated[int, Meta(ge=1, le=86_400)] = TENS
    service: Name | None = None
    customer_class: Name | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    after: Annotated[str, Meta(pattern=r"^[0-9]{1,17}$(?!\n)")] | None = None
    """The `next` of the page before."""


async def _promise(floor: Floor, params: PromiseParams, principal: Principal) -> Any:
    """Read from the journal page by page: a year takes a while and holds nobody up."""
    hall, journal = floor.hall, floor.hall.journal
    head, now = journal.head, floor.hall.now()
    period = period_ms(params.begin, params.to, now)
    if isinstance(period, Problem):
        return period
    fold = PromiseFold(
        *period,
        params.within_s,
        service=params.service,
        customer_class=params.customer_class,
        limit=params.limit,
        after=int(params.after or 0),
    )
    await feed(journal, await first_at(journal, period[0]) - 1, head, fold.take)
    fold.finish(now)
    order = {name: place for place, name in enumerate((*hall.state.hall.services, *hall.state.hall.classes))}
    by = sorted(fold.by.items(), key=lambda item: [(order.get(name, len(order)), name) for name in item[0]])
    return {
        "from": period[0],
        "to": period[1],
        "within_s": params.within_s,
        "all": fold.all.view(),
        "by": [{"service": service, "customer_class": kind, **sums.view()} for (service, kind), sums in by],
        "late": [_late_view(late) for late in fold.late],
        "late_count": fold.late_count,
        "next": str(fold.late[-1].place) if fold.more else None,
    }


def _late_view(late: Late) -> Plain:
    view: Plain = msgspec.to_builtins(late)
    del view["place"]
    return view


async def _advice(floor: Floor, params: NoParams, principal: Principal) -> Any:
    return await floor.hall.read(lambda state, now: advice.view(advice.advice(state, now)))


WATCHING: tuple[Query, ...] = (
    Query("alerts", "/alerts", AlertsParams, STAFF, _alerts, "Alerts (预警), open and past", True),
    Query("advice", "/advice", NoParams, STAFF, _advice, "How many counters to open now", True),
    Query(
        "reports.promise",
        "/reports/promise",
        PromiseParams,
        frozenset(("manager", "centre")),
        _promise,
        "The promise (服务标准) in any period: who was called in time, and who was not",
        True,
    ),
)
