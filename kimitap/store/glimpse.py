"""An exchange as its row tells it."""

from datetime import datetime
from typing import NamedTuple

from kimitap.store.times import from_us


class Glimpse(NamedTuple):
    """An exchange as its row tells it: a tuple, since a recording has tens of thousands.

    Times are microseconds since 1970; `opened_us` is when its recorder began. `outcome` is the
    value of an `Outcome`; `response_size` is in bytes, None while the response is open or where
    there is none.
    """

    number: int
    started_us: int
    ended_us: int | None
    method: str
    host: str
    path: str
    client: str
    outcome: str
    status: int | None
    response_size: int | None
    opened_us: int = 0

    @property
    def started_at(self) -> datetime:
        """When the request came, in UTC."""
        return from_us(self.started_us)

    @property
    def duration_s(self) -> float | None:
        """From the request to the end of the answer; None while that is open."""
        return None if self.ended_us is None else (self.ended_us - self.started_us) / 1e6
