"""Every device class that tells or shows something beside calls, at work in a running hall."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import trio

from somc_hal.simulators.escpos_printer import EscposPrinterSimulator
from somc_hal.simulators.host import SimulatorHost, Where
from somc_hal.simulators.reference_events import (
    CameraSimulator,
    CardReaderSimulator,
    EvaluatorSimulator,
    IndicatorSimulator,
    KioskInputSimulator,
    MonitorSimulator,
    PeopleCounterSimulator,
    SecondScreenSimulator,
)
from somc_hal.status import Truth
from somc_hal.values import Colour, ScreenContent
from tests.server.rig import GOTONE_PHONE, HALL
from tests.system.process import PATIENCE_S, Process, started, verified

BASE = "/api/v1"

PLACES: dict[str, tuple[str, Where, str]] = {
    "printer": ("escpos", "pty", ""),
    "evaluator": ("reference-evaluator", "pty", "counter = 1"),
    "lamp": ("reference-indicator", "tcp", "counter = 1"),
    "hall-lamp": ("reference-indicator", "pty", ""),
    "screen": ("reference-second-screen", "pty", "counter = 1"),
    "pad": ("reference-kiosk-input", "pty", 'place = "kiosk-1"'),
    "cards": ("reference-card-reader", "tcp", 'place = "kiosk-1"'),
    "doors": ("reference-people-counter", "tcp", ""),
    "camera": ("reference-camera", "tcp", 'place = "door"'),
    "cabinet": ("reference-monitor", "pty", "limits = { temperature = [5, 45] }"),
}
WAIT_S = 2


def toml(urls: dict[str, str]) -> str:
    devices = "".join(
        f'\n[device.{name}]\ndriver = "{driver}"\nurl = "{urls[name]}"\n{more}\n'
        for name, (driver, _, more) in PLACES.items()
    )
    words = f'[plugins]\nenabled = ["standard_devices"]\n\n[announcements]\nrating_wait_s = {WAIT_S}\n'
    return f"{HALL}\n{words}{devices}"


class Floor:
    """The hall's devices in this process, and what is asked of the hall over HTTP."""

    def __init__(self, client: httpx.AsyncClient, devices: dict[str, Any]) -> None:
        self.client = client
        self.devices = devices

    def __getitem__(self, name: str) -> Any:
        return self.devices[name]

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self.client.post(f"{BASE}/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def get(self, path: str) -> Any:
        answer = await self.client.get(f"{BASE}/{path}")
        assert answer.is_success, answer.text
        return answer.json()

    async def until(self, name: str, condition: Callable[[Any], bool]) -> None:
        """Return when `condition` holds for a simulator; it is looked at whenever something changed there."""
        device = self.devices[name]
        with trio.fail_after(PATIENCE_S):
            while not condition(device):
                await device.changed.wait()

    async def recorded(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """The `data` of the records of that type, once there are so many."""
        with trio.fail_after(PATIENCE_S):
            while True:
                page = await self.get("records?limit=1000")
                found = [record["data"] for record in page["records"] if record["type"] == kind]
                if len(found) >= count:
                    return found
                await trio.sleep(0.03)

    async def device(self, name: str, status: str) -> dict[str, Any]:
        with trio.fail_after(PATIENCE_S):
            while True:
                found: dict[str, Any] = next(d for d in await self.get("devices") if d["name"] == name)
                if found["status"] == status:
                    return found
                await trio.sleep(0.03)

    async def serve(self) -> str:
        """Call, start and finish the next; the number."""
        called = await self.post("counters/1/call-next")
        await self.post("counters/1/start")
        await self.post("counters/1/finish")
        number: str = called["ticket"]["number"]
        return number


async def test_a_hall_of_every_device_class(tmp_path: Path) -> None:
    devices: dict[str, Any] = {
        "printer": EscposPrinterSimulator(),
        "evaluator": EvaluatorSimulator(),
        "lamp": IndicatorSimulator(),
        "hall-lamp": IndicatorSimulator(),
        "screen": SecondScreenSimulator(),
        "pad": KioskInputSimulator(),
        "cards": CardReaderSimulator(),
        "doors": PeopleCounterSimulator(),
        "camera": CameraSimulator(),
        "cabinet": MonitorSimulator(),
    }
    async with trio.open_nursery() as nursery:
        hosts = {
            name: SimulatorHost(devices[name], where, name=name) for name, (_, where, _) in PLACES.items()
        }
        urls = {name: await nursery.start(host.run) for name, host in hosts.items()}
        async with started(tmp_path, toml(urls)) as hall, hall.client() as client:
            floor = Floor(client, devices)
            for name in devices:
                await floor.device(name, "online")
            await a_kiosk_without_a_page(floor)
            await what_a_counter_shows(floor, hosts)
            await ratings(floor, hosts)
            await a_camera(floor, hall)
            await a_cabinet(floor, hosts)
            # Counted, and written down at the end at the latest.
            devices["doors"].walk(entered=3, left=1, door="north")
            devices["doors"].walk(entered=2, door="north")
            devices["doors"].walk(left=1, door="south")
            await floor.until("doors", lambda doors: not doors.busy)
            assert await hall.stop() == 0
            assert GOTONE_PHONE not in hall.stderr
        async with started(tmp_path, toml(urls)) as hall, hall.client() as client:
            counted = await Floor(client, devices).recorded("people.counted", 2)
            assert [(one["door"], one.get("entered", 0), one.get("left", 0)) for one in counted] == [
                ("north", 5, 1),
                ("south", 0, 1),
            ]
            assert await hall.stop() == 0
        await verified(tmp_path / "data")
        nursery.cancel_scope.cancel()


async def a_kiosk_without_a_page(floor: Floor) -> None:
    """Phone and service keyed, a card for the phone, a service alone; a slip held before the scanner."""
    floor["pad"].type(f"{GOTONE_PHONE}*1")
    await floor.until("printer", lambda printer: len(printer.slips) == 1)
    floor["cards"].insert(GOTONE_PHONE)
    await floor.until("cards", lambda cards: not cards.busy)
    floor["pad"].type("1")
    await floor.until("printer", lambda printer: len(printer.slips) == 2)
    floor["pad"].type("2")  # the card was the customer's before
    await floor.until("printer", lambda printer: len(printer.slips) == 3)
    floor["pad"].type("99")  # no such service: nothing happens
    floor["pad"].scan("A001")
    await floor.until("printer", lambda printer: len(printer.slips) == 4)
    taken = await floor.recorded("ticket.taken", 3)
    assert [(one["number"], one["customer_class"], one["class_source"]) for one in taken] == [
        ("A001", "gotone", "table"),
        ("A002", "gotone", "table"),
        ("B001", "easyown", "default"),
    ]
    assert {one["by"] for one in taken} == {"kiosk:kiosk-1"}
    assert taken[0]["person"] == taken[1]["person"]
    assert "person" not in taken[2]
    assert [one["number"] for one in await floor.recorded("ticket.printed")] == ["A001"]


async def what_a_counter_shows(floor: Floor, hosts: dict[str, SimulatorHost]) -> None:
    """Lamp and second screen follow the counter; the screen falls back to its own page without a line."""
    await floor.until("hall-lamp", lambda lamp: lamp.shown == (Colour.GREEN, False))
    assert floor["lamp"].shown == (None, False)
    closed = ScreenContent(("停止服务", "CLOSED"))
    await floor.until("screen", lambda screen: screen.shown == closed)
    await floor.post("counters/1/open", agent="li", skills={"payment": 1, "business": 1})
    await floor.until("lamp", lambda lamp: lamp.shown == (Colour.GREEN, False))
    await floor.until("screen", lambda screen: screen.shown is None)
    await floor.post("counters/1/call-next")
    await floor.until("lamp", lambda lamp: lamp.shown == (Colour.GREEN, True))
    called = ScreenContent(("请 A001 到 1 号台席", "A001, counter 1"))
    await floor.until("screen", lambda screen: screen.shown == called)
    await hosts["screen"].unplug()
    await floor.until("screen", lambda screen: screen.shown is None)
    await hosts["screen"].replug()
    await floor.until("screen", lambda screen: screen.shown == called)
    await floor.post("counters/1/start")
    await floor.until("lamp", lambda lamp: lamp.shown == (Colour.RED, False))
    await floor.until("screen", lambda screen: screen.shown.lines[0] == "A001 正在办理 缴费")
    await floor.post("counters/1/pause", reason="tea")
    await floor.post("counters/1/resume")


async def ratings(floor: Floor, hosts: dict[str, SimulatorHost]) -> None:
    """Asked after the service; pressed, not pressed, pressed before the end; and the evaluator away."""
    evaluator = floor["evaluator"]
    await floor.post("counters/1/finish")
    await floor.until("evaluator", lambda it: list(it.asked) == ["A001"])
    evaluator.rate(5)
    first = (await floor.recorded("ticket.rated"))[0]
    assert (first["number"], first["score"], first["scale"], first["source"]) == ("A001", 5, 5, "evaluator")
    assert (first["counter"], first["agent"], first["by"]) == (1, "li", "evaluator:1")

    assert await floor.serve() == "A002"  # and nothing is pressed
    second = (await floor.recorded("ticket.rated", 2))[1]
    assert (second["number"], second.get("score")) == ("A002", None)
    shown = {one["number"]: one["rating"] for one in await floor.get("tickets?state=finished")}
    assert shown["A001"]["score"] == 5
    assert shown["A002"]["score"] is None

    await hosts["evaluator"].unplug()
    await floor.device("evaluator", "noDevice")
    assert await floor.serve() == "B001"  # the counter notices nothing
    await hosts["evaluator"].replug()
    await floor.device("evaluator", "online")
    for _ in range(2):
        await floor.post("tickets", service="payment", channel="floor")
    await floor.post("counters/1/call-next")
    await floor.post("counters/1/start")
    evaluator.rate(1)  # the device still asks about A002, which is over: this is nobody's
    evaluator.rate(2)  # before the agent presses finish
    await floor.until("evaluator", lambda it: not it.busy)
    await floor.post("counters/1/finish")
    rated = await floor.recorded("ticket.rated", 3)
    assert [(one["number"], one.get("score")) for one in rated[2:]] == [("A003", 2)]
    assert await floor.serve() == "A004"
    await floor.until("evaluator", lambda it: it.asked[-1] == "A004")
    evaluator.rate(1)
    await floor.recorded("ticket.rated", 4)
    evaluator.rate(5)  # whoever sits down there meanwhile rates nobody
    await floor.until("evaluator", lambda it: not it.busy)
    assert [one.get("score") for one in await floor.recorded("ticket.rated", 4)] == [5, None, 2, 1]


async def a_camera(floor: Floor, hall: Process) -> None:
    picture = await floor.client.get(f"{BASE}/devices/camera/still")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert picture.content == floor["camera"].scene
    assert picture.headers["cache-control"] == "no-store"
    assert (await floor.client.get(f"{BASE}/devices/printer/still")).status_code == 404
    issued = await floor.post("tokens", subject="kiosk-9", roles=["agent"])
    headers = {"authorization": f"Bearer {issued['token']}"}
    refused = await floor.client.get(f"{BASE}/devices/camera/still", headers=headers)
    assert refused.status_code == 403
    async with httpx.AsyncClient(base_url=hall.url) as stranger:
        assert (await stranger.get(f"{BASE}/devices/camera/still")).status_code == 401
    floor["camera"].power_off()
    away = await floor.device("camera", "offline")
    assert away["place"] == "door"
    assert (await floor.client.get(f"{BASE}/devices/camera/still")).status_code == 503
    floor["camera"].power_on()
    await floor.device("camera", "online")


async def a_cabinet(floor: Floor, hosts: dict[str, SimulatorHost]) -> None:
    """Readings are shown and not recorded; what is wrong is a fault of the device, told once."""
    cabinet = floor["cabinet"]
    for value in (21.5, 22.0, 22.5):
        cabinet.measure("temperature", value, "rack")
    cabinet.measure("power", Truth.YES)
    await floor.until("cabinet", lambda it: not it.busy)
    found = (await floor.device("cabinet", "online"))["readings"]
    assert [(one["kind"], one["place"], one["value"]) for one in found] == [
        ("temperature", "rack", 22.5),
        ("power", "", "yes"),
    ]
    cabinet.measure("temperature", 51.0, "rack")
    hot = await floor.device("cabinet", "hardwareError")
    assert hot["detail"] == "temperature rack 51 °C, above 45 °C"
    cabinet.measure("temperature", 52.0, "rack")
    cabinet.measure("temperature", 44.5, "rack")  # not far enough from the limit
    await hosts["cabinet"].unplug()
    await floor.device("cabinet", "noDevice")
    await hosts["cabinet"].replug()
    assert (await floor.device("cabinet", "hardwareError"))["detail"] == hot["detail"]
    cabinet.measure("temperature", 30.0, "rack")
    await floor.device("cabinet", "online")
    cabinet.measure("power", Truth.NO)
    assert (await floor.device("cabinet", "hardwareError"))["detail"] == "no mains"
    cabinet.measure("power", Truth.YES)
    await floor.device("cabinet", "online")
    told = [one["status"] for one in await floor.recorded("device.status") if one["device"] == "cabinet"]
    assert told == [
        "online", "hardwareError", "noDevice", "hardwareError", "online", "hardwareError", "online"
    ]  # fmt: skip
