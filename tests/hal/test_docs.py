"""The pages say what the code does: every driver, option and byte."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from somc_hal import DRIVERS, Key
from somc_hal.codecs.reference import Identity, Kind, StripContent, write_identity, write_strip
from somc_hal.codecs.stx import Op, StxDecoder, StxFrame, encode
from somc_hal.drivers import PORT_OPTIONS, DriverSpec
from somc_hal.drivers.reference import STX_OPTIONS
from somc_hal.links import SCHEMES, open_link
from somc_hal.simulators import StripDisplaySimulator, hosted

from .bad_drivers import BAD

DOCS = Path(__file__).resolve().parents[2] / "docs"
DEVICES = (DOCS / "reference" / "devices.md").read_text(encoding="utf-8")
HAL = (DOCS / "explanations" / "hal.md").read_text(encoding="utf-8")


def _section(name: str) -> str:
    found = re.search(rf"^## `{name}`.*?(?=^## |\Z)", DEVICES, re.M | re.S)
    assert found, f"docs/reference/devices.md has no section for the driver {name}"
    return found.group()


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f"`{value}`" if isinstance(value, str) else str(value)


@pytest.mark.parametrize("spec", DRIVERS, ids=lambda spec: spec.name)
def test_every_driver_option_and_capability_is_documented(spec: DriverSpec) -> None:
    section = _section(spec.name)
    for name, option in spec.options_schema.items():
        shared = name in PORT_OPTIONS or (name in STX_OPTIONS and name != "address")
        where = DEVICES if shared else section
        assert f"| `{name}` | {_default(option.default)} |" in where, f"{spec.name}: {name}"
    device = spec.make("d", "memory://d", {})
    for field in fields(device.capabilities):  # type: ignore[attr-defined]  # each class has its own kind
        assert field.name in section, f"{spec.name}: capability {field.name}"


def test_every_scheme_and_key_is_documented() -> None:
    for scheme in SCHEMES:
        assert f"`{scheme}://" in DEVICES
    for key in Key:
        assert f"`{key.value}`" in _section("reference-keypad")


def test_every_op_is_documented() -> None:
    for op in Op:
        assert f"| {op.value:02X} {op.name} |" in HAL


async def test_the_example_frames_are_what_host_and_device_send() -> None:
    command, answer = (
        bytes.fromhex(line) for line in re.findall(r"^(?:host|device) +((?:[0-9a-f]{2} ?)+)$", HAL, re.M)
    )
    sent = StxFrame(Op.STRIP, 3, 16, write_strip(StripContent(("A001", "3号窗口"), True)))
    assert command == encode(sent)
    assert StxDecoder().feed(command) == [sent]
    async with hosted(StripDisplaySimulator(address=3), "memory") as host, await open_link(host.url) as wire:
        await wire.send_all(command)
        received = b""
        while len(received) < len(answer):
            received += await wire.receive_some(100)
        assert received == answer


def test_an_identity_is_four_bytes_as_described() -> None:
    assert write_identity(Identity(Kind.HALL_DISPLAY, 258, healthy=False)) == b"\x02\x01\x02\x01"


def test_every_rule_of_conformance_is_documented() -> None:
    page = (DOCS / "reference" / "conformance.md").read_text(encoding="utf-8")
    for rule in BAD:
        promise = " ".join((rule.__doc__ or "").split())
        assert f"| `{rule.__name__}` | {promise} |" in page  # type: ignore[attr-defined]  # a function
