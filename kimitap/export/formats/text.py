"""Findings for people, in a terminal."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from kimitap.export.formats.checked import Checked, count_words, place_words
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript.plain import SYMBOLS
from kimitap.visible import one_line

QUOTED = 200
_LOG_COMMAND = re.compile(r"##(?=\w{0,20}\[)")


def text(checked: Checked) -> str:
    """One block of lines a finding, and the summary.

    What to do is said once a rule, at its first finding.
    """
    told: set[str] = set()
    lines: list[str] = []
    for finding in checked.findings:
        remedy = {} if finding.rule in told else checked.remedies
        told.add(finding.rule)
        lines += (*told_finding(finding, remedy), "")
    return "\n".join((*lines, summary(checked))) + "\n"


def told_finding(finding: Finding, remedies: Mapping[str, str]) -> Iterator[str]:
    """Lines: what happened, where, the evidence, and what to do where `remedies` say it."""
    return map(inert, _lines(finding, remedies))


def inert(line: str) -> str:
    """The line without what a CI log takes for a command wherever it stands: `##[error]` (GitHub's
    older runners), `##vso[…]` (Azure Pipelines), `##teamcity[…]`."""
    return _LOG_COMMAND.sub("## ", line)


def _lines(finding: Finding, remedies: Mapping[str, str]) -> Iterator[str]:
    where = f"({place_words(finding.place)}; {finding.session} {finding.thread}; "
    yield f"{headline(finding)}  {where}side: {finding.side})"
    yield f"  {finding.sentence}"
    for evidence in finding.evidence:
        yield f"    exchange {evidence.exchange}: {one_line(evidence.quote, QUOTED)}"
    if finding.rule in remedies:
        yield f"  what to do: {remedies[finding.rule]}"


def headline(finding: Finding) -> str:
    """`✗ error: tool-turn-lost`."""
    return f"{SYMBOLS[finding.severity]} {finding.severity}: {finding.rule}"


def summary(checked: Checked) -> str:
    """One line: what was read and how much of it is wrong."""
    where = inert(one_line(checked.database, 1000))
    if not any(checked.counts.values()):
        if not checked.others:
            return f"{where}: the recording is empty"
        was = count_words(checked.others, "other exchange")
        return f"{where}: no conversation that Kimitap decodes, but {was}: kimitap show lists them"
    read = ", ".join(count_words(n, word) for word, n in checked.counts.items())
    graded = Counter(f.severity for f in checked.findings)
    said = ", ".join(count_words(graded[s], s.value) for s in Severity if graded[s])
    return f"{where}: {read}: {said or 'nothing wrong found'}"
