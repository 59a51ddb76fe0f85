"""The rogue gallery: twelve plugins that misbehave, each in its own way."""

from pathlib import Path

ROGUES = (
    "raises",
    "hangs",
    "busy",
    "leaks_tasks",
    "sleeps",
    "huge",
    "wrong_types",
    "raises_in_start",
    "raises_in_stop",
    "swallows",
    "floods",
    "dies_at_one",
)

FOLDER = Path(__file__).parent
