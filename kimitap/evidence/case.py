"""The case that a report makes: a recording of its own, and what it says when it is read again.

Exchanges are chosen, numbered from 1, and masked, and only then written; all that a report tells is
read from that new recording. What was masked can therefore stand in none of its files.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kimitap.analysis import Analysis
from kimitap.evidence.fewest import around, fewest, whole
from kimitap.evidence.subject import Subject
from kimitap.exchange import Exchange, Outcome
from kimitap.redact import Level, Masked
from kimitap.redacting import redacted
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Finding, Place
from kimitap.shrink import shrink
from kimitap.store import Recording, RecordingWriter, seal

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """How a report is made. `also` are words to mask beside what is found to be secret.

    With `whole` all of the session is kept instead of the fewest exchanges; with `shrink` what is
    not needed of an exchange goes too.
    """

    level: Level = Level.SECRETS
    also: Sequence[str] = ()
    whole: bool = False
    shrink: bool = False
    choice: Choice = EVERYTHING
    say: Say | None = None


@dataclass(frozen=True)
class Case:
    """A case as its own recording tells it: all numbers are that recording's.

    `finding` is the subject's, found again; None where there was none, or where the exchanges alone
    do not show it: then `unshown` says which it was, in words that quote nothing. `numbers` maps
    the exchanges' numbers to those in the recording that they were taken from.
    """

    analysis: Analysis
    exchanges: Sequence[Exchange]
    exchange: int
    finding: Finding | None
    unshown: str
    numbers: Mapping[int, int]
    of: int
    """How many exchanges the subject's session has."""
    level: Level
    masked: Sequence[Masked]
    losses: int
    """What could not be recorded, in exchanges or parts of them."""
    shrunk: bool
    """True where messages, tools or text of the exchanges were taken away."""

    @property
    def renumbered(self) -> bool:
        return any(new != old for new, old in self.numbers.items())


@dataclass(frozen=True)
class _Chosen:
    """Exchanges, numbered from 1, and where the finding stands in them."""

    exchanges: Sequence[Exchange]
    numbers: Mapping[int, int]
    exchange: int
    place: Place | None


def chosen_numbers(analysis: Analysis, subject: Subject, wanted: Wanted) -> tuple[int, ...]:
    """Which exchanges of a recording make the case, by their numbers."""
    if subject.finding is None:
        return whole(analysis, subject) if wanted.whole else around(analysis, subject)
    if wanted.whole:
        return whole(analysis, subject)
    found = fewest(analysis, subject.finding, wanted.choice)
    return found or whole(analysis, subject)


def make_case(analysis: Analysis, subject: Subject, wanted: Wanted, path: Path) -> Case:
    """Write the case's recording to `path`, a new file, and read it again.

    The caller closes `case.analysis.recording`. Raises a `RecordingError` where one of the two
    recordings cannot be read or written.
    """
    recording = analysis.recording
    numbers = chosen_numbers(analysis, subject, wanted)
    exchanges = [recording.exchange(number) for number in numbers]
    chosen = _chosen([_ended(one) for one in exchanges], subject, wanted)
    masked: list[Masked] = []
    _write(path, _masked(chosen.exchanges, wanted, masked))
    again = Analysis(Recording.open(str(path)), choice=wanted.choice)
    again.refresh()
    finding = _again(again, subject.finding, chosen.place)
    return Case(
        analysis=again,
        exchanges=tuple(again.recording.exchanges()),
        exchange=chosen.exchange,
        finding=finding,
        unshown=_unshown(subject.finding, chosen.place) if finding is None else "",
        numbers=chosen.numbers,
        of=len(whole(analysis, subject)),
        level=wanted.level,
        masked=masked,
        losses=sum(loss.count for loss in recording.losses()),
        shrunk=wanted.shrink and subject.finding is not None,
    )


def _chosen(exchanges: Sequence[Exchange], subject: Subject, wanted: Wanted) -> _Chosen:
    finding = subject.finding
    if wanted.shrink and finding is not None:
        done = shrink(exchanges, finding, say=wanted.say)
        kept, old, place = done.exchanges, done.numbers, done.finding.place
        return _Chosen(kept, dict(enumerate(old, 1)), place.exchange, place)
    kept = tuple(replace(one, number=at) for at, one in enumerate(exchanges, 1))
    new = {exchange.number: at for at, exchange in enumerate(exchanges, 1)}
    numbers = {at: number for number, at in new.items()}
    if finding is None:
        return _Chosen(kept, numbers, new[subject.exchange], None)
    place = replace(finding.place, exchange=new[finding.place.exchange])
    return _Chosen(kept, numbers, place.exchange, place)


def _ended(exchange: Exchange) -> Exchange:
    """The exchange as it would stand if its recorder stopped now: a report waits for nothing."""
    if exchange.outcome is not Outcome.IN_FLIGHT:
        return exchange
    return replace(
        exchange, outcome=Outcome.INTERRUPTED, detail="still under way when the report was made"
    )


def _masked(
    exchanges: Iterable[Exchange], wanted: Wanted, masked: list[Masked]
) -> Iterator[Exchange]:
    for exchange, found in redacted(exchanges, wanted.level, also=wanted.also):
        masked += found
        yield exchange


def _write(path: Path, exchanges: Iterable[Exchange]) -> None:
    path.touch(mode=0o600)
    with RecordingWriter(str(path)) as writer:
        for exchange in exchanges:
            writer.add(replace(exchange, origin=""))
    seal(str(path))


def _again(analysis: Analysis, finding: Finding | None, place: Place | None) -> Finding | None:
    """The same finding in the new recording: its rule, as grave, at the corresponding place."""
    if finding is None:
        return None
    fits = (
        f
        for f in analysis.findings
        if (f.rule, f.severity, f.side, f.place)
        == (finding.rule, finding.severity, finding.side, place)
    )
    return next(fits, None)


def _unshown(finding: Finding | None, place: Place | None) -> str:
    if finding is None or place is None:
        return ""
    return f"{finding.rule} ({finding.severity}, {finding.side}) at exchange {place.exchange}"
