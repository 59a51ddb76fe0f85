"""Ticket printer 打印机 over ESC/POS, with or without a way back.

What must stay true
- A job id is printed at most once: it is taken before its first byte and given back only if no byte
  went out. A printer that fell silent half-way leaves `OutcomeUnknown`, never a second slip.
- `YES` means that the printer answered `GS r 1`, which it does in order, after all that stood before.
- A printer on a one-way line (`two_way = false`) is never said to have confirmed anything.
- A change of condition (paper, cover) is believed when two rounds of polls agree: the answers are
  single bytes without a check, and noise looks like one of them once in sixteen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import trio

from somc_hal.capabilities import TicketPrinterCapabilities
from somc_hal.codecs.escpos import (
    PaperAnswer,
    StatusAnswer,
    StatusDecoder,
    begin_slip,
    end_slip,
    frames,
    paper_query,
    status_query,
)
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import PORT_OPTIONS, Driver
from somc_hal.drivers.options import Option
from somc_hal.errors import DeviceBusy, NeedsOperator, OutcomeUnknown
from somc_hal.exchange import Exchange
from somc_hal.port import LinkReport, Timing
from somc_hal.status import DeviceState, DeviceStatus, PaperSupply, Truth
from somc_hal.values import SlipCode, SlipImage, SlipPart

__all__ = ["EscposPrinter"]

Answer = StatusAnswer | PaperAnswer

_PRINTER, _OFFLINE, _ERROR, _PAPER = 1, 2, 3, 4  # the n of DLE EOT n


_CAUSES = {
    0x08: "the cutter is blocked",
    0x20: "it cannot recover: switch it off and call for service",
    0x40: "it recovers by itself: the head is too hot, or the like",
}
"""Bits 3, 5 and 6 of the answer to `DLE EOT 3`."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the status bytes say, reduced to what matters here."""

    offline: bool
    cover_open: bool
    error: bool
    paper: PaperSupply
    cause: str = ""

    @classmethod
    def read(cls, printer: int, offline: int, paper: int, cause: int = 0) -> Condition:
        """From the answers to `DLE EOT` 1, 2, 4 and, of a printer in error, 3 (bit numbers: the manuals named
        in the codec)."""
        if paper & 0x60 or offline & 0x20:
            supply = PaperSupply.OUT
        elif paper & 0x0C:
            supply = PaperSupply.LOW
        else:
            supply = PaperSupply.FULL
        error = bool(offline & 0x40)
        words = _CAUSES.get(cause & 0x68, "") if error else ""
        return cls(bool(printer & 0x08), bool(offline & 0x04), error, supply, words)


class _StatusPoll(Exchange[Answer]):
    """`DLE EOT n`: one byte back."""

    def __init__(self, dialect: _EscposDialect, number: int) -> None:
        timing = dialect.timing
        super().__init__(
            dialect.device, "status", timeout_s=timing.answer_timeout_s, attempts=timing.attempts
        )
        self._dialect = dialect
        self._number = number

    def frames(self) -> Sequence[bytes]:
        return (status_query(self._number),)

    def hears(self, frame: Answer) -> bool:
        if not isinstance(frame, StatusAnswer):
            return False
        self._dialect.bytes[self._number] = frame.byte
        self.end(Truth.YES)
        return True


class _PrintJob(Exchange[Answer]):
    """One slip, line by line; the paper query at its end makes the printer confirm."""

    def __init__(
        self, device: str, frames: Sequence[bytes], *, confirms: bool, closing: bytes, timeout_s: float
    ) -> None:
        super().__init__(device, "print", timeout_s=timeout_s, at_most_once=True, ends_session=False)
        self._frames = (*frames, paper_query()) if confirms else tuple(frames)
        self._confirms = confirms
        self._closing = closing

    @property
    def answers(self) -> bool:
        return self._confirms

    def frames(self) -> Sequence[bytes]:
        return self._frames

    def cut_off(self) -> bytes:
        # Half a slip is fed out and cut, so that the next one begins on clean paper.
        return self._closing

    def hears(self, frame: Answer) -> bool:
        if not isinstance(frame, PaperAnswer):
            return False
        self.end(Truth.YES)
        return True


class _EscposDialect:
    """Status bytes in, polls out."""

    def __init__(
        self, device: str, timing: Timing, *, two_way: bool, on_condition: Callable[[], None]
    ) -> None:
        self.device = device
        self.timing = timing
        self.bytes: dict[int, int] = {}
        self.condition: Condition | None = None
        self._candidate: Condition | None = None
        self._two_way = two_way
        self._on_condition = on_condition
        self._decoder = StatusDecoder()

    def opened(self) -> None:
        self._decoder = StatusDecoder()
        self.condition = self._candidate = None

    def feed(self, data: bytes) -> Sequence[Answer]:
        return self._decoder.feed(data)

    def polls(self) -> Sequence[Exchange[Answer]]:
        if not self._two_way:
            return ()
        numbers = [_PRINTER, _OFFLINE, _PAPER]
        if self.bytes.get(_OFFLINE, 0) & 0x40:
            numbers.append(_ERROR)  # only a printer in error is asked for the cause: each byte costs a turn
        else:
            self.bytes.pop(_ERROR, None)
        return tuple(_StatusPoll(self, number) for number in numbers)

    def settled(self) -> bool:
        if not self._two_way:
            return True
        asked = self.bytes
        said = Condition.read(asked[_PRINTER], asked[_OFFLINE], asked[_PAPER], asked.get(_ERROR, 0))
        if said == self.condition:
            # Two of the same noise, hours apart, are not two rounds that agree.
            self._candidate = None
            return True
        if said != self._candidate:
            self._candidate = said
            return False
        self.condition = said
        self._on_condition()
        return True

    def unasked(self, frame: Answer) -> bytes:
        return b""


class EscposPrinter(Driver[Answer]):
    """Prints slips; see the module's head for what it promises."""

    DRIVER = "escpos"
    DEVICE_CLASS = DeviceClass.TICKET_PRINTER
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "columns": Option(int, 32, "half-width characters a line (58 mm paper: 32, 80 mm: 48)", 16, 96),
        "charset": Option(str, "gb18030", "how text is encoded", choices=("gb18030", "gbk", "ascii")),
        "cut": Option(bool, True, "whether it has a cutter"),
        "partial_cut": Option(bool, False, "leave a bridge when cutting"),
        "double_size": Option(bool, True, "whether it can print double width and height"),
        "qr": Option(bool, True, "whether it can print QR codes itself"),
        "raster": Option(bool, True, "whether it prints pictures"),
        "dots": Option(int, 384, "dots a line (58 mm paper: 384, 80 mm: 576)", 8, 2000),
        "two_way": Option(bool, True, "whether it can answer; false for a cable without a way back"),
        "feed_lines": Option(int, 4, "lines from the print head to the cutter", 0, 20),
        "print_timeout_s": Option(float, 10.0, "longest time one slip may take", 0.01, 600),
        "remembered_jobs": Option(int, 1024, "job ids kept, so that none is printed twice", 1, 1_000_000),
        **PORT_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._pending: set[str] = set()
        self._printed: OrderedDict[str, Truth | OutcomeUnknown] = OrderedDict()

    @property
    def capabilities(self) -> TicketPrinterCapabilities:
        chosen = self._options
        return TicketPrinterCapabilities(
            columns=chosen["columns"],
            charset=chosen["charset"],
            cut=chosen["cut"],
            partial_cut=chosen["partial_cut"],
            double_size=chosen["double_size"],
            qr=chosen["qr"],
            raster=chosen["raster"],
            paper_sensor=chosen["two_way"],
            acknowledged=chosen["two_way"],
        )

    async def print(self, job_id: str, lines: Sequence[SlipPart], *, timeout_s: float = 0.0) -> Truth:
        """As the interface says. A second call with the id of a job under way raises `DeviceBusy`."""
        self._check(lines)
        await trio.lowlevel.checkpoint()
        known = self._printed.get(job_id)
        if isinstance(known, OutcomeUnknown):
            raise known.with_traceback(None)
        if known is not None:
            return known
        if job_id in self._pending:
            raise DeviceBusy(self._name, f"print: job {job_id} is being printed")
        self._pending.add(job_id)
        try:
            await self._await_serving(timeout_s)
            job = self._job(lines)
            self._port.submit(job)
            try:
                return await job.wait()
            finally:
                if job.begun:
                    self._remember(job_id, job)
        finally:
            self._pending.discard(job_id)

    def _check(self, lines: Sequence[SlipPart]) -> None:
        can = self.capabilities
        for line in lines:
            if isinstance(line, SlipCode):
                self._require(can.qr, "a QR code")
            elif isinstance(line, SlipImage):
                self._require(can.raster, "a picture")
                dots = self._options["dots"]
                self._require(line.width_dots <= dots, f"a picture of {line.width_dots} dots (it has {dots})")
            else:
                self._require(can.double_size or not line.double, "double size")

    def _job(self, lines: Sequence[SlipPart]) -> _PrintJob:
        chosen = self._options
        charset = chosen["charset"]
        closing = end_slip(feed_lines=chosen["feed_lines"], cut=chosen["cut"], partial=chosen["partial_cut"])
        return _PrintJob(
            self._name,
            [begin_slip(charset), *(frame for line in lines for frame in frames(line, charset)), closing],
            confirms=chosen["two_way"],
            closing=closing,
            timeout_s=chosen["print_timeout_s"],
        )

    def _remember(self, job_id: str, job: _PrintJob) -> None:
        outcome = job.outcome
        if not isinstance(outcome, Truth | OutcomeUnknown):
            outcome = OutcomeUnknown(self._name, f"print: job {job_id} was cancelled after its first bytes")
        self._printed[job_id] = outcome
        while len(self._printed) > self._options["remembered_jobs"]:
            self._printed.popitem(last=False)

    async def _await_serving(self, timeout_s: float) -> None:
        with trio.move_on_after(timeout_s):
            await self.wait_online()
        if not self._status.serving and self._link.up:
            raise NeedsOperator(self._name, f"print: {self._status.detail}")
        await self._await_online("print", 0)

    # --- Driver --------------------------------------------------------------------------------

    def _dialect(self) -> _EscposDialect:
        self._escpos = _EscposDialect(
            self._name, self._timing, two_way=self._options["two_way"], on_condition=self._refresh
        )
        return self._escpos

    def _condition(self, link: LinkReport) -> DeviceStatus:
        condition = self._escpos.condition
        if condition is None:
            return DeviceStatus(self._name, DeviceState.ONLINE, Truth.UNKNOWN, PaperSupply.UNKNOWN)
        state, detail = DeviceState.ONLINE, ""
        if condition.error:
            state, detail = DeviceState.HARDWARE_ERROR, "the printer reports an error"
            detail += f": {condition.cause}" if condition.cause else ""
        elif condition.cover_open:
            state, detail = DeviceState.USER_ERROR, "the cover is open"
        elif condition.paper is PaperSupply.OUT:
            state, detail = DeviceState.USER_ERROR, "the paper is out"
        elif condition.offline:
            state, detail = DeviceState.OFFLINE, "the printer says that it is offline"
        elif condition.paper is PaperSupply.LOW:
            detail = "the paper is nearly out"
        cover = Truth.YES if condition.cover_open else Truth.NO
        return DeviceStatus(self._name, state, Truth.YES, condition.paper, cover, detail)
