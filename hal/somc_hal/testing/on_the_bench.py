"""The conformance kit for a real device on the bench: what can be proven without a simulator's view of it.

    report = await check_device(spec, "serial:///dev/ttyUSB0?baud=9600", {}, tell=print, ask=None)

What must stay true
- What is written to the device goes through its driver, and every byte of it is counted on the wire.
- A step that needs a person (`ask`) is skipped, and said to be skipped, when there is none.
- A step that fails never stops the others; one that hangs fails.

`ask(words)` is awaited: it returns True when the person did it and what they saw was right.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from somc_hal.drivers.base import DriverSpec
from somc_hal.errors import DeviceError, OutcomeUnknown, Unsupported
from somc_hal.links.capture import read_capture
from somc_hal.ports import Ports
from somc_hal.status import DeviceStatus, Truth
from somc_hal.testing.hands import HANDS
from somc_hal.values import HallRow, Phrase, SlipLine

__all__ = ["Finding", "check_device"]

Ask = Callable[[str], Awaitable[bool]]

ONLINE_S = 30.0
STEP_S = 30.0
EVENTS = 3
EVENTS_S = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """How one step ended: `passed`, `failed` or `skipped`, and why."""

    step: str
    outcome: str
    words: str = ""


@dataclass
class _Bench:
    spec: DriverSpec
    url: str
    options: Mapping[str, Any]
    ask: Ask | None
    capture: Path
    driver: Any = None
    statuses: list[DeviceStatus] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Bytes written to the device so far."""
        return len(read_capture(self.capture).bytes_to("device")) if self.capture.exists() else 0


class _Skip(Exception):
    """Not to be done here; the text says why."""


async def check_device(
    spec: DriverSpec,
    url: str,
    options: Mapping[str, Any],
    *,
    ask: Ask | None = None,
    tell: Callable[[Finding], None] = lambda finding: None,
) -> list[Finding]:
    """Run every step against the device behind `url`; each finding is given to `tell` as it is made.

    Raises `ValueError` for a URL or options that cannot be meant."""
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="somc-bench-") as folder:
        bench = _Bench(spec, url, options, ask, Path(folder) / "wire.jsonl")
        recorded = f"record+{url}{'&' if '?' in url else '?'}record={bench.capture}"
        ports = Ports()
        bench.driver = spec.make("bench", recorded, options, on_status=bench.statuses.append, ports=ports)
        async with trio.open_nursery() as nursery:
            await nursery.start(ports.run)
            await nursery.start(bench.driver.run)
            for step in _steps(bench):
                finding = await _done(step, bench)
                findings.append(finding)
                tell(finding)
                if step is goes_online and finding.outcome == "failed":
                    break  # nothing else can be seen of a device that does not answer
            nursery.cancel_scope.cancel()
    return findings


async def _done(step: Callable[[_Bench], Awaitable[None]], bench: _Bench) -> Finding:
    name = getattr(step, "__name__", "step").replace("_", " ")
    try:
        with trio.fail_after(ONLINE_S if step is goes_online else STEP_S * (10 if bench.ask else 1)):
            await step(bench)
    except _Skip as skip:
        return Finding(name, "skipped", str(skip))
    except trio.TooSlowError:
        detail = bench.driver.status.detail
        return Finding(
            name, "failed", f"not within its time; the device is {bench.driver.status.state.value}: {detail}"
        )
    except (AssertionError, DeviceError) as error:
        return Finding(name, "failed", str(error) or "not as it should be")
    return Finding(name, "passed")


def _steps(bench: _Bench) -> list[Callable[[_Bench], Awaitable[None]]]:
    hands = HANDS[bench.spec.device_class]
    return [
        goes_online,
        *([refuses_what_it_does_not_declare] if hands.too_much else []),
        *([does_what_it_is_told] if _use(bench, 1) is not None else []),
        *([survives_a_cancelled_caller] if _use(bench, 1) is not None else []),
        *([prints_a_job_once] if hasattr(bench.driver, "print") else []),
        *([tells_what_happens_to_it] if hands.events is not None else []),
        stays_online,
        comes_back_after_its_plug_was_pulled,
    ]


def _use(bench: _Bench, number: int) -> Callable[[], Awaitable[Any]] | None:
    """What a device of this class is told on the bench; `None` for one that only tells."""
    device, hands = bench.driver, HANDS[bench.spec.device_class]
    if hasattr(device, "print"):
        return lambda: device.print(
            f"bench-{number}", [SlipLine(f"A{number:03}"), SlipLine("测试 TEST")], timeout_s=5
        )
    if hasattr(device, "announce"):
        tag = device.capabilities.languages[0]
        return lambda: device.announce(
            [Phrase("请A001号到3号窗口" if tag == "zh" else "A 1", tag)], timeout_s=5
        )
    if hasattr(device, "still"):
        return lambda: device.still()
    if hasattr(device, "show") and bench.spec.device_class.value == "hall_display":
        return lambda: device.show([HallRow(f"A{number:03}", "3")], wait_s=5)
    put = hands.put
    if put is None or not getattr(device.capabilities, "display", True):
        return None

    async def shown() -> Truth:
        await put(device, number)
        await device.wait_idle()
        return Truth.YES if device.capabilities.acknowledged and device.status.serving else Truth.UNKNOWN

    return shown


async def goes_online(bench: _Bench) -> None:
    await bench.driver.wait_online()
    if bench.driver.capabilities.acknowledged:
        assert bench.driver.status.confirmed is Truth.YES, "it is online and nobody confirmed it"


async def refuses_what_it_does_not_declare(bench: _Bench) -> None:
    asked = 0
    for case in HANDS[bench.spec.device_class].too_much:
        if case.undeclared(bench.driver.capabilities):
            asked += 1
            await bench.driver.wait_idle()
            try:
                await case.call(bench.driver)
            except Unsupported:
                continue
            raise AssertionError("it took something that it does not declare")
    if not asked:
        raise _Skip("it declares everything of its class")


async def does_what_it_is_told(bench: _Bench) -> None:
    before = bench.sent
    for number in range(1, 4):
        use = _use(bench, number)
        assert use is not None
        outcome = await use()
        if isinstance(outcome, Truth) and bench.driver.capabilities.acknowledged:
            assert outcome is Truth.YES, f"use {number} was not confirmed"
    assert bench.sent > before, "no byte was sent"
    if bench.ask is not None:
        assert await bench.ask("Does the device show, print or speak what it was told (the last is A003)?"), (
            "the person at the bench says no"
        )


async def survives_a_cancelled_caller(bench: _Bench) -> None:
    use = _use(bench, 4)
    assert use is not None
    with trio.move_on_after(0.005):
        await use()
    await bench.driver.wait_online()
    await bench.driver.wait_idle()
    again = _use(bench, 5)
    assert again is not None
    try:
        await again()
    except OutcomeUnknown as error:
        raise AssertionError(f"unusable after a cancelled caller: {error}") from None


async def prints_a_job_once(bench: _Bench) -> None:
    slip = [SlipLine("A006")]
    await bench.driver.print("bench-once", slip, timeout_s=5)
    await bench.driver.wait_idle()
    length = len(read_capture(bench.capture).bytes_to("device"))
    await bench.driver.print("bench-once", slip, timeout_s=5)
    printed = read_capture(bench.capture).bytes_to("device")[length:]
    assert b"A006" not in printed, "the same job was sent twice"


async def tells_what_happens_to_it(bench: _Bench) -> None:
    events = HANDS[bench.spec.device_class].events
    assert events is not None
    if bench.ask is None:
        raise _Skip("it takes a person at the device: --interactive")
    channel = events.told(bench.driver)
    assert await bench.ask(
        f"Use the device {EVENTS} times now (a key, a card, a code …), then answer yes."
    ), "the person at the bench says no"
    heard = 0
    with trio.move_on_after(EVENTS_S):
        while True:  # also beyond what was done: an event nobody caused is a fault
            await channel.receive()
            heard += 1
    assert heard == EVENTS, f"{heard} events came instead of {EVENTS}"


async def stays_online(bench: _Bench) -> None:
    before = len(bench.statuses)
    await trio.sleep(2.0)
    lost = [status for status in bench.statuses[before:] if not status.serving]
    assert not lost, f"it was lost: {lost[0].detail}"


async def comes_back_after_its_plug_was_pulled(bench: _Bench) -> None:
    if bench.ask is None:
        raise _Skip("it takes a person at the cable: --interactive")
    assert await bench.ask("Pull the cable of the device, then answer yes."), (
        "the person at the bench says no"
    )
    await bench.driver.wait_not_online()
    assert bench.driver.status.detail, "it is offline and does not say why"
    assert await bench.ask("Put the cable back, then answer yes."), "the person at the bench says no"
    await bench.driver.wait_online()
