"""Parts of the host by themselves: the ledger's rests, the store, catch-up rules, answers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from somc.api import Advice, Identity, Panel, Words
from somc.runtime.plugins.answers import WrongAnswer, checked
from somc.runtime.plugins.ledger import MOST_FAULTS, HookFailed, Ledger, late
from somc.runtime.plugins.store import FileStore, StoreRefused
from somc.testing.hall import hall_with

KEY = bytes(range(32))


# -- the ledger ---------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def rests_at(ledger: Ledger) -> bool:
    """Whether the hook would not be asked now."""
    try:
        ledger.check("hook")
    except HookFailed as error:
        return error.kind == "resting"
    return False


def test_a_hook_that_fails_three_times_rests_longer_each_time_until_it_works() -> None:
    clock = Clock()
    ledger = Ledger(clock=clock)
    rests = []
    for _ in range(9):
        ledger.failed("hook", HookFailed("raised", "boom"), 0.1)
        begun = clock.now
        while rests_at(ledger):
            clock.now += 0.5
        rests.append(clock.now - begun)
    assert rests == [0, 0, 1, 2, 4, 8, 16, 32, 60]
    ledger.worked("hook", 0.1)
    ledger.failed("hook", HookFailed("raised", "boom"), 0.1)
    ledger.check("hook")


def test_being_late_is_a_fault_when_it_happens_again_and_again() -> None:
    ledger = Ledger(clock=Clock())
    again = late(0.3, 0.3)
    ledger.failed("hook", again, 0.3)
    ledger.failed("hook", again, 0.3)
    ledger.worked("hook", 0.1)
    ledger.failed("hook", again, 0.3)
    assert ledger.faults == 0
    ledger.failed("hook", again, 0.3)
    ledger.failed("hook", again, 0.3)
    assert ledger.faults == 1
    assert ledger.figures()["hook"]["late"] == 5


def test_being_late_in_a_hall_that_is_late_itself_is_no_fault() -> None:
    ledger = Ledger(clock=Clock())
    for _ in range(30):
        ledger.failed("hook", late(0.3, 0.35), 0.35)
    assert (ledger.faults, ledger.given_up) == (0, None)
    assert ledger.figures()["hook"]["late"] == 30
    for _ in range(3):
        ledger.failed("hook", late(0.3, 0.301), 0.301)
    assert ledger.faults == 1


def test_ten_faults_within_ten_minutes_are_the_end_and_nine_are_not() -> None:
    clock = Clock()
    ledger = Ledger(clock=clock)
    for _ in range(MOST_FAULTS - 1):
        ledger.fault("hook", "raised", "boom")
    clock.now = 601
    ledger.fault("hook", "raised", "boom")
    assert ledger.given_up is None
    for _ in range(MOST_FAULTS - 1):
        ledger.fault("hook", "raised", "boom")
    assert ledger.given_up == "10 faults within 10 min, the last in hook: boom"


# -- the store ----------------------------------------------------------------------------------------


def assert_not_on_disk(folder: Path, secret: bytes) -> None:
    for file in folder.rglob("*"):
        assert not file.is_file() or secret not in file.read_bytes(), file


async def test_what_is_put_is_there_again_and_what_is_sealed_is_not_on_disk(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "plugins" / "acme.sqlite", KEY)
    await store.put("a:1", {"n": 1})
    await store.put("a:2", "13911112222", sealed=True)
    await store.put("b:1", None)
    await store.close()
    with pytest.raises(StoreRefused, match="has ended"):
        await store.get("a:1")
    assert_not_on_disk(tmp_path, b"13911112222")
    store = FileStore(tmp_path / "plugins" / "acme.sqlite", KEY)
    assert await store.get("a:2") == "13911112222"
    assert await store.scan("a:") == [("a:1", {"n": 1}), ("a:2", "13911112222")]
    assert await store.scan("a:", after="a:1") == [("a:2", "13911112222")]
    await store.delete("a:1")
    assert await store.get("a:1") is None
    await store.close()
    other = FileStore(tmp_path / "plugins" / "acme.sqlite", bytes(32))
    with pytest.raises(StoreRefused, match="another hall's key"):
        await other.get("a:2")
    await other.close()


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("", 1, "a key has 1 to 200"),
        ("k" * 201, 1, "a key has 1 to 200"),
        ("k", "x" * 70_000, "has 70002 bytes; allowed: 65536"),
        ("k", object(), "no plain JSON"),
    ],
)
async def test_the_store_has_bounds(tmp_path: Path, key: str, value: Any, why: str) -> None:
    store = FileStore(tmp_path / "acme.sqlite", KEY)
    with pytest.raises(StoreRefused, match=why):
        await store.put(key, value)
    await store.close()


async def test_a_full_store_takes_no_new_key_and_goes_on_with_those_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("somc.runtime.plugins.store.MOST_ENTRIES", 2)
    path = tmp_path / "acme.sqlite"
    store = FileStore(path, KEY)
    await store.put("a", 1)
    await store.put("b", 1)
    await store.close()
    store = FileStore(path, KEY)
    await store.put("a", 2)
    with pytest.raises(StoreRefused, match="holds 2 entries"):
        await store.put("c", 1)
    await store.delete("c")
    with pytest.raises(StoreRefused, match="holds 2 entries"):
        await store.put("c", 1)
    await store.delete("b")
    await store.put("c", 1)
    assert await store.scan("") == [("a", 2), ("c", 1)]
    await store.close()


# -- answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "answer", "why"),
    [
        ("somc_identify", {"customer_class": "gold"}, "a dict, which is no Identity"),
        ("somc_identify", Identity(customer_class=7), "Expected `str"),  # type: ignore[arg-type] # what is tested
        ("somc_identify", Identity(facts={"x": "y" * 30_000}), "allowed: 20000"),
        ("somc_slip_lines", "line", "a str, not a list"),
        ("somc_slip_lines", 7, "a int, not a list"),
        ("somc_slip_lines", (Words("x", "x") for _ in itertools.count()), "more than 8"),
        ("somc_slip_lines", [Words("x", 5)], "Expected `str"),  # type: ignore[arg-type] # as above
        ("somc_slip_lines", [Words("电话 13800138000", "x")], "cannot be kept"),
        ("somc_slip_lines", [Words("x", "\x1b@")], "cannot be kept"),
        ("check", "many", "a str, which is no int"),
        ("route", None, "its handler gave None"),
    ],
)
def test_what_does_not_fit_goes_nowhere_and_says_why(hook: str, answer: Any, why: str) -> None:
    with pytest.raises(WrongAnswer, match=why):
        checked(hook, answer)


def test_what_fits_is_a_copy() -> None:
    facts = {"list": [1]}
    found = checked("somc_identify", Identity(facts=facts))
    facts["list"].append(2)
    assert found.facts == {"list": [1]}
    assert checked("somc_slip_lines", None) == []


@pytest.mark.parametrize("number", ["13800138000", "138-0013-8000", "+86 138 0013 8000"])
def test_what_the_public_sees_holds_no_number_but_a_masked_one(number: str) -> None:
    words, masked = (
        Words(f"请 {number} 到", f"{number}, please"),
        Words("请 138****8000 到", "138****8000, please"),
    )
    assert checked("somc_display_lines", [words]) == [masked]
    assert checked("somc_second_screen", [Panel(title=words, lines=[words])]) == [
        Panel(title=masked, lines=[masked])
    ]
    assert checked("somc_kiosk_advice", [Advice(id="a", words=words)]) == [Advice(id="a", words=masked)]
    hotline = [Words("热线 10086", "Call 10086")]
    assert checked("somc_display_lines", hotline) == hotline


# -- after an absence -----------------------------------------------------------------------------------

FOLLOWER = """
from somc.api import About, hookimpl

@hookimpl
def somc_plugin():
    return About(follows=("ticket.taken",), {rule})

@hookimpl
async def somc_record(context, record):
    await context.store.put(f"{{record.seq:09}}", record.data["number"])
"""


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("catch_up='continue'", ["A001", "A002", "A003"]),
        ("catch_up='skip'", ["A001", "A003"]),
        ("skip_older_s=3600", ["A001", "A003"]),
        ("skip_older_s=86400", ["A001", "A002", "A003"]),
    ],
)
async def test_after_an_absence_a_follower_goes_on_by_its_own_rule(
    rule: str, told: list[str], tmp_path: Path
) -> None:
    name = "acme_follower_" + "".join(sign for sign in rule if sign.isalnum())
    plugin = tmp_path / f"{name}.py"
    plugin.write_text(FOLLOWER.format(rule=rule))
    home = tmp_path / "home"
    home.mkdir()
    async with hall_with(plugin, folder=home) as hall:
        await hall.take()
        await hall.settle()
        await hall.host.disable(name, "test")
        await hall.take()
        await hall.turn("2h")
        await hall.host.enable(name, "test")
        await hall.settle()
        await hall.take()
        await hall.settle()
        store = hall.host.entries[name].store
        assert [number for _, number in await store.scan("")] == told
