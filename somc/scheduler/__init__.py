"""The queue scheduler: which ticket next, and why.

The interface only: `choose.create` makes a scheduler, `policy` turns a routing policy into terms.
"""

from somc.scheduler.interface import (
    LEVEL_LIMIT,
    MEAN_LIMIT,
    NEVER,
    NEWCOMER,
    RATE_LIMIT,
    SCORE_LIMIT,
    TIME_LIMIT,
    TOP_LEVEL,
    WAIT_LIMIT,
    Choice,
    Lane,
    Place,
    Rule,
    Runner,
    Scheduler,
    SchedulerFactory,
    Server,
    Terms,
    restore,
)

__all__ = [
    "LEVEL_LIMIT",
    "MEAN_LIMIT",
    "NEVER",
    "NEWCOMER",
    "RATE_LIMIT",
    "SCORE_LIMIT",
    "TIME_LIMIT",
    "TOP_LEVEL",
    "WAIT_LIMIT",
    "Choice",
    "Lane",
    "Place",
    "Rule",
    "Runner",
    "Scheduler",
    "SchedulerFactory",
    "Server",
    "Terms",
    "restore",
]
