"""The gateway's side of CMPP 2.0 and 3.0, for the simulated gateway: the client's login says which."""

from __future__ import annotations

import hmac
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
from somc_plugins.sms_cmpp import pdu as p

__all__ = ["CmppSide"]

RESULT = {"ok": 0, "busy": 8, "refused": 2, "never": 13}
STAMP = "2603021200"


class CmppSide:
    """One client of the simulated ISMG."""

    def __init__(self, password: str, lie: Callable[[], bool]) -> None:
        self._secret = password
        self._lie = lie
        self._frames = Deframer(p.HEADER.size)
        self._version = p.V20

    def feed(self, data: bytes) -> list[ClientEvent]:
        events: list[ClientEvent] = []
        for frame in self._frames.feed(data):
            _, command, sequence = p.HEADER.unpack_from(frame)
            body = frame[12:]
            if command == p.Command.SUBMIT:
                events.append(self._submitted(sequence, body))
            elif command == p.Command.CONNECT:
                events.append(self._connected(sequence, body))
            elif command == p.Command.DELIVER | p.RESPONSE:
                events.append(ClientAck(sequence, not any(body[8:])))
            elif command == p.Command.ACTIVE_TEST:
                events.append(ClientWord(p.pdu(command | p.RESPONSE, sequence, b"\0")))
            elif command == p.Command.TERMINATE:
                events.append(ClientWord(p.pdu(command | p.RESPONSE, sequence), leaves=True))
        if self._frames.broken is not None:
            events.append(ClientNoise(self._frames.broken))
        return events

    def _connected(self, sequence: int, body: bytes) -> ClientEvent:
        said = p.parse_connect(body)
        if said is None:
            return ClientNoise("a login that cannot be read")
        source, theirs, number, stamp = said
        self._version = p.V30 if number >= p.V30.number else p.V20
        right = hmac.compare_digest(theirs, p.authenticator(source, self._secret, stamp))
        proof = "somebody else's" if self._lie() else self._secret
        yes = p.connect_answer(sequence, self._version, 0, theirs, proof)
        return ClientLogin(source, right, yes, p.connect_answer(sequence, self._version, 3, theirs, ""))

    def _submitted(self, sequence: int, body: bytes) -> ClientEvent:
        found = p.parse_submit(body, self._version)
        if found is None:
            return ClientWord(p.submit_answer(sequence, self._version, bytes(8), 1))
        header, octets = split_header(found.content) if found.udhi else (b"", found.content)
        return ClientSubmit(
            found.to,
            found.source,
            decoded(octets, found.coding),
            header,
            found.coding,
            found.registered == 1,
            partial(_answer, sequence, self._version),
        )

    def receipt(self, sequence: int, taken: Taken, stat: str) -> bytes:
        content = p.report(self._version, _id(taken.ref), stat, STAMP, taken.to, sequence)
        return p.deliver(
            sequence,
            self._version,
            message_id=_id(taken.ref),
            destination=taken.source,
            source=taken.to,
            coding=0,
            content=content,
            report=True,
        )

    def incoming(
        self, sequence: int, sender: str, receiver: str, text: str, ref: str, reference: int | None = None
    ) -> list[bytes]:
        return [
            p.deliver(
                sequence + number,
                self._version,
                message_id=_id(ref or f"{sequence}{number}"),
                destination=receiver,
                source=sender,
                coding=part.coding,
                content=part.header + part.octets,
                udhi=int(part.total > 1),
            )
            for number, part in enumerate(parts_of(text, reference))
        ]

    def check_link(self, sequence: int) -> bytes:
        return p.pdu(p.Command.ACTIVE_TEST, sequence)


def _id(ref: str) -> bytes:
    """A Msg_Id of eight octets from the gate's own reference."""
    return int(ref).to_bytes(8, "big")


def _answer(sequence: int, version: p.Version, verdict: str, ref: str) -> bytes:
    return p.submit_answer(sequence, version, _id(ref) if ref else bytes(8), RESULT[verdict])
