"""A command run behind a recorder of its own: its environment, its process, and what it left."""

from kimitap.running.command import CannotStart, run_command
from kimitap.running.environment import VARIABLES, Variable, filled_in, surroundings
from kimitap.running.recorder import RunningRecorder, recorder, unreachable
from kimitap.running.since import Recorded, last_number, settled, since

__all__ = [
    "VARIABLES",
    "CannotStart",
    "Recorded",
    "RunningRecorder",
    "Variable",
    "filled_in",
    "last_number",
    "recorder",
    "run_command",
    "settled",
    "since",
    "surroundings",
    "unreachable",
]
