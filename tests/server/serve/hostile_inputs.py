"""What hostile or broken peers send: bytes by name, for a server whose every page may be anything.

The first group stopped a whole process of the Hypercorn we build on; see `test_hypercorn_as_shipped.py`.
"""

from __future__ import annotations

import struct

import h2.config
import h2.connection
import hpack
import hyperframe.frame

from tests.server.serve.rig import BINARY, CLOSE, PING, PONG, TEXT, close_frame, frame, handshake

HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
WS = handshake("/echo")


def h2_request(headers: list[tuple[bytes, bytes]], *, ends: bool = True) -> bytes:
    """An HTTP/2 conversation's opening, with headers that a correct library would not send."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    connection.initiate_connection()
    request = hyperframe.frame.HeadersFrame(1, flags=["END_HEADERS"] + (["END_STREAM"] if ends else []))
    request.data = hpack.Encoder().encode(headers)
    data: bytes = connection.data_to_send() + request.serialize()
    return data


H2_BODY: bytes = hyperframe.frame.DataFrame(1, data=b"u" * 1000).serialize()


def h2_headers(
    method: bytes = b"GET", path: bytes = b"/", *more: tuple[bytes, bytes]
) -> list[tuple[bytes, bytes]]:
    return [(b":method", method), (b":scheme", b"http"), (b":authority", b"x"), (b":path", path), *more]


STOPPED_HYPERCORN = {
    "websocket frame in the packet of the handshake": WS + frame(TEXT, b"early"),
    "websocket subprotocol that is not ascii": handshake("/echo", "Sec-WebSocket-Protocol: \xff\r\n"),
    "host that is not ascii": b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n",
    "h2 connect without path": h2_request([(b":method", b"CONNECT"), (b":authority", b"x")]),
    "h2 path that is not ascii": h2_request(h2_headers(path=b"/\xff")),
    "h2 websocket path that is not ascii": h2_request(
        h2_headers(b"CONNECT", b"/\xff", (b":protocol", b"websocket"), (b"sec-websocket-version", b"13"))
    ),
    "h2 method that is not ascii": h2_request(h2_headers(method=b"G\xff")),
    "h2 body after the answer": h2_request(h2_headers(b"POST", b"/ignore-body"), ends=False) + H2_BODY,
}

HTTP = {
    "nothing": b"",
    "one byte": b"G",
    "zeros": b"\0" * 4096,
    "high bytes": b"\xff" * 4096,
    "line ends only": b"\r\n" * 2000,
    "line feeds only": b"\n" * 2000,
    "no version": b"GET /\r\n\r\n",
    "http 0.9": b"GET / HTTP/0.9\r\n\r\n",
    "http 9.9": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "version of words": b"GET / HTTP/one\r\n\r\n",
    "tls hello": bytes.fromhex("16030100c8010000c40303") + b"\x11" * 200,
    "request line cut": b"GET / HT",
    "headers cut": b"GET / HTTP/1.1\r\nHost: x\r\nAccept",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "header without name": b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "header with zero byte": b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
    "header of high bytes": b"GET / HTTP/1.1\r\nHost: x\r\nA: \xff\xfe\r\n\r\n",
    "giant header": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 300_000 + b"\r\n\r\n",
    "giant header without end": b"GET / HTTP/1.1\r\nA: " + b"a" * 300_000,
    "giant target": b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "ten thousand headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * 10_000 + b"\r\n",
    "target with zero byte": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "target of high bytes": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "target of bad escapes": b"GET /%ff%zz%00%2e%2e/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "target without slash": b"GET echo HTTP/1.1\r\nHost: x\r\n\r\n",
    "target of query only": b"GET ?a HTTP/1.1\r\nHost: x\r\n\r\n",
    "target up the tree": b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "connect": b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\nbytes",
    "method of a kilobyte": b"M" * 1000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    "method of punctuation": b"!#$ / HTTP/1.1\r\nHost: x\r\n\r\n",
    "http2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 100,
    "h2c upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: !!\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "expect nonsense": POST + b"Content-Length: 3\r\nExpect: 200-maybe\r\n\r\nabc",
    "continue never used": POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n",
    "hundred pipelined": GET * 100,
    "garbage after a request": GET + b"\xff\xfe\0garbage",
    "garbage after the last request": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n\xffgarbage",
    "handler raises": b"GET /raise HTTP/1.1\r\nHost: x\r\n\r\n",
    "handler sends a bad header": b"GET /bad-header HTTP/1.1\r\nHost: x\r\n\r\n",
    "answer that is not awaited": b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
}

BODIES = {
    "length of words": POST + b"Content-Length: ten\r\n\r\n",
    "length below zero": POST + b"Content-Length: -1\r\n\r\n",
    "length with plus": POST + b"Content-Length: +3\r\n\r\nabc",
    "length of forty digits": POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "length of twenty digits": POST + b"Content-Length: " + b"9" * 20 + b"\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "two lengths in one": POST + b"Content-Length: 3, 5\r\n\r\nabcde",
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET,
    "coding hidden by a tab": POST + b"Transfer-Encoding:\tchunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunks in 1.0": b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "body cut": POST + b"Content-Length: 100\r\n\r\nabc",
    "body longer than said": POST + b"Content-Length: 3\r\n\r\nabcdefgh",
    "body over the limit": POST + b"Content-Length: 9999999\r\n\r\n" + b"a" * 100_000,
    "body to a handler that ignores it": POST.replace(b"/echo", b"/ignore-body")
    + b"Content-Length: 200000\r\n\r\n"
    + b"a" * 200_000,
    "chunk size of words": CHUNKED + b"size\r\nabc\r\n",
    "chunk size below zero": CHUNKED + b"-5\r\nabc\r\n",
    "chunk size of forty digits": CHUNKED + b"f" * 40 + b"\r\n",
    "chunk size in hex prefix": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk longer than said": CHUNKED + b"2\r\nabcdef\r\n0\r\n\r\n",
    "chunk without end": CHUNKED + b"3\r\nabc",
    "chunk extension without end": CHUNKED + b"3;" + b"e" * 100_000,
    "chunks over the limit": CHUNKED + (b"4000\r\n" + b"c" * 0x4000 + b"\r\n") * 70,
    "ten thousand chunks of one byte": CHUNKED + b"1\r\na\r\n" * 10_000 + b"0\r\n\r\n",
    "trailers without end": CHUNKED + b"0\r\n" + b"T: t\r\n" * 10_000,
}

WEBSOCKET = {
    "no key": b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n",
    "old version": WS.replace(b"Version: 13", b"Version: 7"),
    "in http 1.0": WS.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "by post": WS.replace(b"GET", b"POST"),
    "with a body": handshake("/echo", "Content-Length: 4\r\n") + b"body",
    "in chunks": handshake("/echo", "Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
    "upgrade of high bytes": WS.replace(b"websocket", b"\xff"),
    "connection of high bytes": WS.replace(b"Connection: Upgrade", b"Connection: Upgrade, \xff"),
    "extensions of high bytes": handshake("/echo", "Sec-WebSocket-Extensions: \xff\r\n"),
    "extensions of nonsense": handshake("/echo", "Sec-WebSocket-Extensions: ;;=,,permessage-deflate=9;\r\n"),
    "no such page": handshake("/nowhere"),
    "handler refuses": handshake("/forbid") + frame(TEXT, b"early"),
    "handler raises at once": handshake("/raise-early") + frame(TEXT, b"early"),
    "handler raises later": handshake("/raise") + frame(TEXT, b"go"),
    "message before an accept that never comes": handshake("/late") + frame(BINARY, b"x" * 50_000),
    "unmasked": WS + frame(TEXT, b"x", masked=False),
    "reserved bits": WS + frame(TEXT, b"x", rsv=7),
    "compressed though not agreed": WS + frame(TEXT, b"x", rsv=4),
    "unknown data opcode": WS + frame(5, b"x"),
    "unknown control opcode": WS + frame(15, b"x"),
    "fragment of a ping": WS + frame(PING, b"x", final=False),
    "fragment of a close": WS + frame(CLOSE, b"", final=False),
    "ping over the limit": WS + frame(PING, b"x" * 200),
    "pong nobody asked for": WS + frame(PONG, b"x") * 1000,
    "continuation of nothing": WS + frame(0, b"x"),
    "text inside a text": WS + frame(TEXT, b"a", final=False) + frame(TEXT, b"b"),
    "ten thousand empty fragments": WS + frame(TEXT, b"", final=False) + frame(0, b"", final=False) * 10_000,
    "text that is not utf-8": WS + frame(TEXT, b"\xc3\x28"),
    "text cut inside a character": WS + frame(TEXT, "号".encode()[:2]),
    "surrogate": WS + frame(TEXT, b"\xed\xa0\x80"),
    "length of eight bytes for one": WS + b"\x81\xff" + struct.pack("!Q", 1) + b"\0\0\0\0x",
    "length over 2^63": WS + b"\x82\xff" + b"\xff" * 8 + b"\0\0\0\0",
    "length of a gigabyte": WS + b"\x82\xff" + struct.pack("!Q", 2**30) + b"\0\0\0\0" + b"x" * 1000,
    "message over the limit": WS + frame(BINARY, b"x" * 400_000),
    "fragments over the limit": WS
    + frame(BINARY, b"x" * 1000, final=False)
    + frame(0, b"x" * 1000, final=False) * 400,
    "frame cut": WS + frame(TEXT, b"cut short")[:5],
    "head of a frame cut": WS + b"\x81",
    "close of one byte": WS + frame(CLOSE, b"\x03"),
    "close with code 0": WS + close_frame(0),
    "close with code 1006": WS + close_frame(1006),
    "close with code 65535": WS + close_frame(65535),
    "close with a reason not utf-8": WS + close_frame(1000, b"\xff\xff"),
    "frames after close": WS + close_frame(1000) + frame(TEXT, b"still here") * 10,
    "two closes": WS + close_frame(1000) + close_frame(1001),
    "http after the upgrade": WS + GET,
    "handshake twice": WS + WS,
    "flood that a deaf handler never takes": handshake("/deaf") + frame(TEXT, b"?") * 5000,
    "flood of pings": WS + frame(PING, b"p" * 125) * 1000,
}

ALL = {
    f"{group}: {name}": data
    for group, cases in (
        ("stopped Hypercorn", STOPPED_HYPERCORN),
        ("http", HTTP),
        ("body", BODIES),
        ("websocket", WEBSOCKET),
    )
    for name, data in cases.items()
}
