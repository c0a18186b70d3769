"""Findings as one Markdown page, as GITHUB_STEP_SUMMARY and trackers take it.

Everything recorded stands in code spans or is escaped, so that it cannot change the page.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import kimitap
from kimitap.export.formats.checked import Checked, place_words
from kimitap.export.formats.text import summary
from kimitap.export.text import code, prose
from kimitap.lineage import EchoKind, Session
from kimitap.redact import mask_text
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript.echoes import MARKS
from kimitap.transcript.plain import SYMBOLS

LONGEST = 900_000
"""Bytes of a page; GitHub refuses a summary of more than a megabyte."""
MOST_THREADS = 1_000
"""Rows of the table by thread."""
QUOTED = 300


def markdown(checked: Checked) -> str:
    """A line of summary, the echoes, a table by rule, one by thread, and every finding."""
    blocks = ["## Kimitap", f"{_mark(checked)} {prose(summary(checked))}", *_echoes(checked)]
    if checked.findings:
        blocks += [_by_rule(checked.findings), _by_thread(checked)]
    kept, length = list[str](), _bytes("".join(blocks))
    for finding in checked.findings:
        block = _finding(finding, checked)
        length += _bytes(block) + 2
        if length > LONGEST:
            break
        kept.append(block)
    if kept:
        blocks += ["### Findings", *kept]
    if left := len(checked.findings) - len(kept):
        blocks.append(f"_{left:,} more findings are left out: the page would be too long._")
    blocks.append(f"_Made by Kimitap {kimitap.__version__}. Secrets are masked._")
    return "\n\n".join(blocks) + "\n"


def _bytes(text: str) -> int:
    return len(text.encode())


def _mark(checked: Checked) -> str:
    return "**✗ failed**:" if checked.failed else "**✓ passed**:"


def _echoes(checked: Checked) -> Iterator[str]:
    """How the replies came back that a later request followed."""
    kinds = Counter(x.echo.kind for _, _, x in checked.links if x.parent.reply.message.parts)
    if kinds:
        said = ", ".join(f"{kinds[kind]} {MARKS[kind]} {kind}" for kind in EchoKind if kinds[kind])
        yield f"How replies came back in the next request: {said}."


def _by_rule(findings: Sequence[Finding]) -> str:
    counts = Counter((f.rule, f.severity, f.side) for f in findings)
    ordered = sorted(counts.items(), key=lambda item: (-item[0][1].rank, -item[1], item[0][0]))
    rows = [
        f"| {SYMBOLS[severity]} {severity} | `{rule}` | {side} | {count} |"
        for (rule, severity, side), count in ordered
    ]
    return "\n".join(("| severity | rule | side | findings |", "|---|---|---|---|", *rows))


def _by_thread(checked: Checked) -> str:
    found: dict[str, Counter[Severity]] = {}
    for finding in checked.findings:
        found.setdefault(finding.thread, Counter())[finding.severity] += 1
    flawed = [pair for pair in checked.threads if pair[1].name in found]
    rows = [
        f"| {session.name} | {thread.name} | {thread.kind} | {_agent(session)} | "
        f"{len(thread.turns)} | {' | '.join(str(found[thread.name][s] or '') for s in Severity)} |"
        for session, thread in flawed[:MOST_THREADS]
    ]
    if len(flawed) > MOST_THREADS:
        rows.append(f"| … | {len(flawed) - MOST_THREADS:,} more | | | | | | |")
    head = "| session | thread | kind | agent | turns | errors | warnings | notes |"
    return "\n".join((head, "|---|---|---|---|--:|--:|--:|--:|", *rows))


def _agent(session: Session) -> str:
    return code(mask_text(session.agent), 60)


def _finding(finding: Finding, checked: Checked) -> str:
    return "\n".join(_lines(finding, checked))


def _lines(finding: Finding, checked: Checked) -> Iterator[str]:
    where = f"{place_words(finding.place)}; {finding.session} {finding.thread}"
    head = f"{SYMBOLS[finding.severity]} **{finding.severity}: `{finding.rule}`**"
    yield f"{head} ({where}; side: {finding.side})\n"
    yield prose(finding.message)
    quotes = [f"- exchange {e.exchange}: {code(e.quote, QUOTED)}" for e in finding.evidence]
    if quotes:
        yield "\n" + "\n".join(quotes)
    if remedy := checked.remedies.get(finding.rule):
        yield f"\nWhat to do: {remedy}"
