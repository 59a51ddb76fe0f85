"""The gateway's side of SMPP 3.4, for the simulated gateway."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from somc_plugins.sms.frames import Deframer
from somc_plugins.sms.gate import (
    ClientAck,
    ClientEvent,
    ClientLogin,
    ClientNoise,
    ClientSubmit,
    ClientWord,
    Taken,
)
from somc_plugins.sms.text import decoded, parts_of, split_header
from somc_plugins.sms_smpp import pdu as p

__all__ = ["SmppSide"]

STATUS = {"ok": p.ESME_ROK, "busy": p.ESME_RTHROTTLED, "refused": p.ESME_RSYSERR, "never": p.ESME_RINVDSTADR}
BINDS = (p.Command.BIND_TRANSCEIVER, p.Command.BIND_TRANSMITTER, p.Command.BIND_RECEIVER)


class SmppSide:
    """One client of the simulated SMSC."""

    def __init__(self, password: str, lie: Callable[[], bool]) -> None:
        self._password = password
        self._frames = Deframer(p.HEADER.size)

    def feed(self, data: bytes) -> list[ClientEvent]:
        events: list[ClientEvent] = []
        for frame in self._frames.feed(data):
            _, command, status, sequence = p.HEADER.unpack_from(frame)
            body = frame[16:]
            if command == p.Command.SUBMIT_SM:
                events.append(self._submitted(sequence, body))
            elif command in BINDS:
                events.append(self._bound(command, sequence, body))
            elif command == p.Command.DELIVER_SM | p.RESPONSE:
                events.append(ClientAck(sequence, not status))
            elif command in (p.Command.ENQUIRE_LINK, p.Command.UNBIND):
                leaves = command == p.Command.UNBIND
                events.append(ClientWord(p.pdu(command | p.RESPONSE, sequence), leaves))
            elif not command & p.RESPONSE:
                nack = p.pdu(p.Command.GENERIC_NACK, sequence, status=p.ESME_RINVCMDID)
                events.append(ClientWord(nack))
        if self._frames.broken is not None:
            events.append(ClientNoise(self._frames.broken))
        return events

    def _bound(self, command: int, sequence: int, body: bytes) -> ClientEvent:
        said = p.parse_bind(body)
        if said is None:
            return ClientNoise("a bind that cannot be read")
        yes = p.bind_answer(command, sequence, "SOMC")
        no = p.bind_answer(command, sequence, "", p.ESME_RINVPASWD)
        return ClientLogin(said.system_id, said.password == self._password[:8], yes, no)

    def _submitted(self, sequence: int, body: bytes) -> ClientEvent:
        found = p.parse_message(body)
        if found is None:
            answer = p.pdu(p.Command.SUBMIT_SM | p.RESPONSE, sequence, status=p.ESME_RINVMSGLEN)
            return ClientWord(answer)
        header, octets = b"", found.octets
        if found.esm_class & p.ESM_UDHI:
            header, octets = split_header(octets)
        return ClientSubmit(
            found.destination,
            found.source,
            decoded(octets, found.coding),
            header,
            found.coding,
            bool(found.registered & 1),
            partial(_answer, sequence),
        )

    def receipt(self, sequence: int, taken: Taken, stat: str) -> bytes:
        return p.delivery(
            p.Command.DELIVER_SM,
            sequence,
            source=taken.to,
            destination=taken.source,
            esm_class=0x04,
            octets=p.receipt_text(taken.ref, stat, "2603021200"),
        )

    def incoming(
        self, sequence: int, sender: str, receiver: str, text: str, ref: str, reference: int | None = None
    ) -> list[bytes]:
        return [
            p.delivery(
                p.Command.DELIVER_SM,
                sequence + number,
                source=sender,
                destination=receiver,
                esm_class=p.ESM_UDHI if part.header else 0,
                coding=part.coding,
                octets=part.header + part.octets,
            )
            for number, part in enumerate(parts_of(text, reference))
        ]

    def check_link(self, sequence: int) -> bytes:
        return p.pdu(p.Command.ENQUIRE_LINK, sequence)


def _answer(sequence: int, verdict: str, ref: str) -> bytes:
    status = STATUS[verdict]
    body = b"" if status else p.cstring(ref, 65)
    return p.pdu(p.Command.SUBMIT_SM | p.RESPONSE, sequence, body, status)
