"""Which offers a customer gets: campaign files, caps, consent to be asked, scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from somc.api import Offer, Words
from somc_plugins.marketing.campaigns import read_campaigns
from somc_plugins.marketing.config import Caps, MarketingConfig
from somc_plugins.marketing.offers import DAY_MS, Past, chosen, offers_of, spoken

NOW = 1_772_420_400_000
WORDS = Words("中", "en")


def offer(name: str, **more: Any) -> Offer:
    return Offer(id=name, title=WORDS, text=WORDS, **more)


def ids(offers: list[Offer]) -> list[str]:
    return [each.id for each in offers]


ALL = [offer("a"), offer("b"), offer("c")]


def test_a_refused_or_accepted_offer_never_comes_again() -> None:
    """MK-04."""
    past = {"a": Past(outcome="refused", at=0), "b": Past(outcome="accepted", at=0)}
    assert ids(chosen(ALL, past, Caps(), NOW + 9999 * DAY_MS)) == ["c"]


def test_what_was_shown_or_put_off_comes_again_after_days() -> None:
    past = {"a": Past(shown=[NOW]), "b": Past(outcome="later", at=NOW)}
    caps = Caps(at_once=3, again_after_days=7)
    assert ids(chosen(ALL, past, caps, NOW + 7 * DAY_MS - 1)) == ["c"]
    assert ids(chosen(ALL, past, caps, NOW + 7 * DAY_MS)) == ["a", "b", "c"]


def test_nobody_is_spoken_to_more_often_than_the_caps_allow() -> None:
    past = {"x": Past(shown=[NOW - DAY_MS, NOW - 40 * DAY_MS]), "y": Past(shown=[NOW - 2 * DAY_MS])}
    assert ids(chosen(ALL, past, Caps(at_once=3, most=3, within_days=30), NOW)) == ["a"]
    assert ids(chosen(ALL, past, Caps(at_once=3, most=2, within_days=30), NOW)) == []
    assert ids(chosen(ALL, {}, Caps(at_once=2), NOW)) == ["a", "b"]
    assert ids(chosen([*ALL[:1], *ALL], {}, Caps(at_once=2), NOW)) == ["a", "b"], "the same twice is one"


def test_an_offer_ends() -> None:
    assert ids(chosen([offer("a", valid_until=NOW), offer("b", valid_until=NOW + 1)], {}, Caps(), NOW)) == [
        "b"
    ]


def test_a_script_speaks_with_the_customer_s_plan_and_brand_or_in_general() -> None:
    """MK-05."""
    steps = [
        Words("您用的是{plan}，{brand}客户", "You are on {plan} of {brand}"),
        Words("{oops", "{name} and {"),
    ]
    known = spoken(steps, {"plan": "88套餐", "brand": "全球通"})
    assert known[0] == Words("您用的是88套餐，全球通客户", "You are on 88套餐 of 全球通")
    assert known[1] == steps[1], "what is written wrongly stays as it is"
    assert spoken(steps, {})[0].en == "You are on the present plan of our"


def test_offers_of_a_source_are_read_and_nonsense_is_left_out() -> None:
    good = {"id": "a", "title": {"zh": "", "en": "A"}, "text": {"zh": "", "en": "t"}}
    answer = {"deep": {"list": [good, {"id": "b"}, 7, None, {**good, "valid_until": "soon"}]}}
    assert ids(offers_of(answer, "deep.list")) == ["a"]
    assert offers_of({"deep": 1}, "deep.list") == []


CAMPAIGN = """
[[offer]]
id = "gotone-128"
title = { zh = "升级", en = "Upgrade" }
text = { zh = "半价", en = "Half price" }
phones = "list.csv"

[[offer]]
id = "repair"
title = { zh = "换新", en = "Renew" }
text = { zh = "旧换新", en = "Old for new" }
services = ["repair"]
classes = ["gotone"]
valid_from = 2026-03-01T00:00:00+08:00
valid_until = 2026-04-01T00:00:00+08:00
"""


def test_a_campaign_file_offers_to_single_numbers_and_to_classes(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("# invented\nphone,plan\n13800138000,88套餐\n", encoding="utf-8")
    (tmp_path / "c.toml").write_text(CAMPAIGN, encoding="utf-8")
    campaigns = read_campaigns(tmp_path / "c.toml")

    def found(*args: Any) -> list[tuple[str, dict[str, str]]]:
        return [(made.id, values) for made, values in campaigns.for_(*args)]

    assert found("13800138000", "payment", None, NOW) == [("gotone-128", {"plan": "88套餐"})]
    assert found("13900000000", "repair", "gotone", NOW) == [("repair", {})]
    assert found(None, "repair", "gotone", NOW) == [("repair", {})]
    assert found(None, "repair", "plain", NOW) == []
    assert found(None, "repair", "gotone", NOW + 60 * DAY_MS) == [("repair", {})], "its end is the offer's"
    assert found(None, "repair", "gotone", NOW - 30 * DAY_MS) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[offer]]\nid = 'a'", "title"),
        (CAMPAIGN + CAMPAIGN, "stands twice"),
        (CAMPAIGN, "list.csv"),
        (CAMPAIGN.replace('phones = "list.csv"', "valid_until = 2026-01-01T00:00:00"), "needs its offset"),
        ("x = ", "c.toml"),
    ],
)
def test_a_mistake_in_a_campaign_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        read_campaigns(tmp_path / "c.toml")


def test_marketing_without_offers_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="where offers come from"):
        msgspec.convert({}, MarketingConfig)
    source = {"url": "http://m/{phone}", "outcome_url": "http://m/{number}"}
    with pytest.raises(msgspec.ValidationError, match="unknown number"):
        msgspec.convert({"source": source}, MarketingConfig)
