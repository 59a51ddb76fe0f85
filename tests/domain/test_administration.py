"""Settings that a running hall has of its own, and rights for the record."""

from __future__ import annotations

from typing import Any

import pytest

from somc.domain import events as e
from somc.domain.commands import ChangeConfig, ChangeSettings, GrantAccess, RevokeAccess
from somc.testing.given import given, like

ADMIN = "admin:wang"


def change(changes: dict[str, Any]) -> ChangeSettings:
    return ChangeSettings(by=ADMIN, changes=changes)


def test_a_hall_s_own_value_wins_and_none_brings_back_hall_toml_s() -> None:
    hall = given()
    before = hall.state.hall.services["payment"].mean_service_s
    hall.when(change({"service.payment.mean_service_s": 77})).then(
        e.ConfigChanged(by=ADMIN, changes={"service.payment.mean_service_s": 77})
    )
    assert hall.state.hall.services["payment"].mean_service_s == 77
    hall.when(change({"service.payment.mean_service_s": None})).then(e.ConfigChanged)
    assert hall.state.hall.services["payment"].mean_service_s == before


def test_what_stands_already_is_no_record() -> None:
    given().when(change({"service.payment.prefix": "A"})).then()


def test_a_service_of_the_hall_s_own_comes_and_goes() -> None:
    hall = given()
    new = {"service.esim.name": {"zh": "eSIM", "en": "eSIM"}, "service.esim.prefix": "S"}
    hall.and_(change(new))
    assert "esim" in hall.state.hall.services
    hall.and_(change(dict.fromkeys(new)))
    assert "esim" not in hall.state.hall.services


def test_hall_toml_still_wins_where_it_changes_later() -> None:
    hall = given()
    hall.and_(change({"service.payment.mean_service_s": 77}))
    hall.and_(ChangeConfig(by="config", changes={"service.payment.mean_service_s": 99}))
    assert hall.state.hall.services["payment"].mean_service_s == 99


@pytest.mark.parametrize("key", ["hall.org", "hall.timezone", "hall.day_ends_s"])
def test_where_and_when_the_hall_is_stays_hall_toml_s(key: str) -> None:
    given().when(change({key: "x"})).refused("fixed_setting")


@pytest.mark.parametrize(
    "changes",
    [
        {"service.payment.prefix": "B"},
        {"service.payment.colour": 1},
        {"counter.1.skills": {"nothing": 1}},
        {"display.media": ["../../etc/passwd"]},
        {"counter.1.at": [1]},
        {"hall.hours": {"week": [[[0, 3600]]] * 6}},
        {"hall.hours": {"week": [[]] * 7}},
        {"hall.hours": {"week": [[[36_000, 3600]]] * 7}},
        {"hall.hours": {"week": [[[-60, 3600]]] * 7}},
        {"hall.hours": {"week": [[[3600, 10**15]]] * 7}},
        {"hall.hours": {"week": [[[3600, 7200], [7100, 9000]]] * 7}},
        {"hall.hours": {"week": [[[80_000, 90_000], [3500, 4000]]] * 7}},
        {"service.payment.hours": {"week": [[]] * 7}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_spells_out_no_hall_is_refused(changes: dict[str, Any]) -> None:
    given().when(change(changes)).refused("bad_config")


def test_a_notice_holds_nobody_s_number() -> None:
    notice = [{"zh": "请致电 13800138000", "en": "call 13800138000"}]
    given().when(change({"display.notices": notice})).refused("phone_in_text")


def test_rights_given_and_taken_are_on_record() -> None:
    hall = given()
    grant = GrantAccess(
        by=ADMIN, token="0a1b", kind="api", subject="li", roles=("agent",), scope="", expires_at=None
    )
    hall.when(grant).then(like(e.AccessGranted, token="0a1b", subject="li", roles=("agent",)))
    hall.when(RevokeAccess(by=ADMIN, token="0a1b", subject="li")).then(like(e.AccessRevoked, token="0a1b"))
