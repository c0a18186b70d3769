"""Breaks clean sessions at random, and counts what is found: by which rule, at which place."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from kimitap.rules.finding import Finding, Severity
from tests.scoring.cache import counted
from tests.scoring.faults import FAULTS, Broken
from tests.scoring.sound import SOUND
from tests.support.examples import findings_of


@dataclass
class Score:
    """What came of the faults of one rule."""

    hits: int = 0
    missed: list[str] = field(default_factory=list)
    astray: Counter[str] = field(default_factory=Counter)
    """Rules that called something else an error, in sessions broken for this one."""

    @property
    def tried(self) -> int:
        return self.hits + len(self.missed)


def broken_sessions(seed: int, rounds: int) -> Iterator[tuple[str, str, Broken]]:
    """(title, fault, broken session): every fault in every clean session, `rounds` times."""
    rng = random.Random(seed)  # no secret
    for _ in range(rounds):
        for title, samples in SOUND.items():
            for name, fault in FAULTS.items():
                made = fault(samples, rng)
                if made is not None:
                    yield title, name, made


def measure(seed: int, rounds: int) -> dict[str, Score]:
    """Rule → its score over random faults."""
    scores: dict[str, Score] = {}
    clean = {title: {f.rule for f in findings_of(counted(s))} for title, s in SOUND.items()}
    for title, name, broken in broken_sessions(seed, rounds):
        score = scores.setdefault(broken.rule, Score())
        found = findings_of(counted(broken.samples))
        if any(hits(finding, broken) for finding in found):
            score.hits += 1
        else:
            score.missed.append(f"{title}: {name} at {broken.exchange}/{broken.messages}")
        score.astray.update(
            f"{finding.rule} ({title}: {name})"
            for finding in found
            if finding.severity is Severity.ERROR
            and finding.rule not in clean[title] | {broken.rule}
        )
    return scores


def false_errors() -> list[Finding]:
    """Errors that are found in clean sessions."""
    found = (f for samples in SOUND.values() for f in findings_of(counted(samples)))
    return [finding for finding in found if finding.severity is Severity.ERROR]


def in_company(seed: int, count: int) -> list[str]:
    """What was missed where a second fault stands behind the first, in `count` sessions.

    Faults that make the agent or the model repeat itself are left out: what follows them is
    another session than the one that was broken.
    """
    rng = random.Random(seed)
    missed, done = [], 0
    while done < count:
        title = rng.choice(list(SOUND))
        one, other = rng.sample(sorted(FAULTS), 2)
        first = FAULTS[one](SOUND[title], rng)
        second = first and FAULTS[other](first.samples, rng)
        if first is None or second is None or second.exchange <= first.exchange + 1:
            continue
        if first.rule == second.rule:
            continue
        done += 1
        found = findings_of(counted(second.samples))
        for name, broken in ((one, first), (other, second)):
            if not any(hits(finding, broken) for finding in found):
                missed.append(f"{title}: {name} ({broken.rule}), with {one} and {other}")
    return missed


def hits(finding: Finding, broken: Broken) -> bool:
    """True where the right rule struck at the right place."""
    if finding.rule != broken.rule or finding.place.exchange != broken.exchange:
        return False
    return not broken.messages or finding.place.message_index in broken.messages
