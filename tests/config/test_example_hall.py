"""The example hall is what its page promises, and loads without a fault."""

import re
from collections import Counter
from pathlib import Path

import pytest

from somc.cli.run import OWN_COUNTER
from somc.config import HallConfig, load
from somc.domain.settings import differences, settings_from

AT_COUNTERS = ("reference-strip", "reference-keypad")
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "hall" / "hall.toml"


def example() -> HallConfig:
    return load(EXAMPLE)


def test_example_has_eight_counters_five_services_three_classes_and_a_promise_of_ten_minutes() -> None:
    settings = example().settings
    assert list(settings.counters) == list(range(1, 9))
    assert {service.prefix for service in settings.services.values()} == set("ABCDE")
    assert {name: kind.name.zh for name, kind in settings.classes.items()} == {
        "gotone": "全球通",
        "mzone": "动感地带",
        "easyown": "神州行",
    }
    assert all(settings.target_wait_s(s, c) == 600 for s in settings.services for c in settings.classes)
    assert settings.hours is None


def test_every_service_of_the_example_has_two_counters_and_payment_one_of_its_own() -> None:
    settings = example().settings
    served = Counter(service for counter in settings.counters.values() for service in counter.skills)
    assert set(served) == set(settings.services)
    assert min(served.values()) >= 2
    assert settings.counters[1].skills == {"payment": 1}


def test_the_counter_that_is_left_to_whoever_tries_the_pages_serves_everybody() -> None:
    settings = example().settings
    skills = settings.counters[OWN_COUNTER].skills
    assert set(skills) == set(settings.services)
    # On one level: with a first and a second, a visitor's own ticket might wait behind all others.
    assert set(skills.values()) == {1}


@pytest.mark.parametrize(("readme", "language"), [("README.md", "en"), ("README.zh.md", "zh")])
def test_the_readmes_name_that_counter_and_the_buttons_of_its_page(readme: str, language: str) -> None:
    text = " ".join((ROOT / readme).read_text(encoding="utf-8").split())
    words = (ROOT / "somc" / "web" / "src" / "words" / f"{language}.ts").read_text(encoding="utf-8")
    said = dict(re.findall(r'"(counter\.\w+)": "([^"]*)"', words))
    buttons = [said[f"counter.{act}"] for act in ("open", "next", "start", "finish")]
    step = text[text.index("3. ") : text.index(" 4. ")]
    assert str(OWN_COUNTER) in step
    places = [step.index(f"*{button}*" if language == "en" else f"“{button}”") for button in buttons]
    assert places == sorted(places)


def test_counters_of_the_example_can_serve_its_visitors() -> None:
    config = example()
    visitors, services = config.visitors, config.settings.services
    total = sum(visitors.services.values())
    work_s = sum(share * services[name].mean_service_s for name, share in visitors.services.items()) / total
    load_per_counter = visitors.per_hour * work_s / 3600 / len(config.settings.counters)
    assert visitors.enabled
    assert visitors.agents
    assert 0.7 < load_per_counter < 0.9  # busy, and the queue does not grow for ever


def test_devices_of_the_example_are_simulated_and_complete() -> None:
    devices = example().devices
    assert all(device.simulated and device.url is None for device in devices)
    at_counters = {driver: {d.counter for d in devices if d.driver == driver} for driver in AT_COUNTERS}
    assert at_counters == {driver: set(range(1, 9)) for driver in AT_COUNTERS}
    whole_hall = sorted(device.driver for device in devices if device.counter is None)
    assert whole_hall == [
        *("escpos", "reference-announcer", "reference-hall"),
        *("reference-monitor", "reference-people-counter"),
    ]


def test_customers_of_the_example_are_of_all_classes() -> None:
    customers = example().customers
    assert customers.class_of("13800138000") == "gotone"
    assert customers.class_of("13800139012") == "mzone"
    assert customers.class_of("13800130000") == "easyown"
    assert customers.class_of("13900000000") is None
    assert all(
        number.startswith("138001") for number in (*customers.exact, *customers.prefixes) if len(number) > 7
    )


def test_values_of_the_example_survive_the_journal_s_way_through_differences() -> None:
    config = example()
    assert settings_from(differences({}, config.values)) == config.settings
