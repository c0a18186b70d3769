"""What `kimitap check` says: findings as text for people and as JSON for programs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import orjson

import kimitap
from kimitap.rules.finding import Finding, Severity, as_json
from kimitap.visible import one_line, visible

SYMBOLS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "i"}
QUOTED = 200


def as_text(findings: Sequence[Finding], remedies: Mapping[str, str]) -> Iterator[str]:
    """One block of lines a finding: what happened, where, the evidence, what to do.

    What to do is said once a rule, at its first finding.
    """
    told: set[str] = set()
    for finding in findings:
        where = f"exchange {finding.place.exchange}"
        if finding.place.message_index is not None:
            where += f", message {finding.place.message_index}"
        head = f"{SYMBOLS[finding.severity]} {finding.severity}: {finding.rule}"
        yield f"{head}  ({where}; {finding.session} {finding.thread}; side: {finding.side})"
        yield f"  {visible(finding.message)}"
        for evidence in finding.evidence:
            yield f"    exchange {evidence.exchange}: {one_line(evidence.quote, QUOTED)}"
        if finding.rule not in told:
            told.add(finding.rule)
            yield f"  what to do: {remedies.get(finding.rule, '')}"
        yield ""


def summary(
    where: str, counts: Mapping[str, int], findings: Sequence[Finding], others: int = 0
) -> str:
    """One line: what was read and how much of it is wrong. `others` are not decoded exchanges."""
    if not any(counts.values()):
        if not others:
            return f"{where}: the recording is empty"
        was = _count(others, "other exchange")
        return f"{where}: no conversation that Kimitap decodes, but {was}: kimitap show lists them"
    read = ", ".join(_count(n, word) for word, n in counts.items())
    graded = Counter(f.severity for f in findings)
    said = ", ".join(_count(graded[s], s.value) for s in Severity if graded[s])
    return f"{where}: {read}: {said or 'nothing wrong found'}"


def _count(n: int, word: str) -> str:
    return f"{n} {word.removesuffix('s') if n == 1 else word.removesuffix('s') + 's'}"


def as_document(where: str, counts: Mapping[str, int], findings: Sequence[Finding]) -> str:
    """The same as one JSON document, for programs."""
    document = {
        "kimitap": kimitap.__version__,
        "database": visible(where),
        **counts,
        "findings": [as_json(finding) for finding in findings],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
