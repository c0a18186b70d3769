"""When requests begin, by a clock that never runs back.

The wall clock of a machine is put right now and then, by seconds after a long sleep, by hours where
two systems share a machine. A conversation whose second request is older than its first would be
woven wrong. So the recorder reads the wall clock, as far ahead as it may jump, until it is put
back: from then on it counts its own seconds, until the wall clock has caught up. It does so too
where the clock was put back, by up to a day, while no recorder ran: by more, either the recording's
dates are wrong or the clock is, and nobody knows which.
"""

import time
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from mitmproxy import http

_SLACK_S = 1.0
_FAR_S = 86_400.0
_DRIFT = 1e-3
"""By how much the wall clock may be slowed down while it is corrected: that is no jump."""


class Timeline:
    """The time, as seconds since 1970; never less than it was."""

    def __init__(self) -> None:
        self._at = self._read_at = 0.0

    def now(self, wall: float, steady: float) -> float:
        """The time, where the wall clock says `wall` and the steady one `steady`, in seconds."""
        passed = steady - self._read_at
        back = wall < self._at + passed * (1 - _DRIFT) - _SLACK_S
        self._at, self._read_at = self._at + passed if back else max(wall, self._at), steady
        return self._at

    def go_on_after(self, newest: float, wall: float, steady: float) -> None:
        """A recording has times up to `newest`: be no earlier, unless that is far off."""
        if self.now(wall, steady) < newest <= wall + _FAR_S:
            self._at = newest


_timeline = Timeline()
_begun: WeakKeyDictionary[http.HTTPFlow, tuple[float, float]] = WeakKeyDictionary()


def go_on_after(newest: float) -> None:
    """What begins from now on begins later than that (in seconds since 1970), if that is sane."""
    _timeline.go_on_after(newest, time.time(), time.monotonic())


def note(flow: http.HTTPFlow) -> None:
    """The request begins now."""
    steady = time.monotonic()
    _begun[flow] = _timeline.now(time.time(), steady), steady


def begun(flow: http.HTTPFlow) -> tuple[datetime, float]:
    """When the request began, and when that was by `time.monotonic`; now, if nobody noted it."""
    if flow not in _begun:
        note(flow)
    at, steady = _begun[flow]
    return datetime.fromtimestamp(at, UTC), steady
