"""Breaks clean sessions at random, and counts what is found: by which rule, at which place.

Every session is spoken in each API, and every fault made in each that can show it.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kimitap.rules.finding import Finding, Severity
from kimitap.rules.rule import Sample
from tests.scoring.cache import counted
from tests.scoring.dialects import CANNOT, Dialect
from tests.scoring.dressing import OWN_RULES, Dress, dressed
from tests.scoring.faults import FAULTS, Broken
from tests.scoring.sound import SOUND
from tests.scoring.translate import places_of, translated
from tests.support.examples import findings_of


@dataclass
class Score:
    """What came of the faults of one rule in one dialect."""

    hits: int = 0
    missed: list[str] = field(default_factory=list)
    astray: Counter[str] = field(default_factory=Counter)
    """Rules that called something else an error, in sessions broken for this one."""

    @property
    def tried(self) -> int:
        return self.hits + len(self.missed)


Scores = dict[str, Score]
"""Rule → its score over random faults."""


class Case(NamedTuple):
    """A session that was broken: which one, by which fault, and how it is dressed."""

    title: str
    fault: str
    broken: Broken
    dress: Dress

    def __str__(self) -> str:
        where = f"{self.broken.exchange}/{self.broken.messages}"
        dress = "" if self.dress is Dress.PLAIN else f", with {self.dress}"
        return f"{self.title}: {self.fault} at {where}{dress}"


def broken_sessions(seed: int, rounds: int) -> Iterator[Case]:
    """Every fault in every clean session, `rounds` times: as it is, and in a dress at random."""
    rng = random.Random(seed)  # no secret
    for _ in range(rounds):
        for title, samples in SOUND.items():
            for name, fault in FAULTS.items():
                made = fault(samples, rng)
                if made is None:
                    continue
                yield Case(title, name, made, Dress.PLAIN)
                dress = rng.choice(list(Dress)[1:])
                if made.rule not in OWN_RULES[dress]:
                    yield Case(title, name, made, dress)


def found_in(
    samples: Sequence[Sample], dialect: Dialect, dress: Dress = Dress.PLAIN
) -> list[Finding]:
    """Everything that is found in a session that is spoken in `dialect`, with a server's counts."""
    return findings_of(translated(counted(dressed(samples, dress)), dialect))


def measure(seed: int, rounds: int, dialect: Dialect = Dialect.CHAT) -> Scores:
    """The scores over random faults in one dialect."""
    scores: Scores = {}
    clean = {
        (title, dress): {f.rule for f in found_in(samples, dialect, dress)}
        for title, samples in SOUND.items()
        for dress in Dress
    }
    for case in broken_sessions(seed, rounds):
        if (case.fault, dialect) in CANNOT:
            continue
        broken = case.broken
        score = scores.setdefault(broken.rule, Score())
        found = found_in(broken.samples, dialect, case.dress)
        if any(hits(finding, broken, dialect) for finding in found):
            score.hits += 1
        else:
            score.missed.append(str(case))
        rightly = clean[case.title, case.dress] | {broken.rule} | broken.also
        score.astray.update(
            f"{finding.rule} ({case})"
            for finding in found
            if finding.severity is Severity.ERROR and finding.rule not in rightly
        )
    return scores


def false_errors(dialect: Dialect) -> list[Finding]:
    """Errors in clean sessions, in every dress, with and without a server's counts."""
    found = (
        finding
        for samples in SOUND.values()
        for dress in Dress
        for made in (dressed(samples, dress), counted(dressed(samples, dress)))
        for finding in findings_of(translated(made, dialect))
    )
    return [finding for finding in found if finding.severity is Severity.ERROR]


def in_company(seed: int, count: int, dialect: Dialect = Dialect.CHAT) -> list[str]:
    """What was missed where a second fault stands behind the first, in `count` sessions.

    Faults that make the agent or the model repeat itself are left out: what follows them is
    another session than the one that was broken.
    """
    rng = random.Random(seed)
    can = sorted(name for name in FAULTS if (name, dialect) not in CANNOT)
    missed, done = [], 0
    while done < count:
        title = rng.choice(list(SOUND))
        one, other = rng.sample(can, 2)
        first = FAULTS[one](SOUND[title], rng)
        second = first and FAULTS[other](first.samples, rng)
        if first is None or second is None or second.exchange <= first.exchange + 1:
            continue
        if first.rule == second.rule:
            continue
        done += 1
        found = found_in(second.samples, dialect)
        for name, broken in ((one, first), (other, second)):
            if not any(hits(finding, broken, dialect) for finding in found):
                missed.append(f"{title}: {name} ({broken.rule}), with {one} and {other}")
    return missed


def hits(finding: Finding, broken: Broken, dialect: Dialect) -> bool:
    """True where the right rule struck at the right place."""
    if finding.rule != broken.rule or finding.place.exchange != broken.exchange:
        return False
    sent = broken.samples[broken.exchange - 1]
    places = {at for index in broken.messages for at in places_of(sent, index, dialect)}
    return not places or finding.place.message_index in places
