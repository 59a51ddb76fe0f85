"""Which rules a driver has to pass: by its device class, and by what it declares.

    class            rules
    every            online, once and in order, noise, unplugged, missing, nothing left behind
    on a bus         a silent address
    acknowledged     silent · not acknowledged: never said to confirm
    with commands    undeclared, cancelled
    with a content   absent, switched off
    with events      once and in order, bad line, cancelled reading; pulled cable and unread if it keeps them
    by class         keys, beep, question, at most once, paper, speech, still

What must stay true: no rule is left out for a driver because it would fail it; what is left out follows
from the device's class and declared capabilities alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import BusDriver, DriverSpec
from somc_hal.testing.rules import announcers, cameras, displays, events, every, printers
from somc_hal.testing.rules.bench_rule import DEADLINE_S, Check

__all__ = ["CHECKS", "DEADLINE_S", "Check", "checks_for"]

_EVERY: tuple[Check, ...] = (
    every.online_only_when_the_session_answers,
    every.what_is_used_reaches_the_device_once_and_in_order,
    every.noise_and_damage_lose_nothing,
    every.a_silent_device_is_offline_within_the_heartbeat,
    every.unplugging_is_reported_and_replugging_recovers,
    every.a_missing_device_holds_up_nobody,
    every.nothing_is_left_behind,
)
_COMMANDED: tuple[Check, ...] = (
    every.the_undeclared_is_refused_before_any_byte,
    every.cancelling_midway_leaves_it_usable,
)
_DISPLAY: tuple[Check, ...] = (
    displays.an_absent_display_keeps_only_the_newest,
    displays.a_display_that_was_off_shows_its_content_again,
)
_EVENTS: tuple[Check, ...] = (
    events.every_event_comes_once_and_in_order,
    events.a_bad_line_loses_and_doubles_no_event,
    events.events_survive_a_pulled_cable,
    events.events_that_nobody_reads_stay_in_the_device,
    events.cancelled_reading_loses_no_event,
)

CHECKS: Mapping[DeviceClass, tuple[Check, ...]] = {
    DeviceClass.TICKET_PRINTER: (
        *_EVERY,
        *_COMMANDED,
        printers.a_job_is_printed_at_most_once,
        printers.paper_and_cover_are_told_and_stop_printing,
    ),
    DeviceClass.COUNTER_DISPLAY: (*_EVERY, *_COMMANDED, *_DISPLAY),
    DeviceClass.HALL_DISPLAY: (*_EVERY, *_COMMANDED, *_DISPLAY),
    DeviceClass.INDICATOR: (*_EVERY, *_COMMANDED, *_DISPLAY),
    DeviceClass.SECOND_SCREEN: (*_EVERY, *_COMMANDED, *_DISPLAY),
    DeviceClass.ANNOUNCER: (
        *_EVERY,
        *_COMMANDED,
        announcers.speech_can_be_interrupted_and_cancelled,
        announcers.speech_cut_by_a_lost_line_is_not_repeated,
    ),
    DeviceClass.COUNTER_CALLER: (
        *_EVERY,
        *_COMMANDED,
        *_DISPLAY,
        *_EVENTS,
        events.every_key_comes_once_and_in_order,
        events.a_beep_is_heard,
    ),
    DeviceClass.EVALUATOR: (
        *_EVERY,
        every.the_undeclared_is_refused_before_any_byte,
        *_EVENTS,
        events.a_question_reaches_the_customer,
    ),
    DeviceClass.KIOSK_INPUT: (*_EVERY, *_EVENTS),
    DeviceClass.CARD_READER: (*_EVERY, *_EVENTS),
    DeviceClass.PEOPLE_COUNTER: (*_EVERY, *_EVENTS),
    DeviceClass.HARDWARE_MONITOR: (*_EVERY, *_EVENTS),
    DeviceClass.CAMERA: (
        *_EVERY,
        every.cancelling_midway_leaves_it_usable,
        cameras.a_still_is_whole_or_an_error,
    ),
}
"""The rules each class of device has to pass when it declares everything."""

_NEEDS_AN_ANSWER = (
    every.online_only_when_the_session_answers,
    every.a_silent_device_is_offline_within_the_heartbeat,
    every.cancelling_midway_leaves_it_usable,
    displays.a_display_that_was_off_shows_its_content_again,
    printers.a_job_is_printed_at_most_once,
    printers.paper_and_cover_are_told_and_stop_printing,
    events.a_beep_is_heard,
    events.a_question_reaches_the_customer,
)

_NEEDS_A_RESTART_TOLD = (displays.a_display_that_was_off_shows_its_content_again,)

_NEEDS_A_MEMORY = (
    events.events_survive_a_pulled_cable,
    events.events_that_nobody_reads_stay_in_the_device,
)


def checks_for(
    spec: DriverSpec, options: Mapping[str, Any] | None = None, *, url: str = "memory://device"
) -> tuple[Check, ...]:
    """The rules for this driver with these options: those of its class that what it declares allows. `url` is
    one that the driver takes; nothing is opened."""
    can: Any = spec.make("device", url, options or {})
    checks = CHECKS[spec.device_class]
    if not can.capabilities.acknowledged:
        checks = (
            *(check for check in checks if check not in _NEEDS_AN_ANSWER),
            every.a_one_way_device_is_never_said_to_confirm,
        )
        if spec.device_class is DeviceClass.EVALUATOR:
            checks = (*checks, events.a_question_without_an_answer_names_its_ticket)
    if not getattr(can, "tells_restart", True):
        checks = tuple(check for check in checks if check not in _NEEDS_A_RESTART_TOLD)
    if "refresh_s" in spec.options_schema and any(check in checks for check in _DISPLAY):
        checks = (*checks, displays.what_nobody_reports_lost_is_sent_again)
    if not getattr(can, "keeps_events", True):
        checks = (
            *(check for check in checks if check not in _NEEDS_A_MEMORY),
            events.a_reader_that_is_behind_stops_nobody,
        )
    if spec.device_class is DeviceClass.COUNTER_CALLER and not can.capabilities.display:
        checks = tuple(check for check in checks if check not in _DISPLAY)
    if isinstance(spec.make, type) and issubclass(spec.make, BusDriver) and can.capabilities.acknowledged:
        checks = (*checks, every.a_silent_address_holds_up_no_other)
    return checks
