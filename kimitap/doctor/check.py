"""What `kimitap doctor` finds, as values: one check, how it went, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check went."""

    GOOD = "good"
    WARNING = "warning"
    """It works, but something will surprise the user."""
    BAD = "bad"
    """Recording will not work, or will record nothing."""


@dataclass(frozen=True, slots=True)
class Check:
    """`what` was looked at, what it `said`, and, unless it is good, what is `to_do`."""

    what: str
    state: State
    said: str
    to_do: str = ""


def good(what: str, said: str) -> Check:
    """All is well."""
    return Check(what, State.GOOD, said)


def warning(what: str, said: str, to_do: str) -> Check:
    """Something to know."""
    return Check(what, State.WARNING, said, to_do)


def bad(what: str, said: str, to_do: str) -> Check:
    """Something to mend first."""
    return Check(what, State.BAD, said, to_do)
