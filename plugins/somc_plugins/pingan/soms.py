"""PanSOMS: how Pingan's queue software talks to others over TCP, as far as a public test client shows it.

    length (4, high first) │ UTF-8 XML

    <ROOT Version="1"><REQUEST PARM="…">COMMAND</REQUEST><DATAS><DATA name="value"/></DATAS>
    <SESSION>guid</SESSION><TIMESTAMP>yyyyMMddHHmmss</TIMESTAMP></ROOT>

Source: github.com/xknife-erian/nknife at 67db469e and 6f332062, NKnife.SocketClientTestTool: port 9098,
heartbeat every 20 s, timeout 5 s, fields PRINT_TIME, CALL_TIME, ASKEVAL_TIME, END_TIME, a day's customers in
one message. It hands finished customers to a company's server and drives no device; **the names of the
commands are not public**. So there is a codec and no driver: a driver would be nothing but guesses.

What must stay true
- Reading never raises; a document with a DOCTYPE is refused unread, so that no entity is ever expanded.
- A message is at most `LIMIT_BYTES` long. TCP brings bytes whole and in order: after a length that no message
  has, the decoder looks for the next one byte by byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

__all__ = ["HEARTBEAT_S", "LIMIT_BYTES", "PORT", "TIMEOUT_S", "SomsDecoder", "SomsMessage", "encode"]

PORT, HEARTBEAT_S, TIMEOUT_S = 9098, 20.0, 5.0
LIMIT_BYTES = 65536
_LEAST_BYTES = len("<ROOT/>")


@dataclass(frozen=True)
class SomsMessage:
    """One message. `data` are the attributes of each DATA element, in order."""

    request: str
    parameter: str = ""
    data: tuple[Mapping[str, str], ...] = field(default=())
    session: str = ""
    timestamp: str = ""


def encode(message: SomsMessage) -> bytes:
    """The bytes on the wire. `ValueError` for a message that is too long or a name that XML cannot carry."""
    rows = "".join(
        "<DATA " + " ".join(f"{_name(name)}={quoteattr(_text(value))}" for name, value in row.items()) + "/>"
        for row in message.data
    )
    document = (
        f'<ROOT Version="1"><REQUEST PARM={quoteattr(_text(message.parameter))}>'
        f"{escape(_text(message.request))}</REQUEST><DATAS>{rows}</DATAS>"
        f"<SESSION>{escape(_text(message.session))}</SESSION>"
        f"<TIMESTAMP>{escape(_text(message.timestamp))}</TIMESTAMP></ROOT>"
    ).encode()
    if len(document) > LIMIT_BYTES:
        raise ValueError(f"a message is at most {LIMIT_BYTES} bytes long, found {len(document)}")
    return len(document).to_bytes(4, "big") + document


def _name(name: str) -> str:
    if not (name.isascii() and name.replace("_", "").isalnum() and name[0].isalpha()):
        raise ValueError(f"a field's name is letters, digits and _, found {name!r}")
    return name


def _text(text: str) -> str:
    """Without what XML 1.0 cannot carry."""
    return "".join(
        " " if sign < " " or "\ud800" <= sign <= "\udfff" or sign in "\ufffe\uffff" else sign for sign in text
    )


class SomsDecoder:
    """Reads the stream."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[SomsMessage]:
        """The messages that `data` completes. Never raises; holds at most one longest message."""
        self._held += data
        held, messages, at = self._held, [], 0
        while len(held) - at >= 5:
            length = int.from_bytes(held[at : at + 4], "big")
            if not _LEAST_BYTES <= length <= LIMIT_BYTES or held[at + 4] != 0x3C:
                at += 1
                continue
            if len(held) - at < 4 + length:
                break
            message = _read(bytes(held[at + 4 : at + 4 + length]))
            if message is None:
                at += 1
            else:
                messages.append(message)
                at += 4 + length
        del held[:at]
        return messages


def _read(document: bytes) -> SomsMessage | None:
    if b"<!" in document:
        return None
    try:
        root = ElementTree.fromstring(document.decode("utf-8"))
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError):
        return None
    if root.tag != "ROOT":
        return None
    request = root.find("REQUEST")
    if request is None:
        return None
    return SomsMessage(
        request=request.text or "",
        parameter=request.get("PARM", ""),
        data=tuple(dict(row.attrib) for row in root.iterfind("DATAS/DATA")),
        session=root.findtext("SESSION") or "",
        timestamp=root.findtext("TIMESTAMP") or "",
    )
