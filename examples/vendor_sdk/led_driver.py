"""A strip display that can only be reached through its vendor's library: driver and simulator.

What must stay true: all calls go through `somc_hal.sdk`, one at a time and in a thread; the header is the
one the library was built from, without its comments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from somc_hal import (
    CounterDisplayCapabilities,
    DeviceClass,
    Driver,
    DriverSpec,
    Option,
    Truth,
)
from somc_hal.codecs.reference import StripContent
from somc_hal.drivers import PORT_OPTIONS
from somc_hal.links import Target
from somc_hal.sdk import Sdk, SdkCall, SdkPort, SdkSession
from somc_hal.simulators import Simulator
from somc_hal.text import fit

CDEF = """
int led_open(const char *port);
int led_ping(int handle);
int led_show(int handle, const char *gb18030, int blink);
int led_close(int handle);
"""

CALL_S = 1.5
"""The vendor says that no call lasts longer than a second."""

NO_ANSWER = -2


class LedSession(SdkSession):
    """One handle of the library."""

    def __init__(self, driver: LedDisplay, sdk: Sdk, port: str) -> None:
        self._driver = driver
        self._sdk = sdk
        self._port = port
        self._handle = -1
        self._starts: int | None = None

    async def connect(self) -> None:
        name = self._sdk.ffi.new("char[]", self._port.encode())
        handle: int = await self._sdk.call("led_open", name, timeout_s=CALL_S)
        if handle < 0:
            raise FileNotFoundError(f"{self._port}: the library cannot open it ({handle})")
        self._handle = handle

    async def ask(self) -> None:
        self._noted(await self._sdk.call("led_ping", self._handle, timeout_s=CALL_S))

    async def show(self, text: bytes, blink: bool) -> None:
        """Show `text`. `OSError` if the device is gone."""
        shown = self._sdk.ffi.new("char[]", text)
        self._noted(await self._sdk.call("led_show", self._handle, shown, int(blink), timeout_s=CALL_S))

    async def disconnect(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            await self._sdk.call("led_close", handle, timeout_s=CALL_S)

    def _noted(self, answer: int) -> None:
        if answer < 0:
            raise OSError(0, "no answer" if answer == NO_ANSWER else f"the library says {answer}")
        if self._starts not in (None, answer):
            self._driver.restarted()
        self._starts = answer


class LedDisplay(Driver[Any]):
    """Strip display 条屏 through `libled`."""

    DRIVER = "led-sdk"
    DEVICE_CLASS = DeviceClass.COUNTER_DISPLAY
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "library": Option(str, "libled.so", "the vendor's shared library"),
        "columns": Option(int, 16, "half-width cells", 4, 64),
        **PORT_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._slot = self._port.slot()

    def _make_port(self, ports: Any) -> Any:
        sdk = Sdk(Path(self._options["library"]), CDEF, name="libled")
        self._session = LedSession(self, sdk, Target(self._url).path)
        return SdkPort(
            self._name,
            self._session,
            self._timing,
            queue_limit=self._options["queue_limit"],
            on_link=self._linked,
            random_source=self._random,
        )

    def _dialect(self) -> Any:
        return None  # the library speaks, not we

    def restarted(self) -> None:
        """The display was switched off and on: it has forgotten what it showed."""
        self._port.again()

    @property
    def capabilities(self) -> CounterDisplayCapabilities:
        return CounterDisplayCapabilities(1, self._options["columns"], "gb18030", True, True)

    async def show(self, lines: Sequence[str], *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        self._require(len(lines) <= 1, f"{len(lines)} lines (it has 1)")
        text = fit(lines[0] if lines else "", self._options["columns"]).encode("gb18030")

        def make() -> SdkCall:
            return SdkCall(self._name, "show", lambda: self._session.show(text, blink))

        return await self._slot.wait(self._slot.put(make), wait_s)


class LedSimulator(Simulator):
    """The display at the far end of the library's wire."""

    DRIVER = "led-sdk"
    CHECKED = False
    NOISE = b"rubbish\n\xff\x00"

    def __init__(self) -> None:
        super().__init__()
        self.shown = StripContent(())
        self.history: deque[StripContent] = deque(maxlen=1000)
        self._line = b""

    def _plugged(self) -> None:
        self._line = b""

    def _received(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            if line.startswith(b"S"):
                self.shown = StripContent((line[2:].decode("gb18030"),), line[1:2] == b"1")
                self.history.append(self.shown)
            self._say(b"K%d\n" % self.boots)

    def _forget(self) -> None:
        self.shown = StripContent(())


SPEC = DriverSpec(
    LedDisplay.DRIVER,
    LedDisplay.DEVICE_CLASS,
    LedDisplay,
    LedDisplay.OPTIONS,
    "Strip display through its vendor's library.",
)
