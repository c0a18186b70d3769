"""All findings as rows: rule by rule, the worst first, and below each rule where it struck."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from kimitap.rules.finding import Finding, Place, Severity
from kimitap.tui.conversation.contents import counted

FIELDS = ("sev", "side", "rule", "session", "thread")
"""What may stand before a colon in the filter."""
MANY = 20
"""A rule with more findings begins folded, so that the other rules are in sight."""


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One row: a rule (`finding` None) with its counts, or one of its findings."""

    rule: str
    finding: Finding | None = None
    counts: tuple[tuple[Severity, int], ...] = ()
    opened: bool = True

    @property
    def key(self) -> tuple[str, Place | None, str]:
        """What it stays known by though its words change while more is recorded."""
        if self.finding is None:
            return self.rule, None, ""
        return self.rule, self.finding.place, self.finding.thread

    @property
    def folds(self) -> bool:
        """True for a rule: its findings stand below it."""
        return self.finding is None

    @property
    def total(self) -> int:
        """How many findings the rule has."""
        return sum(n for _, n in self.counts)

    @property
    def worst(self) -> Severity:
        """How bad it is; a rule is as bad as its worst finding."""
        return self.finding.severity if self.finding else self.counts[0][0]


@dataclass(frozen=True)
class Wanted:
    """Which findings are shown, and how. `turned` are the rules whose fold the reader turned."""

    words: tuple[str, ...] = ()
    severity: Severity | None = None
    turned: frozenset[str] = frozenset()
    all_folded: bool | None = None
    """True or False where the reader folded or unfolded all rules at once."""
    begun: dict[str, bool] = field(default_factory=dict, compare=False)
    """Whether a rule began folded: as it was first seen, however much is found later."""


def finding_rows(findings: Sequence[Finding], wanted: Wanted | None = None) -> list[FindingRow]:
    """The rows of the findings that are wanted: the worst rule first, then the most frequent."""
    wanted = wanted or Wanted()
    by_rule: dict[str, list[Finding]] = {}
    for finding in kept(findings, wanted):
        by_rule.setdefault(finding.rule, []).append(finding)
    heads = (FindingRow(rule, counts=counted(found)) for rule, found in by_rule.items())
    return [
        row
        for head in sorted(heads, key=lambda r: (-r.worst.rank, -r.total, r.rule))
        for row in _rule(head, by_rule[head.rule], wanted)
    ]


def _rule(head: FindingRow, found: Sequence[Finding], wanted: Wanted) -> Iterator[FindingRow]:
    begun = wanted.begun.get(head.rule, len(found) > MANY)
    folded = begun if wanted.all_folded is None else wanted.all_folded
    opened = (head.rule in wanted.turned) is folded
    yield FindingRow(head.rule, counts=head.counts, opened=opened)
    for finding in found if opened else ():
        yield FindingRow(head.rule, finding)


def kept(findings: Sequence[Finding], wanted: Wanted) -> Iterator[Finding]:
    """The findings that hold all words and have the severity."""
    tests = [_test(word) for word in wanted.words]
    for finding in findings:
        if wanted.severity in {None, finding.severity} and all(test(finding) for test in tests):
            yield finding


def _test(word: str) -> Callable[[Finding], bool]:
    name, _, value = word.partition(":")
    match name if value else "":
        case "sev":
            return lambda finding: finding.severity.value.startswith(value)
        case "side":
            return lambda finding: finding.side.value.startswith(value)
        case "rule":
            return lambda finding: value in finding.rule
        case "session":
            return lambda finding: finding.session == value
        case "thread":
            return lambda finding: finding.thread == value
        case _:
            return lambda finding: _holds(finding, word)


def _holds(finding: Finding, word: str) -> bool:
    said = (finding.rule, finding.side.value, finding.session, finding.thread)
    return word in " ".join(said) or word in finding.message.lower()


def at_row(rows: Sequence[FindingRow], here: FindingRow | None) -> int | None:
    """Where the row that was `here` is now; its rule where it is gone, None where that is too."""
    if here is None:
        return None
    rules: Mapping[str, int] = {r.rule: i for i, r in enumerate(rows) if r.finding is None}
    if here.finding is None:
        return rules.get(here.rule)
    same = (i for i, row in enumerate(rows) if row.finding == here.finding)
    near = (i for i, row in enumerate(rows) if row.key == here.key)
    return next(chain(same, near), rules.get(here.rule))


def begun(rows: Sequence[FindingRow]) -> dict[str, bool]:
    """Which rules begin folded, by their name."""
    return {row.rule: row.total > MANY for row in rows if row.finding is None}
