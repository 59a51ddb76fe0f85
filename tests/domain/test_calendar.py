"""The business calendar: which hours a date has, and the slots in them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from somc.domain import events as e
from somc.domain.calendar import slot_at, slots_on, spans_on
from somc.domain.commands import CancelAppointment, ChangeAppointment, ChangeConfig, ChangeSettings
from somc.domain.settings import settings_from
from somc.domain.values import HallSettings, SpecialDay
from somc.testing.given import given, instant, like, small_hall, week
from tests.domain.acts import book, change, special, take

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOURS = week("09:00-12:00", "14:00-17:00", sun=())
SUNDAY = "2026-03-08"


def settings(**hall: Any) -> HallSettings:
    services = hall.pop("services", {"payment": {}, "repair": {"hours": week("10:00-16:00", sat=(), sun=())}})
    calendar = {f"calendar.{key}": value for key, value in hall.pop("calendar", {}).items()}
    values = small_hall(services=services, hours=hall.pop("hours", HOURS), **hall)
    return settings_from({**values, "appointments.capacity": 2, "appointments.slot_s": 1800, **calendar})


def clock_times(
    hall: HallSettings, day: str, service: str = "payment", zone: str = "Asia/Shanghai"
) -> list[str]:
    found = slots_on(hall, ZoneInfo(zone), date.fromisoformat(day), service)
    return [datetime.fromtimestamp(slot.at / 1000, ZoneInfo(zone)).strftime("%H:%M") for slot in found]


def test_slots_fill_the_opening_hours_and_end_within_them() -> None:
    times = clock_times(settings(), "2026-03-02")
    assert times[:6] == ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]
    assert times[6:] == ["14:00", "14:30", "15:00", "15:30", "16:00", "16:30"]
    assert clock_times(settings(), SUNDAY) == []


def test_a_slot_that_would_outlast_the_hours_is_not_offered() -> None:
    assert clock_times(settings(hours=week("09:00-10:45")), "2026-03-02") == ["09:00", "09:30", "10:00"]


def test_a_service_s_own_hours_narrow_those_of_the_hall() -> None:
    assert clock_times(settings(), "2026-03-02", "repair") == [
        "10:00",
        "10:30",
        "11:00",
        "11:30",
        "14:00",
        "14:30",
        "15:00",
        "15:30",
    ]
    assert clock_times(settings(), "2026-03-07", "repair") == []


def test_a_holiday_closes_the_hall_and_every_service() -> None:
    hall = settings(calendar={"2026-03-03.spans": []})
    assert clock_times(hall, "2026-03-03") == clock_times(hall, "2026-03-03", "repair") == []
    assert clock_times(hall, "2026-03-04") != []


def test_shorter_hours_hold_for_a_service_with_its_own_too() -> None:
    hall = settings(calendar={"2026-03-03.spans": [[9 * 3600, 11 * 3600]]})
    assert clock_times(hall, "2026-03-03") == ["09:00", "09:30", "10:00", "10:30"]
    assert clock_times(hall, "2026-03-03", "repair") == ["10:00", "10:30"]


def test_a_sunday_worked_in_place_of_a_monday_has_its_hours_for_every_service() -> None:
    hall = settings(calendar={f"{SUNDAY}.like": 0})
    assert clock_times(hall, SUNDAY) == clock_times(hall, "2026-03-02")
    assert clock_times(hall, SUNDAY, "repair") == clock_times(hall, "2026-03-02", "repair")


def test_a_date_of_the_calendar_goes_before_hall_toml_s_closed_dates() -> None:
    hours = week("09:00-10:00", closed=("2026-03-03",))
    assert clock_times(settings(hours=hours), "2026-03-03") == []
    opened = settings(hours=hours, calendar={"2026-03-03.like": 1})
    assert clock_times(opened, "2026-03-03") == ["09:00", "09:30"]


def test_hours_past_midnight_have_slots_after_it() -> None:
    hall = settings(hours=week("23:00-01:00"))
    assert clock_times(hall, "2026-03-02") == ["23:00", "23:30", "00:00", "00:30"]
    after = instant("2026-03-03 00:30")
    assert slot_at(hall, SHANGHAI, after, "payment") == (after, after + 1_800_000)


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        ("2026-03-28", ["01:00", "01:30", "02:00", "02:30", "03:00", "03:30"]),
        ("2026-03-29", ["01:00", "01:30", "03:00", "03:30"]),
        ("2026-10-25", ["01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00", "03:30"]),
    ],
)
def test_the_night_the_clocks_change_has_the_slots_that_there_is_time_for(day: str, shown: list[str]) -> None:
    hall = settings(hours=week("01:00-04:00"), timezone="Europe/Berlin")
    assert clock_times(hall, day, zone="Europe/Berlin") == shown


def test_a_hall_without_hours_has_slots_around_the_clock() -> None:
    assert len(clock_times(settings(hours=None), "2026-03-02")) == 48
    assert spans_on(settings(hours=None), date(2026, 3, 2)) == ((0, 86_400),)


# -- the calendar in a running hall ------------------------------------------------------------------


def test_a_date_gets_hours_of_its_own_and_tickets_follow_them() -> None:
    hall = given(small_hall(hours=HOURS), at="2026-03-02 13:00")
    hall.when(take("t1")).refused("hall_closed")
    lunch = SpecialDay(spans=((12 * 3600, 14 * 3600),))
    hall.when(special("2026-03-02", lunch)).then(
        like(e.ConfigChanged, changes={"calendar.2026-03-02.spans": [[12 * 3600, 14 * 3600]]})
    )
    hall.when(take("t1")).then(e.TicketTaken)
    hall.when(special("2026-03-02", lunch)).then()
    hall.when(special("2026-03-02", None)).then(
        like(e.ConfigChanged, changes={"calendar.2026-03-02.spans": None})
    )
    hall.when(take("t2")).refused("hall_closed")


def test_appointments_outside_the_new_hours_are_in_the_way_until_it_is_said_that_they_fall() -> None:
    hall = given({**small_hall(hours=HOURS), "appointments.capacity": 2})
    morning, afternoon = instant("2026-03-03 11:00"), instant("2026-03-03 15:00")
    hall.and_(book("a1", morning), book("a2", afternoon))
    closed_at_noon = SpecialDay(spans=((9 * 3600, 12 * 3600),))
    hall.when(special("2026-03-03", closed_at_noon)).refused("appointments_on_day", "2026-03-03", "1")
    hall.when(special("2026-03-03", closed_at_noon, cancel=True)).then(
        e.ConfigChanged, like(e.AppointmentCancelled, appointment="a2", cause="calendar", slot=afternoon)
    )


def test_appointments_outside_the_week_s_new_hours_are_in_the_way_until_it_is_said_that_they_fall() -> None:
    hall = given({**small_hall(hours=HOURS), "appointments.capacity": 2})
    morning, afternoon = instant("2026-03-03 11:00"), instant("2026-03-03 15:00")
    hall.and_(book("a1", morning), book("a2", afternoon))
    mornings = ChangeSettings(by="admin:wang", changes={"hall.hours": week("09:00-12:00", sun=())})
    hall.when(mornings).refused("appointments_outside", "1")
    hall.when(structs.replace(mornings, cancel=True)).then(
        e.ConfigChanged, like(e.AppointmentCancelled, appointment="a2", cause="calendar", slot=afternoon)
    )


def test_hours_of_hall_toml_leave_appointments_where_they_are_and_tell_a_manager_once() -> None:
    hall = given({**small_hall(hours=HOURS), "appointments.capacity": 2})
    morning, afternoon = instant("2026-03-03 11:00"), instant("2026-03-03 15:00")
    hall.and_(book("a1", morning), book("a2", afternoon), book("a3", afternoon))
    mornings = week("09:00-12:00", sun=())
    hall.when(ChangeConfig(by="config", changes={"hall.hours": mornings})).then(
        e.ConfigChanged,
        like(e.AlertRaised, alert="appointments_outside:1", value=2, appointments=("a2", "a3")),
    )
    [alert] = hall.state.alerts.values()
    assert alert.words is not None
    assert "2 appointments outside: 2026-03-03 15:00 payment, 2026-03-03 15:00 payment." in alert.words.en
    assert "2 个预约" in alert.words.zh
    # What lies outside already is no news.
    hall.when(ChangeConfig(by="config", changes={"hall.hours": week("10:00-12:00", sun=())})).then(
        e.ConfigChanged
    )
    hall.when(ChangeConfig(by="config", changes={"hall.hours": week("09:00-10:00", sun=())})).then(
        e.ConfigChanged,
        like(e.AlertCleared, alert="appointments_outside:1", cause="renewed"),
        like(e.AlertRaised, value=3, appointments=("a1", "a2", "a3")),
    )
    hall.when(ChangeConfig(by="config", changes={"hall.hours": HOURS})).then(
        e.ConfigChanged, like(e.AlertCleared, cause="fell_back")
    )
    hall.when(ChangeConfig(by="config", changes={"hall.timezone": "Europe/London"})).then(
        e.ConfigChanged, like(e.AlertRaised, value=3)
    )


def test_the_alert_goes_when_the_last_appointment_outside_is_moved_or_cancelled() -> None:
    hall = given({**small_hall(hours=HOURS), "appointments.capacity": 2})
    morning, afternoon = instant("2026-03-03 11:00"), instant("2026-03-03 15:00")
    hall.and_(book("a1", afternoon), book("a2", afternoon), book("a3", morning))
    hall.and_(ChangeConfig(by="config", changes={"hall.hours": week("09:00-12:00", sun=())}))
    hall.when(CancelAppointment(by="manager:wu", appointment="a1")).then(e.AppointmentCancelled)
    hall.when(ChangeAppointment(by="manager:wu", appointment="a2", at=morning)).then(
        e.AppointmentChanged, like(e.AlertCleared, alert="appointments_outside:1", cause="fell_back")
    )
    hall.when(CancelAppointment(by="manager:wu", appointment="a3")).then(e.AppointmentCancelled)


def test_an_alert_says_some_of_many_appointments_and_names_a_hundred() -> None:
    hall = given({**small_hall(hours=HOURS), "appointments.capacity": 200})
    for number in range(101):
        hall.and_(book(f"a{number:03d}", instant("2026-03-03 15:00")))
    hall.when(ChangeConfig(by="config", changes={"hall.hours": week("09:00-12:00", sun=())})).then(
        e.ConfigChanged,
        like(e.AlertRaised, value=101, appointments=tuple(f"a{number:03d}" for number in range(100))),
    )
    [alert] = hall.state.alerts.values()
    assert alert.words is not None
    assert "and 98 more" in alert.words.en


def test_a_date_that_is_none_and_hours_that_are_none_are_refused() -> None:
    hall = given()
    hall.when(special("2026-02-30", SpecialDay(spans=()))).refused("bad_date", "2026-02-30")
    hall.when(special("2026-03-03", SpecialDay())).refused("bad_config")
    hall.when(special("2026-03-03", SpecialDay(spans=(), like=1))).refused("bad_config")
    hall.when(special("2026-03-03", SpecialDay(spans=((7200, 3600),)))).refused("bad_config")


def test_without_its_service_an_appointment_falls() -> None:
    services = {"payment": {}, "repair": {}}
    values = {**small_hall(services=services, counters={1: {"payment": 1}}), "appointments.capacity": 2}
    hall = given(values).and_(book("a1", instant("2026-03-03 11:00"), "repair"))
    gone = {key.replace(".", "__"): None for key in values if key.startswith("service.repair.")}
    hall.when(change(**gone)).then(
        e.ConfigChanged, e.PolicyChanged, like(e.AppointmentCancelled, appointment="a1", cause="service_gone")
    )
