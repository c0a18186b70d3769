"""Which findings a user wants to hear of, and how bad they are to him."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace

from kimitap.rules.finding import Finding, Severity


@dataclass(frozen=True)
class Choice:
    """Rules selected, ignored and graded, by their names.

    A choice is made among findings, not among rules: all rules are asked, since one finding may
    stand for what others say too (`rules.swallow`), and to ignore it must not bring those back.
    """

    select: Set[str] | None = None
    """Only these; None is all."""
    ignore: Set[str] = frozenset()
    grades: Mapping[str, Severity | None] = field(default_factory=dict)
    """The severity that every finding of a rule gets; None turns the rule off."""

    def wants(self, rule: str) -> bool:
        """True where findings of that rule are to be told."""
        if self.select is not None and rule not in self.select:
            return False
        return rule not in self.ignore and self.grades.get(rule, Severity.INFO) is not None

    def of(self, findings: Iterable[Finding]) -> list[Finding]:
        """The wanted ones, graded anew, in their order."""
        return [self._graded(f) for f in findings if self.wants(f.rule)]

    def _graded(self, finding: Finding) -> Finding:
        grade = self.grades.get(finding.rule)
        return finding if grade is None else replace(finding, severity=grade)


EVERYTHING = Choice()
"""All rules, as bad as they themselves say."""
