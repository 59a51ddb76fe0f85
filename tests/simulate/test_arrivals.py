"""Arrivals: files of real visits read whole or refused line by line, and random streams from a seed."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest

from somc.errors import ConfigurationError, Fault
from somc.simulate.arrivals import (
    MOST_FAULTS,
    RUSH,
    Arrival,
    Mapped,
    random_arrivals,
    read_arrivals,
    read_mapping,
)

CLASSES = {"gotone": None, "easyown": None}
SERVICES = {"payment": None, "business": None}
HEADING = "time_s,class,service,service_s"

MAPPING = """
[columns]
time_s = "arrival"
class = "who"
service = "what"
service_s = "took"
date = "day"
waited_s = "waited"
outcome = "end"

[classes]
premium = "gotone"
plain = "easyown"

[services]
PS = "payment"

[outcomes]
left = ["HANG", "GONE"]
"""


def read(tmp_path: Path, text: str, mapping: Mapped | None = None, seed: int = 1) -> dict[str, list[Arrival]]:
    path = tmp_path / "arrivals.csv"
    path.write_text(text, encoding="utf-8")
    return read_arrivals(path, mapping or Mapped(), CLASSES, SERVICES, seed)


def faults(tmp_path: Path, text: str, mapping: Mapped | None = None) -> tuple[Fault, ...]:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text, mapping)
    return tuple(caught.value.faults)


def mapping(tmp_path: Path, text: str = MAPPING) -> Mapped:
    path = tmp_path / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


# -- files ------------------------------------------------------------------------------------------


def test_a_plain_file_is_read_in_the_order_of_arrival(tmp_path: Path) -> None:
    days = read(tmp_path, f"{HEADING}\n60.5,gotone,payment,120\n10,easyown,business,300\n")
    assert days == {"": [Arrival(10, "easyown", "business", 300), Arrival(60.5, "gotone", "payment", 120)]}


def test_a_mapping_names_columns_words_and_who_left(tmp_path: Path) -> None:
    text = (
        "day,id,arrival,who,what,waited,took,end\n"
        "0202,1,100,premium,PS,33,90,AGENT\n"
        "0201,2,200,plain,business,45,60,HANG\n"
        "0201,3,150,easyown,payment,,70,AGENT\n"
    )
    assert read(tmp_path, text, mapping(tmp_path)) == {
        "0201": [
            Arrival(150, "easyown", "payment", 70),
            Arrival(200, "easyown", "business", 60, patience_s=45),
        ],
        "0202": [Arrival(100, "gotone", "payment", 90)],
    }


def test_an_empty_service_time_is_drawn_from_its_kind_by_seed(tmp_path: Path) -> None:
    known = "".join(f"{n},gotone,payment,{100 + n}\n" for n in range(20))
    text = (
        f"{HEADING}\n{known}0,gotone,business,7\n" + "50,easyown,payment,\n" * 20 + "60,gotone,business, \n"
    )
    first, again, other = (read(tmp_path, text, seed=seed)[""] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    drawn = [visit.service_s for visit in first if visit.at_s == 50]
    assert len(set(drawn)) > 5
    assert set(drawn) <= {100.0 + n for n in range(20)}
    assert [visit.service_s for visit in first if visit.at_s == 60] == [7]


def test_what_a_spreadsheet_writes_is_read(tmp_path: Path) -> None:
    # A byte order mark, CRLF, quotes, and columns that nobody asked for.
    text = f'\ufeff{HEADING},"a note"\r\n"1","gotone","payment","2","two\r\nlines"\r\n'
    assert read(tmp_path, text) == {"": [Arrival(1, "gotone", "payment", 2)]}


def test_a_file_without_visits_has_no_days(tmp_path: Path) -> None:
    assert read(tmp_path, HEADING + "\n") == {}


def test_every_faulty_row_is_named_by_its_line(tmp_path: Path) -> None:
    text = (
        f"{HEADING},note\n"
        "1,gotone,payment,2,fine\n"
        "\n"
        '2,gotone,payment,2,"two\nlines"\n'
        "x,gotone,payment,2,no number\n"
        "-1,gotone,payment,2,before midnight\n"
        "nan,gotone,payment,2,never\n"
        "1e9,gotone,payment,2,in thirty years\n"
        ",gotone,payment,2,no time\n"
        "3,vip,payment,2,no class\n"
        "3,gotone,tea,,no service and no time\n"
        "4,gotone\n"
    )
    found = faults(tmp_path, text)
    assert {fault.file for fault in found} == {str(tmp_path / "arrivals.csv")}
    assert sorted({fault.line for fault in found}) == [6, 7, 8, 9, 10, 11, 12, 13]
    by_line = {fault.line: fault for fault in found}
    assert by_line[13].found == "the row ends before service, service_s"
    assert by_line[10].found == "no time of arrival"
    assert (by_line[11].key, by_line[11].found, by_line[11].allowed) == ("class", "'vip'", "gotone, easyown")
    assert {fault.key for fault in found if fault.line == 12} == {"service", "service_s"}


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "time_s,class,what\n1,gotone,payment\n")
    assert (fault.line, fault.key, fault.found) == (1, "columns", "time_s, class, what")
    assert "service, service_s" in fault.allowed
    (fault,) = faults(tmp_path, "")
    assert fault.found == "nothing"


def test_whoever_left_did_so_after_a_known_time(tmp_path: Path) -> None:
    text = "day,arrival,who,what,waited,took,end\n1,100,plain,PS,,90,HANG\n"
    (fault,) = faults(tmp_path, text, mapping(tmp_path))
    assert fault.line == 2
    assert "nothing says after how long" in fault.found


def test_faults_beyond_counting_are_cut(tmp_path: Path) -> None:
    assert len(faults(tmp_path, HEADING + "\n" + "1,vip,tea,2\n" * 500)) == MOST_FAULTS


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, data in ((tmp_path / "none.csv", None), (tmp_path / "gbk.csv", "时间".encode("gbk"))):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(ConfigurationError) as caught:
            read_arrivals(path, Mapped(), CLASSES, SERVICES)
        assert caught.value.faults[0].file == str(path)
    (fault,) = faults(tmp_path, HEADING + '\n1,"gotone,payment,2\n')
    assert fault.key == "file"


@pytest.mark.parametrize(
    "text",
    ["[columns]\ntime = 'x'\n", "[tables]\n", "columns = 5\n", "[columns\n", "[outcomes]\nleft = 'HANG'\n"],
)
def test_a_mapping_that_is_none_is_refused_by_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        mapping(tmp_path, text)
    assert caught.value.faults[0].file == str(tmp_path / "mapping.toml")


def test_an_empty_mapping_is_the_plain_one(tmp_path: Path) -> None:
    assert mapping(tmp_path, "") == Mapped()


# -- random streams ---------------------------------------------------------------------------------


def stream(seed: int, count: int = 20_000, **more: object) -> list[Arrival]:
    fields: dict[str, object] = {
        "per_hour": 60.0,
        "services": {"payment": 3, "business": 1, "never": 0},
        "classes": {"gotone": 1, "easyown": 4},
        "means_s": {"payment": 100.0, "business": 400.0, "never": 1.0},
        "patience_s": 900.0,
        **more,
    }
    return list(itertools.islice(random_arrivals(seed=seed, **fields), count))  # type: ignore[arg-type] # of the fields above


def test_the_same_seed_brings_the_same_people() -> None:
    assert stream(5, 500) == stream(5, 500)
    assert stream(5, 500) != stream(6, 500)


def test_rates_shares_services_and_patience_are_as_asked() -> None:
    visits = stream(20090401)
    # 20,000 draws: five standard errors are below 4 % of each of these.
    assert visits[-1].at_s / len(visits) == pytest.approx(60, rel=0.04)
    services = Counter(visit.service for visit in visits)
    assert services["payment"] / len(visits) == pytest.approx(0.75, rel=0.04)
    assert services["never"] == 0
    assert Counter(v.customer_class for v in visits)["gotone"] / len(visits) == pytest.approx(0.2, rel=0.08)
    paid = [visit.service_s for visit in visits if visit.service == "payment"]
    assert sum(paid) / len(paid) == pytest.approx(100, rel=0.05)
    waits = [visit.patience_s for visit in visits if visit.patience_s is not None]
    assert len(waits) == len(visits)
    assert sum(waits) / len(waits) == pytest.approx(900, rel=0.04)
    assert [visit.at_s for visit in visits] == sorted(visit.at_s for visit in visits)


def test_without_patience_nobody_leaves() -> None:
    assert all(visit.patience_s is None for visit in stream(1, 100, patience_s=None))


def test_the_first_of_a_morning_come_faster() -> None:
    plain, rushed = stream(3, 2_000), stream(3, 2_000, rush=1_000)
    assert rushed[999].at_s == pytest.approx(plain[999].at_s / RUSH)
    later = plain[1999].at_s - plain[999].at_s
    assert rushed[1999].at_s - rushed[999].at_s == pytest.approx(later)
