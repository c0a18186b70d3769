"""What `check` found, as one value that every format tells: chosen, graded, and without secrets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kimitap.lineage import Link, Session, Thread
from kimitap.redact import mask_text
from kimitap.rules.finding import Finding, Place, Severity
from kimitap.rules.rule import Rule
from kimitap.visible import visible


@dataclass(frozen=True)
class Checked:
    """What `check` found in one recording.

    `database` names it for people and `uri` for programs, a path relative to the current folder
    where it can be; neither holds a password. `counts` says how many sessions, threads and turns
    there are, `others` how many exchanges no dialect speaks. `rules` are those that were asked for.
    `fail_on` is the least severity that counts as a failure; None is never.
    """

    database: str
    uri: str
    counts: Mapping[str, int]
    others: int
    sessions: Sequence[Session]
    findings: Sequence[Finding]
    rules: Sequence[Rule]
    fail_on: Severity | None = Severity.ERROR

    @property
    def threads(self) -> list[tuple[Session, Thread]]:
        """Every thread with its session, oldest session first."""
        return [(session, thread) for session in self.sessions for thread in session.threads]

    @property
    def links(self) -> list[tuple[Session, Thread, Link]]:
        """Every pair of turns that follow one another, with its session and thread."""
        return [
            (session, thread, link)
            for session, thread in self.threads
            for link in thread.links[1:]
            if link is not None
        ]

    @property
    def remedies(self) -> dict[str, str]:
        """What to do about a rule's finding, by the rule's name."""
        return {rule.name: rule.remedy for rule in self.rules}

    def fails(self, finding: Finding) -> bool:
        """True where the finding is one for which `check` exits with 1."""
        return self.fail_on is not None and finding.severity.rank >= self.fail_on.rank

    @property
    def failed(self) -> bool:
        return any(map(self.fails, self.findings))


def harmless(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings with every secret masked, every control character written out, and what they
    say on one line, so that no recorded text begins a line of a log."""
    return tuple(
        replace(
            finding,
            message=mask_text(finding.sentence),
            evidence=tuple(replace(e, quote=visible(mask_text(e.quote))) for e in finding.evidence),
        )
        for finding in findings
    )


def place_words(place: Place) -> str:
    """`exchange 3, message 3`: where it is, for people."""
    where = f"exchange {place.exchange}"
    return where if place.message_index is None else f"{where}, message {place.message_index}"


def count_words(n: int, word: str) -> str:
    """`1 turn`, `2 turns`; `word` may stand in the plural."""
    one = word.removesuffix("s")
    return f"{n} {one if n == 1 else f'{one}s'}"
