"""Texts as short messages: which alphabet, which parts, and back (3GPP TS 23.038, 23.040).

    "您好" ── encoded ──▶ UCS-2 ── parts ──▶ [UDH + 67 characters] …       parts ── joined ──▶ "您好"

What must stay true
- A text that fits one message is one message; a longer one is split so that no character is cut: not a
  surrogate pair, not an emoji from its modifiers, its joiners or its second half.
- Of the GSM alphabet only those characters are sent plain that are the same byte in ASCII: gateways disagree
  about the rest, so everything else goes as UCS-2.
- Nothing raises on bytes from outside: what cannot be read becomes U+FFFD.
"""

from __future__ import annotations

import unicodedata
from itertools import count

import msgspec

__all__ = ["ASCII", "GBK", "LATIN1", "UCS2", "Part", "concatenation", "decoded", "parts_of", "split_header"]

ASCII, LATIN1, UCS2, GBK = 0, 3, 8, 15
"""Alphabets as both SMPP (data_coding) and CMPP (Msg_Fmt) number them; GBK is CMPP's alone."""

SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 !\"#%&'()*+,-./:;<=>?\n\r")
"""Characters that are the same byte in ASCII and in the GSM 7-bit default alphabet."""

MOST_PARTS = 20
"""Parts of one message; whoever writes more means a letter. Longer texts are cut off with an ellipsis."""

JOINER, KEYCAP = "\u200d", "\u20e3"


class Part(msgspec.Struct, frozen=True):
    """One short message on the wire: its alphabet, the user data header (empty for a single one), the octets
    behind it, and its place among how many."""

    coding: int
    header: bytes
    octets: bytes
    number: int = 1
    total: int = 1


_references = count(1)


def parts_of(text: str, reference: int | None = None) -> list[Part]:
    """The parts of a text. `reference` marks what belongs together; a running number if it is not given."""
    if all(character in SAFE for character in text):
        single, each, coding = 160, 153, ASCII
        pieces = [text[at : at + each] for at in range(0, len(text), each)] if len(text) > single else [text]
    else:
        coding = UCS2
        pieces = [text] if _units(text) <= 70 else _cut(text, 67)
    if len(pieces) > MOST_PARTS:
        pieces = [*pieces[: MOST_PARTS - 1], pieces[MOST_PARTS - 1][:-2] + ("…" if coding == UCS2 else "..")]
    if len(pieces) == 1:
        return [Part(coding, b"", _octets(pieces[0], coding))]
    mark = (next(_references) if reference is None else reference) & 0xFF
    total = len(pieces)
    return [
        Part(coding, bytes((5, 0, 3, mark, total, number)), _octets(piece, coding), number, total)
        for number, piece in enumerate(pieces, 1)
    ]


def _octets(text: str, coding: int) -> bytes:
    if coding == ASCII:
        return text.encode("ascii")
    return text.encode("utf-16-be", "replace" if _lone(text) else "strict")


def _lone(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _units(text: str) -> int:
    """UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def _cut(text: str, most: int) -> list[str]:
    """Pieces of at most `most` UTF-16 units, cut between what people see as characters."""
    pieces: list[str] = []
    piece, size = "", 0
    for cluster in _clusters(text):
        units = _units(cluster)
        if size + units > most and piece:
            pieces.append(piece)
            piece, size = "", 0
        if units > most:  # a tower of accents: it is cut between code points
            for character in cluster:
                if size + _units(character) > most:
                    pieces.append(piece)
                    piece, size = "", 0
                piece, size = piece + character, size + _units(character)
            continue
        piece, size = piece + cluster, size + units
    return [*pieces, piece] if piece else pieces


def _clusters(text: str) -> list[str]:
    """What people see as single characters, near enough: a base with its marks, joined emoji, flags."""
    clusters: list[str] = []
    flags = 0
    for character in text:
        flag = "\U0001f1e6" <= character <= "\U0001f1ff"
        flags = flags + 1 if flag else 0
        extends = (
            unicodedata.combining(character)
            or unicodedata.category(character) in ("Mn", "Me")
            or character in (JOINER, KEYCAP)
            or "\U0001f3fb" <= character <= "\U0001f3ff"
            or "\ufe00" <= character <= "\ufe0f"
            or "\U000e0020" <= character <= "\U000e007f"
        )
        joined = bool(clusters) and clusters[-1].endswith(JOINER)
        if clusters and (extends or joined or (flag and flags % 2 == 0)):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


# -- and back ---------------------------------------------------------------------------------------------


def split_header(octets: bytes) -> tuple[bytes, bytes]:
    """The user data header and what is behind it. A header longer than its message is none."""
    if not octets or octets[0] + 1 > len(octets):
        return b"", octets
    return octets[: octets[0] + 1], octets[octets[0] + 1 :]


def concatenation(header: bytes) -> tuple[int, int, int] | None:
    """Reference, how many parts, which one (from 1), if the header says so."""
    at = 1
    while at + 2 <= len(header):
        kind, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if kind == 0 and len(value) == 3:
            reference, total, number = value[0], value[1], value[2]
        elif kind == 8 and len(value) == 4:
            reference, total, number = int.from_bytes(value[:2], "big") + 0x10000, value[2], value[3]
        else:
            at += 2 + length
            continue
        return (reference, total, number) if 1 <= number <= total else None
    return None


def decoded(octets: bytes, coding: int) -> str:
    """The text of these octets, whatever they are."""
    # Class bits (0xF0) and compression are not used by anybody; the alphabet is in bits 2 and 3 then.
    if 0x10 <= coding <= 0xFF:
        coding = UCS2 if coding & 0x0C == 0x08 else ASCII
    match coding:
        case 8:
            return octets.decode("utf-16-be", "replace")
        case 15:
            return octets.decode("gb18030", "replace")
        case 3:
            return octets.decode("latin-1")
    return octets.decode("latin-1")
