"""The send loops, in C and in Python, on real sockets: who took what, and whose socket it is."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from somc.server.fanout.frames import BINARY, TEXT, frame
from somc.server.fanout.table import NativeTable, PureTable, Table, table_kind


class Peer:
    """Both ends of a connection: ours, which a table sends to, and the client's."""

    def __init__(self, room: int = 0) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        if room:
            self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        self.place = -1

    @property
    def fd(self) -> int:
        return self.ours.fileno()

    def read(self) -> bytes:
        data = b""
        try:
            while piece := self.theirs.recv(65536):
                data += piece
        except BlockingIOError:
            pass
        return data

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture(params=[NativeTable, PureTable], ids=["native", "python"])
def table(request: pytest.FixtureRequest) -> Table[Any]:
    if request.param is NativeTable:
        from somc._fanout import ffi, lib

        NativeTable.bind(ffi, lib)
    made: Table[Any] = request.param()
    return made


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    made = [Peer() for _ in range(5)]
    yield made
    for peer in made:
        peer.close()


def test_everybody_gets_the_same_bytes(table: Table[Peer], peers: list[Peer]) -> None:
    assert table.send(b"nobody") == []
    for peer in peers:
        table.add(peer)
    assert table.send(b"a\0b") == []
    assert [peer.read() for peer in peers] == [b"a\0b"] * 5


def test_who_is_taken_out_gets_nothing_and_the_others_do(table: Table[Peer], peers: list[Peer]) -> None:
    for peer in peers:
        table.add(peer)
    for gone in (peers[1], peers[4], peers[0]):
        table.remove(gone)
        table.send(b"x")
    assert [len(peer.read()) for peer in peers] == [2, 0, 3, 3, 1]
    assert len(table) == 2


def test_a_full_socket_says_what_it_took(table: Table[Peer], peers: list[Peer]) -> None:
    narrow = Peer(room=4096)
    table.add(peers[0])
    table.add(narrow)
    table.add(peers[1])
    data = random.Random(1).randbytes(100_000)
    got = b""
    for _ in range(100):  # a stream takes a part, and then nothing
        [(member, taken)] = table.send(data)
        assert member is narrow
        got += data[:taken]
        assert peers[0].read() == peers[1].read() == data
        if taken == 0:
            break
    assert taken == 0
    assert got
    assert narrow.read() == got
    narrow.close()


def test_a_broken_connection_is_told_with_its_error_and_disturbs_nobody(
    table: Table[Peer], peers: list[Peer]
) -> None:
    for peer in peers:
        table.add(peer)
    peers[2].theirs.close()
    assert table.send(b"x") == [(peers[2], -errno.EPIPE)]
    table.remove(peers[2])
    assert table.send(b"y") == []
    assert peers[3].read() == b"xy"


def test_a_number_that_is_used_again_is_another_clients(table: Table[Peer]) -> None:
    """Clients come, go and get the numbers of those who went: each reads its own name and nothing else."""
    chance = random.Random(7)
    tables: dict[bytes, Table[Any]] = {name: type(table)() for name in (b"a", b"b", b"c")}
    here: list[tuple[bytes, Peer]] = []
    numbers: list[int] = []
    for _ in range(400):
        name = chance.choice(list(tables))
        peer = Peer()
        numbers.append(peer.fd)
        tables[name].add(peer)
        here.append((name, peer))
        for each, group in tables.items():
            assert group.send(each) == []
        while len(here) > 6:
            name, peer = here.pop(chance.randrange(len(here)))
            tables[name].remove(peer)
            assert set(peer.read()) <= set(name)
            peer.close()
    assert len(set(numbers)) < 30, "no number was used again: this test shows nothing"
    for name, peer in here:
        assert set(peer.read()) <= set(name)
        peer.close()


def test_the_kind_is_chosen_and_never_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOMC_PURE", raising=False)
    assert table_kind() is NativeTable
    monkeypatch.setenv("SOMC_PURE", "1")
    assert table_kind() is PureTable
    monkeypatch.delenv("SOMC_PURE")
    monkeypatch.setitem(__import__("sys").modules, "somc._fanout", None)
    with pytest.raises(ImportError, match="SOMC_PURE=1") as caught:
        table_kind()
    assert caught.value.name == "somc._fanout"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
@pytest.mark.parametrize("first", [TEXT, BINARY])
def test_a_frame_is_what_wsproto_makes_of_it(size: int, first: int) -> None:
    from wsproto.connection import Connection, ConnectionType
    from wsproto.events import BytesMessage, TextMessage

    payload = b"x" * size
    event = TextMessage(data=payload.decode()) if first == TEXT else BytesMessage(data=payload)
    assert frame(first, payload) == Connection(ConnectionType.SERVER).send(event)
