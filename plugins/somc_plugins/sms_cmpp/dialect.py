"""CMPP 2.0 and 3.0 as a session sees them.

What must stay true: an authenticator of the gateway that does not fit is a warning and no refusal: peers of
both versions were seen to compute it otherwise than the specification says, and the secret it would prove is
the one that we have just proved to them.
"""

from __future__ import annotations

import hmac
import time

from somc_plugins.sms.dialect import (
    Answered,
    Event,
    Incoming,
    LinkAnswered,
    LinkChecked,
    LoggedIn,
    Nonsense,
    PartReceipt,
    Submission,
    TheyLeave,
)
from somc_plugins.sms.frames import Deframer
from somc_plugins.sms.text import decoded, split_header
from somc_plugins.sms_cmpp import pdu as p
from somc_plugins.sms_cmpp.config import CmppGateway

__all__ = ["CmppDialect"]

SUBMITTED = p.Command.SUBMIT | p.RESPONSE

FINAL = {"DELIVRD": True, "EXPIRED": False, "DELETED": False, "UNDELIV": False, "REJECTD": False}
ON_THE_WAY = frozenset(("ACCEPTD", "ENROUTE", "UNKNOWN"))


class CmppDialect:
    """One connection to one gateway."""

    def __init__(self, settings: CmppGateway, secret: str) -> None:
        version = p.V20 if settings.version == "2.0" else p.V30
        self.name = f"CMPP {settings.version}"
        self._settings = settings
        self._secret = secret
        self._version = version
        self._frames = Deframer(p.HEADER.size)
        self._authenticator = b""
        # Charged is the enterprise (Fee_UserType 2): the number of whoever pays is left empty.
        self._head = p.submit_head(version, settings.service, 2, "", settings.level)
        self._middle = p.submit_middle(settings.sp_id, settings.fee_type, settings.fee_code)
        self._source = p.octets(settings.source, 21)
        self._logged_in_at = 0
        self._begun_s = 0.0

    # -- what we say --------------------------------------------------------------------------------

    def login(self, sequence: int, now: int) -> bytes:
        stamp = p.timestamp(now)
        self._logged_in_at, self._begun_s = now, time.monotonic()
        self._authenticator = p.authenticator(self._settings.sp_id, self._secret, stamp)
        return p.connect(sequence, self._settings.sp_id, self._secret, stamp, self._version.number)

    def submit(self, sequence: int, submission: Submission) -> bytes:
        part = submission.part
        long = part.total > 1
        return p.submit(
            sequence,
            self._version,
            head=self._head,
            middle=self._middle,
            to=submission.to,
            coding=part.coding,
            udhi=int(long),
            number=part.number,
            total=part.total,
            valid_until=p.valid_until(self._now(), submission.life_s),
            source=self._source,
            content=part.header + part.octets if long else part.octets,
        )

    def _now(self) -> int:
        return self._logged_in_at + int(time.monotonic() - self._begun_s)

    def check_link(self, sequence: int) -> bytes:
        return p.pdu(p.Command.ACTIVE_TEST, sequence)

    def leave(self, sequence: int) -> bytes:
        return p.pdu(p.Command.TERMINATE, sequence)

    # -- what they say --------------------------------------------------------------------------------

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        unpack = p.HEADER.unpack_from
        for frame in self._frames.feed(data):
            _, command, sequence = unpack(frame)
            if command == SUBMITTED:
                events.append(self._submitted(sequence, frame))
            else:
                event = self._read(command, sequence, frame[12:])
                if event is not None:
                    events.append(event)
        if self._frames.broken is not None:
            events.append(Nonsense(self._frames.broken, fatal=True))
        return events

    def _submitted(self, sequence: int, frame: bytes) -> Event:
        if len(frame) not in (21, 24):
            return Nonsense("an answer to a submission that cannot be read")
        result = int.from_bytes(frame[20:], "big")
        if not result:
            return Answered(sequence, "ok", frame[12:20].hex())
        words = p.result_words(result)
        if result in p.BUSY:
            return Answered(sequence, "busy", detail=words)
        return Answered(sequence, "never" if result in p.NEVER else "refused", detail=words)

    def _read(self, command: int, sequence: int, body: bytes) -> Event | None:
        match command:
            case p.Command.DELIVER:
                return self._delivered(sequence, body)
            case p.Command.ACTIVE_TEST:
                return LinkChecked(p.pdu(p.Command.ACTIVE_TEST | p.RESPONSE, sequence, b"\0"))
            case 0x8000_0008:
                return LinkAnswered()
            case 0x8000_0001:
                return self._connected(body)
            case p.Command.TERMINATE:
                return TheyLeave(p.pdu(p.Command.TERMINATE | p.RESPONSE, sequence))
            case 0x8000_0002:
                return None
        return Nonsense(f"a command of the kind 0x{command:08x}")

    def _connected(self, body: bytes) -> Event:
        found = p.parse_connect_answer(body)
        if found is None:
            return Nonsense("an answer to the login that cannot be read", fatal=True)
        said, theirs, number = found
        status = int.from_bytes(said, "big")
        if status:
            return LoggedIn(False, p.status_words(status))
        warnings = []
        expected = p.gateway_authenticator(said, self._authenticator, self._secret)
        if not hmac.compare_digest(expected, theirs):
            warnings.append("the gateway's authenticator does not fit the secret")
        if number != self._version.number:
            warnings.append(f"the gateway says that it is of version 0x{number:02x}")
        return LoggedIn(True, warning="; ".join(warnings))

    def _delivered(self, sequence: int, body: bytes) -> Event:
        version = self._version
        found = p.parse_deliver(body, version)
        if found is None:
            answer = p.deliver_answer(sequence, version, body[:8].ljust(8, b"\0"), 1)
            return Nonsense("a delivery that cannot be read", answer=answer)
        ack = p.deliver_answer(sequence, version, found.message_id)
        later = p.deliver_answer(sequence, version, found.message_id, 8)
        if found.report:
            said = p.parse_report(found.content)
            if said is None:
                return Nonsense("a report that cannot be read", answer=ack)
            stat = said.stat.upper()
            # Whatever else a gateway writes (MA:0001, CB:0007) is its own word for a failure.
            delivered = None if stat in ON_THE_WAY else FINAL.get(stat, False)
            return PartReceipt(said.message_id.hex(), delivered, stat, ack, later)
        header, octets = split_header(found.content) if found.udhi else (b"", found.content)
        text = decoded(octets, found.coding)
        return Incoming(found.source, found.destination, header, text, found.message_id.hex(), ack, later)
