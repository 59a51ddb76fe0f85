"""What one table of a hall.toml says about another: names that must exist, prefixes that must differ,
devices that fit their drivers.

What must stay true: values already reported as `FAULTY` are passed over, so that one mistake is one fault.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from somc.config.hall_config import Checker, DriverTerms
from somc.config.reading import FAULTY, Place, Reading, found_words, one_of
from somc.config.schema import TABLES
from somc.config.tables import OPTIONS, Entries
from somc.domain.policy import PolicyKinds, policy_faults
from somc.domain.templates import BUILT_IN, faults
from somc.domain.values import MESSAGE_CLASSES, HallSettings

__all__ = [
    "check_devices",
    "check_kind",
    "check_messages",
    "check_names",
    "check_plugin_tables",
    "check_plugins",
    "check_policy",
]

STANDARD = "standard_devices"
"""The bundled plugin with drivers; others may bring more."""


def check_names(tables: Mapping[str, Entries], reading: Reading) -> None:
    """Services and classes that are named somewhere exist, prefixes are unique, shares are not all 0."""
    services, classes, counters = tables["service"], tables["class"], tables["counter"]
    hall = tables["hall"][""]
    default_class = hall["default_class"]
    if classes and default_class is not FAULTY and default_class not in classes:
        reading.at("hall", "default_class").doubt(
            f"the class '{default_class}'", one_of(default_class, classes)
        )
    prefixes: dict[str, str] = {}
    for name, service in services.items():
        at = reading.at("service", name)
        _known(service["target_wait_s"], classes, "class", at / "target_wait_s")
        prefix = service["prefix"]
        if prefix is not FAULTY and prefix in prefixes:
            free = ", ".join(
                letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in _all_prefixes(services)
            )
            (at / "prefix").fault(
                f"the prefix \"{prefix}\", which service '{prefixes[prefix]}' has already",
                f"a prefix of its own ({free} are free)",
            )
        elif prefix is not FAULTY:
            prefixes[prefix] = name
        _known(service["weight"], classes, "class", at / "weight")
        _known(service["max_wait_s"], classes, "class", at / "max_wait_s")
    for number, counter in counters.items():
        at = reading.at("counter", number)
        _known(counter["skills"], services, "service", at / "skills")
        _known(counter["overflow_s"], services, "service", at / "overflow_s")
        _known(counter["reserved_for"], classes, "class", at / "reserved_for")
        if counter["opens_after_s"] not in (None, FAULTY) and not counter["reserved_for"]:
            (at / "opens_after_s").fault("no reserved_for beside it", "with reserved_for = [CLASS, …] only")
    for date, special in tables["calendar"].items():
        at = reading.at("calendar", date)
        if special["hours"] is None and special["like"] is None:
            at.doubt("neither 'hours' nor 'like'", 'hours = ["09:00-12:00"], hours = [] or like = "mon"')
        elif special["hours"] is not None and special["like"] is not None:
            (at / "like").fault("both 'hours' and 'like'", "one of them")
    visitors = tables["visitors"][""]
    for key, names, word in (("services", services, "service"), ("classes", classes, "class")):
        shares, at = visitors[key], reading.at("visitors", key)
        _known(shares, names, word, at)
        if shares is not FAULTY and shares and not any(shares.values()):
            at.fault("only shares of 0", "at least one share above 0")


def _all_prefixes(services: Entries) -> set[str]:
    return {service["prefix"] for service in services.values() if service["prefix"] is not FAULTY}


def _known(named: Any, names: Collection[str], word: str, at: Place) -> None:
    # With none at all, the missing table was reported: not each name again.
    if named is not FAULTY and names:
        for place, name in enumerate(named):
            if name not in names:
                key = place if isinstance(named, list) else name
                (at / key).doubt(f"the {word} '{name}'", one_of(name, names))


def check_devices(
    devices: Entries,
    counters: Collection[str],
    drivers: Mapping[str, DriverTerms] | None,
    plugins: Collection[str],
    reading: Reading,
) -> None:
    """Each device has one way to it, a counter that exists, and what its driver (if known) asks.

    `plugins` are the installed ones: where there is no driver at all, one of them has to be enabled.
    """
    for name, device in devices.items():
        at = reading.at("device", name)
        counter, driver = device["counter"], device["driver"]
        if device["url"] is not None and device["simulated"] is not None:
            (at / "simulated").fault(
                "both 'url' and 'simulated'", "one of them: the real device or a simulated one"
            )
        elif device["url"] is None and device["simulated"] is None:
            at.doubt(
                "neither 'url' nor 'simulated'", 'url = "tcp://…" for a device, or simulated = "pty" or "tcp"'
            )
        if counters and counter not in (None, FAULTY) and str(counter) not in counters:
            (at / "counter").doubt(f"the counter {counter}", one_of(str(counter), counters))
        if drivers is None or driver is FAULTY:
            continue
        if driver not in drivers:
            allowed = one_of(driver, drivers) if drivers else _where_drivers_are(plugins)
            (at / "driver").fault(f"the driver '{driver}'", allowed)
            continue
        _check_terms(drivers[driver], driver, device, at)


def _where_drivers_are(plugins: Collection[str]) -> str:
    """What to do where no enabled plugin brings a driver."""
    # Which of the others brings some is not known: a plugin that is not enabled is not loaded.
    ours = [STANDARD] if STANDARD in plugins else sorted(plugins)
    named = ", ".join(f'"{name}"' for name in ours) or "NAME"
    return f"enable a plugin that brings drivers: [plugins] enabled = [{named}]"


def _check_terms(terms: DriverTerms, driver: str, device: Mapping[str, Any], at: Place) -> None:
    if terms.at_counter is True and device["counter"] is None:
        (at / "counter").doubt("nothing", f"counter = N: the driver '{driver}' serves a device at a counter")
    if terms.at_counter is False and device["counter"] is not None:
        (at / "counter").fault("a counter", f"no counter: the driver '{driver}' serves the whole hall")
    if device["limits"] and not terms.measures:
        (at / "limits").fault("limits", f"none: the driver '{driver}' measures nothing")
    options = device["options"]
    if options is FAULTY:
        return
    for name in sorted(terms.required - options.keys()):
        (at / "options" / name).doubt(
            "nothing", f"{_type_words(terms.options[name])}, which the driver '{driver}' needs"
        )
    for name, value in options.items():
        option_at = at / "options" / name
        if name not in terms.options:
            option_at.fault(
                f"an option that the driver '{driver}' does not have", one_of(name, terms.options)
            )
            continue
        try:
            msgspec.convert(value, terms.options[name])
        except msgspec.ValidationError:
            option_at.fault(found_words(value), _type_words(terms.options[name]))


def _type_words(wanted: Any) -> str:
    """A type in the words of a manager."""
    match msgspec.inspect.type_info(wanted):
        case msgspec.inspect.LiteralType(values=values):
            return " or ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)
        case msgspec.inspect.IntType() as info:
            return "a whole number" + _range_words(info)
        case msgspec.inspect.FloatType() as info:
            return "a number" + _range_words(info)
        case msgspec.inspect.BoolType():
            return "true or false (without quotation marks)"
        case msgspec.inspect.StrType(pattern=None):
            return "a text"
        case msgspec.inspect.StrType(pattern=pattern):
            return f"a text of the form {pattern}"
        case msgspec.inspect.ListType(item_type=_) | msgspec.inspect.VarTupleType(item_type=_):
            return "a list in square brackets"
        case msgspec.inspect.DictType():
            return "an inline table"
    return "what the driver's page says"


def _range_words(info: msgspec.inspect.IntType | msgspec.inspect.FloatType) -> str:
    words = ""
    if info.ge is not None:
        words += f" from {info.ge}"
    if info.gt is not None:
        words += f" above {info.gt}"
    if info.le is not None:
        words += f" to {info.le}"
    if info.lt is not None:
        words += f" below {info.lt}"
    return words


def check_messages(tables: Mapping[str, Entries], reading: Reading) -> None:
    """Limits name classes that there are, templates only what their messages have."""
    limits = tables["messages"][""]["per_day"]
    if limits is not FAULTY:
        for name in limits:
            if name not in MESSAGE_CLASSES:
                reading.at("messages", "per_day", name).fault(
                    f"the class '{name}'", one_of(name, MESSAGE_CLASSES)
                )
    for name, template in tables["template"].items():
        usual = BUILT_IN.get(name)
        words = template["text"]
        if words is FAULTY:
            continue
        for language, text in words.items():
            allowed = None if usual is None else usual.placeholders
            fault = faults(text, allowed)
            if fault is not None:
                known = ", ".join(f"{{{each}}}" for each in allowed or ()) or "names such as {date}"
                reading.at("template", name, "text").fault(f"{fault} ({language})", known)


def check_kind(kind: Any, kinds: PolicyKinds | None, at: Place) -> None:
    """The policy kind exists, if it is known which do."""
    if kind is not FAULTY and kinds is not None and kind not in kinds:
        at.fault(found_words(kind), one_of(kind, kinds))


def check_policy(settings: HallSettings, kinds: PolicyKinds, reading: Reading) -> None:
    """Nobody could wait for ever under the policy, and its kind computes."""
    for fault in policy_faults(settings, kinds):
        table, *names, field = fault.key.split(".")
        keys = next(each.keys for each in TABLES if each.name == table)
        spelt = next((key.name for key in keys if key.field == field), field)
        reading.at(table, *names, spelt).fault(fault.why.en, fault.remedy.en)


def check_plugins(names: Any, installed: Collection[str] | None, at: Place) -> None:
    """Each enabled plugin is installed, if it is known which are."""
    if names is FAULTY or installed is None:
        return
    for number, name in enumerate(names):
        if name not in installed:
            (at / number).fault(f"the plugin '{name}'", one_of(name, installed))


def check_plugin_tables(
    entries: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, Checker] | None,
    installed: Collection[str] | None,
    reading: Reading,
) -> None:
    """Each plugin's own table fits its model. A table of one that is not enabled only has to name one that is
    installed: it can be enabled later, and is checked then."""
    for name, fields in entries.items():
        at = reading.at("plugin", name)
        if installed is not None and name not in installed:
            at.fault(f"the plugin '{name}'", one_of(name, installed))
        elif models is not None and name in models:
            for key, why in models[name](fields[OPTIONS]):
                place = at
                for part in key.split(".") if key else ():
                    place = place / part
                place.fault(why, "what the plugin's configuration takes")
