"""What passed but could not be recorded."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Loss:
    """`count` exchanges, or parts of them, that were lost at `at` for `reason`."""

    at: datetime
    count: int
    reason: str
