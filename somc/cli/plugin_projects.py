"""The files of a new plugin's project, as `somc plugin new` writes them: texts only, nothing is written here.

What must stay true: each project installs with pip beside SOMC, and its tests pass as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["TEMPLATES", "project"]

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "@DASHED@"
version = "0.1"
description = "A SOMC plugin"
requires-python = ">=3.11"
dependencies = ["somc"]

[project.optional-dependencies]
test = ["pytest", "pytest-trio"]

[project.entry-points."somc.plugins"]
@NAME@ = "@NAME@"

[tool.setuptools]
packages = ["@NAME@"]

[tool.pytest.ini_options]
trio_mode = true
testpaths = ["tests"]
addopts = ["--import-mode=importlib"]
"""

README = """\
# @NAME@

A SOMC plugin (@TEMPLATE@).

    pip install -e '.[test]'    # beside SOMC
    pytest
    somc plugin check .@SETTINGS@

Then name it in hall.toml (`[plugins] enabled = ["@NAME@"]`), or let it into a running hall:
`somc plugin enable @NAME@ --hall URL --token-file FILE`.
"""

FEATURE = '''\
"""@NAME@: words of thanks on the slip, and a count of those who were served."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from somc.api import About, PluginContext, Record, TicketView, Words, hookimpl


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugin.@NAME@]` in hall.toml."""

    thanks: Words = Words(zh="谢谢光临", en="Thank you for coming")


@hookimpl
def somc_plugin() -> About:
    return About(
        api="1",
        title=Words(zh="致谢", en="Thanks"),
        config=Settings,
        follows=("ticket.finished",),
    )


@hookimpl
def somc_slip_lines(context: PluginContext, ticket: TicketView) -> Iterable[Words]:
    return [context.config.thanks]


@hookimpl
async def somc_record(context: PluginContext, record: Record) -> None:
    # At least once: a record may come again after a crash, so it is counted by its own number.
    await context.store.put(f"served:{record.seq}", record.data["number"])
'''

FEATURE_TEST = """\
from pathlib import Path

import pytest

from somc.testing.hall import hall_with

PROJECT = Path(__file__).parents[1]


@pytest.mark.parametrize("isolation", ["in-process", "process"])
async def test_the_slip_says_thanks(isolation):
    async with hall_with(PROJECT, isolation=isolation) as hall:
        ticket = await hall.take("payment")
        assert hall.slip_of(ticket) == ["Thank you for coming"]
        assert hall.faults() is None


async def test_the_hall_may_word_it():
    async with hall_with(PROJECT, settings={"thanks": {"zh": "多谢", "en": "Cheers"}}) as hall:
        assert hall.slip_of(await hall.take("payment"), "zh") == ["多谢"]


async def test_who_was_served_is_counted_once():
    async with hall_with(PROJECT) as hall:
        await hall.take("payment")
        await hall.serve(counter=1)
        (entry,) = hall.host.entries.values()
        assert [number for _, number in await entry.store.scan("served:")] == ["A001"]
"""

CHANNEL = '''\
"""@NAME@: a channel for text messages that writes them into a file, one JSON document a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import trio

from somc.api import About, Channel, PluginContext, Words, hookimpl
from somc.api.channels import ChannelHost, Outcome, Outgoing, Sent, Unsent


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugin.@NAME@]` in hall.toml."""

    file: str


class FileChannel:
    """Takes every message over as soon as it is in the file."""

    kinds = frozenset({"sms"})
    weight = 1
    batch = 20

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self._file = file

    async def run(self, host: ChannelHost, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        host.report("up")
        await trio.sleep_forever()

    async def send(self, batch: Sequence[Outgoing]) -> Sequence[Outcome]:
        lines = b"".join(msgspec.json.encode(message) + b"\\n" for message in batch)
        try:
            async with await trio.open_file(self._file, "ab") as file:
                await file.write(lines)
        except OSError as error:  # not taken over: the hall tries again
            return [Unsent(message.id, str(error)) for message in batch]
        return [Sent(message.id) for message in batch]


@hookimpl
def somc_plugin() -> About:
    return About(api="1", title=Words(zh="文件通道", en="File channel"), config=Settings)


@hookimpl
def somc_channels(context: PluginContext) -> Iterable[Channel]:
    return [FileChannel("@NAME@", Path(context.config.file))]
'''

CHANNEL_TEST = """\
from pathlib import Path

import msgspec
import pytest

from somc.api.channels import Outgoing, Sent, Unsent
from somc.testing.hall import hall_with

PROJECT = Path(__file__).parents[1]
MESSAGES = [Outgoing("m1", "13911112222", "您好", 600), Outgoing("m2", "13911113333", "hello", 600)]


@pytest.mark.parametrize("isolation", ["in-process", "process"])
async def test_messages_are_taken_over_in_their_order(isolation, tmp_path):
    settings = {"file": str(tmp_path / "sent")}
    async with hall_with(PROJECT, settings=settings, isolation=isolation) as hall:
        (channel,) = hall.host.entries["@NAME@"].runner.channels
        assert await channel.send(MESSAGES) == [Sent("m1"), Sent("m2")]
    lines = (tmp_path / "sent").read_bytes().splitlines()
    assert [msgspec.json.decode(line)["text"] for line in lines] == ["您好", "hello"]


async def test_what_cannot_be_written_is_not_sent(tmp_path):
    async with hall_with(PROJECT, settings={"file": str(tmp_path / "no" / "folder")}) as hall:
        (channel,) = hall.host.entries["@NAME@"].runner.channels
        assert [type(outcome) for outcome in await channel.send(MESSAGES)] == [Unsent, Unsent]
"""

DRIVER = '''\
"""@NAME@: a driver for a strip display (条屏), and its simulator.

This one speaks SOMC's reference protocol: put your device's frames in its place, and keep the
conformance test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from somc.api import hookimpl
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.reference import ReferenceStripDisplay
from somc_hal.simulators.base import Simulator
from somc_hal.simulators.reference import StripDisplaySimulator


class Strip(ReferenceStripDisplay):
    DRIVER = "@DASHED@"


class StripSimulator(StripDisplaySimulator):
    DRIVER = "@DASHED@"


SPEC = DriverSpec("@DASHED@", DeviceClass.COUNTER_DISPLAY, Strip, Strip.OPTIONS, "A strip display")


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    return [SPEC]


@hookimpl
def somc_device_simulators() -> Mapping[str, Callable[[], Simulator]]:
    return {"@DASHED@": StripSimulator}
'''

DRIVER_TEST = '''\
import pytest
from @NAME@ import SPEC, StripSimulator

from somc_hal.testing import checks_for, simulated


@pytest.mark.parametrize("where", ["memory", "tcp"])
@pytest.mark.parametrize("check", checks_for(SPEC), ids=lambda check: check.__name__)
async def test_conformance(check, where):
    """The rules that every driver has to pass."""
    await check(simulated(SPEC, where, simulator=StripSimulator))
'''

POLICY = '''\
"""@NAME@: a routing policy (排队策略): waiting counts faster the less a class was promised."""

from __future__ import annotations

from collections.abc import Iterable

from somc.api import PolicyKind, QueueInputs, Terms, each, hookimpl

HOUR_MS = 3_600_000


def by_promise(queue: QueueInputs) -> Terms:
    """One line's coefficients. Pure: asked when a setting changes, never at a call."""
    return Terms(rate=max(1, HOUR_MS // max(queue.target_ms or HOUR_MS, 1000)))


KIND = PolicyKind(
    "@DASHED@",
    title={"zh": "按承诺", "en": "By promise"},
    meaning={"zh": "承诺越短，等候计分越快。", "en": "The shorter the promise, the faster waiting counts."},
    compile=each(by_promise),
    because={"zh": "承诺更短，先于 {second}", "en": "goes before {second}: less was promised"},
    reads=("target_wait_s",),
)


@hookimpl
def somc_routing_policies() -> Iterable[PolicyKind]:
    return [KIND]
'''

POLICY_TEST = """\
from pathlib import Path

from somc.testing.hall import HALL, hall_with

PROJECT = Path(__file__).parents[1]
TOML = (
    HALL.replace('kind = "fifo"', 'kind = "@DASHED@"')
    .replace("[class.gold]", "[class.gold]\\ntarget_wait_s = 300")
    .replace("[class.plain]", "[class.plain]\\ntarget_wait_s = 1200")
)


async def test_gold_overtakes_when_its_promise_is_nearer():
    async with hall_with(PROJECT, toml=TOML) as hall:
        first = await hall.take("payment")
        await hall.turn("2min")
        gold = await hall.take("payment", customer_class="gold")
        await hall.turn("5min")
        assert [await hall.serve(1), await hall.serve(1)] == [gold, first]
"""

TEMPLATES: Mapping[str, tuple[str, str]] = {
    "feature": (FEATURE, FEATURE_TEST),
    "channel": (CHANNEL, CHANNEL_TEST),
    "driver": (DRIVER, DRIVER_TEST),
    "policy": (POLICY, POLICY_TEST),
}
"""Template → the plugin's module and its tests."""


def project(name: str, template: str) -> dict[str, str]:
    """Path in the project → text."""
    module, test = TEMPLATES[template]
    texts = {
        "pyproject.toml": PYPROJECT,
        "README.md": README,
        f"{name}/__init__.py": module,
        f"tests/test_{name}.py": test,
    }
    settings = " --set file=sent" if template == "channel" else ""
    filled = {
        "@NAME@": name,
        "@DASHED@": name.replace("_", "-"),
        "@TEMPLATE@": template,
        "@SETTINGS@": settings,
    }
    return {path: _filled(text, filled) for path, text in texts.items()}


def _filled(text: str, values: Mapping[str, str]) -> str:
    for sign, value in values.items():
        text = text.replace(sign, value)
    return text
