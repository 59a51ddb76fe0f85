"""Changes of a running hall's plugins: upgraded in place, kept while in use, refused with the reason;
sockets."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import websockets.sync.client
from websockets.exceptions import ConnectionClosed, InvalidStatus

from somc.composition import load_config
from somc.errors import ConfigurationError, UsageError
from somc.runtime.plugins.finding import find
from somc.runtime.plugins.loading import HOOKS, load
from somc.server.plugin_routes import to_its_end
from tests.plugins.test_running_host import BASE, get, mode, post, records, with_greeter
from tests.server.rig import HALL, running, write_hall

__all__ = ["mode"]

ONE = """
from somc.api import About, Response, Route, hookimpl, PUBLIC
@hookimpl
def somc_plugin():
    return About(version="{version}")
@hookimpl
async def somc_start(context):
    {start}
@hookimpl
def somc_routes(context):
    async def version(request):
        return Response(body="{version}")
    return [Route("GET", "/version", version, roles=PUBLIC)]
"""


upgrades = itertools.count(1)


def write_plugin(path: Path, source: str) -> None:
    """As an upgrade does: with another time, so that no cached bytecode is taken for it."""
    path.write_text(source)
    before = path.stat().st_mtime
    later = before + next(upgrades)
    os.utime(path, (later, later))


def hall_toml(plugin: Path, isolation: str, more: str = "") -> str:
    return f"""{HALL}
[plugins]
enabled = ["{plugin.stem}"]
paths = ["{plugin}"]
[plugin.{plugin.stem}.host]
isolation = "{isolation}"
{more}
"""


# -- states -------------------------------------------------------------------------------------------

WAITING = """
import trio
from pathlib import Path
from somc.api import hookimpl

async def until(name):
    while not (Path(__file__).parent / name).exists():
        await trio.sleep(0.01)

@hookimpl
async def somc_start(context):
    await until("may_start")
@hookimpl
async def somc_stop(context):
    await until("may_stop")
"""


async def test_a_plugin_that_is_coming_or_going_says_so(tmp_path: Path, mode: str) -> None:
    name = f"acme_waiting_{mode[0]}"
    plugin = tmp_path / f"{name}.py"
    plugin.write_text(WAITING)
    toml = hall_toml(plugin, mode).replace(f'enabled = ["{name}"]', "enabled = []")
    async with running(tmp_path, toml) as hall, trio.open_nursery() as nursery:

        async def state_of_it() -> str:
            plugins = await get(hall, f"{BASE}/plugins")
            return next(str(plugin["state"]) for plugin in plugins if plugin["name"] == name)

        async def until(state: str) -> None:
            with trio.fail_after(60):
                while await state_of_it() != state:  # noqa: ASYNC110 - asked over HTTP
                    await trio.sleep(0.02)

        for act, passing, then in (("enable", "starting", "on"), ("disable", "stopping", "off")):
            nursery.start_soon(partial(post, hall, f"{BASE}/plugins/{name}/{act}"))
            await until(passing)
            (tmp_path / ("may_start" if act == "enable" else "may_stop")).touch()
            await until(then)


# -- upgrades -----------------------------------------------------------------------------------------


async def test_an_upgrade_in_place_takes_over_and_a_broken_one_does_not(tmp_path: Path, mode: str) -> None:
    name = f"acme_upgraded_{mode[0]}"  # a module of its own for each
    plugin = tmp_path / f"{name}.py"
    write_plugin(plugin, ONE.format(version="1.0", start="pass"))
    async with running(tmp_path, hall_toml(plugin, mode)) as hall:
        assert (await hall.as_admin.get(f"/plugins/{name}/version")).text == "1.0"
        write_plugin(plugin, ONE.format(version="2.0", start="pass"))
        assert (await post(hall, f"{BASE}/plugins/{name}/reload"))["version"] == "2.0"
        assert (await hall.as_admin.get(f"/plugins/{name}/version")).text == "2.0"
        write_plugin(plugin, ONE.format(version="3.0", start="raise ValueError('not ready')"))
        refused = await post(hall, f"{BASE}/plugins/{name}/reload", status=422)
        assert "not ready" in refused["detail"]
        assert (await hall.as_admin.get(f"/plugins/{name}/version")).text == "2.0"
        write_plugin(plugin, "this is no Python")
        await post(hall, f"{BASE}/plugins/{name}/reload", status=422)
        assert (await hall.as_admin.get(f"/plugins/{name}/version")).text == "2.0"
        write_plugin(plugin, ONE.format(version="2.0", start="pass").replace('body="2.0"', 'body="mended"'))
        assert (await post(hall, f"{BASE}/plugins/{name}/reload"))["version"] == "2.0"
        assert (await hall.as_admin.get(f"/plugins/{name}/version")).text == "mended"
        (enabled,) = await records(hall, "plugin.enabled")
        assert enabled["data"]["version"] == "1.0"
        told = [record["data"] for record in await records(hall, "plugin.reloaded")]
        assert [(data["by"], data["plugin"], data["version"]) for data in told] == [
            ("admin:admin", name, "2.0")
        ] * 2, "each that succeeded, of the same version too"


async def test_an_upgrade_between_two_runs_of_a_hall_is_on_record_once(tmp_path: Path, mode: str) -> None:
    name = f"acme_reinstalled_{mode[0]}"
    plugin = tmp_path / f"{name}.py"
    for version in ("1.0", "2.0", "2.0"):
        write_plugin(plugin, ONE.format(version=version, start="pass"))
        sys.modules.pop(name, None)  # another process would import it anew
        async with running(tmp_path, hall_toml(plugin, mode)) as hall:
            assert (await hall.as_admin.get(f"/plugins/{name}/version")).text == version
            told = [record["data"] for record in await records(hall, "plugin.reloaded")]
    assert [(data["by"], data["plugin"], data["version"]) for data in told] == [("config", name, "2.0")]


async def test_a_change_is_finished_though_whoever_asked_has_gone() -> None:
    begun, may_end, ended = trio.Event(), trio.Event(), trio.Event()

    async def change(by: str) -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    async def fail(by: str) -> None:
        raise UsageError(f"{by} may not")

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as asking:
                nursery.start_soon(cancel_when, begun, asking)
                await to_its_end(nursery, change, "wu")
            assert not ended.is_set()
            may_end.set()
            await ended.wait()
            with pytest.raises(UsageError, match="wu may not"):
                await to_its_end(nursery, fail, "wu")


async def cancel_when(begun: trio.Event, scope: trio.CancelScope) -> None:
    await begun.wait()
    scope.cancel()


# -- in use -------------------------------------------------------------------------------------------

LED = """
from somc.api import hookimpl
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.reference import ReferenceStripDisplay as Strip
from somc_hal.simulators.reference import StripDisplaySimulator

class Led(Strip):
    DRIVER = "led"

@hookimpl
def somc_device_drivers():
    return [DriverSpec("led", DeviceClass.COUNTER_DISPLAY, Led, Strip.OPTIONS, "")]

@hookimpl
def somc_device_simulators():
    return {"led": StripDisplaySimulator}
"""
STRIP = '[device.strip]\ndriver = "led"\nsimulated = "pty"\ncounter = 1\n'

POLICY = """
from somc.api import PolicyKind, Terms, each, hookimpl

@hookimpl
def somc_routing_policies():
    words = {"zh": "我的", "en": "mine"}
    because = {"zh": "先于 {second}", "en": "before {second}"}
    return [PolicyKind("acme-mine", words, words, each(lambda queue: Terms(rate=1)), because=because)]
"""


async def test_a_plugin_is_not_disabled_while_a_device_uses_its_driver(tmp_path: Path) -> None:
    plugin = tmp_path / "acme_led.py"
    plugin.write_text(LED)
    async with running(tmp_path, hall_toml(plugin, "in-process", STRIP)) as hall:
        refused = await post(hall, f"{BASE}/plugins/acme_led/disable", status=409)
        assert refused["code"] == "plugin_in_use"
        assert "the devices strip use its drivers" in refused["detail"]
        write_hall(tmp_path, hall_toml(plugin, "in-process"))
        await post(hall, f"{BASE}/devices/reload")
        assert (await post(hall, f"{BASE}/plugins/acme_led/disable"))["state"] == "off"


async def test_its_devices_appear_with_a_plugin_that_is_enabled(tmp_path: Path) -> None:
    plugin = tmp_path / "acme_led.py"
    plugin.write_text(LED)
    off = hall_toml(plugin, "in-process").replace('enabled = ["acme_led"]', "enabled = []")
    async with running(tmp_path, off) as hall:
        write_hall(tmp_path, hall_toml(plugin, "in-process", STRIP))
        await post(hall, f"{BASE}/plugins/acme_led/enable")
        assert [device["name"] for device in await get(hall, f"{BASE}/devices")] == ["strip"]


async def test_a_policy_of_a_plugin_enabled_in_the_running_hall_is_kept_over_a_restart(
    tmp_path: Path,
) -> None:
    plugin = tmp_path / "acme_policy.py"
    plugin.write_text(POLICY)
    off = hall_toml(plugin, "in-process").replace('enabled = ["acme_policy"]', "enabled = []")
    async with running(tmp_path, off) as hall:
        await post(hall, f"{BASE}/plugins/acme_policy/enable")
        answer = await hall.as_admin.put(f"{BASE}/policy", json={"kind": "acme-mine"})
        assert answer.status_code == 200, answer.text
        refused = await post(hall, f"{BASE}/plugins/acme_policy/disable", status=409)
        assert "the routing policy 'acme-mine' in force is its own" in refused["detail"]
    async with running(tmp_path, off) as hall:
        assert (await get(hall, f"{BASE}/policy"))["kind"] == "acme-mine"
        await hall.as_admin.put(f"{BASE}/policy", json={"kind": "fifo"})
        await post(hall, f"{BASE}/plugins/acme_policy/disable")
        answer = await hall.as_admin.put(f"{BASE}/policy", json={"kind": "acme-mine"})
        assert answer.status_code == 422


async def test_a_version_without_a_driver_that_is_used_is_refused(tmp_path: Path, mode: str) -> None:
    plugin = tmp_path / f"acme_led_{mode[0]}.py"
    write_plugin(plugin, LED)
    async with running(tmp_path, hall_toml(plugin, mode, STRIP)) as hall:
        before = hall.node.devices["strip"]
        write_plugin(plugin, LED.replace('"led"', '"lamp"'))
        refused = await post(hall, f"{BASE}/plugins/{plugin.stem}/reload", status=409)
        assert "devices use led, which it does not bring any more" in refused["detail"]
        await before.wait_online()
        write_plugin(plugin, LED)
        await post(hall, f"{BASE}/plugins/{plugin.stem}/reload")
        assert hall.node.devices["strip"] is before
        await before.wait_online()


async def test_policies_are_refused_in_a_process_of_their_own(tmp_path: Path) -> None:
    plugin = tmp_path / "acme_policy.py"
    plugin.write_text(POLICY)
    with pytest.raises(BaseExceptionGroup) as caught:
        async with running(tmp_path, hall_toml(plugin, "process")):
            pass
    (wrong,) = leaves(caught.value)
    assert "which works in the hall's process only" in str(wrong)
    assert 'isolation = "in-process"' in str(wrong)


def leaves(group: BaseException) -> Iterator[BaseException]:
    if isinstance(group, BaseExceptionGroup):
        for inner in group.exceptions:
            yield from leaves(inner)
    else:
        yield group


# -- sockets ------------------------------------------------------------------------------------------


async def test_a_socket_speaks_with_its_plugin_until_that_is_disabled(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, with_greeter(mode)) as hall:
        url = hall.url.replace("http", "ws") + "/plugins/greeter/echo"
        headers = {"authorization": f"Bearer {hall.admin}"}

        def talk() -> int:
            with websockets.sync.client.connect(url, additional_headers=headers) as socket:
                socket.send("hello")
                assert socket.recv(timeout=60) == "hello"
                socket.send(b"\x00\xff")
                assert socket.recv(timeout=60) == b"\x00\xff"
                trio.from_thread.run(post, hall, f"{BASE}/plugins/greeter/disable")
                with pytest.raises(ConnectionClosed) as closed:
                    socket.recv(timeout=60)
                assert closed.value.rcvd is not None
                return closed.value.rcvd.code

        assert await trio.to_thread.run_sync(talk) == 1001

        def refused(**headers: Any) -> int:
            with pytest.raises(InvalidStatus) as caught:
                websockets.sync.client.connect(url, additional_headers=headers)
            return caught.value.response.status_code

        assert await trio.to_thread.run_sync(lambda: refused(authorization=f"Bearer {hall.admin}")) == 404
        await post(hall, f"{BASE}/plugins/greeter/enable")
        assert await trio.to_thread.run_sync(refused) == 401


# -- configuration and versions -------------------------------------------------------------------------


def test_a_plugin_s_own_table_is_checked_with_file_line_and_key(tmp_path: Path) -> None:
    toml = with_greeter(more='crowd = "many"\nwrod = "x"')
    with pytest.raises(ConfigurationError) as caught:
        load_config(write_hall(tmp_path, toml))
    lines = toml.splitlines()
    said = {fault.key: (fault.line, fault.found) for fault in caught.value.faults}
    assert said == {
        "plugin.greeter.crowd": (lines.index('crowd = "many"') + 1, "Expected `int`, got `str`"),
        "plugin.greeter.wrod": (
            lines.index('wrod = "x"') + 1,
            "no such key; known: crowd, token, word",
        ),
    }


def test_a_path_without_a_plugin_is_told_with_its_line(tmp_path: Path) -> None:
    toml = f'{HALL}\n[plugins]\npaths = ["nowhere"]\n'
    with pytest.raises(ConfigurationError) as caught:
        load_config(write_hall(tmp_path, toml))
    (fault,) = caught.value.faults
    assert fault.key == "plugins.paths"
    assert "there is no plugin at" in fault.found


@pytest.mark.parametrize(
    ("api", "why"),
    [
        ('"2"', "was made for API 2, this hall has 1.0: it needs a newer SOMC"),
        ('"0"', "was made for API 0, this hall has 1.0: it needs a newer version of the plugin"),
        ('"1.7"', "was made for API 1.7, this hall has 1.0: it needs a newer SOMC"),
        ('"one"', "which is no version; write '1'"),
    ],
)
def test_a_plugin_of_another_api_is_refused_with_the_reason(tmp_path: Path, api: str, why: str) -> None:
    name = f"acme_api_{abs(hash(api))}"
    plugin = tmp_path / f"{name}.py"
    plugin.write_text(
        f"from somc.api import About, hookimpl\n@hookimpl\ndef somc_plugin(): return About(api={api})\n"
    )
    with pytest.raises(UsageError, match=why.replace("(", "\\(")):
        load(find(name, [plugin]))


def test_every_hook_is_implemented_by_a_plugin_of_the_tests() -> None:
    """The greeter, which is run in both places, or another one with a test of its own."""
    root = Path(__file__).parents[2]
    folders = (root / "tests", root / "plugins", root / "somc" / "cli")
    sources = "".join(file.read_text() for folder in folders for file in folder.rglob("*.py"))
    missing = [hook for hook in HOOKS if f"def {hook}(" not in sources]
    assert not missing


def test_a_plugin_on_a_path_is_the_one_that_lies_there(tmp_path: Path) -> None:
    """Also where another of its name was imported from elsewhere; a name of somebody else's is refused."""
    for version in ("one", "two"):
        folder = tmp_path / version
        folder.mkdir()
        about = f"@hookimpl\ndef somc_plugin(): return About(version='{version}')\n"
        source = f"from somc.api import About, hookimpl\n{about}"
        (folder / "acme_moved.py").write_text(source)
        assert load(find("acme_moved", [folder / "acme_moved.py"])).version == version
    (tmp_path / "json.py").write_text("")
    with pytest.raises(UsageError, match="the name 'json' is taken by"):
        load(find("json", [tmp_path / "json.py"]))
