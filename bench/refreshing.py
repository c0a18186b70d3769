"""What a live view's refresh takes: one turn is written, and an open analysis reads it."""

import time
from pathlib import Path
from typing import Protocol

from bench import recordings
from bench.sessions import Session
from kimitap.analysis import Analysis
from kimitap.store import Recording

TURNS = 7


class Sessions(Protocol):
    """The sessions that the recording holds, and how many turns."""

    sessions: list[Session]
    count: int


def run(where: Path, load: Sessions) -> list[float]:
    """Milliseconds of the processor, for one turn each, of sessions that go on."""
    taken = []
    with Recording.open(str(where)) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        for number, session in enumerate(load.sessions[:TURNS]):
            (turn,) = session.turns(1)
            recordings.append(where, turn, number, load.count + number)
            start = time.process_time()
            changed = analysis.refresh()
            taken.append(1000 * (time.process_time() - start))
            if len(changed) != 1:
                raise RuntimeError(f"{len(changed)} exchanges changed, not one")
    return taken
