"""The reference pages say what the catalogues say, and every refusal is provoked by some test."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from somc.domain import events as e
from somc.domain.bookings import AppointmentState
from somc.domain.lifecycle import (
    APPOINTMENT_MOVES,
    APPOINTMENT_WORDS,
    COUNTER_MOVES,
    COUNTER_WORDS,
    MESSAGE_MOVES,
    STATE_WORDS,
    TICKET_MOVES,
)
from somc.domain.outbox import STATE_WORDS as MESSAGE_WORDS
from somc.domain.outbox import MessageState
from somc.domain.refusals import CATALOGUE, refuse
from somc.domain.values import CounterState, TicketState, Words
from somc.journal.record import Record
from somc.server.problems import of_refusal

DOCS = Path(__file__).parents[2] / "docs" / "reference"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The rows of the first table in `text`, without its heading."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    after = text.splitlines()[text.splitlines().index(lines[0]) :] if lines else []
    table = []
    for line in after:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return table[2:]


# -- records ------------------------------------------------------------------------------------------


def section(heading: str) -> str:
    """What stands below a heading of the third level."""
    parts = re.split(r"^### (.*)$", page("records.md"), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    return re.split(r"^## ", sections[heading], flags=re.MULTILINE)[0]


def type_words(kind: object) -> str:
    """A type as the page writes it."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(type_words(each) for each in typing.get_args(kind))
    if typing.get_origin(kind) is dict:
        return f"map of {' to '.join(type_words(each) for each in typing.get_args(kind))}"
    if typing.get_origin(kind) is tuple:
        return f"list of {type_words(typing.get_args(kind)[0])}"
    names: dict[object, str] = {
        int: "whole number",
        bool: "yes or no",
        str: "text",
        type(None): "null",
        Words: "words",
        e.CalledReason: "reason",
        e.QueueTerms: "terms",
        e.AskFacts: "ask",
        typing.Any: "anything",
        msgspec.Raw: "object",
    }
    return names[kind]


def default_words(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return ""
    if field.default is None:
        return ", default null"
    if field.default is msgspec.NODEFAULT:  # a container of its own each time
        return ", default empty"
    if isinstance(field.default, bool):
        return f", default {'yes' if field.default else 'no'}"
    if field.default == 0:
        return ", default 0"
    return f", default `{field.default}`" if field.default else ", default empty"


def fields_of(kind: type[msgspec.Struct], without: set[str]) -> list[tuple[str, str]]:
    """Each field with its type and default, in the words of the page."""
    return [
        (f"`{field.name}`", type_words(field.type) + default_words(field))
        for field in msgspec.structs.fields(kind)
        if field.name not in without
    ]


def shared(kind: type[e.Event]) -> set[str]:
    """Fields that the page lists once for all records of an entity."""
    own = {"by"}
    for family in (
        e.TicketEvent,
        e.CustomerEvent,
        e.CounterEvent,
        e.AlertEvent,
        e.AppointmentEvent,
        e.MessageEvent,
    ):
        if issubclass(kind, family):
            own |= set(family.__struct_fields__)
    return own


def test_every_record_type_has_its_section_in_the_order_of_the_catalogue() -> None:
    headings = re.findall(r"^### `(.*)`$", page("records.md"), re.MULTILINE)
    assert headings == list(e.BY_TYPE)


@pytest.mark.parametrize("name", e.BY_TYPE)
def test_a_record_s_section_lists_its_fields_with_types_and_defaults(name: str) -> None:
    kind = e.BY_TYPE[name]
    text = section(f"`{name}`")
    listed = rows(text)
    assert [(row[0], row[1]) for row in listed] == fields_of(kind, shared(kind))
    assert all(row[2] for row in listed)
    assert bool(listed) != ("No further fields." in text)
    assert f"Version {e.VERSIONS[name]}." in text


@pytest.mark.parametrize(
    ("heading", "kind"),
    [("reason", e.CalledReason), ("terms", e.QueueTerms), ("ask", e.AskFacts), ("words", Words)],
)
def test_a_value_s_section_lists_its_fields(heading: str, kind: type[msgspec.Struct]) -> None:
    assert [(row[0], row[1]) for row in rows(section(heading))] == fields_of(kind, set())


@pytest.mark.parametrize(
    ("before", "kind", "without"),
    [
        ("A record is", Record, set()),
        ("Every record has", e.Event, set()),
        ("Records of `ticket.…`", e.TicketEvent, {"by"}),
        ("Records of `offer.…` and `care.…`", e.CustomerEvent, {"by"}),
        ("Records of `counter.…`", e.CounterEvent, {"by"}),
        ("Records of `alert.…`", e.AlertEvent, {"by"}),
        ("Records of `appointment.…`", e.AppointmentEvent, {"by"}),
        ("Records of `message.…`", e.MessageEvent, {"by"}),
    ],
)
def test_shared_fields_are_listed(before: str, kind: type[msgspec.Struct], without: set[str]) -> None:
    text = page("records.md").split(before, 1)[1]
    listed = [(row[0], row[1]) for row in rows(text)]
    if kind is Record:  # its version has a default that is always written
        assert listed == [(name, words.split(",")[0]) for name, words in fields_of(kind, without)]
    else:
        assert listed == fields_of(kind, without)


def test_a_topic_is_the_hall_s_path_entity_and_id() -> None:
    made = [
        e.TicketResumed(by="x", ticket="t1", number="A001"),
        e.TicketDiverted(by="x", service="payment", kind="self_service", to="pay-1"),
        e.OfferOutcome(by="x", ticket="t1", number="A001", offer="o", outcome="later"),
        e.CareLogged(by="x", ticket="t1", number="A001", kind="water"),
        e.CounterClosed(by="x", counter=3),
        e.AppointmentMissed(by="x", appointment="a1", service="payment", slot=0),
        e.DayEnded(by="x", day="2026-03-02", taken=0, finished=0, no_show=0, cancelled=0, expired=0),
        e.DeviceReported(by="x", device="printer", status="online"),
        e.MessageCancelled(by="x", message="m1"),
        e.ConsentChanged(by="x", person="p1", message_classes=("dunning", "reminder"), allowed=False),
        e.ChannelReported(by="x", channel="sms", status="up"),
        e.ConfigChanged(by="x", changes={}),
        e.PolicyChanged(by="x", version=1, cause="asked", changes={}, terms={}),
        e.AccessRevoked(by="x", token="0a1b", subject="li"),
    ]
    topics = [e.topic_of(event, "a/b") for event in made]
    assert topics == [
        "a/b/ticket/t1",
        "a/b/service/payment",
        "a/b/offer/t1",
        "a/b/care/t1",
        "a/b/counter/3",
        "a/b/appointment/a1",
        "a/b/day/2026-03-02",
        "a/b/device/printer",
        "a/b/message/m1",
        "a/b/consent/dunning+reminder",
        "a/b/channel/sms",
        "a/b/config",
        "a/b/policy",
        "a/b/access/0a1b",
    ]


# -- refusals -----------------------------------------------------------------------------------------


def test_the_page_of_refusals_is_the_catalogue() -> None:
    listed = rows(page("refusals.md").split("Codes are stable", 1)[1])
    kinds = {row[1].strip("`"): row[0] for row in rows(page("refusals.md"))}
    assert listed == [[f"`{code}`", kinds[kind], en, zh] for code, (kind, zh, en) in CATALOGUE.items()]


def test_the_statuses_of_the_page_are_those_of_the_server() -> None:
    for status, kind, _ in rows(page("refusals.md")):
        code = next(code for code, (its, _, _) in CATALOGUE.items() if its == kind.strip("`"))
        facts = dict.fromkeys(placeholders(code), "x")
        assert of_refusal(refuse(code, **facts)).status == int(status)


def placeholders(code: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", "".join(CATALOGUE[code][1:])))


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_refusal_is_provoked_by_a_test(code: str) -> None:
    tests = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert f'refused("{code}"' in tests


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_refusal_speaks_each_language_by_itself(code: str) -> None:
    """No Chinese in the English sentence, none without Chinese, and words filled in in their own language."""
    _, zh, en = CATALOGUE[code]
    assert en.isascii()
    assert re.search(r"[\u4e00-\u9fff]", zh)
    filled = refuse(code, **dict.fromkeys(placeholders(code), Words("中", "latin"))).words
    assert "latin" not in filled.zh
    assert "中" not in filled.en


def test_a_code_that_is_not_catalogued_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        refuse("made_up")


# -- lifecycle ----------------------------------------------------------------------------------------


def arrows(diagram: str) -> list[tuple[str, str, str]]:
    """(from, record type, to), `[*]` being the state before the first."""
    return re.findall(r"^  (\S+) --> (\S+): (\S+)$", diagram, re.MULTILINE)


def parts() -> tuple[str, str, str, str]:
    tickets, others = page("lifecycle.md").split("## Counters")
    counters, others = others.split("## Appointments")
    appointments, messages = others.split("## Messages")
    return tickets, counters, messages, appointments


def test_the_diagram_of_tickets_is_the_table() -> None:
    drawn = arrows(parts()[0])
    assert len(drawn) == len(set(drawn))
    assert {(before, record, after) for before, after, record in drawn} == {
        ("[*]" if before is None else str(before), e.TYPE_OF[act], str(after))
        for (before, act), after in TICKET_MOVES.items()
    }


def test_the_diagram_of_counters_is_the_table() -> None:
    drawn = arrows(parts()[1])
    assert len(drawn) == len(set(drawn))
    assert {(before, record, after) for before, after, record in drawn} == {
        (str(before), e.TYPE_OF[act], str(after)) for (before, act), after in COUNTER_MOVES.items()
    }


def test_the_diagram_of_messages_is_the_table() -> None:
    drawn = arrows(parts()[2])
    assert len(drawn) == len(set(drawn))
    assert {(before, record, after) for before, after, record in drawn} == {
        ("[*]" if before is None else str(before), e.TYPE_OF[act], str(after))
        for (before, act), after in MESSAGE_MOVES.items()
    }


def test_the_diagram_of_appointments_is_the_table() -> None:
    drawn = arrows(parts()[3])
    assert len(drawn) == len(set(drawn))
    assert {(before, record, after) for before, after, record in drawn} == {
        ("[*]" if before is None else str(before), e.TYPE_OF[act], str(after))
        for (before, act), after in APPOINTMENT_MOVES.items()
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (lambda: parts()[0], {str(state): STATE_WORDS[state] for state in TicketState}),
        (lambda: parts()[1], {str(state): COUNTER_WORDS[state] for state in CounterState}),
        (lambda: parts()[2], {str(state): MESSAGE_WORDS[state] for state in MessageState}),
        (lambda: parts()[3], {str(state): APPOINTMENT_WORDS[state] for state in AppointmentState}),
    ],
    ids=["tickets", "counters", "messages", "appointments"],
)
def test_every_state_is_explained_in_both_languages(text: Callable[[], str], words: dict[str, Words]) -> None:
    listed = {row[0].strip("`"): (row[1], row[2]) for row in rows(text())}
    assert listed == {state: (spoken.zh, spoken.en) for state, spoken in words.items()}
