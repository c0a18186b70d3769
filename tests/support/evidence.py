"""Reports made from recordings of a test's own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kimitap.analysis import Analysis
from kimitap.evidence import (
    Case,
    Report,
    Subject,
    Wanted,
    gather,
    make_case,
    subject_at,
    write_report,
)
from kimitap.exchange import Exchange
from kimitap.places import parse_place
from kimitap.store import Recording
from tests.support import chat
from tests.support.recorded import record


@contextmanager
def analysed(path: Path, exchanges: Iterable[Exchange]) -> Iterator[Analysis]:
    """A new recording of these exchanges, read, woven and checked."""
    with read(record(path, exchanges)) as analysis:
        yield analysis


@contextmanager
def read(where: str) -> Iterator[Analysis]:
    """The recording at `where`, read, woven and checked."""
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        yield analysis


@contextmanager
def case_of(
    analysis: Analysis, path: Path, subject: Subject | None = None, wanted: Wanted | None = None
) -> Iterator[Case]:
    """The case of a subject, or of the worst finding, in a recording at `path`."""
    wanted = wanted or Wanted()
    case = make_case(gather(analysis, subject or subject_at(analysis), wanted), wanted, path)
    try:
        yield case
    finally:
        case.analysis.recording.close()


def reported(
    tmp_path: Path, exchanges: Iterable[Exchange], place: str = "", wanted: Wanted | None = None
) -> tuple[Report, Path]:
    """The report on a place of these exchanges, and its folder."""
    with analysed(tmp_path / "whole.db", exchanges) as analysis:
        subject = subject_at(analysis, parse_place(place) if place else None)
        done = write_report(analysis, subject, tmp_path / "report", wanted)
    return done, done.path


def leaky_session() -> list[Exchange]:
    """The lost turn of an agent that says whose it is."""
    headers = (("User-Agent", "agent (ada.lovelace@analytical-engine.org)"),)
    asks = chat.assistant("I do the sums.", chat.call("run", {"cmd": "sums"}, "c1"))
    opening = (chat.system("Be terse."), chat.user("Do the sums of ada.lovelace@example.org."))
    second = [*opening, chat.assistant(""), chat.user("Go on.")]
    tools = (chat.tool("run", cmd={"type": "string"}),)
    return [
        chat.exchange(
            number,
            chat.request(*messages, tools=tools),
            chat.choice(asks),
            stream=True,
            headers=headers,
        )
        for number, messages in ((1, opening), (2, second))
    ]
