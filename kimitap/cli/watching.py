"""`check --watch`: findings as they happen, while somebody records."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import orjson

from kimitap.analysis import Analysis
from kimitap.cli.results import result_of
from kimitap.errors import NoRecording, NotARecording, RecordingUnavailable
from kimitap.export.formats import Checked, summary
from kimitap.export.news import Event, Ledger, News, as_line, as_text
from kimitap.report import remedies
from kimitap.settings import Settings
from kimitap.store import Recording, file_of, shown
from kimitap.visible import one_line

POLL_S = 0.25
AGAIN_S = 2.0
"""Seconds until a database that cannot be read is tried again."""
YOUNG_S = 5.0
"""Seconds for which a file that is no recording may be one in the making."""

Say = Callable[[str], None]
File = tuple[int, int] | None
"""A file's device and number; None for a database that is no file, or not there."""


class _Stop:
    """True once Ctrl-C (or SIGTERM) was pressed; pressed again, it interrupts at once."""

    def __init__(self) -> None:
        self.asked = False

    def __bool__(self) -> bool:
        return self.asked

    def ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    stop = _Stop()
    before = {n: signal.signal(n, stop.ask) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(where: str, settings: Settings, form: str, say: Say, note: Say) -> int:
    """Tell every finding once, until Ctrl-C; the exit status says whether any was a failure.

    `form` is text or json; `say` gets the findings, `note` what happens to the database. A
    recording that is not there is waited for; one that is taken away is, too. Raises `NoRecording`
    where none came.
    """
    failed, known = False, _Known(None)
    watched: _Watched | None = None
    with _stoppable() as stop:
        while (recording := _opened(where, stop, note)) is not None:
            with recording:
                file = _identity(where)
                known = known if file == known.file else _Known(file)
                watched = _Watched(recording, settings, known, form, say)
                note(f"{_name(where)}: watching; Ctrl-C ends")
                ended = watched.follow(stop)
            failed = failed or watched.failed
            if ended:
                note(f"{_name(where)}: {ended}")
    if watched is None:
        raise NoRecording(f"{_name(where)}: no recording came, so nothing was checked")
    watched.conclude()
    return int(failed)


def _opened(where: str, stop: _Stop, note: Say) -> Recording | None:
    """The recording, as soon as there is one; None where it was stopped before."""
    said = ""
    while not stop:
        try:
            return Recording.open(where)
        except NoRecording:
            why, pause_s = f"{_name(where)}: no recording is there yet; waiting for it", POLL_S
        except NotARecording:
            if not _in_the_making(where):
                raise
            why, pause_s = "", POLL_S
        except RecordingUnavailable as error:
            why, pause_s = f"{error}; trying again", AGAIN_S
        if why and why != said:
            note(why)
            said = why
        time.sleep(pause_s)
    return None


def _in_the_making(where: str) -> bool:
    """True for a file so young that its recorder may not have made its tables yet."""
    path = file_of(where)
    try:
        return path is not None and path.is_file() and time.time() - path.stat().st_mtime < YOUNG_S
    except OSError:
        return False


def _identity(where: str) -> File:
    """What tells the file that is there from another at the same path; None for no file."""
    path = file_of(where)
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def _name(where: str) -> str:
    return one_line(shown(where), 1000)


class _Known:
    """What was told of one file, also while it could not be read for a time."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.ledger = Ledger()
        self.remedies = dict(remedies())


class _Watched:
    """One recording while it can be read."""

    def __init__(
        self, recording: Recording, settings: Settings, known: _Known, form: str, say: Say
    ) -> None:
        self._settings = settings
        self._analysis = Analysis(recording, choice=settings.choice)
        self._known = known
        self._form = form
        self._say = say
        self._version: int | None = None

    def follow(self, stop: _Stop) -> str:
        """Tell what is new until asked to stop (then ``), or until it is gone (then why)."""
        while True:
            last = bool(stop)
            try:
                self._read()
            except RecordingUnavailable as error:
                return f"{error}; trying again"
            if _identity(self._analysis.recording.where) != self._known.file:
                return "the recording was taken away; waiting for it to come back"
            if last:
                return ""
            time.sleep(POLL_S)

    def _read(self) -> None:
        version = self._analysis.recording.version()
        if version == self._version:
            return
        self._analysis.refresh()
        self._version = version
        for news in self._known.ledger.take(self._analysis.findings):
            self._tell(news)

    def _tell(self, news: News) -> None:
        if self._form == "json":
            self._say(as_line(news))
            return
        said = "\n".join(as_text(news, self._known.remedies))
        if news.event is Event.FOUND:
            self._known.remedies.pop(news.finding.rule, None)
        self._say(said)

    @property
    def failed(self) -> bool:
        """True where something that is wrong now is a failure."""
        return self._result().failed

    def conclude(self) -> None:
        """Say in one line what there was in all."""
        checked = self._result()
        if self._form == "text":
            self._say(summary(checked))
            return
        end = {"event": "end", **checked.counts, "findings": len(checked.findings)}
        self._say(orjson.dumps(end).decode())

    def _result(self) -> Checked:
        where = self._analysis.recording.where
        return result_of(where, self._analysis, self._settings)
