"""A recording on disk as the screens see it: read in workers, handed over as values."""

from collections.abc import Mapping
from contextlib import closing
from threading import Lock

from kimitap.analysis import Analysis
from kimitap.exchange import Exchange
from kimitap.places import PlaceWord
from kimitap.report import remedies, report_on
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.store import Recording
from kimitap.tui.source import View


class RecordingSource:
    """A recording on disk. The version is polled on a connection of its own, by the screen's loop.

    Raises a `RecordingError` at once where the recording cannot be opened.
    """

    def __init__(self, where: str, choice: Choice = EVERYTHING) -> None:
        self.where = where
        self.remedies: Mapping[str, str] = remedies()
        self._watched = Recording.open(where)
        self._read = Recording.open(where)
        self._analysis = Analysis(self._read, choice=choice)
        self._lock = Lock()

    def version(self) -> int:
        return self._watched.version()

    def load(self) -> View:
        with self._lock:
            self._analysis.refresh()
            lost = sum(loss.count for loss in self._read.losses())
            others = tuple(self._analysis.others.values())
            return View(self._analysis.sessions, self._analysis.findings, others, lost)

    def exchange(self, number: int) -> Exchange:
        with self._lock:
            return self._read.exchange(number)

    def report(self, place: PlaceWord) -> str:
        with self._lock:
            return report_on(self._analysis, [place])

    def close(self) -> None:
        with self._lock, closing(self._watched), closing(self._read):
            pass
