"""Which scheduler runs: the C core, unless `SOMC_PURE=1` asks for the Python reference.

What must stay true: there is no silent fallback. The reference is many times slower, and a hall that
quietly ran on it would be found out on its busiest day.
"""

import os

from somc.scheduler.interface import Scheduler, SchedulerFactory

__all__ = ["create", "factory"]


def factory() -> SchedulerFactory:
    """Makes empty schedulers of the kind this process is to use. `ImportError` if the C core is missing
    and `SOMC_PURE=1` is not set; its message says both remedies."""
    if os.environ.get("SOMC_PURE") == "1":
        from somc.scheduler.reference import ReferenceScheduler

        return ReferenceScheduler
    try:
        from somc.scheduler.native import NativeScheduler
    except ImportError as error:
        raise ImportError(
            "the C queue scheduler (somc._sched) is not installed. Either install SOMC again with a C "
            "compiler, Python's headers and SOMC_PURE unset (Debian: apt install gcc python3-dev), or set "
            f"SOMC_PURE=1 to run the slower scheduler in pure Python. [{error}]",
            name="somc._sched",
        ) from error
    return NativeScheduler


def create() -> Scheduler:
    """One empty scheduler from `factory`."""
    return factory()()
