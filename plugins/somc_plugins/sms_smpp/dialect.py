"""SMPP 3.4 as a session sees it: a transceiver that submits, hears receipts and what customers write."""

from __future__ import annotations

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
from somc_plugins.sms_smpp import pdu as p
from somc_plugins.sms_smpp.config import SmppGateway

__all__ = ["SmppDialect"]

SUBMITTED = p.Command.SUBMIT_SM | p.RESPONSE

FINAL = {"DELIVRD": True, "EXPIRED": False, "DELETED": False, "UNDELIV": False, "REJECTD": False}
"""States that end a message. `UNKNOWN` is no answer, the others are on the way."""


class SmppDialect:
    """One connection to one gateway."""

    name = "SMPP 3.4"

    def __init__(self, settings: SmppGateway, password: str) -> None:
        self._settings = settings
        self._password = password
        self._frames = Deframer(p.HEADER.size)
        self._source = bytes((settings.source_ton, settings.source_npi)) + p.cstring(settings.source, 21)
        self._service_type = p.cstring(settings.service_type, 6)
        self._validity: dict[int, bytes] = {}

    # -- what we say --------------------------------------------------------------------------------

    def login(self, sequence: int, now: int) -> bytes:
        settings = self._settings
        said = p.Bind(settings.system_id, self._password, settings.system_type)
        return p.bind(p.Command.BIND_TRANSCEIVER, sequence, said)

    def submit(self, sequence: int, submission: Submission) -> bytes:
        settings, part = self._settings, submission.part
        life_s = submission.life_s
        validity = self._validity.get(life_s)
        if validity is None:
            if len(self._validity) > 1000:
                self._validity.clear()
            validity = self._validity[life_s] = p.validity_period(life_s)
        octets, esm_class, tlvs = part.octets, 0, b""
        if part.total > 1:
            if settings.long_messages == "sar":
                tlvs = (
                    p.tlv(p.TAG_SAR_REF, bytes((0, part.header[3])))
                    + p.tlv(p.TAG_SAR_TOTAL, bytes((part.total,)))
                    + p.tlv(p.TAG_SAR_NUMBER, bytes((part.number,)))
                )
            else:
                octets, esm_class = part.header + octets, p.ESM_UDHI
        return p.submit(
            sequence,
            source=self._source,
            to=submission.to,
            to_ton=settings.destination_ton,
            to_npi=settings.destination_npi,
            esm_class=esm_class,
            coding=part.coding,
            octets=octets,
            validity=validity,
            service_type=self._service_type,
            tlvs=tlvs,
        )

    def check_link(self, sequence: int) -> bytes:
        return p.pdu(p.Command.ENQUIRE_LINK, sequence)

    def leave(self, sequence: int) -> bytes:
        return p.pdu(p.Command.UNBIND, sequence)

    # -- what they say --------------------------------------------------------------------------------

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        unpack = p.HEADER.unpack_from
        for frame in self._frames.feed(data):
            _, command, status, sequence = unpack(frame)
            if command == SUBMITTED:  # the one that comes by thousands
                events.append(self._submitted(status, sequence, frame))
            else:
                event = self._read(command, status, sequence, frame[16:])
                if event is not None:
                    events.append(event)
        if self._frames.broken is not None:
            events.append(Nonsense(self._frames.broken, fatal=True))
        return events

    def _submitted(self, status: int, sequence: int, frame: bytes) -> Answered:
        if status == p.ESME_ROK:
            ref = frame[16:].split(b"\0", 1)[0].decode("latin-1")
            return Answered(sequence, "ok", self._settings.id_as_receipts_say(ref))
        words = p.status_words(status)
        if status in p.BUSY:
            return Answered(sequence, "busy", detail=words)
        return Answered(sequence, "never" if status in p.NEVER else "refused", detail=words)

    def _read(self, command: int, status: int, sequence: int, body: bytes) -> Event | None:
        match command:
            case p.Command.DELIVER_SM | p.Command.DATA_SM:
                return self._delivered(command, sequence, body)
            case p.Command.ENQUIRE_LINK:
                return LinkChecked(p.pdu(p.Command.ENQUIRE_LINK | p.RESPONSE, sequence))
            case 0x8000_0015:
                return LinkAnswered()
            case 0x8000_0009:
                return LoggedIn(not status, p.status_words(status) if status else "")
            case p.Command.UNBIND:
                return TheyLeave(p.pdu(p.Command.UNBIND | p.RESPONSE, sequence))
            case p.Command.GENERIC_NACK:
                # Of a submission of ours: it was not understood, and will not be.
                words = p.status_words(status)
                return Answered(
                    sequence, "busy" if status in p.BUSY else "refused", detail=f"generic_nack: {words}"
                )
            case 0x8000_0006 | p.Command.ALERT_NOTIFICATION:
                return None
        if command & p.RESPONSE:
            return Nonsense(f"an answer of the kind 0x{command:08x}, which was never asked for")
        nack = p.pdu(p.Command.GENERIC_NACK, sequence, status=p.ESME_RINVCMDID)
        return Nonsense(f"a command of the kind 0x{command:08x}", answer=nack)

    def _delivered(self, command: int, sequence: int, body: bytes) -> Event:
        answer = command | p.RESPONSE
        ack = p.pdu(answer, sequence, b"\0")
        later = p.pdu(answer, sequence, b"\0", p.ESME_RX_T_APPN)
        found = p.parse_message(body) if command == p.Command.DELIVER_SM else None
        if found is None:
            wrong = p.pdu(answer, sequence, b"\0", p.ESME_RINVMSGLEN)
            return Nonsense("a delivery that cannot be read", answer=wrong)
        if found.esm_class & p.ESM_TYPE in p.ESM_RECEIPTS or (
            p.TAG_RECEIPTED_ID in found.tlvs and p.TAG_STATE in found.tlvs
        ):
            said = p.parse_text(found.octets, found.tlvs)
            if said is None:
                return Nonsense("a receipt that names no message", answer=ack)
            ref, stat, err = said
            detail = stat if err in ("", "0", "000") else f"{stat} err {err}"
            return PartReceipt(ref, FINAL.get(stat), detail, ack, later)
        header, octets = b"", found.octets
        if found.esm_class & p.ESM_UDHI:
            header, octets = split_header(octets)
        elif {p.TAG_SAR_REF, p.TAG_SAR_TOTAL, p.TAG_SAR_NUMBER} <= found.tlvs.keys():
            header = b"\x06\x08\x04" + b"".join(
                (
                    found.tlvs[p.TAG_SAR_REF][-2:].rjust(2, b"\0"),
                    found.tlvs[p.TAG_SAR_TOTAL][-1:],
                    found.tlvs[p.TAG_SAR_NUMBER][-1:],
                )
            )
        text = decoded(octets, found.coding)
        return Incoming(found.source, found.destination, header, text, None, ack, later)
