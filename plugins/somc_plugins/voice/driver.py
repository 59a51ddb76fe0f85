"""The voice as an announcer: one announcement at a time, out of recordings, at the hour's volume.

What must stay true
- An announcement is put together before anything sounds; what cannot be said whole is refused.
- Stopping it, by `interrupt` or by cancelling, ends the player at once.
- Nobody confirms that a loudspeaker was heard: `UNKNOWN`, never `YES`.
- Samples are computed in a thread; the hall's loop does not wait for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from datetime import time as clock_time
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import trio

from somc_hal.capabilities import AnnouncerCapabilities
from somc_hal.devices import DeviceClass
from somc_hal.drivers import Driver, Option
from somc_hal.errors import (
    DeviceBusy,
    DeviceOffline,
    DeviceTimeout,
    Interrupted,
    OutcomeUnknown,
    Unsupported,
)
from somc_hal.port import LinkReport, Timing
from somc_hal.status import DeviceState, DeviceStatus, Truth
from somc_hal.turn import Turn
from somc_hal.values import Phrase

from .pack import Pack, load_pack
from .reading import LANGUAGES, Unspeakable, covered, units
from .sinks import Sink, sink_of
from .sound import PAUSE_S, Sound, chime, joined, scaled, silence

__all__ = ["VoiceAnnouncer"]


class SinkWatch:
    """In the place of a port: looks whether the sink is there, every `every_s`."""

    busy = False  # speech that is being spoken is not busy
    online = False

    def __init__(self, sink: Sink, every_s: float, on_link: Callable[[LinkReport], None]) -> None:
        self._sink = sink
        self._every_s = every_s
        self._on_link = on_link
        self._changed = Turn()

    async def wait_idle(self) -> None:
        await trio.lowlevel.checkpoint()

    async def wait_online(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self.online:
            await self._changed.wait()

    async def run(self) -> None:
        try:
            while True:
                await self._look()
                await trio.sleep(self._every_s)
        finally:
            self.online = False

    async def _look(self) -> None:
        try:
            await self._sink.look()
            report = LinkReport(True, DeviceState.ONLINE)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            report = LinkReport(False, DeviceState.NO_DEVICE if missing else DeviceState.OFFLINE, str(error))
        self.online = report.up
        self._on_link(report)
        self._changed.turn()


class VoiceAnnouncer(Driver[Any]):
    """Announcer 音箱."""

    DRIVER = "voice"
    DEVICE_CLASS = DeviceClass.ANNOUNCER
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "packs": Option(tuple, (), "folders of voice packs, one for each language"),
        "one": Option(str, "幺", "how the digit 1 of a number is read in Mandarin", choices=("幺", "一")),
        "chime": Option(bool, True, "whether two notes come before each announcement"),
        "volume": Option(int, 100, "percent of the recordings' amplitude by day", 0, 100),
        "night_volume": Option(int, 50, "percent by night", 0, 100),
        "night": Option(str, "", "when it is night, such as `21:00-08:00`; without it never"),
        "timezone": Option(str, "", "the night's time zone, such as Asia/Shanghai; without it the machine's"),
        "look_s": Option(float, 5.0, "how often it is looked whether the sink is there", 0.05, 3600),
        "speech_timeout_s": Option(float, 60.0, "longest time one announcement may take", 0.01, 3600),
    }

    def __init__(
        self,
        name: str,
        url: str,
        options: Mapping[str, Any],
        *,
        now: Callable[[], float] = time.time,
        **more: Any,
    ) -> None:
        self._now = now
        self._scope: trio.CancelScope | None = None
        self._speaking = False
        super().__init__(name, url, options, **more)
        self._night = self._hours(self._options["night"])
        self._zone = self._checked_zone(self._options["timezone"])
        self._packs = self._loaded(self._options["packs"])

    # --- what it is ------------------------------------------------------------------------------

    @property
    def capabilities(self) -> AnnouncerCapabilities:
        languages = tuple(language for language in LANGUAGES if language in self._packs)
        return AnnouncerCapabilities(languages, "utf-8", True, False)

    @property
    def speaking(self) -> bool:
        return self._speaking

    def _check_url(self, url: str) -> None:
        self._sink = sink_of(url)

    def _times(self) -> Timing:
        return Timing()

    def _make_port(self, ports: Any) -> Any:
        return SinkWatch(self._sink, self._options["look_s"], self._linked)

    def _dialect(self) -> Any:
        return None  # there is no wire

    def _condition(self, link: LinkReport) -> DeviceStatus:
        return DeviceStatus(self._name, link.state, Truth.UNKNOWN, detail=link.detail)

    def _wrong(self, key: str, allowed: str) -> ValueError:
        found = self._options[key]
        return ValueError(f"driver {self.DRIVER!r}, option {key!r}: found {found!r}; allowed: {allowed}")

    def _hours(self, text: str) -> tuple[clock_time, clock_time] | None:
        if not text:
            return None
        try:
            begins, ends = (clock_time.fromisoformat(part) for part in text.split("-"))
        except ValueError:
            raise self._wrong("night", "two times such as 21:00-08:00") from None
        return begins, ends

    def _checked_zone(self, text: str) -> tzinfo | None:
        try:
            return ZoneInfo(text) if text else None
        except (OSError, ValueError, KeyError):  # a zone that is not found is a KeyError
            raise self._wrong("timezone", "a name such as Asia/Shanghai") from None

    def _loaded(self, folders: Sequence[str]) -> dict[str, Pack]:
        packs: dict[str, Pack] = {}
        for folder in folders:
            pack = load_pack(Path(folder))
            if pack.language in packs:
                raise self._wrong("packs", f"one pack for {pack.language}")
            packs[pack.language] = pack
        if len({pack.rate_hz for pack in packs.values()}) > 1:
            raise self._wrong("packs", "packs of one rate")
        return packs

    # --- speaking --------------------------------------------------------------------------------

    async def announce(self, phrases: Sequence[Phrase], *, timeout_s: float = 0.0) -> Truth:
        """As the interface says; `Unsupported` also for a text that the pack cannot say whole."""
        if not phrases:
            raise ValueError(f"{self._name}: an announcement needs at least one phrase")
        for phrase in phrases:
            self._require(phrase.language in self._packs, f"language {phrase.language!r}")
        pieces = self._pieces(phrases)
        if self._speaking:
            raise DeviceBusy(self._name, "speak: another announcement is being spoken")
        self._speaking = True
        try:
            await self._await_online("speak", timeout_s)
            sound = await trio.to_thread.run_sync(self._mixed, pieces, self.volume_now())
            await self._play(sound)
        finally:
            self._speaking = False
            self._scope = None
        return Truth.UNKNOWN

    async def interrupt(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._scope is not None:
            self._scope.cancel()

    def volume_now(self) -> int:
        """Percent of amplitude, by the hall's clock."""
        if self._night is not None:
            at = datetime.fromtimestamp(self._now(), self._zone).time()
            begins, ends = self._night
            by_night = begins <= at < ends if begins <= ends else at >= begins or at < ends
            if by_night:
                night: int = self._options["night_volume"]
                return night
        day: int = self._options["volume"]
        return day

    def _pieces(self, phrases: Sequence[Phrase]) -> list[tuple[Pack, tuple[str, ...]]]:
        pieces: list[tuple[Pack, tuple[str, ...]]] = []
        for phrase in phrases:
            pack = self._packs[phrase.language]
            said = units(phrase.text, phrase.language, one=self._options["one"])
            try:
                found = covered(said, pack.segments)
            except Unspeakable as error:
                what = f"speak {phrase.text!r}: the pack {pack.name!r} has {error}"
                raise Unsupported(self._name, what) from None
            pieces += [(pack, piece) for piece in found]
        return pieces

    def _mixed(self, pieces: Sequence[tuple[Pack, tuple[str, ...]]], percent: int) -> Sound:
        rate = pieces[0][0].rate_hz if pieces else next(iter(self._packs.values())).rate_hz
        gap = silence(PAUSE_S, rate)
        parts = [chime(rate)] if self._options["chime"] else []
        parts += [pack.segments[said] if said else gap for pack, said in pieces]
        return Sound(scaled(joined(parts), percent), rate)

    async def _play(self, sound: Sound) -> None:
        limit_s = self._options["speech_timeout_s"]
        try:
            with trio.move_on_after(limit_s) as timed, trio.CancelScope() as self._scope:
                await self._sink.play(sound)
        except FileNotFoundError as error:
            raise DeviceOffline(self._name, f"speak: {error}") from None
        except OSError as error:
            raise OutcomeUnknown(self._name, f"speak: {error}") from None
        if timed.cancelled_caught:
            raise DeviceTimeout(self._name, f"speak: not at its end after {limit_s:g} s")
        if self._scope is not None and self._scope.cancelled_caught:
            raise Interrupted(self._name, "speak: stopped before its end")
