"""24 hours with devices that die, fall silent, babble and come back: no ticket is lost, each fault is told
once and cleared once, and every key that was pressed acts once."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from somc.announce import keypads
from somc.composition import load_config
from somc.domain import events as e
from somc.runtime.records import event_of
from somc.simulate.arrivals import Arrival
from somc.testing.day import Day, Happening, midnight, play_day, replayed
from somc_hal.simulators.host import SimulatorHost
from somc_hal.values import Key
from tests.server.rig import HALL, write_hall

SEED = int(os.environ.get("SOMC_SEED", "20090401"))
FAULTS = int(os.environ.get("SOMC_FAULTS", "24"))

QUICK = (
    "options = { heartbeat_s = 0.15, answer_timeout_s = 0.1, backoff_first_s = 0.01, backoff_cap_s = 0.05 }"
)
DEVICES = {
    "printer": ("escpos", "pty", None),
    "voice": ("reference-announcer", "tcp", None),
    "hall-display": ("reference-hall", "tcp", None),
    "strip-1": ("reference-strip", "pty", 1),
    "strip-2": ("reference-strip", "tcp", 2),
    "keypad-1": ("reference-keypad", "pty", 1),
    "keypad-2": ("reference-keypad", "tcp", 2),
    "keypad-3": ("reference-keypad", "pty", 3),
}
TOML = (
    HALL
    + '\n[plugins]\nenabled = ["standard_devices"]\n'
    + "".join(
        f'\n[device.{name}]\ndriver = "{driver}"\nsimulated = "{where}"\n'
        + (f"counter = {counter}\n" if counter else "")
        + QUICK
        + "\n"
        for name, (driver, where, counter) in DEVICES.items()
    )
)
MINUTE = 60_000


async def _die(host: SimulatorHost) -> None:
    host.simulator.power_off()


async def _revive(host: SimulatorHost) -> None:
    host.simulator.power_on()


async def _mute(host: SimulatorHost) -> None:
    host.simulator.mute()


async def _unmute(host: SimulatorHost) -> None:
    host.simulator.unmute()


async def _unplug(host: SimulatorHost) -> None:
    await host.unplug()


async def _replug(host: SimulatorHost) -> None:
    await host.replug()


async def _paper_out(host: Any) -> None:
    host.simulator.paper_out()


async def _paper_in(host: Any) -> None:
    host.simulator.paper_in()


def _babbling(dice: random.Random) -> Any:
    async def babble(host: SimulatorHost) -> None:
        # No status byte of the printer among it: those bear no check, and two that agree are believed.
        host.simulator.noise(bytes(dice.choice(b"\x00\x02\x10\x41\x7f\x80\xc3\xff") for _ in range(3000)))
        if host.simulator.CHECKED:
            host.simulator.damage(2)

    return babble


KINDS = {"die": (_die, _revive), "mute": (_mute, _unmute), "unplug": (_unplug, _replug)}


def happenings(begin_ms: int, dice: random.Random) -> tuple[list[Happening], Counter[str]]:
    """Faults spread over the day, each begun and ended before the next; and how many each device has."""
    found: list[Happening] = []
    faults: Counter[str] = Counter()
    names = list(DEVICES)
    step = 22 * 60 // FAULTS
    for number in range(FAULTS):
        name = names[number % len(names)]
        at = begin_ms + (30 + number * step) * MINUTE
        kind = "paper" if name == "printer" and number % 2 else dice.choice([*KINDS, "babble"])
        if kind == "babble":
            found.append(Happening(at, name, _babbling(dice)))
            continue
        begun, ended = (_paper_out, _paper_in) if kind == "paper" else KINDS[kind]
        found.append(Happening(at, name, begun, lambda device: not device.status.serving))
        found.append(Happening(at + 2 * MINUTE, name, ended, lambda device: device.status.serving))
        faults[name] += 1
    return found, faults


PRESSED = "keypad-3"
"""The keypad of a counter at which nobody else acts and for which nobody comes: each record is a press."""


def presses(
    begin_ms: int, dice: random.Random, planned: list[Happening]
) -> tuple[list[Happening], list[tuple[str, str]]]:
    """Somebody signs in, pauses, goes on and signs out, all day long, whatever the keypad's line does: while
    it is silent or cut, and after noise. Only without power there is nothing to press. And what follows."""
    off: list[tuple[int, int]] = []
    for happening in planned:
        if happening.device == PRESSED and happening.act is _die:
            off.append((happening.at_ms, happening.at_ms + 2 * MINUTE))
    found, expected = [], []
    at, agent = begin_ms + 5 * MINUTE, 0
    while at < begin_ms + 23 * 60 * MINUTE:
        agent += 1
        for key, digits, follows in (
            (Key.SIGN_IN, str(agent), "counter.opened"),
            (Key.PAUSE, "", "counter.paused"),
            (Key.RESUME, "", "counter.resumed"),
            (Key.SIGN_OUT, "", "counter.closed"),
        ):
            at += dice.randrange(1, 5 * MINUTE)
            while any(begun - 1000 <= at <= ended + 1000 for begun, ended in off):
                at += MINUTE
            found.append(Happening(at, PRESSED, _pressing(key, digits)))
            expected.append((follows, digits))
    return found, expected


def _pressing(key: Key, digits: str) -> Any:
    async def press(host: Any) -> None:
        host.simulator.press(key, digits)
        # What is pressed on a line that works is over before anything else happens.
        while host.simulator.busy:
            await host.simulator.changed.wait()

    return press


def arrivals(dice: random.Random) -> list[Arrival]:
    """Some nine customers an hour, all day."""
    at, found = 0.0, []
    while (at := at + dice.expovariate(9 / 3600)) < 23.5 * 3600:
        service = dice.choices(["payment", "business"], [3, 1])[0]
        found.append(Arrival(at, dice.choice(["gotone", "easyown"]), service, dice.uniform(60, 400), 1e9))
    return found


@pytest.mark.slow
async def test_no_ticket_is_lost_and_every_fault_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A hall passes over keys that a line kept for minutes. Here minutes are moments: none is passed over.
    monkeypatch.setattr(keypads, "LOOKED_EVERY_S", 3600.0)
    print(f"SOMC_SEED={SEED} SOMC_FAULTS={FAULTS}")
    dice = random.Random(SEED)
    config, _ = load_config(write_hall(tmp_path, TOML))
    begin = midnight("20261126", "Asia/Shanghai") + 4 * 3600 * 1000
    planned, faults = happenings(begin, dice)
    keys, expected = presses(begin, dice, planned)
    planned += keys
    slips: list[str] = []

    async def collect(host: Any) -> None:
        slips.extend(slip.text for slip in host.simulator.slips)

    planned.append(Happening(begin + (24 * 60 - 1) * MINUTE, "printer", collect))
    visits = arrivals(dice)
    day = await play_day(
        config,
        tmp_path / "data",
        visits,
        begin_ms=begin,
        counters={1: "li", 2: "wang"},
        seed=SEED,
        happenings=planned,
    )
    _every_ticket_has_its_end(day, len(visits))
    _every_fault_is_told_once_and_cleared_once(day, faults)
    _every_key_acts_once(day, expected)
    assert len(slips) == len(set(slips))  # no slip twice; each bears its own number
    assert len(visits) - faults["printer"] * 3 <= len(slips) <= len(visits)
    assert (await replayed(tmp_path / "data")).dump() == day.dump


def _every_ticket_has_its_end(day: Day, visits: int) -> None:
    ends: Counter[str] = Counter()
    taken = []
    for record in day.records:
        match event_of(record):
            case e.TicketTaken(ticket=ticket):
                taken.append(ticket)
            case e.TicketFinished(ticket=ticket) | e.TicketExpired(ticket=ticket):
                ends[ticket] += 1
            case e.TicketCancelled(ticket=ticket) | e.TicketNoShow(ticket=ticket):
                ends[ticket] += 1
            case _:
                pass
    assert len(taken) == len(set(taken)) == visits
    assert {ticket: ends[ticket] for ticket in taken} == dict.fromkeys(taken, 1)


def _every_fault_is_told_once_and_cleared_once(day: Day, faults: Counter[str]) -> None:
    told: dict[str, list[bool]] = {name: [] for name in DEVICES}
    for record in day.records:
        event = event_of(record)
        if isinstance(event, e.DeviceReported):
            told[event.device].append(event.status == "online")
    for name, serving in told.items():
        assert serving == [True, *[False, True] * faults[name]], (name, serving)


def _every_key_acts_once(day: Day, expected: list[tuple[str, str]]) -> None:
    acted = []
    for record in day.records:
        event = event_of(record)
        if isinstance(event, e.CounterEvent) and event.counter == 3:
            assert event.by == "keypad:3"
            acted.append((record.type, event.agent if isinstance(event, e.CounterOpened) else ""))
    assert acted == expected
    assert len(expected) > 300
