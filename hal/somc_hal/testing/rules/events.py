"""Rules for what a device tells of itself: keys, ratings, texts, cards, passages, readings."""

from __future__ import annotations

import trio

from somc_hal.errors import DeviceOffline
from somc_hal.testing.bench import QUICK, Bench, BenchFactory
from somc_hal.testing.hands import Events
from somc_hal.testing.rules.bench_rule import at_bench, hands_of, raises, use
from somc_hal.values import Key, KeyEvent

__all__ = [
    "a_bad_line_loses_and_doubles_no_event",
    "a_beep_is_heard",
    "a_question_reaches_the_customer",
    "a_question_without_an_answer_names_its_ticket",
    "a_reader_that_is_behind_stops_nobody",
    "cancelled_reading_loses_no_event",
    "events_survive_a_pulled_cable",
    "events_that_nobody_reads_stay_in_the_device",
    "every_event_comes_once_and_in_order",
    "every_key_comes_once_and_in_order",
]

COUNT = 20


def _events(bench: Bench) -> Events:
    events = hands_of(bench).events
    assert events is not None
    return events


async def _told(bench: Bench) -> int:
    events = _events(bench)
    return events.number(bench, await events.told(bench.driver).receive())


def _left(bench: Bench) -> int:
    return _events(bench).told(bench.driver).statistics().current_buffer_used


async def every_event_comes_once_and_in_order(make: BenchFactory) -> None:
    """What happened at the device is told once, in order, and nothing else is."""
    async with at_bench(make) as bench:
        events = _events(bench)
        expected = [number % events.kinds(bench) + 1 for number in range(COUNT)]
        for number in expected:
            events.emit(bench, number)
        assert [await _told(bench) for _ in expected] == expected
        await bench.until(lambda: not bench.simulator.busy)
        assert _left(bench) == 0


async def a_bad_line_loses_and_doubles_no_event(make: BenchFactory) -> None:
    """Noise, a damaged event and a lost acknowledgement neither lose an event nor double it."""
    async with at_bench(make) as bench:
        events = _events(bench)
        for number in range(9):
            expected = number % events.kinds(bench) + 1
            bench.simulator.noise(bench.simulator.NOISE)
            if bench.simulator.CHECKED and number % 3 == 0:
                bench.simulator.damage(1)  # the event's frame is lost
            elif bench.simulator.CHECKED and number % 3 == 1:
                bench.simulator.deafen(1)  # the host's acknowledgement is lost: the event comes again
            events.emit(bench, expected)
            assert await _told(bench) == expected
            await bench.until(lambda: not bench.simulator.busy)
        assert _left(bench) == 0


async def events_survive_a_pulled_cable(make: BenchFactory) -> None:
    """What happened while the cable was out is told when it is back."""
    async with at_bench(make) as bench:
        events = _events(bench)
        await bench.host.unplug()
        events.emit(bench, 1)
        events.emit(bench, 2)
        await bench.host.replug()
        assert [await _told(bench) for _ in range(2)] == [1, 2]


async def events_that_nobody_reads_stay_in_the_device(make: BenchFactory) -> None:
    """A reader that is behind is waited for: the device is not acknowledged and keeps the rest."""
    async with at_bench(make, key_buffer=1, event_buffer=1) as bench:
        events = _events(bench)
        for number in (1, 2, 3):
            events.emit(bench, (number - 1) % events.kinds(bench) + 1)
        expected = [(number - 1) % events.kinds(bench) + 1 for number in (1, 2, 3)]
        # The second was offered more than once, so it has been refused.
        await bench.until(lambda: bench.simulator.repeats >= 2)
        assert _left(bench) == 1
        assert bench.simulator.busy
        assert [await _told(bench) for _ in range(3)] == expected


async def cancelled_reading_loses_no_event(make: BenchFactory) -> None:
    """A reader that is cancelled takes nothing with it."""
    async with at_bench(make) as bench:
        events = _events(bench)
        channel = events.told(bench.driver)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.receive)
            await bench.until_waiting(channel)
            nursery.cancel_scope.cancel()
        events.emit(bench, 1)
        assert await _told(bench) == 1
        assert _left(bench) == 0


async def every_key_comes_once_and_in_order(make: BenchFactory) -> None:
    """Each declared key, with the digits typed before it where there are any, once and in order."""
    async with at_bench(make) as bench:
        can = bench.driver.capabilities
        keys = [Key(name) for name in can.keys]
        pressed = [
            KeyEvent(bench.driver.address, key, "12" if can.digits and key is Key.TRANSFER else "")
            for key in keys
        ] * 3
        for event in pressed:
            bench.simulator.press(event.key, event.digits)
        assert [await bench.driver.keys.receive() for _ in pressed] == pressed
        await bench.until(lambda: not bench.simulator.busy)
        assert _left(bench) == 0


async def a_beep_is_heard(make: BenchFactory) -> None:
    """A tone sounds now or not at all."""
    async with at_bench(make) as bench:
        if not bench.driver.capabilities.beep:
            return  # the rule on undeclared capabilities has looked at it
        await bench.driver.beep()
        await bench.until(lambda: bench.simulator.beeps == 1)
        bench.simulator.mute()
        await bench.driver.wait_not_online()
        await raises(DeviceOffline, bench.driver.beep())


async def a_question_reaches_the_customer(make: BenchFactory) -> None:
    """An evaluator that can ask does so now or not at all, and its rating names the ticket."""
    async with at_bench(make) as bench:
        can = bench.driver.capabilities
        if not can.prompt:
            return  # the rule on undeclared capabilities has looked at it
        await bench.driver.ask("A001")
        await bench.until(lambda: bool(bench.simulator.asked))
        if can.names_ticket:
            assert list(bench.simulator.asked) == ["A001"]
        bench.simulator.rate(1)
        rating = await bench.driver.ratings.receive()
        assert (rating.value, rating.ticket) == (1, "A001")
        bench.simulator.rate(2)
        assert (await bench.driver.ratings.receive()).ticket == ""
        bench.simulator.mute()
        await bench.driver.wait_not_online()
        await raises(DeviceOffline, bench.driver.ask("A002"))
        bench.simulator.unmute()
        await bench.driver.wait_online()
        await use(bench, 1)


async def a_question_without_an_answer_names_its_ticket(make: BenchFactory) -> None:
    """On a one-way line a question is sent now, and the rating that follows names the ticket."""
    async with at_bench(make) as bench:
        if not bench.driver.capabilities.prompt:
            return  # the rule on undeclared capabilities has looked at it
        await bench.driver.ask("A001")
        await bench.until(lambda: bool(bench.simulator.asked))
        for value, ticket in ((1, "A001"), (2, "")):
            bench.simulator.rate(value)
            rating = await bench.driver.ratings.receive()
            assert (rating.value, rating.ticket) == (value, ticket)
        await bench.host.unplug()
        await bench.driver.wait_not_online()
        await raises(DeviceOffline, bench.driver.ask("A002"))


async def a_reader_that_is_behind_stops_nobody(make: BenchFactory) -> None:
    """A device that cannot keep its events loses those for which nobody has room, and goes on."""
    async with at_bench(make, key_buffer=1, event_buffer=1) as bench:
        events = _events(bench)
        # A one-way driver is online when its port is open, which may be before the device is plugged in.
        await bench.until(lambda: bench.simulator.connected)
        for number in (1, 2, 3):
            events.emit(bench, (number - 1) % events.kinds(bench) + 1)
            await bench.until(lambda: not bench.simulator.busy)
        while _left(bench) < 1:
            await trio.lowlevel.checkpoint()
        assert await _told(bench) == 1
        # Others may still be on their way and take the room of what comes next: that is lost, and comes
        # again.
        last, told = 3 % events.kinds(bench) + 1, 1
        while told != last:
            events.emit(bench, last)
            with trio.move_on_after(QUICK["answer_timeout_s"]):
                while told != last:
                    told = await _told(bench)
        assert bench.driver.status.serving
