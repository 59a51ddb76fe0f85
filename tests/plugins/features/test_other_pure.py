"""The libraries of scripts, the scores of evaluation: what counts, without a hall."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from somc.api import Record, Words
from somc_plugins.evaluation.scores import Day, Survey, counted, scores
from somc_plugins.scripts.library import Entry, Place, Version, in_force, levels_of, name_of

ORG = "somc/shoudu/xicheng/xidan"
TODAY = date(2026, 3, 2)


def version(number: int, en: str, approved: date = date(2026, 1, 1)) -> Version:
    return Version(
        number=number,
        steps=[Words("中", en)],
        approved_on=approved,
        approved_by="wu",
        published_at=0,
        published_by="wu",
    )


def entry(level: str, *versions: Version, moment: Any = "greet", **narrow: Any) -> tuple[str, Entry]:
    place = Place(level=level, moment=moment, **narrow)
    return name_of(place), Entry(place=place, versions=list(versions))


def said(
    *entries: tuple[str, Entry], org: str = ORG, service: str = "payment", day: date = TODAY
) -> list[str]:
    texts = in_force(dict(entries), org, service, "gotone", day)
    return [text.version.steps[0].en for text in texts]


COMPANY, DISTRICT = entry("somc", version(1, "company")), entry("somc/shoudu/xicheng", version(1, "district"))
HALL = entry(ORG, version(1, "hall"))


def test_a_hall_s_text_stands_instead_of_the_district_s_for_this_hall_only() -> None:
    """SC-01."""
    assert levels_of(ORG) == ["somc", "somc/shoudu", "somc/shoudu/xicheng", ORG]
    assert said(COMPANY, DISTRICT, HALL) == ["hall"]
    assert said(COMPANY, DISTRICT, HALL, org="somc/shoudu/xicheng/xisi") == ["district"]
    assert said(COMPANY, DISTRICT, HALL, org="somc/hebei/x/y") == ["company"]
    withdrawn = (HALL[0], msgspec.structs.replace(HALL[1], withdrawn=True))
    assert said(COMPANY, DISTRICT, withdrawn) == ["district"], "the inherited one is back"
    again = (HALL[0], withdrawn[1].with_(version(2, "hall again")))
    assert said(COMPANY, DISTRICT, again) == ["hall again"]


def test_the_nearer_level_goes_before_the_narrower_text_and_that_before_the_wider() -> None:
    wide = entry(ORG, version(1, "all"))
    of_class = entry(ORG, version(1, "class"), customer_class="gotone")
    of_service = entry(ORG, version(1, "service"), service="payment")
    of_both = entry("somc", version(1, "both"), service="payment", customer_class="gotone")
    assert said(wide, of_class, of_service, of_both) == ["service"]
    assert said(wide, of_class, of_both) == ["class"]
    assert said(wide, of_both) == ["all"]
    assert said(wide, of_service, service="repair") == ["all"]


def test_a_version_counts_from_its_day_of_approval() -> None:
    text = entry(ORG, version(1, "old"), version(2, "new", date(2026, 3, 3)))
    assert said(text) == ["old"]
    assert said(text, day=date(2026, 3, 3)) == ["new"]
    assert said(text, day=date(2025, 12, 31)) == []


def test_rules_of_conduct_add_up_and_other_moments_are_one_each() -> None:
    rules = (
        entry("somc", version(1, "smile"), moment="rule"),
        entry(ORG, version(1, "stand"), moment="rule"),
    )
    assert said(*rules, HALL, COMPANY, entry(ORG, version(1, "bye"), moment="end")) == [
        "hall",
        "bye",
        "stand",
        "smile",
    ]


def rated(seq: int, score: int | None, scale: int = 5, agent: str = "li") -> Record:
    data: dict[str, Any] = {
        "ticket": "t",
        "number": "A001",
        "agent": agent,
        "scale": scale,
        "source": "evaluator",
    }
    return Record(
        seq=seq, at=0, type="ticket.rated", topic="x", data=data | ({"score": score} if score else {})
    )


def test_one_score_from_ratings_and_surveys_with_the_number_of_answers() -> None:
    """RP-17 and HW-14."""
    day = Day()
    for record in (
        rated(1, 5),
        rated(2, 4),
        rated(3, None),
        rated(4, 3, 3, "wang"),
        rated(4, 1),
        rated(2, 1),
    ):
        counted(day, record, "payment")
    found = scores([day], [Survey(id="q1", day="2026-03-02", answers=3, score=80.0)])
    assert found["rated"] == {"score": 91.67, "answers": 3, "not_rated": 1}
    assert found["surveyed"] == {"score": 80.0, "answers": 3, "not_rated": 0}
    assert (found["score"], found["answers"]) == (85.83, 6)
    assert found["by_agent"]["li"] == {"score": 87.5, "answers": 2, "not_rated": 1}
    assert found["by_service"]["payment"]["answers"] == 3
    assert scores([], []) == {
        "score": None,
        "answers": 0,
        "not_rated": 0,
        **{name: {"score": None, "answers": 0, "not_rated": 0} for name in ("rated", "surveyed")},
        **{name: {} for name in ("by_agent", "by_service", "by_source")},
    }
    assert msgspec.convert(msgspec.to_builtins(day), Day) == day


@pytest.mark.parametrize("wrong", [{"score": 101}, {"answers": 0}, {"day": "1 May"}, {"id": "a/b"}])
def test_a_survey_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    good = {"id": "q1", "day": "2026-03-02", "answers": 3, "score": 80}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**good, **wrong}, Survey)
