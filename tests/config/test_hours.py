"""Opening hours as a manager writes them → the seven lists the rules read."""

import itertools
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc.config import HallConfig
from somc.config.hours import DAYS, ClosedDate, Span, hours_from
from somc.config.reading import FAULTY, Reading
from somc.domain.calendar import is_open
from somc.domain.values import OpeningHours
from somc.errors import Fault

HOUR = 3600
Loading = Callable[..., HallConfig]


def read(hours: Loading, smallest: str, text: str) -> OpeningHours:
    settings = hours(f"{smallest}[hours]\n{text}").settings
    assert settings.hours is not None
    return settings.hours


def test_no_hours_is_always_open(smallest: str, loaded: Loading) -> None:
    assert loaded(smallest).settings.hours is None


def test_a_named_day_goes_before_every_day(smallest: str, loaded: Loading) -> None:
    hours = read(
        loaded, smallest, 'every_day = ["08:30-12:00","13:30-17:30"]\nsat = ["10:00-12:00"]\nsun = []'
    )
    usual = ((30_600, 43_200), (48_600, 63_000))
    assert hours.week == (usual,) * 5 + (((36_000, 43_200),), ())


def test_a_day_that_is_not_named_is_closed(smallest: str, loaded: Loading) -> None:
    hours = read(loaded, smallest, 'tue = ["00:00-24:00"]')
    assert hours.week == ((), ((0, 24 * HOUR),), (), (), (), (), ())


def test_closed_dates_alone_leave_every_other_day_open(smallest: str, loaded: Loading) -> None:
    hall = loaded(smallest + '[hours]\nclosed_dates = ["2026-10-01"]').settings
    zone = ZoneInfo("Asia/Shanghai")
    noon = int(datetime(2026, 10, 1, 12, tzinfo=zone).timestamp()) * 1000
    assert not is_open(hall, zone, noon)
    assert is_open(hall, zone, noon + 24 * HOUR * 1000)


def test_span_past_midnight_exceeds_the_day(smallest: str, loaded: Loading) -> None:
    assert read(loaded, smallest, 'fri = ["22:00-02:00"]').week[4] == ((22 * HOUR, 26 * HOUR),)


def test_spans_are_sorted(smallest: str, loaded: Loading) -> None:
    assert read(loaded, smallest, 'mon = ["13:00-14:00", "08:00-09:00"]').week[0][0] == (8 * HOUR, 9 * HOUR)


def test_service_has_hours_of_its_own(smallest: str, loaded: Loading) -> None:
    text = smallest.replace('prefix = "A"', 'prefix = "A"\nhours = { mon = ["09:00-10:00"] }')
    settings = loaded(text).settings
    assert settings.hours is None
    own = settings.services["pay"].hours
    assert own is not None
    assert own.week[0] == ((9 * HOUR, 10 * HOUR),)


@pytest.mark.parametrize(
    "span",
    ["08:00", "8-12", "08:00-08:00", "24:00-08:00", "08:00-25:00", "08:60-09:00", "", "08:00–09:00", "a-b"],
)
def test_span_that_cannot_be_meant_is_told(span: str) -> None:
    reading = Reading("f", {})
    assert Span().read(span, reading.at("hours", "mon", 0)) is FAULTY
    assert [fault.key for fault in reading.faults] == ["hours.mon[0]"]


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        (
            'every_day = ["22:00-02:00", "01:00-03:00"]',
            "every_day",
            "22:00-02:00, which overlaps with 01:00-03:00",
        ),
        ('mon = ["22:00-02:00"]\ntue = ["01:00-03:00"]', "mon", "of the next day"),
        ('sun = ["22:00-02:00"]\nmon = ["01:00-03:00"]', "sun", "of the next day"),
        ("mon = []", "", "no day with opening hours"),
        ('closed_dates = ["2026-10-01"]\nevery_day = []', "", "no day with opening hours"),
    ],
)
def test_hours_that_contradict_themselves_are_one_fault(
    smallest: str, faults_of: Callable[..., list[Fault]], text: str, key: str, found: str
) -> None:
    (fault,) = faults_of(f"{smallest}[hours]\n{text}")
    assert fault.key == (f"hours.{key}" if key else "hours")
    assert found in fault.found


@pytest.mark.parametrize("raw", ["2026-1-1", "2026-13-01", "20261001", 20261001, "2026-10-01 "])
def test_date_that_cannot_be_meant_is_told(raw: object) -> None:
    assert ClosedDate().read(raw, Reading("f", {}).at("hours")) is FAULTY


TIMES = st.integers(0, 23).flatmap(lambda hour: st.sampled_from([f"{hour:02}:00", f"{hour:02}:30"]))


@given(st.dictionaries(st.sampled_from(DAYS), st.lists(st.tuples(TIMES, TIMES), max_size=3), max_size=7))
def test_accepted_hours_never_overlap_and_refused_ones_say_why(
    days: dict[str, list[tuple[str, str]]],
) -> None:
    reading = Reading("f", {})
    fields = {
        day: [Span().read(f"{start}-{end}", reading.at("x")) for start, end in spans if start != end]
        for day, spans in days.items()
    }
    hours = hours_from(fields, reading.at("hours"))
    assert (hours is FAULTY) == bool(reading.faults)
    if hours is not FAULTY:
        fortnight = [
            (number * 86_400 + start, number * 86_400 + end)
            for number, spans in enumerate(hours["week"] * 2)
            for start, end in spans
        ]
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(fortnight))


def test_a_date_of_the_calendar_is_closed_open_otherwise_or_like_another_day(
    smallest: str, loaded: Loading
) -> None:
    calendar = loaded(
        smallest
        + '[calendar.2026-10-01]\nhours = []\nname = { zh = "国庆节", en = "National Day" }\n'
        + '[calendar.2026-10-10]\nlike = "wed"\n[calendar.2026-12-31]\nhours = ["09:00-12:00"]\n'
    ).settings.calendar
    assert calendar["2026-10-01"].spans == ()
    assert calendar["2026-10-10"].like == 2
    assert calendar["2026-12-31"].spans == ((9 * HOUR, 12 * HOUR),)


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("[calendar.2026-02-30]\nhours = []", "not in the calendar"),
        ('[calendar.2026-10-01]\nname = "x"', "neither 'hours' nor 'like'"),
        ('[calendar.2026-10-01]\nhours = []\nlike = "mon"', "both 'hours' and 'like'"),
        ('[calendar.2026-10-01]\nlike = "monday"', "monday"),
    ],
)
def test_a_date_that_says_nothing_or_too_much_is_a_fault(
    smallest: str, faults_of: Callable[..., list[Fault]], table: str, found: str
) -> None:
    (fault,) = faults_of(smallest + table)
    assert found in fault.found
