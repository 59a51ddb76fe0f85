"""What the client knows of a hall is what the hall sends: no field is misnamed.

A hall may send more than this client knows; programs find it in `await command("hall")`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from somc.client import state
from somc.server import answers

SHAPES = [
    (state.HallState, answers.HallAnswer),
    (state.ServiceState, answers.ServiceInHall),
    (state.ClassState, answers.ClassAnswer),
    (state.CounterState, answers.CounterInHall),
    (state.TicketState, answers.TicketAnswer),
    (state.RecentCall, answers.RecentCall),
    (state.DeviceState, answers.DeviceAnswer),
]


@pytest.mark.parametrize(("ours", "theirs"), SHAPES, ids=[ours.__name__ for ours, _ in SHAPES])
def test_a_shape_names_the_halls_fields(ours: Any, theirs: Any) -> None:
    names = {field.encode_name for field in msgspec.structs.fields(theirs)}
    assert {field.encode_name for field in msgspec.structs.fields(ours)} <= names


def test_what_a_newer_hall_adds_is_ignored() -> None:
    plain = {"epoch": "e", "seq": 1, "org": "a", "name": {"zh": "厅", "fr": "salle"}, "weather": "fair"}
    assert msgspec.convert(plain, state.HallState).name == state.Words("厅", "")
