"""The pane below the conversation: the finding at the cursor, or the row's whole text."""

from collections.abc import Iterator, Mapping

from kimitap.rules.finding import Finding, Severity
from kimitap.transcript import SYMBOLS, Row
from kimitap.tui.palette import ALARM, FAINT, KEY, NORMAL, PLUS, STRONG
from kimitap.tui.widgets.text_pane import Block
from kimitap.visible import one_line, visible

_QUOTED = 600
_PREVIEW = 20_000


def detail(
    row: Row | None, position: Mapping[Finding, str], remedies: Mapping[str, str]
) -> Iterator[Block]:
    """What the pane says about a row. `position` numbers the findings: `finding 1/4`."""
    if row is None:
        return
    for finding in row.findings:
        yield from _finding(finding, position.get(finding, "finding"), remedies)
    if not row.findings:
        yield Block(f"{row.title or row.role or row.kind.value}  {row.note}".strip(), STRONG)
        if row.echo:
            yield Block(f"next request: {row.echo.long}", PLUS if row.echo.kept else KEY, indent=1)
        yield Block(row.body[:_PREVIEW] or row.text, NORMAL, indent=1)
        if len(row.body) > _PREVIEW:
            more = f"… {len(row.body) - _PREVIEW:,} more characters: ⏎ unfolds it, v shows the turn"
            yield Block(more, FAINT, indent=1)


def _finding(finding: Finding, number: str, remedies: Mapping[str, str]) -> Iterator[Block]:
    alarm = ALARM[finding.severity]
    where = f"#{finding.place.exchange}"
    if finding.place.message_index is not None:
        where += f" message {finding.place.message_index}"
    facts = (finding.severity, finding.rule, number, f"side: {finding.side}", where)
    yield Block(f"{SYMBOLS[finding.severity]} {' · '.join(facts)}", alarm, single=True)
    yield Block(visible(finding.message), NORMAL, indent=2)
    for evidence in finding.evidence:
        yield Block(f"#{evidence.exchange}  {one_line(evidence.quote, _QUOTED)}", FAINT, indent=2)
    remedy = remedies.get(finding.rule, "")
    if remedy:
        yield Block(f"what to do: {visible(remedy)}", PLUS, indent=2)


def hidden_by(wanted: str) -> list[Block]:
    """What to say where the filter lets nothing through."""
    hint = "esc drops the filter."
    return [Block(f"Nothing in this thread matches {wanted}", STRONG), Block(hint, FAINT)]


def complaint(said: str) -> list[Block]:
    """What to say where the recording cannot be read."""
    return [Block(visible(said), ALARM[Severity.ERROR])]


def nothing_yet(others: bool) -> list[Block]:
    """What to say where no conversation is recorded; `others`: something else is."""
    other = "No conversation is recorded yet; what else passed is listed at the left."
    hint = "New turns appear here as they are recorded."
    return [Block(other if others else "The recording is empty.", STRONG), Block(hint, FAINT)]
