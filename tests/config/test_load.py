"""Every mistake is found at its line and key, with what was found and what is allowed; all at once."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from somc.config import DriverTerms, HallConfig, load
from somc.domain.settings import settings_from
from somc.domain.values import Words
from somc.errors import ConfigurationError, Fault

Loading = Callable[..., HallConfig]
Faulting = Callable[..., list[Fault]]

HOURS = "[hours]\n"
DEVICE = "[device.d]\ndriver = 'x'\n"
VISITORS = "[visitors]\n"

ADDED: list[tuple[str, str, str, str]] = [
    # added at the end of the smallest hall: what, key, found, allowed
    ("[policy]\nkind = 'lifo'", "policy.kind", 'the text "lifo"', "did you mean 'fifo'?"),
    ("[policy]\nkind = 3", "policy.kind", "the number 3", "a policy kind that enabled plugins bring"),
    ("[policy]\nmax_wait_s = -1", "policy.max_wait_s", "the number -1", "from 0 to 86400 seconds"),
    ("[policy]\nalpha = 1.1", "policy.alpha", "the number 1.1", "from 0 to 1"),
    ("[policy]\ndistribution = 'lot'", "policy.distribution", 'the text "lot"', "longest_idle"),
    ("[policy]\ntarget_utilisation = 1", "policy.target_utilisation", "the number 1", "from 0.5 to 0.99"),
    ("[class.x]\nname = 'X'\nboost = 11", "class.x.boost", "the number 11", "from 1 to 10"),
    ("[counter.2]\nskills = {pay=1}\nmode = 'robot'", "counter.2.mode", '"robot"', "auto"),
    ("[counter.2]\nskills = {pay=1}\noverflow_s = {pya=60}", "counter.2.overflow_s.pya", "'pya'", "'pay'"),
    ("[counter.2]\nskills = {pay=1}\nreserved_for=['plian']", "counter.2.reserved_for[0]", "plian", "plain"),
    ("[counter.2]\nskills = {pay=1}\nopens_after_s = 60", "counter.2.opens_after_s", "reserved_for", "with"),
    ("[policy]\nmaxwait_s = 9", "policy.maxwait_s", "a key that [policy] does not have", "'max_wait_s'"),
    ("[polcy]\n", "polcy", "a table that hall.toml does not have", "did you mean 'policy'?"),
    ("[server]\nport = 70000", "server.port", "the number 70000", "a whole number from 0 to 65535"),
    ("[server]\nport = '8080'", "server.port", 'the text "8080"', "a whole number"),
    ("[server]\nport = true", "server.port", "true", "a whole number"),
    ("[server]\nport = 80.0", "server.port", "the number 80.0", "a whole number"),
    ("[server]\nhost = 'my host'", "server.host", 'the text "my host"', "127.0.0.1"),
    ("[server]\npublic_url = 'hall.example'", "server.public_url", "hall.example", "https://"),
    ("[[server]]\nport = 1", "server", "a list of 1", "a table [server]"),
    ("server = 1", "counter.1.server", "a key that [counter.N] does not have", "skills"),
    ("[service.x]\nname = 'X'\nprefix = 'a'", "service.x.prefix", 'the text "a"', "capital letters"),
    ("[service.x]\nname = 'X'\nprefix = 'ABC'", "service.x.prefix", 'the text "ABC"', "one or two"),
    ("[service.x]\nname = 'X'\nprefix = 'A'", "service.x.prefix", "'pay' has already", "(B, C, D"),
    ("[service.x]\nname = 'X'", "service.x.prefix", "nothing", "capital letters"),
    ("[service.x]\nprefix = 'X'", "service.x.name", "nothing", "zh ="),
    ("[service.X]\nname = 'X'\nprefix = 'X'", "service.X", 'the text "X"', "small letters"),
    ("[service.x]\nname = {zh='X'}\nprefix = 'X'", "service.x.name.en", "nothing", "zh ="),
    ("[service.x]\nname = ''\nprefix = 'X'", "service.x.name", 'the text ""', "1 to 200 characters"),
    ("[service.x]\nname = {zh='a',en='b',de='c'}\nprefix='X'",
     "service.x.name.de", "the language 'de'", "zh"),
    ("[service.x]\nname='X'\nprefix='X'\ntarget_wait_s={plian=9}",
     "service.x.target_wait_s.plian", "plian", "plain"),
    ("[service.x]\nname='X'\nprefix='X'\ntarget_wait_s=9",
     "service.x.target_wait_s", "the number 9", "CLASS = N"),
    ("[service.x]\nname='X'\nprefix='X'\npapers='card'", "service.x.papers", 'the text "card"', "a list"),
    ("[service.x]\nname='X'\nprefix='X'\npapers=['a','a']", "service.x.papers[1]", "a second time", "once"),
    ("[service.x]\nname='X'\nprefix='X'\nmax_waiting=0", "service.x.max_waiting", "the number 0", "from 1"),
    ("[service.x]\nname='X'\nprefix='X'\ndaily_limit=-1", "service.x.daily_limit", "the number -1", "from 1"),
    ("[service.x]\nname='X'\nprefix='X'\nhours={moon=[]}",
     "service.x.hours.moon", "a key that hours", "'mon'"),
    ("[service.x]\nname='X'\nprefix='X'\nhours={mon=[]}",
     "service.x.hours", "no day with opening hours", "one span"),
    ("[class.x]\nname = 'X'\nrate = 0", "class.x.rate", "the number 0", "from 0.001 to 1000"),
    ("[class.x]\nname = 'X'\nrate = 1.0005", "class.x.rate", "the number 1.0005", "three decimals"),
    ("[class.x]\nname = 'X'\nrate = nan", "class.x.rate", "the number nan", "from 0.001"),
    ("[class.x]\nname = 'X'\npriority = 100", "class.x.priority", "the number 100", "from 1 to 99"),
    ("[counter.0]\nskills = {pay=1}", "counter.0", 'the text "0"', "1 to 999"),
    ("[counter.01]\nskills = {pay=1}", "counter.01", 'the text "01"', "without leading zeros"),
    ("[counter.1000]\nskills = {pay=1}", "counter.1000", 'the text "1000"', "1 to 999"),
    ("[counter.2]\nskills = {pya=1}", "counter.2.skills.pya", "the service 'pya'", "did you mean 'pay'?"),
    ("[counter.2]\nskills = {pay=0}", "counter.2.skills.pay", "the number 0", "from 1 to 9"),
    ("[counter.2]\nskills = {}", "counter.2.skills", "an empty table", "at least one"),
    ("[counter.2]\nskills = ['pay']", "counter.2.skills", "a list of 1", "SERVICE = N"),
    ("[counter.2]\nname = 'x'", "counter.2.skills", "nothing", "SERVICE = N"),
    (DEVICE, "device.d", "neither 'url' nor 'simulated'", "simulated ="),
    (DEVICE + "url='tcp://a:1'\nsimulated='pty'", "device.d.simulated", "both", "one of them"),
    (DEVICE + "url='tcp://a'", "device.d.url", "tcp://a", "tcp://HOST:PORT"),
    (DEVICE + "url='tcp://a:99999'", "device.d.url", "99999", "tcp://"),
    (DEVICE + "url='ftp://a:1'", "device.d.url", "ftp://a:1", "tcp://"),
    (DEVICE + "url='usb://printer'", "device.d.url", "usb://printer", "hexadecimal"),
    (DEVICE + "url='serial://'", "device.d.url", "serial://", "serial:///dev"),
    (DEVICE + "simulated='usb'", "device.d.simulated", 'the text "usb"', "pty"),
    (DEVICE + "simulated='pty'\ncounter=2", "device.d.counter", "the counter 2", "one of 1"),
    (DEVICE + "simulated='pty'\noptions=1", "device.d.options", "the number 1", "OPTION = value"),
    ("[device.d]\nsimulated = 'pty'", "device.d.driver", "nothing", "a name"),
    ("[announcements]\nlanguages = ['zh','fr']", "announcements.languages[1]", '"fr"', "zh"),
    ("[announcements]\nlanguages = []", "announcements.languages", "an empty list", "at least one"),
    ("[announcements]\nrepeat = 0", "announcements.repeat", "the number 0", "from 1 to 5"),
    (VISITORS + "enabled = 'yes'", "visitors.enabled", 'the text "yes"', "true or false"),
    (VISITORS + "services = {pya = 1}", "visitors.services.pya", "the service 'pya'", "'pay'"),
    (VISITORS + "classes = {plain = 0}", "visitors.classes", "only shares of 0", "above 0"),
    (VISITORS + "per_hour = 1979-05-27", "visitors.per_hour", "the date 1979-05-27", "people"),
    (VISITORS + "per_hour = 1979-05-27T00:00:00Z", "visitors.per_hour", "the instant 1979", "people"),
    (VISITORS + "seed = " + "9" * 300, "visitors.seed", "of some 29", "from 0"),
    ("[plugins]\nenabled = ['a','a']", "plugins.enabled[1]", "a second time", "once"),
    ("[plugins]\nenabled = 'a'", "plugins.enabled", 'the text "a"', "a list"),
    (HOURS + "mon = ['8:30-12:00']", "hours.mon[0]", "8:30-12:00", "08:30-12:00"),
    (HOURS + "mon = ['08:30-12:00', '11:00-13:00']", "hours.mon", "overlaps with 11:00-13:00", "overlap"),
    (HOURS + "closed_dates = ['2026-02-30']", "hours.closed_dates[0]", "not in the calendar", "2026-10-01"),
    (HOURS + "closed_dates = ['1.10.2026']", "hours.closed_dates[0]", "1.10.2026", "2026-10-01"),
]  # fmt: skip

HALL_LINES: list[tuple[str, str, str, str]] = [
    # a line of [hall] that replaces its like: what, key, found, allowed
    ('org = "A/b"', "hall.org", 'the text "A/b"', "company/branch/district/hall"),
    ('org = "a//b"', "hall.org", 'the text "a//b"', "small letters"),
    ('org = "/a"', "hall.org", 'the text "/a"', "small letters"),
    ("org = 7", "hall.org", "the number 7", "small letters"),
    ('timezone = "Asia/Shangai"', "hall.timezone", "Asia/Shangai", "did you mean 'Asia/Shanghai'?"),
    ('timezone = "Asia"', "hall.timezone", 'the text "Asia"', "IANA"),
    ('timezone = "../UTC"', "hall.timezone", "../UTC", "IANA"),
    ('timezone = "a\\u0000b"', "hall.timezone", "a\\u0000b", "IANA"),
    ('default_class = "plian"', "hall.default_class", "the class 'plian'", "did you mean 'plain'?"),
    ('day_ends = "24:00"', "hall.day_ends", 'the text "24:00"', "23:59"),
    ("day_ends = 4", "hall.day_ends", "the number 4", "23:59"),
    ("max_recalls = 21", "hall.max_recalls", "the number 21", "from 0 to 20"),
    ('data = ""', "hall.data", 'the text ""', "path"),
    ('data = "a\\u0000b"', "hall.data", "a\\u0000b", "path"),
    ('customer_table = "none.csv"', "hall.customer_table", "where there is no file", "UTF-8"),
    ('customer_table = "."', "hall.customer_table", "which is a folder", "UTF-8"),
]


def with_hall_line(text: str, line: str) -> tuple[str, int]:
    """The text with this line in [hall] instead of its like, and the line's number."""
    key = line.split()[0]
    rows = [row for row in text.split("\n") if not row.startswith(f"{key} =")]
    return "\n".join([rows[0], line, *rows[1:]]), 2


def test_smallest_hall_has_all_defaults(smallest: str, loaded: Loading, tmp_path: Path) -> None:
    config = loaded(smallest)
    assert config.settings == settings_from(config.values)
    assert config.settings.hours is None
    assert config.settings.counters[1].name == Words("1号台席", "Counter 1")
    assert config.settings.services["pay"].mean_service_s == 300
    assert config.values["class.plain.rate_milli"] == 1000
    assert config.values["hall.day_ends_s"] == 4 * 3600
    assert (config.server.host, config.server.port, config.server.public_url) == ("127.0.0.1", 8080, None)
    assert config.announcements.languages == ("zh", "en")
    assert not config.visitors.enabled
    assert (config.visitors.services, config.visitors.classes) == ({"pay": 1}, {"plain": 1})
    assert (config.devices, config.plugins, len(config.customers)) == ((), (), 0)
    assert config.data_dir == tmp_path / "data"
    assert not config.data_dir.exists()


def test_values_are_sorted_and_do_not_depend_on_the_order_of_the_file(smallest: str, loaded: Loading) -> None:
    head, *tables = smallest.split("\n\n")
    other_way_round = "\n\n".join([*reversed(tables), head]) + "\n"
    first, second = loaded(smallest).values, loaded(other_way_round).values
    assert list(first.items()) == list(second.items())
    assert list(first) == sorted(first)
    assert None not in first.values()


def test_values_cannot_be_changed(smallest: str, loaded: Loading) -> None:
    values: Any = loaded(smallest).values
    with pytest.raises(TypeError):
        values["hall.org"] = "x"


def test_one_text_stands_for_both_languages(smallest: str, loaded: Loading) -> None:
    assert loaded(smallest).settings.classes["plain"].name == Words("普通", "普通")


def test_ideographic_space_is_text(smallest: str, loaded: Loading) -> None:
    assert loaded(smallest.replace("普通", "普　通")).settings.classes["plain"].name.zh == "普　通"


@pytest.mark.parametrize(("rate", "thousandths"), [("1.5", 1500), ("2", 2000), ("0.001", 1), ("1.2", 1200)])
def test_rate_is_kept_in_thousandths(smallest: str, loaded: Loading, rate: str, thousandths: int) -> None:
    text = smallest.replace("[service.pay]", f"rate = {rate}\n[service.pay]")
    assert loaded(text).settings.classes["plain"].rate_milli == thousandths


def test_toml_times_and_dates_without_quotation_marks_are_taken(smallest: str, loaded: Loading) -> None:
    text, _ = with_hall_line(smallest, "day_ends = 03:30:00")
    settings = loaded(text + "[hours]\nclosed_dates = [2026-10-01]").settings
    assert settings.day_ends_s == 12_600
    assert settings.hours is not None
    assert settings.hours.closed_dates == {"2026-10-01"}


@pytest.mark.parametrize(("text", "key", "found", "allowed"), ADDED)
def test_mistake_below_is_one_fault_at_its_place(
    smallest: str, faults_of: Faulting, text: str, key: str, found: str, allowed: str
) -> None:
    (fault,) = faults_of(smallest + text)
    assert fault.key == key
    assert found in fault.found
    assert allowed in fault.allowed
    assert fault.line >= smallest.count("\n") + 1
    row = (smallest + text).split("\n")[fault.line - 1]
    if fault.found.startswith(("nothing", "neither")):  # told at the table that lacks it
        assert "[" in row or "{" in row
    else:
        assert re.sub(r"\[\d+\]", "", key).split(".")[-1] in row


@pytest.mark.parametrize(("line", "key", "found", "allowed"), HALL_LINES)
def test_mistake_in_hall_is_one_fault_at_its_line(
    smallest: str, faults_of: Faulting, line: str, key: str, found: str, allowed: str
) -> None:
    text, number = with_hall_line(smallest, line)
    (fault,) = faults_of(text)
    assert (fault.key, fault.line) == (key, number)
    assert found in fault.found
    assert allowed in fault.allowed


@pytest.mark.parametrize("key", ["org", "name", "timezone", "default_class"])
def test_missing_key_is_told_at_the_heading(smallest: str, faults_of: Faulting, key: str) -> None:
    text = "\n".join(row for row in smallest.split("\n") if not row.startswith(f"{key} = ") or "普通" in row)
    faults = [fault for fault in faults_of(text) if fault.key == f"hall.{key}"]
    assert [(fault.line, fault.found) for fault in faults] == [(1, "nothing")]


@pytest.mark.parametrize(
    ("heading", "key"),
    [("[class.", "class"), ("[service.", "service"), ("[counter.", "counter"), ("[hall]", "hall")],
)
def test_missing_table_is_one_fault(smallest: str, faults_of: Faulting, heading: str, key: str) -> None:
    text = "\n\n".join(table for table in smallest.split("\n\n") if not table.startswith(heading))
    (fault,) = faults_of(text)
    assert (fault.key, fault.line, fault.found) == (key, 0, "nothing")
    assert fault.allowed.startswith("a table [")


def test_key_outside_its_table_is_sent_home(smallest: str, faults_of: Faulting) -> None:
    (fault,) = faults_of("port = 8080\n" + smallest)
    assert (fault.line, fault.key, fault.allowed) == (1, "port", "below [server]")


def test_key_of_an_entry_outside_an_entry_is_told(smallest: str, faults_of: Faulting) -> None:
    (fault,) = faults_of(smallest.replace("[counter.1]", "[counter]\nname = 'x'\n[counter.1]"))
    assert (fault.line, fault.key) == (15, "counter.name")
    assert "[counter.N]" in fault.allowed


def test_misspelt_required_key_is_one_fault(smallest: str, faults_of: Faulting) -> None:
    (fault,) = faults_of(smallest.replace("prefix", "prefx"))
    assert (fault.line, fault.key) == (12, "service.pay.prefx")
    assert "did you mean 'prefix'?" in fault.allowed


def test_wrong_name_is_not_reported_again_by_those_who_use_it(smallest: str, faults_of: Faulting) -> None:
    faults = faults_of(smallest.replace("service.pay]", "service.Pay]").replace("{ pay =", "{ Pay ="))
    assert [fault.key for fault in faults] == ["service.Pay"]


def test_all_mistakes_come_at_once_in_the_order_of_the_lines(faults_of: Faulting) -> None:
    text = """\
[hall]
org = "A"
name = "x"
timezone = "Mars"
default_class = "gold"
customer_table = "customers.csv"
[service.pay]
prefix = 1
[class.plain]
name = 5
[counter.1]
skills = { pay = 99, bank = 1 }
[counter.x]
skills = 1
[oops]
"""
    faults = faults_of(text, "phone,class\n12,plain\n13800138000,gold\n")
    assert [(fault.line, fault.key) for fault in faults] == [
        (2, "hall.org"),
        (4, "hall.timezone"),
        (5, "hall.default_class"),
        (7, "service.pay.name"),
        (8, "service.pay.prefix"),
        (10, "class.plain.name"),
        (12, "counter.1.skills.pay"),
        (13, "counter.x"),
        (14, "counter.x.skills"),
        (15, "oops"),
        (2, "phone"),
        (3, "class"),
    ]
    assert faults[-1].file.endswith("customers.csv")


DRIVERS = {
    "escpos": DriverTerms(
        options={
            "columns": Annotated[int, msgspec.Meta(ge=16, le=64)],
            "cut": bool,
            "encoding": Literal["gb18030", "utf-8"],
            "title": str,
            "ratio": float,
        },
        at_counter=False,
    ),
    "monitor": DriverTerms(at_counter=False, measures=True),
    "strip": DriverTerms(options={"address": int}, required=frozenset({"address"}), at_counter=True),
}
MONITOR = "[device.m]\ndriver = 'monitor'\nsimulated = 'pty'\n"
PRINTER = "[device.p]\ndriver = 'escpos'\nsimulated = 'pty'\n"


@pytest.mark.parametrize(
    ("text", "key", "found", "allowed"),
    [
        (
            "[device.p]\ndriver = 'espos'\nsimulated = 'pty'",
            "device.p.driver",
            "the driver 'espos'",
            "'escpos'",
        ),
        (PRINTER + "counter = 1", "device.p.counter", "a counter", "whole hall"),
        (PRINTER + "limits = {temperature = [5, 45]}", "device.p.limits", "limits", "measures nothing"),
        (PRINTER + "options = {columns = 8}", "device.p.options.columns", "number 8", "from 16 to 64"),
        (
            PRINTER + "options = {columns = '32'}",
            "device.p.options.columns",
            '"32"',
            "a whole number from 16",
        ),
        (PRINTER + "options = {cut = 1}", "device.p.options.cut", "the number 1", "true or false"),
        (
            PRINTER + "options = {encoding = 'gbk'}",
            "device.p.options.encoding",
            '"gbk"',
            '"gb18030" or "utf-8"',
        ),
        (PRINTER + "options = {title = 1}", "device.p.options.title", "the number 1", "a text"),
        (PRINTER + "options = {ratio = 'x'}", "device.p.options.ratio", '"x"', "a number"),
        (PRINTER + "options = {colums = 32}", "device.p.options.colums", "an option that", "'columns'"),
        (
            "[device.s]\ndriver='strip'\nsimulated='pty'\noptions={address=1}",
            "device.s.counter",
            "nothing",
            "counter = N",
        ),
        (
            "[device.s]\ndriver='strip'\nsimulated='pty'\ncounter=1",
            "device.s.options.address",
            "nothing",
            "a whole number, which the driver 'strip' needs",
        ),
    ],
)
def test_device_is_checked_against_its_driver(
    smallest: str, faults_of: Faulting, loaded: Loading, text: str, key: str, found: str, allowed: str
) -> None:
    (fault,) = faults_of(smallest + text, drivers=DRIVERS)
    assert fault.key == key
    assert found in fault.found
    assert allowed in fault.allowed
    assert loaded(smallest + text).devices  # without the installed drivers nothing is said about them


@pytest.mark.parametrize(
    ("text", "key", "found", "allowed"),
    [
        ("place = ''", "place", 'the text ""', "1 to 40 characters"),
        ("limits = {temperature = [45, 5]}", "limits", "a table", "LOWEST below HIGHEST"),
        ("limits = {temperature = [5]}", "limits", "a table", "[LOWEST, HIGHEST]"),
        ("limits = {voltage = [1, inf]}", "limits", "a table", "[LOWEST, HIGHEST]"),
        ("limits = {voltage = [true, 2]}", "limits", "a table", "[LOWEST, HIGHEST]"),
        ("limits = {noise = [1, 2]}", "limits", "a table", "temperature or voltage"),
        ("limits = 7", "limits", "the number 7", "[LOWEST, HIGHEST]"),
    ],
)
def test_place_and_limits_of_a_device_are_checked(
    smallest: str, faults_of: Faulting, text: str, key: str, found: str, allowed: str
) -> None:
    (fault,) = faults_of(smallest + MONITOR + text, drivers=DRIVERS)
    assert fault.key == f"device.m.{key}"
    assert found in fault.found
    assert allowed in fault.allowed


def test_device_that_fits_its_driver_loads(smallest: str, loaded: Loading) -> None:
    text = PRINTER + "options = { columns = 32, cut = true, encoding = 'gb18030' }"
    (device,) = loaded(smallest + text, drivers=DRIVERS).devices
    assert device.options == {"columns": 32, "cut": True, "encoding": "gb18030"}


def test_plugin_that_is_not_installed_is_told(smallest: str, faults_of: Faulting, loaded: Loading) -> None:
    text = smallest + "[plugins]\nenabled = ['standard_device']"
    (fault,) = faults_of(text, plugins=["standard_devices"])
    assert (fault.line, fault.key) == (17, "plugins.enabled[0]")
    assert "did you mean 'standard_devices'?" in fault.allowed
    assert loaded(text).plugins == ("standard_device",)


def test_drivers_of_the_enabled_plugins_are_checked_in_the_same_go(
    smallest: str, faults_of: Faulting
) -> None:
    asked: list[tuple[str, ...]] = []

    def drivers(plugins: tuple[str, ...]) -> dict[str, DriverTerms]:
        asked.append(plugins)
        return {"escpos": DriverTerms()}

    text = smallest + "[device.d]\ndriver = 'strip'\nsimulated = 'pty'\n[server]\nport = -1\n"
    faults = faults_of(text + "[plugins]\nenabled = ['one']", drivers=drivers, plugins=["one"])
    assert [fault.key for fault in faults] == ["device.d.driver", "server.port"]
    assert asked == [("one",)]


@pytest.mark.parametrize(
    ("installed", "named"),
    [
        (["care", "standard_devices"], '["standard_devices"]'),
        (["their_devices", "care"], '["care", "their_devices"]'),
        ([], "[NAME]"),
    ],
)
def test_without_a_plugin_for_drivers_the_way_to_one_is_told(
    smallest: str, faults_of: Faulting, installed: list[str], named: str
) -> None:
    text = smallest + "[device.d]\ndriver = 'nope'\nsimulated = 'pty'\n"
    (fault,) = faults_of(text, drivers=lambda plugins: {}, plugins=installed)
    assert fault.key == "device.d.driver"
    assert fault.found == "the driver 'nope'"
    assert fault.allowed == f"enable a plugin that brings drivers: [plugins] enabled = {named}"


def test_driver_of_a_plugin_that_is_not_installed_is_no_second_mistake(
    smallest: str, faults_of: Faulting
) -> None:
    text = smallest + "[device.d]\ndriver = 'strip'\nsimulated = 'pty'\n[plugins]\nenabled = ['one', 'two']"
    faults = faults_of(text, drivers=lambda plugins: {}, plugins=["one"])
    assert [fault.key for fault in faults] == ["plugins.enabled[1]"]


def test_shares_that_are_left_out_are_zero(smallest: str, loaded: Loading) -> None:
    two = smallest + "[service.x]\nname = 'X'\nprefix = 'X'\n[visitors]\nservices = { pay = 3 }"
    assert loaded(two).visitors.services == {"pay": 3, "x": 0}


def test_file_that_cannot_be_read_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes("\n\nname = '西单'".encode("gbk"))
    (tmp_path / "utf16.toml").write_bytes("[hall]".encode("utf-16"))
    for name, line, found in [
        ("none.toml", 0, "where there is no file"),
        (".", 0, "which is a folder"),
        ("latin.toml", 3, "byte 0xce, which is not UTF-8"),
        ("utf16.toml", 1, "which is not UTF-8"),
        ("a\0b", 0, "b'"),
        ("x" * 5000, 0, "x'"),
    ]:
        with pytest.raises(ConfigurationError) as caught:
            load(tmp_path / name)
        (fault,) = caught.value.faults
        assert fault.line == line
        assert found in fault.found
        assert "UTF-8" in fault.allowed


def test_device_file_is_not_opened() -> None:
    with pytest.raises(ConfigurationError, match="a device or a pipe"):
        load(Path("/dev/null"))


def test_file_without_permission_is_one_fault(
    smallest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    file = tmp_path / "hall.toml"
    file.write_text(smallest, encoding="utf-8")
    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read everything, so chmod would show nothing
    with pytest.raises(ConfigurationError, match=r"which cannot be read \(Permission denied\)"):
        load(file)


def test_byte_order_mark_and_windows_line_ends_are_no_mistake(smallest: str, loaded: Loading) -> None:
    plain = loaded(smallest).values
    assert loaded(b"\xef\xbb\xbf" + smallest.replace("\n", "\r\n").encode()).values == plain
