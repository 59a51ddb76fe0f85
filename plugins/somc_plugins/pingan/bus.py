"""The caller of a Pingan hall on its polled RS-485 bus: poll, login, number and tone.

    A0 │ length │ command │ address │ counter │ body … │ check │ FF

Frame, check, the poll `01 address counter` and the login's acceptance `3D` are published; how a terminal
answers and all other codes are SOMC's and stand in the wire profile as `own`.

What must stay true
- The poll's counter alternates: the same counter gets the same answer again, another one acknowledges the
  last answer. It goes on only when what the answer told was taken over, so a lost reply loses no key press
  and a repeated one doubles none, also over a pulled cable.
- Counter 0 begins a session: the terminal forgets which commands it knew, and what it has said already counts
  as taken. (A host that died after it took a key and before its next poll would get it again else.)
- Commands have a counter of their own, by which a terminal recognises a repeated one.
- A terminal that was switched on says `login` until it hears `3D`; then its content is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from somc_hal.codecs.frames import Frame, FrameCodec
from somc_hal.errors import ProtocolFault
from somc_hal.exchange import Exchange
from somc_hal.port import Timing
from somc_hal.profiles import Profile, ProfileError
from somc_hal.status import Truth
from somc_hal.values import Key, KeyEvent

__all__ = ["DONE", "PinganCommand", "PinganDialect", "PinganWire"]

DONE, REFUSED = 0x00, 0x01
"""The first byte of the body that answers a command (own)."""

_OPS = ("poll", "login_accepted", "number", "beep", "login", "key")
DIGITS_LIMIT = 8


class PinganWire:
    """The numbers of a wire profile. `ProfileError` if it cannot carry this protocol."""

    def __init__(self, profile: Profile) -> None:
        form = profile.frame
        if form is None or form.fields != ("command", "address", "counter"):
            raise ProfileError(f"{profile.path}: frame.layout: allowed fields: command, address, counter")
        for name in _OPS:
            if not 0 <= profile.ops.get(name, -1) <= 255:
                raise ProfileError(f"{profile.path}: ops: {name!r} needs a code of one byte")
        names = {key.value: key for key in Key}
        for name, code in profile.keys.items():
            if name not in names or code > 255:
                raise ProfileError(
                    f"{profile.path}: keys: found {name} = {code}; allowed: {', '.join(names)}"
                )
        self.form = form
        self.ops = profile.ops
        self.keys = {names[name]: code for name, code in profile.keys.items()}
        self._key_of = {code: key for key, code in self.keys.items()}
        self._codec = FrameCodec(form)

    def encode(self, op: str, address: int, counter: int, body: bytes = b"") -> bytes:
        """The bytes of a frame."""
        return self._codec.encode(Frame((self.ops[op], address, counter), body))

    def write_key(self, key: Key, digits: str) -> bytes:
        """The body of a poll's answer: a key, and the digits typed before it."""
        return bytes((self.ops["key"], self.keys[key])) + digits.encode("ascii")

    def read_key(self, address: int, body: bytes) -> KeyEvent | None:
        """The key in a poll's answer; `None` if there is none that is known."""
        if len(body) < 2 or body[0] != self.ops["key"]:
            return None
        key, digits = self._key_of.get(body[1]), body[2:]
        if key is None or len(digits) > DIGITS_LIMIT or (digits and not digits.isdigit()):
            return None
        return KeyEvent(address, key, digits.decode("ascii"))


class PinganDialect:
    """One terminal. `on_key` takes a key: false if there is no room for it now. `on_restart` is called when
    the terminal was switched off and on."""

    def __init__(
        self,
        device: str,
        address: int,
        wire: PinganWire,
        timing: Timing,
        *,
        on_key: Callable[[KeyEvent], bool],
        on_restart: Callable[[], None],
    ) -> None:
        self.device = device
        self.address = address
        self.wire = wire
        self.timing = timing
        self._on_key = on_key
        self._on_restart = on_restart
        self._counter = 0
        self._commands = 0
        self._login_due = False
        self.said: bytes | None = None  # the body of the answer to the present poll

    def next_command(self) -> int:
        """1 to 255, round and round."""
        self._commands = self._commands % 255 + 1
        return self._commands

    # --- StationDialect ------------------------------------------------------------------------

    def opened(self) -> None:
        """The counters go on: a terminal whose cable was pulled still has its answer."""
        self._login_due = False
        self.said = None

    def polls(self) -> Sequence[Exchange[Frame]]:
        if self._login_due:
            return (PinganCommand(self, "login_accepted", b"", "login", attempts=1),)
        self.said = None
        return (_Poll(self, self._counter),)

    def settled(self) -> bool:
        if self._login_due:
            self._login_due = False
            self._on_restart()
            return False  # now ask what it has to say
        said = self.said
        if said is None:
            raise ProtocolFault(self.device, "answered something else than it was asked")
        if not said:
            self._step()
            return True
        if said[0] == self.wire.ops["login"]:
            self._step()
            self._login_due = True
            return False
        event = self.wire.read_key(self.address, said)
        if event is None:
            # A code that the profile does not know: it is passed over, or nothing would follow it.
            self._step()
            return True
        if self._on_key(event):
            self._step()
            return False  # there may be more
        return True

    def unasked(self, frame: Frame) -> bytes:
        return b""

    def _step(self) -> None:
        self._counter = self._counter % 255 + 1


class _Poll(Exchange[Frame]):
    """One poll, written once: the bus repeats it, with the same counter, in the next round."""

    def __init__(self, dialect: PinganDialect, counter: int) -> None:
        super().__init__(dialect.device, "poll", timeout_s=dialect.timing.answer_timeout_s)
        self._dialect = dialect
        self._counter = counter

    def frames(self) -> Sequence[bytes]:
        return (self._dialect.wire.encode("poll", self._dialect.address, self._counter),)

    def hears(self, frame: Frame) -> bool:
        if frame.fields != (self._dialect.wire.ops["poll"], self._dialect.address, self._counter):
            return False
        self._dialect.said = frame.body
        self.end(Truth.YES)
        return True


class PinganCommand(Exchange[Frame]):
    """A command, answered with the same command, address and counter."""

    def __init__(
        self, dialect: PinganDialect, op: str, body: bytes, what: str, *, attempts: int | None = None
    ) -> None:
        timing = dialect.timing
        super().__init__(
            dialect.device,
            what,
            timeout_s=timing.answer_timeout_s,
            attempts=attempts or timing.attempts,
        )
        self._dialect = dialect
        self._op = op
        self._body = body
        self._counter = 0

    def frames(self) -> Sequence[bytes]:
        self._counter = self._dialect.next_command()
        return (self._dialect.wire.encode(self._op, self._dialect.address, self._counter, self._body),)

    def hears(self, frame: Frame) -> bool:
        if frame.fields != (self._dialect.wire.ops[self._op], self._dialect.address, self._counter):
            return False
        if frame.body[:1] == bytes((REFUSED,)):
            self.end(ProtocolFault(self.device, f"{self.what}: refused by the terminal"))
        else:
            self.end(Truth.YES)
        return True
