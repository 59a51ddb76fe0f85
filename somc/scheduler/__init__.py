"""The queue scheduler: which ticket next, and why. The interface; implementations are chosen in `choose`."""

from somc.scheduler.interface import (
    NEVER,
    TOP_LEVEL,
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
    "NEVER",
    "TOP_LEVEL",
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
