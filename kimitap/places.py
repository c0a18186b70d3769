"""The words that name a place in a recording: `41` an exchange, `t7` a thread, `s3` a session."""

import re
from dataclasses import dataclass

from kimitap.errors import UsageError


@dataclass(frozen=True, slots=True)
class PlaceWord:
    """A place as typed. `kind` is `""` for an exchange, `t` for a thread, `s` for a session."""

    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind}{self.number}" if self.kind else f"exchange {self.number}"


_PLACE = re.compile(r"([ts]?)([1-9]\d{0,17})", re.ASCII)


def is_place(word: str) -> bool:
    """True where `word` could name a place."""
    return _PLACE.fullmatch(word) is not None


def parse_place(word: str) -> PlaceWord:
    """The place that `word` names; raises `UsageError` for any other word."""
    found = _PLACE.fullmatch(word)
    if not found:
        raise UsageError(
            f"'{word}' names no place: say 41 for an exchange, t7 for a thread, s3 for a session"
        )
    return PlaceWord(found[1], int(found[2]))
