"""One codec for the frames of many vendors: a frame is described as data, not programmed.

    A0 │ length │ command │ address │ counter │ body … │ check │ FF

A layout is a row of parts: constant bytes, `length`, `check`, `body`, and any other name for a field of
one byte. From it follows how a frame is found again in a stream that may hold anything:

- *escaped*: head and tail are bytes that occur nowhere else on the wire. A frame is what stands between
  the last head and the next tail.
- *counted*: the frame says its length. Whatever looks like a head opens a candidate; the candidate
  that is complete first and passes its check is the frame.
- *terminated*: no length, but the body never holds the tail byte. At a tail, the last head that makes a
  valid frame wins.
- *fixed*: no body; as counted, with one length.

What must stay true
- The frames are a function of the bytes alone, however they are split: in every family a frame is
  given at its last byte, and candidates that end at the same byte are tried from the last head: the
  earlier one is more likely a frame that lost its end.
- `feed` never raises and holds at most one longest frame.
- Noise before a good frame neither takes it along nor holds it up: a candidate that claims to be long
  does not hide a complete frame within its claim. (The price: a valid frame inside another's body is
  taken for itself. Text cannot hold one where a head, tail or control byte is no text.)
"""

from __future__ import annotations

import heapq

from somc_hal.codecs.checks import CHECKS, Order
from somc_hal.codecs.frame_format import CheckRule, Frame, FrameFormat, LengthRule, Part

__all__ = ["CheckRule", "Frame", "FrameCodec", "FrameFormat", "LengthRule", "Part"]


class FrameCodec:
    """Writes and finds frames of one format. One instance per connection."""

    def __init__(self, form: FrameFormat) -> None:
        self.form = form
        self._compile()
        self._held = bytearray()
        # Where the search goes on. Counted frames reckon in places of the whole stream: `_base` is that of
        # the first byte held, `_floor` that behind the last frame; candidates are (end, -start).
        self._scan = self._base = self._floor = 0
        self._candidates: list[tuple[int, int]] = []
        self._terminated = not form.escapes and form.length is None and self._has_body
        if form.escapes:
            self._find = self._find_escaped
        elif self._terminated:
            self._find = self._find_terminated
        else:
            self._find = self._find_counted

    def _compile(self) -> None:
        """Where each part stands: from the beginning before the body, from the end behind it."""
        form = self.form
        self._sizes = [form.size_of(part) for part in form.layout]
        self._least = sum(self._sizes)
        self._has_body = "body" in form.layout
        self._most = self._least + (form.limit_bytes if self._has_body else 0)
        body_at = form.layout.index("body") if self._has_body else len(form.layout)
        self._body_from = sum(self._sizes[:body_at])
        self._body_behind = sum(self._sizes[body_at:])
        offsets: list[int] = []
        at = 0
        for index, size in enumerate(self._sizes):
            # Behind the body an offset counts from the end and is negative (0 would be the end itself).
            offsets.append(at if index <= body_at else at - self._least)
            at += size
        self._offsets = offsets
        self._constants = [
            (offsets[i], offsets[i] + len(part) or None, part)
            for i, part in enumerate(form.layout)
            if isinstance(part, bytes)
        ]
        self._field_at = [offsets[form.layout.index(name)] for name in form.fields]
        head, tail = form.layout[0], form.layout[-1]
        assert isinstance(head, bytes)  # the format checked it
        self._head = head
        # The format checked it for the families that ask.
        self._tail = tail if isinstance(tail, bytes) else b""
        # What is the same in every frame, with zeros for what is not.
        constants = [part if isinstance(part, bytes) else bytes(form.size_of(part)) for part in form.layout]
        self._before = b"".join(constants[:body_at])
        self._behind = b"".join(constants[body_at:])
        if form.length is not None:
            first, last = form.span("length.counts", form.length.first, form.length.last)
            # The value of the length field minus this is the length of the body.
            self._counted = sum(self._sizes[first : last + 1]) + form.length.plus
            places = [i for i, part in enumerate(form.layout) if part == "length"]
            self._length_at = [offsets[i] for i in places]
            self._known_at = max(self._length_at) + form.length.size_bytes
        else:
            self._known_at = self._least
        if form.check is not None:
            kind = CHECKS[form.check.kind]
            first, last = form.span("check.covers", form.check.first, form.check.last)
            self._covers_from = offsets[first]
            self._covers_to = self._end_of(last, body_at)
            self._check_of, self._check_size = kind.of, kind.size_bytes
            self._check_order: Order = form.check.order or kind.order
            self._check_at = offsets[form.layout.index("check")]
        self._unescaped = {sent: bytes((byte,)) for byte, sent in form.escapes.items()}
        self._escaped = {byte: bytes(sent) for byte, sent in form.escapes.items()}
        self._marks = {sent[0] for sent in form.escapes.values()}

    def _end_of(self, index: int, body_at: int) -> int | None:
        """Where a part ends, as the end of a slice."""
        if index < body_at:
            return self._offsets[index] + self._sizes[index]
        behind = sum(self._sizes[index + 1 :])
        return -behind if behind else None

    # --- writing -------------------------------------------------------------------------------

    def encode(self, frame: Frame) -> bytes:
        """The bytes of `frame`. `ValueError` for fields or a body that this format cannot carry."""
        form, body = self.form, frame.body
        fields = frame.fields
        if len(fields) != len(self._field_at) or (fields and not 0 <= min(fields) <= max(fields) <= 255):
            raise ValueError(f"fields: found {fields}; allowed: {len(self._field_at)} bytes")
        if len(body) > (form.limit_bytes if self._has_body else 0):
            raise ValueError(f"body: found {len(body)} bytes; allowed: at most {form.limit_bytes}")
        if self._terminated and self._tail in body:
            raise ValueError(f"body: found the byte {self._tail.hex()}, which ends a frame")
        raw = bytearray(self._before + body + self._behind)
        size = len(raw)
        for at, value in zip(self._field_at, fields, strict=True):
            raw[at] = value
        if form.length is not None:
            sent = (self._counted + len(body)).to_bytes(form.length.size_bytes, form.length.order)
            for at in self._length_at:
                raw[at % size : at % size + len(sent)] = sent
        if form.check is not None:
            value = self._check_of(raw[self._covers_from : self._covers_to])
            at = self._check_at % size
            raw[at : at + self._check_size] = value.to_bytes(self._check_size, self._check_order)
        if not form.escapes:
            return bytes(raw)
        inner = raw[len(self._head) : -1]
        if self._escaped.keys().isdisjoint(inner):  # most frames
            return bytes(raw)
        escaped = b"".join(self._escaped.get(byte) or bytes((byte,)) for byte in inner)
        return self._head + escaped + self._tail

    # --- reading -------------------------------------------------------------------------------

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes, oldest first. Never raises."""
        self._held += data
        return self._find()

    def gap(self) -> None:
        """The line was silent or was opened anew: what stands half-finished belongs to nothing to come."""
        self._held.clear()
        self._candidates.clear()
        self._scan = self._base = self._floor = 0

    def read(self, raw: bytes | bytearray) -> Frame | None:
        """The frame that `raw` is from head to tail, without escapes, or `None`."""
        size = len(raw)
        if not self._least <= size <= self._most:
            return None
        for begin, end, constant in self._constants:
            if raw[begin:end] != constant:
                return None
        length = self.form.length
        if length is not None:
            value = self._counted + size - self._least
            wanted = value.to_bytes(length.size_bytes, length.order)
            for at in self._length_at:
                at %= size
                if raw[at : at + length.size_bytes] != wanted:
                    return None
        if self.form.check is not None:
            at = self._check_at % size
            found = int.from_bytes(raw[at : at + self._check_size], self._check_order)
            if self._check_of(raw[self._covers_from : self._covers_to]) != found:
                return None
        fields = tuple([raw[at] for at in self._field_at])
        body = bytes(raw[self._body_from : size - self._body_behind]) if self._has_body else b""
        if self._terminated and self._tail in body:
            return None
        return Frame(fields, body)

    def _find_escaped(self) -> list[Frame]:
        held, frames = self._held, []
        head, tail = self._head[-1:], self._tail
        at = 0
        while (end := held.find(tail, at)) >= 0:
            begin = held.rfind(head, at, end)
            if begin >= 0:
                frame = self._unescape(held[begin + 1 : end])
                if frame is not None:
                    frames.append(frame)
            at = end + 1
        begin = held.rfind(head, at)
        # Of what is unfinished only that behind the last head matters, and no more than a frame can be.
        if begin < 0 or len(held) - begin > 2 * self._most + 1:
            held.clear()
        else:
            del held[:begin]
        return frames

    def _unescape(self, sent: bytearray) -> Frame | None:
        raw = bytearray(self._head)
        if self._marks.isdisjoint(sent):
            raw += sent
        else:
            at, size = 0, len(sent)
            while at < size:
                if sent[at] in self._marks:
                    plain = self._unescaped.get(bytes(sent[at : at + 2]))
                    if plain is None:
                        return None
                    raw += plain
                    at += 2
                else:
                    raw.append(sent[at])
                    at += 1
        raw += self._tail
        return self.read(raw)

    def _find_terminated(self) -> list[Frame]:
        held, frames = self._held, []
        head, tail = self._head, self._tail
        floor, scan = 0, self._scan
        # A field before the body may hold the tail's byte, so each tail is tried with every head before it.
        while (end := held.find(tail, scan)) >= 0:
            scan = end + 1
            first = max(floor, end + 1 - self._most)
            begin = held.rfind(head, first, end)
            while begin >= 0:
                frame = self.read(held[begin : end + 1])
                if frame is not None:
                    frames.append(frame)
                    floor = end + 1
                    break
                begin = held.rfind(head, first, begin + len(head) - 1)
        del held[: max(floor, len(held) + 1 - self._most)]
        self._scan = len(held)
        return frames

    def _find_counted(self) -> list[Frame]:
        held, frames, candidates = self._held, [], self._candidates
        base, limit = self._base, self._base + len(self._held)
        # 1. Every head opens a candidate as soon as its length can be read.
        scan = self._scan
        while True:
            at = held.find(self._head, scan - base)
            if at < 0:
                scan = max(scan, limit - len(self._head) + 1)
                break
            if len(held) - at < self._known_at:
                scan = base + at
                break
            scan = base + at + 1
            total = self._claimed(at)
            if total:
                heapq.heappush(candidates, (base + at + total, -(base + at)))
        # 2. Those that are all there are tried in the order in which they end.
        while candidates and candidates[0][0] <= limit:
            end, start = heapq.heappop(candidates)
            start = -start
            if start < self._floor:
                continue
            frame = self.read(held[start - base : end - base])
            if frame is not None:
                frames.append(frame)
                self._floor = end
        # 3. What no candidate needs is dropped.
        self._scan = max(scan, self._floor)
        keep = min(
            self._scan, min((-start for _, start in candidates if -start >= self._floor), default=limit)
        )
        del held[: keep - base]
        self._base = keep
        return frames

    def _claimed(self, at: int) -> int:
        """How long the frame beginning at `at` says it is; 0 if no frame says so."""
        length = self.form.length
        if length is None:
            return self._least
        held, size = self._held, length.size_bytes
        begin = at + self._length_at[0]
        said = held[begin : begin + size]
        for other in self._length_at[1:]:
            if held[at + other : at + other + size] != said:
                return 0
        total = int.from_bytes(said, length.order) - self._counted + self._least
        return total if self._least <= total <= self._most else 0
