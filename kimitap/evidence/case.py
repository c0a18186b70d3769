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
from kimitap.evidence.taken import Kept, Taken, take
from kimitap.exchange import Exchange
from kimitap.redact import Level, Masked
from kimitap.redacting import redacted
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Finding, Place
from kimitap.shrink import Live, as_shown, shrink, with_live_answer
from kimitap.store import Recording, RecordingWriter, seal

Say = Callable[[str], None]
Ask = Callable[[Finding, Sequence[Exchange]], Live]
"""Makes the test of a finding by a server's live answers to a request among these exchanges."""
NAMELESS = "masked.invalid"
"""A host whose name holds a word that is to be masked."""
_MANY = 50
"""Exchanges from which on it takes long enough to be told."""


@dataclass(frozen=True)
class Wanted:
    """How a report is made. `also` are words to mask beside what is found to be secret.

    With `whole` all of the session is kept instead of the fewest exchanges; with `shrink` what is
    not needed of an exchange goes too. With `ask` a server's answers must show the finding as well:
    then the one that did so last takes the place of the recorded one.
    """

    level: Level = Level.SECRETS
    also: Sequence[str] = ()
    whole: bool = False
    shrink: bool = False
    ask: Ask | None = None
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
    exchanges: Kept
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
    answered: bool
    """True where a server answered the finding's request anew, while it was shrunk."""

    @property
    def renumbered(self) -> bool:
        return any(new != old for new, old in self.numbers.items())


@dataclass(frozen=True)
class Material:
    """What a case is made of, chosen in a recording, from which the exchanges are read again.

    `exchanges` are numbered from 1, and not yet masked; `place` is where the `finding` stands in
    them. The other fields are those of `Case`.
    """

    exchanges: Taken | Sequence[Exchange]
    numbers: Mapping[int, int]
    exchange: int
    finding: Finding | None
    place: Place | None
    of: int
    losses: int
    word: str


def gather(analysis: Analysis, subject: Subject, wanted: Wanted) -> Material:
    """Choose the exchanges that make the case.

    Raises a `RecordingError` where that cannot be read.
    """
    recording = analysis.recording
    numbers = chosen_numbers(analysis, subject, wanted)
    new = {number: at for at, number in enumerate(numbers, 1)}
    finding = subject.finding
    place = replace(finding.place, exchange=new[finding.place.exchange]) if finding else None
    return Material(
        exchanges=take(recording, numbers),
        numbers={at: number for number, at in new.items()},
        exchange=new[subject.exchange],
        finding=finding,
        place=place,
        of=len(whole(analysis, subject)),
        losses=sum(loss.count for loss in recording.losses()),
        word=subject.word,
    )


def chosen_numbers(analysis: Analysis, subject: Subject, wanted: Wanted) -> tuple[int, ...]:
    """Which exchanges of a recording make the case, by their numbers."""
    if wanted.whole:
        return whole(analysis, subject)
    if subject.finding is None:
        return around(analysis, subject)
    return fewest(analysis, subject.finding, wanted.choice) or whole(analysis, subject)


def make_case(material: Material, wanted: Wanted, path: Path) -> Case:
    """Write the case's recording to `path`, a new file, and read it again.

    The caller closes `case.analysis.recording`. Raises a `RecordingError` where it cannot be
    written.
    """
    given = material
    if wanted.shrink:
        material = _shrunk(given, wanted)
    if wanted.say and len(material.exchanges) >= _MANY:
        wanted.say(f"masking and writing {len(material.exchanges):,} exchanges …")
    masked: list[Masked] = []
    _write(path, _masked(material.exchanges, wanted, masked))
    again = Analysis(Recording.open(str(path)), choice=wanted.choice)
    again.refresh()
    finding = _again(again, material)
    return Case(
        analysis=again,
        exchanges=Kept(again.recording, len(material.exchanges)),
        exchange=material.exchange,
        finding=finding,
        unshown=_unshown(material) if finding is None else "",
        numbers=material.numbers,
        of=material.of,
        level=wanted.level,
        masked=masked,
        losses=material.losses,
        shrunk=material is not given,
        answered=material is not given and wanted.ask is not None,
    )


def _shrunk(material: Material, wanted: Wanted) -> Material:
    """The material without the messages, tools and words that the finding does not need.

    As it is, where its exchanges do not show the finding.
    """
    if material.finding is None or material.place is None:
        return material
    exchanges = tuple(material.exchanges)
    sought = as_shown(exchanges, replace(material.finding, place=material.place))
    if sought is None:
        return material
    live = wanted.ask(sought, exchanges) if wanted.ask else None
    done = shrink(exchanges, sought, say=wanted.say, also=live)
    if live is not None:
        done = with_live_answer(done, live)
    return replace(
        material,
        exchanges=done.exchanges,
        numbers={new: material.numbers[old] for new, old in enumerate(done.numbers, 1)},
        exchange=done.finding.place.exchange,
        place=done.finding.place,
    )


def _masked(
    exchanges: Iterable[Exchange], wanted: Wanted, masked: list[Masked]
) -> Iterator[Exchange]:
    for exchange, found in redacted(exchanges, wanted.level, also=wanted.also):
        masked += found
        if any(word.lower() in exchange.host.lower() for word in wanted.also):
            masked.append(Masked(exchange.number, "host", "word named by the user", 1))
            exchange = replace(exchange, host=NAMELESS)
        yield exchange


def _write(path: Path, exchanges: Iterable[Exchange]) -> None:
    path.touch(mode=0o600)
    with RecordingWriter(str(path)) as writer:
        for exchange in exchanges:
            writer.add(replace(exchange, origin=""))
    seal(str(path))


def _again(analysis: Analysis, material: Material) -> Finding | None:
    """The same finding in the new recording: its rule, as grave, at the corresponding place."""
    sought = material.finding
    if sought is None:
        return None
    same = (sought.rule, sought.severity, sought.side, material.place)
    return next(
        (f for f in analysis.findings if (f.rule, f.severity, f.side, f.place) == same), None
    )


def _unshown(material: Material) -> str:
    finding = material.finding
    if finding is None:
        return ""
    return f"{finding.rule} ({finding.severity}, {finding.side}) at exchange {material.exchange}"
