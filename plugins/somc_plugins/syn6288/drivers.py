"""The announcer with a SYN6288 chip: answers, pieces of text, one announcement at a time.

What must stay true: see the head of the package.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import trio

from somc_hal.capabilities import AnnouncerCapabilities
from somc_hal.codecs.frames import Frame
from somc_hal.devices import DeviceClass
from somc_hal.drivers import PORT_OPTIONS, Driver, Option
from somc_hal.drivers.stx_profile import profile_option
from somc_hal.errors import DeviceBusy, DeviceError, DeviceTimeout, Interrupted, OutcomeUnknown, ProtocolFault
from somc_hal.exchange import Exchange
from somc_hal.port import Timing
from somc_hal.profiles import Profile, ProfileError, load
from somc_hal.status import Truth
from somc_hal.text import printable
from somc_hal.values import Phrase

__all__ = [
    "GBK_PARAMETER",
    "TEXT_LIMIT_BYTES",
    "Said",
    "SaidDecoder",
    "Syn6288Announcer",
    "pieces",
    "syn6288_profile",
]

_OPS = ("speak", "stop", "status")
GBK_PARAMETER = 0x01  # no background music, text in GBK
TEXT_LIMIT_BYTES = 200
LANGUAGE = "zh"


class Said(enum.IntEnum):
    """The chip's answers."""

    STARTED = 0x4A
    UNDERSTOOD = 0x41
    NOT_UNDERSTOOD = 0x45
    SPEAKING = 0x4E
    SILENT = 0x4F


_SAID = {int(said): said for said in Said}


class SaidDecoder:
    """Reads what the chip sends; bytes that are none of its answers are noise."""

    def feed(self, data: bytes) -> list[Said]:
        """The answers in `data`."""
        return [_SAID[byte] for byte in data if byte in _SAID]


@lru_cache(maxsize=64)
def syn6288_profile(source: str) -> Profile:
    """The chip's profile. `ProfileError` if it cannot carry this protocol."""
    profile = load(source)
    if profile.frame is None or profile.frame.fields != ("command",):
        raise ProfileError(f"{profile.path}: frame.layout: allowed field: command")
    for name in _OPS:
        if not 0 <= profile.ops.get(name, -1) <= 255:
            raise ProfileError(f"{profile.path}: ops: {name!r} needs a code of one byte")
    return profile


def pieces(text: str, limit: int) -> list[str]:
    """`text` in pieces of at most `limit` bytes of GBK, cut behind a sign of punctuation if there is one."""
    rest, cut = printable(text).replace("[", " ").replace("]", " ").strip(), []
    while len(rest.encode("gbk", errors="replace")) > limit:
        at = len(rest.encode("gbk", errors="replace")[:limit].decode("gbk", errors="ignore"))
        stop = max(rest.rfind(sign, 0, at) for sign in "。！？；，, ")
        at = stop + 1 if stop > 0 else at
        cut.append(rest[:at].strip())
        rest = rest[at:].strip()
    return [piece for piece in (*cut, rest) if piece]


class _Dialect:
    """Status queries out, single bytes in."""

    def __init__(
        self, device: str, profile: Profile, timing: Timing, *, heard: Callable[[Said], None]
    ) -> None:
        self.device = device
        self.timing = timing
        self.ops = profile.ops
        self.writer = profile.codec()
        self.heard = heard
        self._decoder = SaidDecoder()

    def opened(self) -> None:
        """Single bytes leave nothing half-finished."""

    def feed(self, data: bytes) -> Sequence[Said]:
        return self._decoder.feed(data)

    def polls(self) -> Sequence[Exchange[Said]]:
        return (_Command(self, "status", b"", "status", (Said.SPEAKING, Said.SILENT)),)

    def settled(self) -> bool:
        return True

    def unasked(self, frame: Said) -> bytes:
        self.heard(frame)
        return b""


class _Command(Exchange[Said]):
    """One frame, answered by one byte."""

    def __init__(
        self,
        dialect: _Dialect,
        op: str,
        body: bytes,
        what: str,
        answers: Sequence[Said],
        *,
        at_most_once: bool = False,
    ) -> None:
        timing = dialect.timing
        super().__init__(
            dialect.device,
            what,
            timeout_s=timing.answer_timeout_s,
            attempts=1 if at_most_once else timing.attempts,
            at_most_once=at_most_once,
            ends_session=not at_most_once,  # a lost answer is no lost chip: its status is asked next
        )
        self._dialect = dialect
        self._wanted = tuple(answers)
        self._wire = dialect.writer.encode(Frame((dialect.ops[op],), body))

    def frames(self) -> Sequence[bytes]:
        return (self._wire,)

    def hears(self, frame: Said) -> bool:
        if frame in self._wanted:
            self.end(Truth.YES)
            self._dialect.heard(frame)
            return True
        if frame is Said.NOT_UNDERSTOOD:
            self.end(ProtocolFault(self.device, f"{self.what}: not understood by the chip"))
            return True
        return False


class _Speech:
    """One announcement under way; `spoken` is set when the chip falls silent after the present piece."""

    def __init__(self) -> None:
        self.speaking = False
        self.stopping = False
        self.begun = False
        self.spoken = trio.Event()
        self.fault: DeviceError | None = None

    def end(self, fault: DeviceError | None) -> None:
        self.fault = self.fault or fault
        self.spoken.set()


class Syn6288Announcer(Driver[Said]):
    """Announcer 音箱. It reads Chinese; Latin letters and digits one by one."""

    DRIVER = "syn6288"
    DEVICE_CLASS = DeviceClass.ANNOUNCER
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "profile": profile_option("syn6288"),
        "volume": Option(int, 10, "0 (silent) to 16", 0, 16),
        "interruptible": Option(bool, True, "whether speech can be stopped"),
        "speech_timeout_s": Option(float, 60.0, "longest time one announcement may take", 0.01, 3600),
        **PORT_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._speech: _Speech | None = None
        self._stop: _Command | None = None

    @property
    def capabilities(self) -> AnnouncerCapabilities:
        return AnnouncerCapabilities((LANGUAGE,), "gbk", self._options["interruptible"], True)

    @property
    def speaking(self) -> bool:
        return self._speech is not None

    async def announce(self, phrases: Sequence[Phrase], *, timeout_s: float = 0.0) -> Truth:
        """As the interface says. `ValueError` if there is nothing to say."""
        for phrase in phrases:
            self._require(phrase.language == LANGUAGE, f"language {phrase.language!r}")
        mark = f"[v{self._options['volume']}]"
        texts = pieces("。".join(phrase.text for phrase in phrases), TEXT_LIMIT_BYTES - len(mark))
        if not texts:
            raise ValueError(f"{self._name}: an announcement needs something to say")
        if self._speech is not None:
            raise DeviceBusy(self._name, "speak: another announcement is being spoken")
        speech = self._speech = _Speech()
        try:
            await self._await_online("speak", timeout_s)
            with trio.move_on_after(self._options["speech_timeout_s"]) as limit:
                for text in texts:
                    await self._speak(speech, (mark + text).encode("gbk", errors="replace"))
            if limit.cancelled_caught:
                self._hush()
                raise DeviceTimeout(self._name, "speak: it did not fall silent")
        except trio.Cancelled:
            if speech.begun:
                self._hush()
            raise
        finally:
            self._speech = None
        return Truth.YES

    async def _speak(self, speech: _Speech, text: bytes) -> None:
        """Say one piece and wait until it was said."""
        speech.spoken, speech.speaking = trio.Event(), False
        command = _Command(
            self._chip,
            "speak",
            bytes((GBK_PARAMETER,)) + text,
            "speak",
            (Said.UNDERSTOOD,),
            at_most_once=True,
        )
        self._port.submit(command)
        try:
            await command.wait()
        finally:
            speech.begun = speech.begun or command.begun
        await speech.spoken.wait()
        if speech.fault is not None:
            raise speech.fault

    async def interrupt(self) -> None:
        self._require(self._options["interruptible"], "interrupting")
        await trio.lowlevel.checkpoint()
        if self._speech is not None:
            self._speech.stopping = True
            self._hush()

    def _hush(self) -> None:
        """Ask it to stop, without waiting: this is also called while being cancelled."""
        if self._options["interruptible"] and self._port.online and (self._stop is None or self._stop.ended):
            self._stop = _Command(self._chip, "stop", b"", "stop speaking", (Said.UNDERSTOOD,))
            self._port.submit(self._stop, urgent=True)

    def _dialect(self) -> _Dialect:
        profile = syn6288_profile(self._options["profile"])
        self._chip = _Dialect(self._name, profile, self._timing, heard=self._heard)
        return self._chip

    def _heard(self, said: Said) -> None:
        speech = getattr(self, "_speech", None)
        if speech is None:
            return
        if said is Said.UNDERSTOOD:
            speech.speaking = True
        elif said is Said.SILENT and speech.speaking:
            stopped = Interrupted(self._name, "speak: stopped before its end") if speech.stopping else None
            speech.end(stopped)
        elif said is Said.STARTED:
            self._cut("the chip was switched off and on")

    def _link_lost(self) -> None:
        if getattr(self, "_speech", None) is not None:
            self._cut("the connection was lost")

    def _cut(self, why: str) -> None:
        # While it still waits for the chip to come online, lost connections do not concern it.
        if self._speech is not None and self._speech.speaking:
            self._speech.end(OutcomeUnknown(self._name, f"speak: {why}"))
