"""Plugins in the records: which work here, how they are configured, what they warn of and keep."""

from __future__ import annotations

from typing import Any

import pytest

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.values import Words
from somc.testing.given import given, like
from tests.domain import acts

CROWDED = Words("拥挤", "crowded")


def switch(enabled: bool, **more: Any) -> c.SwitchPlugin:
    return c.SwitchPlugin(**{"by": "admin:a", "plugin": "crm", "enabled": enabled, **more})


def alert(**more: Any) -> c.RaisePluginAlert:
    return c.RaisePluginAlert(
        **{"by": "plugin:crm", "plugin": "crm", "name": "crowded", "words": CROWDED, **more}
    )


# -- switching ----------------------------------------------------------------------------------------


def test_a_plugin_is_enabled_once() -> None:
    hall = given()
    hall.when(switch(True, version="1.2")).then(e.PluginEnabled(by="admin:a", plugin="crm", version="1.2"))
    hall.when(switch(True, version="1.2")).then()
    assert hall.state.plugins["crm"].enabled
    hall.when(switch(True, version="1.3")).then(like(e.PluginEnabled, version="1.3"))


def test_a_reload_is_a_fact_each_time() -> None:
    hall = given().and_(switch(True, version="1.2"))
    for version in ("1.3", "1.3"):
        reload = c.ReloadPlugin(by="admin:a", plugin="crm", version=version)
        hall.when(reload).then(e.PluginReloaded(by="admin:a", plugin="crm", version=version))
    assert (hall.state.plugins["crm"].enabled, hall.state.plugins["crm"].version) == (True, "1.3")
    hall.and_(switch(False)).when(reload).then()


def test_what_was_never_enabled_is_not_disabled() -> None:
    given().when(switch(False)).then()


def test_a_quarantine_says_why_in_one_line_without_anybody_s_number() -> None:
    hall = given().and_(switch(True))
    hall.when(switch(False, cause="quarantine", why="it\nraised\tfor 13800138000")).then(
        e.PluginDisabled(by="admin:a", plugin="crm", cause="quarantine", why="it raised for (number)")
    )
    assert hall.state.plugins["crm"].cause == "quarantine"


def test_hall_toml_s_word_is_noted_beside_the_switch() -> None:
    hall = given().and_(switch(True))
    hall.when(switch(True, by="config")).then(like(e.PluginEnabled, by="config"))
    hall.when(switch(True, by="config")).then()
    hall.and_(switch(False))
    hall.when(switch(False, by="config")).then(like(e.PluginDisabled, by="config"))
    hall.when(switch(False, by="config")).then()


# -- configuration ------------------------------------------------------------------------------------


def test_a_configuration_changes_by_what_is_new_in_it() -> None:
    hall = given().and_(switch(True))
    file = c.ConfigurePlugin(by="config", plugin="crm", changes={"url": "a", "cache_s": 5})
    hall.when(file).then(e.PluginConfigured(by="config", plugin="crm", changes={"url": "a", "cache_s": 5}))
    hall.when(file).then()
    hall.and_(c.ConfigurePlugin(by="admin:a", plugin="crm", changes={"url": "b"}))
    assert hall.state.plugins["crm"].values == {"url": "b", "cache_s": 5}
    hall.and_(c.ConfigurePlugin(by="admin:a", plugin="crm", changes={"url": None}))
    assert hall.state.plugins["crm"].values == {"url": "a", "cache_s": 5}


@pytest.mark.parametrize(
    ("data", "code"), [({"a": "x" * 5000}, "data_too_large"), ({"a": "13800138000"}, "phone_in_text")]
)
def test_what_is_kept_for_ever_is_small_and_nobody_s_number(data: dict[str, Any], code: str) -> None:
    hall = given().and_(switch(True))
    configure = c.ConfigurePlugin(by="x", plugin="crm", changes=data)
    note = c.NotePlugin(by="x", plugin="crm", kind="seen", data=data)
    refused = {
        "data_too_large": lambda outcome: outcome.refused("data_too_large", "4096"),
        "phone_in_text": lambda outcome: outcome.refused("phone_in_text", "data"),
    }
    refused[code](hall.when(configure))
    refused[code](hall.when(note))


# -- notes, faults ------------------------------------------------------------------------------------


def test_a_note_is_kept_as_it_is() -> None:
    hall = given()
    hall.when(c.NotePlugin(by="plugin:crm", plugin="crm", kind="synced", data={"n": 3})).then(
        e.PluginNoted(by="plugin:crm", plugin="crm", kind="synced", data={"n": 3})
    )
    hall.when(c.NotePlugin(by="x", plugin="crm", kind="Not a word", data={})).refused("bad_kind")


def test_a_fault_is_kept_with_what_the_host_did() -> None:
    report = c.ReportPluginFault(
        by="host", plugin="crm", hook="somc_record", why="boom", action="passed_over", record=7, faults=3
    )
    given().when(report).then(
        like(e.PluginFaulted, hook="somc_record", why="boom", action="passed_over", record=7, faults=3)
    )


# -- alerts -------------------------------------------------------------------------------------------


def test_one_alert_of_a_name_stands_at_a_time() -> None:
    hall = given().and_(switch(True))
    hall.when(alert(value=9, limit=5)).then(
        like(e.AlertRaised, plugin="crm", name="crowded", words=CROWDED, value=9, limit=5)
    )
    hall.when(alert(value=10)).then()
    take_back = c.ClearPluginAlert(by="plugin:crm", plugin="crm", name="crowded")
    hall.when(take_back).then(like(e.AlertCleared, cause="taken_back"))
    hall.when(take_back).then()
    hall.when(alert()).then(e.AlertRaised)
    assert len({event.alert for event in hall.happened if isinstance(event, e.AlertRaised)}) == 2


def test_alerts_of_two_plugins_stand_side_by_side_and_are_acknowledged() -> None:
    hall = given().and_(alert(), alert(plugin="care"))
    assert len(hall.state.alerts) == 2
    name = next(iter(hall.state.alerts))
    hall.when(c.AcknowledgeAlert(by="manager:m", alert=name, done="served")).then(e.AlertAcknowledged)


def test_a_disabled_plugin_s_alerts_are_cleared() -> None:
    hall = given().and_(switch(True), alert())
    hall.when(switch(False)).then(e.PluginDisabled, like(e.AlertCleared, cause="plugin_disabled"))


def test_an_alert_of_a_plugin_ends_with_the_day() -> None:
    hall = given().and_(acts.take("t1", "payment"), alert(about="t1"))
    hall.running("24h")
    assert any(isinstance(event, e.AlertCleared) and event.cause == "day_ended" for event in hall.happened)
    assert not hall.state.alerts


def test_what_an_alert_names_is_there() -> None:
    hall = given()
    hall.when(alert(service="tea")).refused("unknown_service")
    hall.when(alert(about="t9")).refused("unknown_ticket")
    hall.when(alert(name="Too many")).refused("bad_kind")
    hall.when(alert(words=Words("叫 13800138000", "x"))).refused("phone_in_text")
