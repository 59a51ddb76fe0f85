"""Both schedulers, so that a fact is tested of each by name."""

import pytest

from somc.scheduler import Scheduler
from somc.scheduler.native import NativeScheduler
from somc.scheduler.reference import ReferenceScheduler


@pytest.fixture(params=[NativeScheduler, ReferenceScheduler], ids=["native", "reference"])
def scheduler(request: pytest.FixtureRequest) -> Scheduler:
    """An empty scheduler of either kind."""
    made: Scheduler = request.param()
    return made
