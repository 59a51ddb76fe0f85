"""What anybody may see: the hall's line, and near and idle halls, asked side by side within a deadline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from somc.config.halls import KnownHall
from somc.domain.values import Words
from somc.server.answers import ANSWERS
from somc.server.near import DEADLINE_S, distance_m
from somc.server.public_routes import MADE_EVERY_S, peer_of
from tests.server.booking import day_of_appointments
from tests.server.rig import GOTONE_PHONE, HALL, Running, is_problem, running, write_hall

BASE = "/api/v1"
PUBLIC = "\n[public]\nqueue = true\n"


def known(latitude: float, longitude: float) -> KnownHall:
    return KnownHall("x", Words("x", "x"), None, latitude, longitude, "http://x", None, None)


async def test_the_public_sees_numbers_and_nobody(tmp_path: Path) -> None:
    """AP-07."""
    async with running(tmp_path, HALL + PUBLIC) as hall:
        for _ in range(3):
            await hall.take("payment", phone=GOTONE_PHONE)
        answer = await hall.client().get(f"{BASE}/public/queue")
        view = msgspec.json.decode(answer.content, type=ANSWERS["public.queue"], strict=True)
        assert view.waiting == sum(service.waiting for service in view.services) <= 3
        assert view.age_s <= 1
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "ticket" not in answer.text
        await trio.sleep(MADE_EVERY_S)  # the answer is made anew no sooner
        assert (await hall.client().get(f"{BASE}/public/queue")).json()["waiting"] == 3


async def test_a_hall_shows_nothing_unless_it_is_told_to(hall: Running) -> None:
    for path in ("queue", "halls"):
        is_problem(await hall.client().get(f"{BASE}/public/{path}"), 404, "not_public")


async def test_one_address_asks_so_often_and_no_oftener(tmp_path: Path) -> None:
    async with running(tmp_path, HALL + PUBLIC + "per_minute = 5\n") as hall:
        client = hall.client()
        for _ in range(5):
            assert (await client.get(f"{BASE}/public/queue")).status_code == 200
        slow = await client.get(f"{BASE}/public/queue")
        assert is_problem(slow, 429, "too_often")["retry_after_s"] == int(slow.headers["retry-after"])
        behind = {"x-forwarded-for": "10.0.0.9, 203.0.113.7"}
        assert (await client.get(f"{BASE}/public/queue", headers=behind)).status_code == 200


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 198.51.100.2", "198.51.100.2"),
        ("::1", "", "::1"),
        (None, None, "unknown"),
    ],
)
def test_only_a_proxy_on_this_machine_says_who_asks(
    peer: str | None, forwarded: str | None, counted: str
) -> None:
    assert peer_of(peer, forwarded) == counted


@pytest.mark.parametrize(
    ("here", "there", "metres"),
    [
        ((39.9075, 116.3740), (39.9075, 116.3740), 0),
        # The ends of the Bund in Shanghai and Tian'anmen in Beijing: 1,067 km by any map.
        ((31.2397, 121.4908), (39.9087, 116.3975), 1_068_000),
        ((0.0, 179.5), (0.0, -179.5), 111_195),
        ((90.0, 0.0), (-90.0, 0.0), 20_015_115),
    ],
)
def test_distances_are_those_of_the_globe(
    here: tuple[float, float], there: tuple[float, float], metres: int
) -> None:
    assert distance_m(*here, known(*there)) == pytest.approx(metres, rel=0.005, abs=1)


async def test_near_halls_come_by_distance_with_their_lines_and_a_dead_one_delays_nobody(
    tmp_path: Path,
) -> None:
    """AP-07, AP-08."""
    async with running(tmp_path / "far", day_of_appointments(HALL + PUBLIC)) as far:
        await far.open_counter(1)
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, hold, listeners)
            mute = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
            folder = tmp_path / "near"
            write_hall(folder)
            entries = [
                ("mute", 39.91, mute, ""),
                ("dead", 39.92, "http://127.0.0.1:9", ""),
                ("own", 39.93, "http://127.0.0.1:1", 'org = "somc/shoudu/xicheng/xidan"\n'),
                ("far", 39.99, far.url, ""),
            ]
            text = "".join(
                f'[hall.{name}]\nname = "{name}"\nlatitude = {latitude}\nlongitude = 116.4\n'
                f'url = "{url}"\n{more}'
                for name, latitude, url, more in entries
            )
            (folder / "halls.toml").write_text(text)
            async with running(folder, HALL + PUBLIC + 'halls = "halls.toml"\n') as near:
                await near.take("payment")
                here = {"latitude": 39.9, "longitude": 116.4}
                with trio.fail_after(DEADLINE_S + 3):
                    answer = await near.client().get(f"{BASE}/public/halls", params=here)
                view = msgspec.json.decode(answer.content, type=ANSWERS["public.halls"], strict=True)
                assert [hall.id for hall in view.halls] == ["mute", "dead", "own", "far"]
                lines = {hall.id: hall.queue for hall in view.halls}
                assert (lines["mute"], lines["dead"]) == (None, None)
                assert (lines["far"].open, lines["far"].idle, lines["far"].waiting) == (True, True, 0)
                assert lines["far"].age_s <= DEADLINE_S + 1
                assert (lines["own"].waiting, lines["own"].idle) == (1, False)  # nobody serves there
                assert view.halls[3].distance_m == pytest.approx(10_008, abs=5)
                assert view.halls[3].booking_url == far.url + "/plugins/web_booking/"

                desk: Any = near.node.app.public
                asked = desk.near.asked
                again = await near.client().get(f"{BASE}/public/halls", params=here)
                assert again.status_code == 200
                assert desk.near.asked == asked, "a hall was asked again within refresh_s"
                half = await near.client().get(f"{BASE}/public/halls?latitude=1")
                is_problem(half, 422, "wrong_input")
                is_problem(await near.client().get(f"{BASE}/public/halls?latitude=91&longitude=0"), 422)
            nursery.cancel_scope.cancel()


async def hold(stream: trio.SocketStream) -> None:
    """A hall that takes the request and says nothing."""
    with trio.move_on_after(30):
        while await stream.receive_some():
            pass
        await trio.sleep_forever()
